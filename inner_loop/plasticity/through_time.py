"""Gradients through time over a cohort, in closed form (Werbos 1990); shared by the rules that descend them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal, final

import torch
from jaxtyping import Bool
from torch import Tensor

from genomes.errors import require
from genomes.evolvable import check_evolvables
from genomes.evolve import Evolvable, Synaptic
from genomes.phenotype import Phenotype
from genomes.topology import Projection
from inner_loop.network import Activities, Network, Weights, accumulate_product
from inner_loop.objective import Lived
from inner_loop.plasticity.descent import Descent, trained_groups
from inner_loop.plasticity.feedback import TRANSPOSED
from inner_loop.rule import LearningRule, State

Order = tuple[tuple[str, ...], ...]
"""Groups in the order in which their errors are computed. Groups that send errors to each other stand together."""


@final
@dataclass(frozen=True, eq=False)
class Past:
    """State of a descent through time.

    Attributes:
        descent: velocity and step sizes, as in gradient descent without time.
        order: the order in which the errors of groups are computed.
        steps: the steps since the last update; the `before` of each step is the activity of the step before it.
        room: by name, memory that is used again in the next update; new memory would cost more than the products that
            fill it.
        known: activity of all steps by group, stored when first needed after an update.
    """

    descent: Descent
    order: Order
    steps: list[Lived] = field(default_factory=list)
    room: dict[str, Tensor] = field(default_factory=dict)
    known: Activities = field(default_factory=dict)

    def activity(self, network: Network, group: str, late: bool = False) -> Tensor:
        """Activity of a group at all steps, or of the step before each, (P or 1, units, T * B)."""
        before, samples = self.steps[0].before, self.steps[0].activities[group].shape[2]
        first = [] if before is None or group == network.sensory else [before[group]]
        if group not in self.known:
            self.known[group] = self.joined(group, first + [lived.activities[group] for lived in self.steps])
        known = self.known[group]
        return known[:, :, :-samples] if late else known[:, :, samples * len(first) :]

    def internal(self, group: str) -> Tensor | None:
        """What the unit model of a group keeps at all steps, (P, n, T * B); None if nothing."""
        if group not in self.steps[0].internal:
            return None
        return self.joined(f"internal {group}", [lived.internal[group] for lived in self.steps])

    def forget(self) -> None:
        """Removes the steps since the last update."""
        self.steps.clear()
        self.known.clear()

    def joined(self, name: str, parts: Sequence[Tensor]) -> Tensor:
        """Joins T tensors (P or 1, units, B) to (P or 1, units, T * B); valid until the next call with that name."""
        lives = max(part.shape[0] for part in parts)
        parts = [part if part.shape[0] == lives else part.expand(lives, -1, -1) for part in parts]
        room = self.empty(name, parts[0], lives, parts[0].shape[1], len(parts), parts[0].shape[2])
        return torch.stack(parts, dim=2, out=room).flatten(2)

    def empty(self, name: str, like: Tensor, *shape: int) -> Tensor:
        """Memory of that shape; its values are undefined."""
        size = math.prod(shape)
        if name not in self.room or self.room[name].numel() < size:
            self.room[name] = like.new_empty(size)
        return self.room[name][:size].view(shape)


@dataclass(frozen=True)
class ThroughTime(LearningRule[State]):
    """v <- momentum * v + dE/dW; W <- W - learning_rate * v; E depends on W through all steps since the last update.

    Attributes:
        learning_rate: of each synapse.
        momentum: of the individual, 0 to 1.
        plastic: all synapses and biases, or only those of the output group: the groups before it are then a reservoir.
        clip: largest Euclidean norm of an individual's gradient (Pascanu, Mikolov & Bengio 2013); None: no limit.
    """

    learning_rate: Annotated[Evolvable, Synaptic] = 0.1
    momentum: Evolvable = 0.9
    plastic: Literal["all", "output"] = "all"
    clip: float | None = None

    def __post_init__(self) -> None:
        check_evolvables(self)
        name = type(self).__name__
        require(self.plastic in ("all", "output"), f"{name}.plastic", "all or output", self.plastic)
        require(self.clip is None or self.clip > 0, f"{name}.clip", "a norm above 0, or none", self.clip)

    def at_birth(self, network: Network, newborn: Phenotype, weights: Weights) -> Past:
        """The state at birth: velocity 0, no steps."""
        groups = trained_groups(network, self.plastic)
        descent = Descent.at_rest(newborn, weights, groups, self.momentum)
        return Past(descent, order_of_errors(network, groups))

    def descend(
        self,
        network: Network,
        weights: Weights,
        past: Past,
        newborn: Phenotype,
        errors: Activities,
        learns: Bool[Tensor, " P"],
    ) -> None:
        """One step down the gradient, written into the weights and the velocity; then removes the steps.

        Args:
            errors: dE/dactivity by group, (P, units, T * B); modified in place.
            learns: True for the lives that change.
        """
        beside = past.steps[-1].weight_error()
        slopes = _named(gradient(network, weights, newborn, past, errors))
        for name in beside.keys() & past.descent.step_size.keys():
            slopes[name].add_(beside[name])
        past.forget()
        if self.clip is not None:
            _clip(slopes, self.clip)
        learned, velocities = _named(weights), _named(past.descent.velocity)
        one = weights.flat.new_ones(())
        momentum = torch.where(learns[:, None, None], past.descent.momentum * one, one)
        for name, step_size in past.descent.step_size.items():
            if name in learned:
                velocity = velocities[name].mul_(momentum).add_(slopes[name])
                learned[name].addcmul_(velocity, step_size * learns[:, None, None])


def order_of_errors(network: Network, plastic: Sequence[str]) -> Order:
    """The groups whose errors are needed: the plastic ones, and all groups that these act upon."""
    acts_on = {group: {group} for group in network.incoming}  # directly or through other groups
    for _ in acts_on:
        for edge in network.topology.edges:
            acts_on.get(edge.pre, set()).update(acts_on[edge.post])
    together: dict[frozenset[str], list[str]] = {}
    for group in reversed(network.incoming):
        if any(group in acts_on[learner] for learner in plastic):
            together.setdefault(frozenset(acts_on[group]), []).append(group)
    # a group that acts on others reaches all that they reach, and more unless they act on it
    return tuple(tuple(together[reached]) for reached in sorted(together, key=len))


def gradient(network: Network, weights: Weights, newborn: Phenotype, past: Past, errors: Activities) -> Weights:
    """dE/dW and dE/db of the plastic projections and groups; 0 elsewhere and where no synapse grew.

    Args:
        errors: dE/dactivity by group, the direct part, (P, units, T * B); modified in place.
    """
    sweep, slopes, plastic = _Sweep(network, weights, newborn, past, errors), weights.zeros(), past.descent.step_size
    for groups in past.order:
        for group, delta in sweep.deltas(groups).items():
            for edge in network.incoming[group]:
                if edge.name in plastic:
                    slope, mask = slopes.projections[edge.name], newborn.projections[edge.name].mask
                    accumulate_product(slope, 0.0, delta, past.activity(network, edge.pre, edge.name in network.late))
                    if mask is not None:
                        slope.mul_(mask)
            if group in plastic and group in slopes.biases:
                torch.sum(delta, 2, keepdim=True, out=slopes.biases[group])
    return slopes


@final
class _Sweep:
    """A backward pass through groups and steps. Only errors in loops go step by step; the rest is one product."""

    def __init__(self, network: Network, weights: Weights, newborn: Phenotype, past: Past, errors: Activities) -> None:
        self._network, self._past, self._errors = network, past, errors
        way, ways = TRANSPOSED.way, past.descent.ways
        self._back = {edge.name: way(edge, weights, ways).mT for edge in network.topology.edges}
        self._asked = {group for groups in past.order for group in groups}

    def deltas(self, groups: tuple[str, ...]) -> Activities:
        """dE/d(summed input), (P, units, T * B), of the next groups in the order, without those that have no error."""
        within = [e for e in self._network.topology.edges if e.pre in groups and e.post in groups]
        if within or self._network.remembers(groups[0]):
            deltas = self._round(groups, within)
        else:
            deltas = {group: self._errors.pop(group) for group in groups if group in self._errors}
            for group, error in deltas.items():
                known = self._past.activity(self._network, group), self._past.internal(group)
                deltas[group] = self._network.back(group, error, None, *known)[0]
        for group, delta in deltas.items():
            for edge in self._network.incoming[group]:
                if edge.pre in self._asked and edge.pre not in groups:
                    self._send(edge, delta)
        return deltas

    def _send(self, edge: Projection, delta: Tensor) -> None:
        """Adds to the error of the presynaptic group; for a recurrent or lateral projection, at the step before."""
        back = self._back[edge.name]
        room = self._past.empty(f"error {edge.name}", delta, *back.shape[:2], delta.shape[2])
        error = torch.bmm(back, delta, out=room)
        if edge.name in self._network.late:
            samples = delta.shape[2] // len(self._past.steps)
            error = torch.nn.functional.pad(error[:, :, samples:], (0, samples))
        self._errors[edge.pre] = self._errors[edge.pre].add_(error) if edge.pre in self._errors else error

    def _round(self, groups: tuple[str, ...], within: Sequence[Projection]) -> Activities:
        """`deltas` for groups whose errors return to the same groups, or stay in them, from step to step."""
        steps, now, kept = self._past.steps, dict[str, Tensor](), dict[str, Tensor | None]()
        errors = {group: self._error(group) for group in groups}
        by_step = {group: error.unflatten(2, (len(steps), -1)).unbind(2) for group, error in errors.items()}
        posts = {group: [(e.post, self._back[e.name]) for e in within if e.pre == group] for group in groups}
        for time in reversed(range(len(steps))):
            activities, internal = steps[time].activities, steps[time].internal
            for group in groups:
                delta = by_step[group][time].clone(memory_format=torch.contiguous_format)
                for post, back in posts[group]:
                    if post in now:  # its delta of this step if the projection carries within it, else of the next step
                        delta.baddbmm_(back, now[post])
                known = activities[group], internal.get(group)
                now[group], kept[group] = self._network.back(group, delta, kept.get(group), *known)
                by_step[group][time].copy_(now[group])
        return errors

    def _error(self, group: str) -> Tensor:
        if group in self._errors:
            return self._errors.pop(group)
        shown, count = self._past.steps[0].activities[group], len(self._past.steps)
        return self._past.empty(f"error {group}", shown, *shown.shape[:2], shown.shape[2] * count).zero_()


def _named(weights: Weights) -> dict[str, Tensor]:
    return {**weights.projections, **weights.biases}


def _clip(slopes: dict[str, Tensor], largest: float) -> None:
    squares = torch.stack([slope.square().sum((1, 2), keepdim=True) for slope in slopes.values()])
    scale = (largest / squares.sum(0).sqrt()).clamp(max=1.0)
    for slope in slopes.values():
        slope.mul_(scale)
