"""Three-factor plasticity with eligibility traces: Fremaux & Gerstner 2016, Frontiers in Neural Circuits 9:85."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, final

import torch
from jaxtyping import Float
from torch import Tensor

from genomes.errors import require
from genomes.evolvable import check_evolvables
from genomes.evolve import Evolvable, Evolving, Synaptic, ends
from genomes.phenotype import Phenotype
from genomes.streams import Streams
from inner_loop.network import Network, Weights
from inner_loop.objective import Lived
from inner_loop.plasticity.bounded import add_bounded, lives_going, of_going
from inner_loop.rule import Exploration, LearningRule, Teacher
from inner_loop.twins.layout import Episodes, Form, Lanes


@final
@dataclass(frozen=True, eq=False)
class Traced:
    """State of a life with rewards.

    Attributes:
        rate: by projection, the learning rate, 0 where no synapse grew, (P, 1, 1) or (P, post, pre).
        decay: by projection, the decay of its traces, (P, 1, 1, 1) or (P, 1, post, pre).
        baseline: the expected reward, (P, 1).
        traces: by projection, (P, B, post, pre); none before the first step of an episode.
    """

    rate: dict[str, Tensor]
    decay: dict[str, Tensor]
    baseline: Float[Tensor, "P 1"]
    traces: dict[str, Tensor]


@final
@dataclass(frozen=True)
class RewardModulated(LearningRule[Traced]):
    """e_ij <- decay * e_ij + g_i x_j, and dw_ij = learning_rate * mean_b (r - baseline) e_ij, at every step.

    x is presynaptic activity (of the step before in recurrent and lateral projections), g the postsynaptic factor, r
    the reward. If g is the postsynaptic activity, this is Hebb's rule times the reward. If g is the noise that was
    added to the unit's summed input, it is node perturbation (Werfel, Xie & Seung 2005, Neural Computation 17:2699;
    Fiete & Seung 2006, Phys. Rev. Lett. 97:048104): the mean update is noise^2 times the gradient of the reward.

    The baseline is a running mean of the life's rewards, baseline <- baseline + baseline_rate * (r - baseline) after
    the update: it makes updates less noisy. It is 0 at birth and is kept through the life; traces end with their
    episode. Each episode has a trace of its own; the mean is over the running episodes. Biases stay. Weights are
    bounded as in Hebbian. In a task, which has no reward, the weights do not change.

    Attributes:
        learning_rate: of each synapse.
        decay: factor of each synapse's trace in a step, 0 to 1; 0: only immediate rewards have an effect.
        factor: the meaning of g.
        baseline_rate: 0 to 1; 0: no baseline.
        noise: standard deviation of the noise in the summed input of every unit while it learns, 0 or more.
        choice: softmax temperature of discrete actions while it learns, or standard deviation of the noise in
            continuous ones; 0: none, if it does not evolve.
        bound: largest magnitude of a weight.
    """

    learning_rate: Annotated[Evolvable, Synaptic] = 0.1
    decay: Annotated[Evolvable, Synaptic] = 0.9
    factor: Literal["activity", "noise"] = "noise"
    baseline_rate: Evolvable = 0.1
    noise: Evolvable = 0.1
    choice: Evolvable = 0.0
    bound: float = 1.0

    def __post_init__(self) -> None:
        check_evolvables(self)
        for name in ("decay", "baseline_rate"):
            low, high = _range(getattr(self, name))
            require(low >= 0 and high <= 1, f"RewardModulated.{name}", "0 to 1", [low, high])
        require(self.factor in ("activity", "noise"), "RewardModulated.factor", "activity or noise", self.factor)
        low, high = _range(self.noise)
        require(low >= 0, "RewardModulated.noise", "0 or more", low)
        require(high > 0 or self.factor != "noise", "RewardModulated.noise", "above 0 where it is the factor", high)
        low, _ = _range(self.choice)
        zero = low == 0 and not isinstance(self.choice, Evolving)
        require(low > 0 or zero, "RewardModulated.choice", "above 0, or the constant 0", low)
        require(self.bound > 0, "RewardModulated.bound", "a number above 0", self.bound)

    @property
    def teacher(self) -> Teacher:
        """A reward."""
        return "reward"

    def explores(self, newborn: Phenotype) -> Exploration:
        """Noise in the units and in the choice of actions."""
        choice, noise = (newborn.traits[f"rule.{name}"] for name in ("choice", "noise"))
        return Exploration(choice if self.choice != 0.0 else None, noise if self.noise != 0.0 else None)

    @property
    def twins(self) -> frozenset[Form]:
        """Lanes."""
        return frozenset({"lanes"})

    def lanes_twin(
        self,
        lanes: Lanes,
        network: Network,
        newborn: Phenotype,
        weights: Weights,
        state: Traced,
        episodes: Episodes,
    ) -> Any:
        """`inner_loop.twins.rules.reward_modulated`."""
        from inner_loop.twins.rules.reward_modulated import twin_of

        follows = newborn.traits["rule.baseline_rate"]
        return twin_of(state, follows, self.factor == "noise", self.bound, lanes, network, weights)

    def after_lanes(
        self, lanes: Lanes, twin: Any, network: Network, newborn: Phenotype, weights: Weights, state: Traced
    ) -> Traced:
        """The expected reward that the episodes leave."""
        return replace(state, baseline=lanes.by_life(twin.baselines))

    def init(self, network: Network, newborn: Phenotype, weights: Weights, streams: Streams) -> Traced:
        """The state at birth: no traces, and an expected reward of 0."""
        rate, decay = {}, {}
        for name, synapses in newborn.projections.items():
            rate[name] = synapses.parameters["rule.learning_rate"].to(synapses.weight)
            if synapses.mask is not None:
                rate[name] = rate[name] * synapses.mask
            decay[name] = synapses.parameters["rule.decay"].to(synapses.weight)[:, None]
        return Traced(rate, decay, newborn.like.new_zeros(newborn.lives, 1), {})

    def step(
        self, network: Network, weights: Weights, state: Traced, lived: Lived, newborn: Phenotype
    ) -> tuple[Weights, Traced]:
        """Updates the traces, and learns from the reward."""
        if lived.reward is None or lived.alive is None:
            return weights, state
        going, surprise = lives_going(lived), _surprise(lived.reward, state.baseline, lived.alive)
        for edge in newborn.topology.edges:
            name, pre = edge.name, network.presynaptic(edge, lived.activities, lived.before)
            post = (lived.noise if self.factor == "noise" else lived.activities)[edge.post]
            trace = _remembered(state.traces, name, state.decay[name], _done(post, pre, lived.alive))
            changes = trace * surprise[:, :, None, None]
            change = changes.sum(1) if changes.shape[1] > 1 else changes[:, 0]
            add_bounded(weights.projections[name], change.mul_(state.rate[name]), self.bound, going)
        state.baseline.addcmul_(surprise.sum(1, keepdim=True), newborn.traits["rule.baseline_rate"][:, None])
        return weights, state

    def consolidate(
        self, network: Network, weights: Weights, state: Traced, newborn: Phenotype
    ) -> tuple[Weights, Traced]:
        """Removes the traces at the end of the episode; the expected reward stays."""
        state.traces.clear()
        return weights, state


def _range(number: Evolvable) -> tuple[float, float]:
    return min(ends(number)), max(ends(number))


def _surprise(reward: Tensor, baseline: Tensor, alive: Tensor) -> Float[Tensor, "P B"]:
    """r - baseline, divided by the number of running episodes; 0 in those that have ended."""
    surprise = torch.where(alive, reward - baseline, 0.0)
    return surprise if alive.shape[1] == 1 else surprise / alive.sum(1, keepdim=True).clamp_(min=1)


def _remembered(traces: dict[str, Tensor], name: str, decay: Tensor, done: Tensor) -> Float[Tensor, "P B post pre"]:
    """The trace of a projection after one more step; `done` is modified in place."""
    traces[name] = done.addcmul_(traces[name], decay) if name in traces else done
    return traces[name]


def _done(post: Tensor, pre: Tensor, alive: Tensor) -> Float[Tensor, "P B post pre"]:
    """g x of every episode, 0 in those that have ended if there are several."""
    if alive.shape[1] > 1:
        post, pre, _ = of_going(post, pre, alive)
    return post.mT.contiguous()[..., None] * pre.mT.contiguous()[:, :, None, :]
