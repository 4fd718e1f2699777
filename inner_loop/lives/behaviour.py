"""Episodes of P lives in a world: observe, act, get a reward, learn; all side by side, step by step.

The world has tensors (lives, n, episodes). The network has (P, units, B): either its lives are those of the world and
the episodes share weights, or every episode learns apart and is a life of its own with one episode.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from genomes.streams import Streams
from inner_loop.answer_shapes import Moments, Sizes, checked_scores
from inner_loop.life import Measurements
from inner_loop.lives.actions import BLOCK, ActionSampler
from inner_loop.lives.agent import AgentState
from inner_loop.network import Activities, NetworkState, Weights
from inner_loop.objective import Lived
from inner_loop.rule import LearningRule
from inner_loop.world import Discrete, Moment

_LOOK = 16  # steps between two tests whether any episode is still running


@final
@dataclass(frozen=True, eq=False)
class Behaved:
    """The results of some episodes.

    Attributes:
        weights, state: of the rule, after the last step.
        scores: by name, (lives,) float64, nan if a network's output was nan.
        steps: (lives,) float64, steps until the end, summed over the episodes.
    """

    weights: Weights
    state: Any
    scores: dict[str, Tensor]
    steps: Tensor

    @property
    def measured(self) -> Measurements:
        """The scores as arrays."""
        return {name: score.cpu().numpy() for name, score in self.scores.items()}


def behave(
    being: AgentState,
    weights: Weights,
    streams: Streams,
    hidden: Streams,
    episodes: int,
    rule: LearningRule | None = None,
    state: Any = None,
    forgetful: bool = False,
) -> Behaved:
    """Runs some episodes side by side, until all of them have ended.

    Args:
        weights: modified in place if a rule is given.
        streams: K streams of these episodes, K = lives or 1.
        hidden: K streams of variables that stay constant for a life.
        rule: learns at each step and explores; None: the weights stay, and the best action is taken.
        state: of the rule.
        forgetful: True resets activity, last action and last reward wherever a new trial begins.
    """
    there, moment = being.world.reset(streams.stream("world"), episodes, hidden)
    going, sizes = EpisodeState(being, rule, streams, episodes, moment), Sizes(weights)
    for step in range(being.world.steps):
        if forgetful and step:
            going.forget(moment)
        now, noise = going.active(weights, moment, step)
        act = going.act(now.activities, step)
        there, after = being.world.step(there, act)
        ended = going.rewarded(after)
        if rule is not None:
            lived = going.lived(now, noise, moment, step, weights)
            weights, state = sizes.checked(rule, rule.step(being.network, weights, state, lived, being.newborn))
            going.remember(lived)
        going.on(now, ended)
        moment = after
        if step % _LOOK == _LOOK - 1 and not bool(going.alive.any()):
            break
    if rule is not None:
        weights, state = sizes.checked(rule, rule.consolidate(being.network, weights, state, being.newborn))
    return Behaved(weights, state, *going.summed(there))


@final
class EpisodeState:
    """State between steps: the last activity, the last action and its reward, and the running sums."""

    def __init__(
        self, being: AgentState, rule: LearningRule | None, streams: Streams, episodes: int, first: Moment
    ) -> None:
        self._moments = Moments(being.world, being.lives(episodes), episodes)
        self._moments.checked(first)
        newborn, side = being.newborn, 1 if being.apart else episodes
        like = newborn.like
        self._being, self._episodes = being, episodes
        self._streams = streams if rule is None else being.streams(streams, episodes)
        self._acting = ActionSampler(being, rule, streams, episodes)
        self._memory = being.objective.init(being.network, newborn) if being.objective and rule else ()
        self._before = being.network.at_rest(like, side) if newborn.topology.has_memory else None
        self._felt = like.new_zeros(newborn.lives, being.world.outputs + 1, side)
        self._did, self._reward = self._felt[:, :-1], self._felt[:, -1]
        self.alive = torch.ones_like(self._reward, dtype=torch.bool)
        self._recent: list[tuple[Tensor, Tensor, Tensor]] = []  # of the steps that are not summed yet
        self._sums = torch.zeros(3, newborn.lives, side, dtype=torch.float64, device=like.device)

    def forget(self, moment: Moment) -> None:
        """Resets activity, last action and last reward where a new trial begins."""
        if moment.trial is not None:
            begins = self._being.inward(moment.trial, self._episodes)[:, None, :]
            self._felt = torch.where(begins, 0.0, self._felt)
            if self._before is not None:
                parts = self._before.activities, self._before.internal
                self._before = NetworkState(
                    *({k: torch.where(begins, 0.0, t) for k, t in part.items()} for part in parts)
                )

    def active(self, weights: Weights, moment: Moment, step: int) -> tuple[NetworkState, Activities]:
        """The network at a step, and the noise in its summed inputs."""
        being, noise = self._being, self._acting.noise(step)
        seen = being.inward(moment.observation, self._episodes).to(being.newborn.like)
        if being.feedback:
            seen = torch.cat([seen.expand(len(self.alive), -1, -1), self._felt], dim=1)
        return being.network.advance(weights, seen, self._before, noise), noise

    def act(self, activities: Activities, step: int) -> Tensor:
        """The action in the world's shape."""
        self._did, act = self._acting.act(activities[self._being.network.output], step)
        return self._being.outward(act, self._episodes)

    def rewarded(self, after: Moment) -> Tensor:
        """Stores the reward; returns True where the episode has ended, (P or 1, B)."""
        being, did = self._being, self._did
        self._moments.checked(after)
        self._reward = being.inward(after.reward, self._episodes).to(being.newborn.like).expand_as(self.alive)
        if being.feedback:
            if isinstance(being.world.actions, Discrete):
                did = torch.nn.functional.one_hot(did, being.world.outputs).mT
            self._felt = torch.cat([did.to(self._reward), self._reward[:, None, :]], dim=1)
        return being.inward(after.terminated | after.truncated, self._episodes)

    def lived(
        self,
        now: NetworkState,
        noise: Activities,
        moment: Moment,
        step: int,
        weights: Weights,
    ) -> Lived:
        """The step in the form that a rule reads."""
        being = self._being
        targets, weight = _taught(being, moment, self._episodes)
        return Lived(
            activities=now.activities,
            targets=targets,
            output=being.network.output,
            objective=being.objective,
            step=step,
            streams=self._streams,
            traits=being.newborn.traits,
            before=None if self._before is None else self._before.activities,
            internal=now.internal,
            actions=self._did,
            reward=self._reward,
            alive=self.alive,
            weight=weight,
            noise=noise,
            weights=weights,
            memory=self._memory,
        )

    def remember(self, lived: Lived) -> None:
        """Updates the objective's memory with the step."""
        if lived.objective is not None:
            self._memory = lived.objective.after(lived)

    def on(self, now: NetworkState, ended: Tensor) -> None:
        """Counts one more step for the episodes that had not ended."""
        self._recent.append((self.alive, self._reward, now.activities[self._being.network.output]))
        if len(self._recent) == BLOCK:
            self._sum()
        self.alive = self.alive > ended
        if self._before is not None:
            self._before = now

    def _sum(self) -> None:
        """Adds up steps, rewards and outputs of many steps at once, with as many operations as one step would need."""
        alive, rewards, outputs = (torch.stack(each) for each in zip(*self._recent, strict=True))
        counted = [alive, *(torch.where(alive, each, 0.0) for each in (rewards, outputs.sum(2)))]
        self._sums += torch.stack([each.sum(0, dtype=torch.float64) for each in counted])
        self._recent.clear()

    def summed(self, there: Any) -> tuple[dict[str, Tensor], Tensor]:
        """Scores and steps of each life."""
        if self._recent:
            self._sum()
        steps, returns, outputs = (self._being.outward(each, self._episodes) for each in self._sums)
        nothing = (outputs * 0.0).sum(1)  # nan if some output was not finite, else 0
        scores = checked_scores(self._being.world, self._being.world.scores(there, returns), len(returns))
        return {name: score.double() + nothing for name, score in scores.items()}, steps.sum(1)


def _taught(being: AgentState, moment: Moment, episodes: int) -> tuple[Tensor, Tensor | None]:
    """Targets, (P or 1, outputs, B), empty without a teacher; and their weights."""
    like = being.newborn.like
    if moment.target is None:
        return like.new_empty(1, 0, 1 if being.apart else episodes), None
    weight = None if moment.weight is None else being.inward(moment.weight, episodes).to(like)
    return being.inward(moment.target, episodes).to(like), weight
