"""Gradient descent with momentum over a cohort, in closed form; shared by the rules that descend an error."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal, final

import torch
from torch import Tensor

from genomes.evolvable import check_evolvables
from genomes.evolve import Evolvable, Evolving, Synaptic
from genomes.phenotype import Phenotype
from genomes.streams import Streams
from inner_loop.network import Network, Weights, accumulate_product
from inner_loop.objective import Lived
from inner_loop.plasticity.feedback import Feedback, FixedRandom, Transposed, Ways
from inner_loop.rule import LearningRule, Teacher
from inner_loop.twins.layout import Form, Rows

Trained = Literal["all", "output"]
"""The groups whose incoming synapses and biases learn: all but the sensory one, or only the output group."""


def trained_groups(network: Network, trained: Trained) -> tuple[str, ...]:
    """Names of the groups that learn."""
    return tuple(network.incoming) if trained == "all" else (network.output,)


@final
@dataclass(frozen=True, eq=False)
class Descent:
    """State of a descent.

    Attributes:
        velocity: v <- momentum * v + dE/dW, as in Polyak 1964 without the learning rate.
        step_size: by projection or group name, of its synapses or its bias: minus the learning rate, 0 where no synapse
            grew; as small as rates and masks allow, (P, 1, 1) to (P, post, pre), since memory limits the speed of
            updates.
        momentum: one number, or (P, 1, 1) when it is a gene.
        ways: the matrices that carry errors back, if they are drawn or learned.
        deltas: by group name and B, (P, units, B): memory for the errors of hidden groups; new memory at every step
            would cost more than the products that fill it.
    """

    velocity: Weights
    step_size: dict[str, Tensor]
    momentum: float | Tensor
    ways: Ways = field(default_factory=dict)
    deltas: dict[tuple[str, int], Tensor] = field(default_factory=dict)

    @classmethod
    def at_rest(cls, newborn: Phenotype, weights: Weights, groups: tuple[str, ...], momentum: Evolvable) -> Descent:
        """The state at birth. A bias learns at the mean rate of its group's incoming projections.

        Args:
            groups: the groups that learn.
        """
        step_size: dict[str, Tensor] = {}
        rates: dict[str, list[Tensor]] = {}
        for edge in newborn.topology.edges:
            if edge.post in groups:
                synapses = newborn.projections[edge.name]
                rate = synapses.parameters["rule.learning_rate"].to(synapses.weight)
                step_size[edge.name] = -rate if synapses.mask is None else -rate * synapses.mask
                rates.setdefault(edge.post, []).append(rate.mean((1, 2), keepdim=True))
        for group, means in rates.items():
            step_size[group] = -torch.stack(means).mean(0)
        factor = newborn.traits["rule.momentum"][:, None, None] if isinstance(momentum, Evolving) else momentum
        return cls(weights.zeros(), step_size, factor)


@dataclass(frozen=True)
class GradientDescent(LearningRule[Descent]):
    """v <- momentum * v + dE/dW; W <- W - learning_rate * v, for the plastic synapses and biases.

    Attributes:
        learning_rate: of each synapse.
        momentum: of the individual, 0 to 1.
    """

    trains: ClassVar[Trained] = "all"
    feedback: ClassVar[Feedback] = Transposed()

    learning_rate: Annotated[Evolvable, Synaptic] = 0.1
    momentum: Evolvable = 0.9

    def __post_init__(self) -> None:
        check_evolvables(self)

    @property
    def teacher(self) -> Teacher:
        """The error, which it descends."""
        return "error"

    def init(self, network: Network, newborn: Phenotype, weights: Weights, streams: Streams) -> Descent:
        """At rest."""
        descent = Descent.at_rest(newborn, weights, trained_groups(network, self.trains), self.momentum)
        return replace(descent, ways=self.feedback.init(newborn, streams))

    @property
    def twins(self) -> frozenset[Form]:
        """Resident, if errors come back through the weights or through matrices that stay."""
        return frozenset({"resident"}) if isinstance(self.feedback, (Transposed, FixedRandom)) else frozenset()

    def resident_twin(self, rows: Rows, network: Network, newborn: Phenotype, weights: Weights, state: Descent) -> Any:
        """`inner_loop.twins.rules.descent`."""
        from inner_loop.twins.rules.descent import twin_of

        return twin_of(state, trained_groups(network, self.trains), rows, network, weights)

    def step(
        self, network: Network, weights: Weights, state: Descent, lived: Lived, newborn: Phenotype
    ) -> tuple[Weights, Descent]:
        """One step down the gradient of the error; in a world, only for lives that have not ended."""
        if lived.alive is None or bool(lived.alive.any(1).all()):
            return self._descended(network, weights, state, lived)
        ended = ~lived.alive.any(1)
        before = weights.repeated(1), state.velocity.repeated(1)
        self._descended(network, weights, state, lived)
        for now, then in zip((weights, state.velocity), before, strict=True):
            for name in now.projections:
                now.projections[name][ended] = then.projections[name][ended]
            for name in now.biases:
                now.biases[name][ended] = then.biases[name][ended]
        return weights, state

    def _descended(self, network: Network, weights: Weights, state: Descent, lived: Lived) -> tuple[Weights, Descent]:
        """Computes the step; deltas go back only as far as the first plastic group."""
        plastic, errors, beside = trained_groups(network, self.trains), lived.error(), lived.weight_error()
        deepest = max(1, min(network.topology.index[name] for name in plastic))
        for group in reversed(network.incoming):
            delta = errors.pop(group, None)
            if delta is None:
                self._descended_beside(network, weights, state, beside, group if group in plastic else "")
                continue
            delta = network.back(group, delta, None, lived.activities[group], lived.internal.get(group))[0]
            for edge in network.incoming[group]:
                weight = weights.projections[edge.name]
                if network.topology.index[edge.pre] >= deepest:
                    back = self.feedback.way(edge, weights, state.ways).mT
                    if edge.pre in errors:
                        errors[edge.pre].baddbmm_(back, delta)
                    else:
                        room = edge.pre, delta.shape[2]
                        errors[edge.pre] = torch.bmm(back, delta, out=state.deltas.get(room))
                        state.deltas[room] = errors[edge.pre]
                if group in plastic:  # the error has passed through the weight: change it now, while it is in the cache
                    velocity = state.velocity.projections[edge.name]
                    accumulate_product(velocity, _damp(velocity, state.momentum), delta, lived.activities[edge.pre])
                    if edge.name in beside:
                        velocity.add_(beside[edge.name])
                    weight.addcmul_(velocity, state.step_size[edge.name])
            if group in plastic and group in weights.biases:
                velocity = state.velocity.biases[group]
                torch.add(delta.sum(2, keepdim=True), velocity, alpha=_damp(velocity, state.momentum), out=velocity)
                weights.biases[group].addcmul_(velocity, state.step_size[group])
        return weights, state

    def _descended_beside(
        self, network: Network, weights: Weights, state: Descent, beside: dict[str, Tensor], group: str
    ) -> None:
        """The step of a group without an error: only the objective's direct gradient by its weights."""
        for edge in network.incoming.get(group, ()):
            if edge.name in beside:
                velocity = state.velocity.projections[edge.name]
                velocity.mul_(_damp(velocity, state.momentum)).add_(beside[edge.name])
                weights.projections[edge.name].addcmul_(velocity, state.step_size[edge.name])


def _damp(velocity: Tensor, momentum: float | Tensor) -> float:
    """The factor of the velocity for its next accumulation: products take one number, so genes multiply it here."""
    if isinstance(momentum, Tensor):
        velocity.mul_(momentum)
        return 1.0
    return momentum
