"""REINFORCE: Williams 1992, Machine Learning 8:229, on the future reward, minus a running mean of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from genomes.errors import require
from genomes.evolve import Evolvable, Neutral, Synaptic, ends
from genomes.phenotype import Phenotype
from genomes.streams import Streams
from inner_loop.network import Network, Weights
from inner_loop.objective import Lived
from inner_loop.plasticity.through_time import Past, ThroughTime
from inner_loop.rule import Exploration, Teacher
from inner_loop.twins.layout import Episodes, Form, Lanes


@final
@dataclass(frozen=True, eq=False)
class Trials:
    """State of a life with REINFORCE.

    Attributes:
        past: the steps of the episode, and the state of gradient descent.
        expected: by life and step of an episode, (2, P, T): the running mean of the future reward times its total
            weight, and that weight, 0 to 1.
    """

    past: Past
    expected: Float[Tensor, "2 P T"]


@final
@dataclass(frozen=True)
class PolicyGradient(ThroughTime[Trials]):
    """Ascends mean_b sum_t log pi(a_t) (G_t - baseline_t) after each episode.

    The policy pi is softmax(outputs / choice) for discrete actions, and a Gaussian of standard deviation `choice`
    around the outputs for continuous ones. G_t = r_t + discount * G_t+1, 0 after the end. Late steps have the same
    weight as early ones, as is common: with a discount below 1 this is not exactly the gradient of the discounted
    return.

    The gradient grows with rewards and with the length of episodes: `clip` limits the change by a long episode.

    The baseline is the mean of G_t in earlier episodes, by life and step; the episode of n updates ago has a weight of
    (1 - baseline_rate)^n. As it does not depend on the actions of this episode, it reduces noise without bias.

    Attributes:
        discount: factor of a reward one step later, 0 to 1.
        choice: temperature of the softmax, or standard deviation of the actions, above 0.
        baseline_rate: rate of the running mean, 0 to 1; 0: no baseline.
    """

    learning_rate: Annotated[Evolvable, Synaptic] = 0.01
    momentum: Evolvable = 0.0
    discount: Annotated[Evolvable, Neutral(1.0)] = 1.0
    choice: Annotated[Evolvable, Neutral(None)] = 1.0
    baseline_rate: Evolvable = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("discount", "baseline_rate", "choice"):
            found = ends(getattr(self, name))
            if name == "choice":
                require(min(found) > 0, "PolicyGradient.choice", "above 0", list(found))
            else:
                require(min(found) >= 0 and max(found) <= 1, f"PolicyGradient.{name}", "0 to 1", list(found))

    @property
    def teacher(self) -> Teacher:
        """A reward."""
        return "reward"

    def explores(self, newborn: Phenotype) -> Exploration:
        """Actions are drawn from the policy."""
        return Exploration(choice=newborn.traits["rule.choice"])

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
        state: Trials,
        episodes: Episodes,
    ) -> Any:
        """`inner_loop.twins.rules.policy_gradient`."""
        from inner_loop.twins.rules.policy_gradient import twin_of

        choices = [newborn.traits[f"rule.{name}"][:, None] for name in ("discount", "choice", "baseline_rate")]
        momentum = newborn.like.new_ones(1, 1) * state.past.descent.momentum
        numbers = [*choices, momentum.flatten(1)]
        return twin_of(state, numbers, self.clip, lanes, network, newborn, weights, episodes)

    def after_lanes(
        self, lanes: Lanes, twin: Any, network: Network, newborn: Phenotype, weights: Weights, state: Trials
    ) -> Trials:
        """Learns from the episodes, as `consolidate`, which then finds no steps."""
        from inner_loop.twins.rules.policy_gradient import learned

        return replace(state, expected=learned(twin, lanes, network, weights, state.past.descent.velocity))

    def init(self, network: Network, newborn: Phenotype, weights: Weights, streams: Streams) -> Trials:
        """The state at birth: no velocity, no steps, no expectation."""
        return Trials(self.at_birth(network, newborn, weights), newborn.like.new_zeros(2, newborn.lives, 0))

    def step(
        self, network: Network, weights: Weights, state: Trials, lived: Lived, newborn: Phenotype
    ) -> tuple[Weights, Trials]:
        """Stores the step; in a task, does nothing."""
        if lived.reward is not None:
            state.past.steps.append(lived)
        return weights, state

    def consolidate(
        self, network: Network, weights: Weights, state: Trials, newborn: Phenotype
    ) -> tuple[Weights, Trials]:
        """One step up the gradient, and an update of the baseline."""
        steps, traits = state.past.steps, newborn.traits
        if not steps:
            return weights, state
        alive = torch.stack([lived.alive for lived in steps if lived.alive is not None], dim=1)
        rewards = torch.stack([lived.reward for lived in steps if lived.reward is not None], dim=1)
        to_come = _to_come(rewards.where(alive, 0.0), traits["rule.discount"][:, None])
        surprise = (to_come - _baseline(state.expected, len(steps))[:, :, None]) * alive
        outputs = state.past.joined("outputs", [lived.activities[network.output] for lived in steps])
        errors = _log_slope(outputs, steps, traits["rule.choice"][:, None, None])
        errors.mul_(surprise.flatten(1)[:, None, :]).div_(-alive.shape[2])
        self.descend(network, weights, state.past, newborn, {network.output: errors}, alive.flatten(1).any(1))
        return weights, replace(
            state, expected=_expected(state.expected, to_come, alive, traits["rule.baseline_rate"][:, None])
        )


def _to_come(rewards: Float[Tensor, "P T B"], discount: Float[Tensor, "P 1"]) -> Float[Tensor, "P T B"]:
    """G, the discounted sum of rewards from each step on; written over the rewards."""
    steps = rewards.unbind(1)
    for now, later in zip(steps[-2::-1], steps[:0:-1], strict=True):
        now.addcmul_(later, discount)
    return rewards


def _log_slope(
    outputs: Float[Tensor, "P outputs TB"], steps: Sequence[Lived], choice: Float[Tensor, "P 1 1"]
) -> Float[Tensor, "P outputs TB"]:
    """d log pi(a) / d output, for the actions taken."""
    actions = torch.stack([lived.actions for lived in steps if lived.actions is not None], dim=-2).flatten(-2)
    if actions.dim() == 2:
        slope = torch.softmax(outputs / choice, dim=1).neg_()
        return slope.scatter_add_(1, actions[:, None, :], torch.ones_like(slope[:, :1])).div_(choice)
    return (actions - outputs).div_(choice.square())


def _baseline(expected: Float[Tensor, "2 P T"], count: int) -> Float[Tensor, "P count"]:
    """The expected future reward at the first steps; 0 for steps that no episode has reached."""
    mean, share = torch.nn.functional.pad(expected, (0, max(0, count - expected.shape[2])))[:, :, :count]
    return mean / share.clamp(min=torch.finfo(share.dtype).tiny)


def _expected(
    expected: Float[Tensor, "2 P T"],
    to_come: Float[Tensor, "P S B"],
    alive: Bool[Tensor, "P S B"],
    rate: Float[Tensor, "P 1"],
) -> Float[Tensor, "2 P U"]:
    """Updates `expected` with one more episode of S steps; steps that it did not reach stay the same."""
    longer = max(0, to_come.shape[1] - expected.shape[2])
    later = torch.nn.functional.pad(expected, (0, longer))
    came = alive.sum(2)
    mean = to_come.sum(2) / came.clamp(min=1)
    here = later[:, :, : to_come.shape[1]]
    here.lerp_(torch.stack([mean, torch.ones_like(mean)]), rate * (came > 0))
    return later
