"""Episodes of P lives in a world: observe, act, be rewarded, learn; all side by side, a step at a time.

The world sees (lives, n, episodes). The network sees (P, units, B): its lives are the world's, and the episodes share
weights; or every episode learns apart, and is a life of its own with one episode.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from genomes.chance import Chance
from genomes.phenotype import Phenotype
from inner_loop.network import NO_NOISE, Activities, Network, Weights, leaks_of
from inner_loop.objective import Lived, Objective
from inner_loop.rule import LearningRule
from inner_loop.world import Continuous, Discrete, Moment, World

_BLOCK = 64  # steps whose numbers of chance are drawn at once: a draw costs hundreds of small operations
_LOOK = 16  # steps after which it is seen whether anybody is still going


@final
@dataclass(frozen=True, eq=False)
class Being:
    """Networks in a world.

    Attributes:
        network, newborn: P networks; P is lives x episodes when these learn apart.
        world: where they act.
        objective: what a teacher wants made small; None without one.
        feedback: whether the network also senses its last action and its last reward.
        apart: whether every episode of a life has weights of its own.
    """

    network: Network
    newborn: Phenotype
    world: World
    objective: Objective | None
    feedback: bool = False
    apart: bool = False

    def inward(self, seen: Tensor, episodes: int) -> Tensor:
        """(K, n, episodes) as the network sees it, (P or 1, n, B); likewise (K, episodes)."""
        if not self.apart:
            return seen
        lives = self.newborn.lives // episodes
        if seen.dim() == 2:
            return seen.expand(lives, -1).reshape(-1, 1)
        return seen.expand(lives, -1, -1).mT.reshape(lives * episodes, -1, 1)

    def outward(self, done: Tensor, episodes: int) -> Tensor:
        """The inverse: (P, n, B) or (P, B) as the world sees it."""
        if not self.apart:
            return done
        return done.view(-1, episodes) if done.dim() == 2 else done.view(-1, episodes, done.shape[1]).mT


@final
@dataclass(frozen=True, eq=False)
class Behaved:
    """What came of some episodes.

    Attributes:
        weights, state: of the rule, after the last step.
        scores: by name, (lives,) float64, nan where a network's output was not a number.
        steps: (lives,) float64, steps until the end, summed over the episodes.
    """

    weights: Weights
    state: Any
    scores: dict[str, Tensor]
    steps: Tensor


def behave(
    being: Being,
    weights: Weights,
    chance: Chance,
    hidden: Chance,
    episodes: int,
    rule: LearningRule | None = None,
    state: Any = None,
    forgetful: bool = False,
) -> Behaved:
    """Some episodes side by side, until all of them have ended.

    Args:
        weights: are written into if a rule is given.
        chance: K streams of these episodes, K = lives or 1.
        hidden: K streams of what lasts for a life.
        rule: learns at each step and explores; None: nothing changes, and the best action is taken.
        state: of the rule.
        forgetful: activity is forgotten wherever a new trial begins.
    """
    network, world, newborn = being.network, being.world, being.newborn
    there, moment = world.reset(chance.stream("world"), episodes, hidden)
    count = _Count(newborn.like, newborn.lives, 1 if being.apart else episodes)
    acting, leaks = _Acting(being, rule, chance.stream("tries"), episodes), leaks_of(newborn)
    before = network.at_rest(newborn.like, count.alive.shape[1]) if newborn.topology.has_memory else None
    did = reward = None
    for step in range(world.steps):
        if forgetful and before is not None and step and moment.trial is not None:
            stays = ~being.inward(moment.trial, episodes)[:, None, :]
            before = {name: activity * stays for name, activity in before.items()}
        noise = acting.noise(step)
        inputs = _sensed(being, moment, episodes, did, reward, count.alive)
        activities, drives = network.advance(weights, inputs, before, leaks, noise)
        did, act = acting.act(activities[network.output], step)
        there, after = world.step(there, being.outward(act, episodes))
        reward = being.inward(after.reward, episodes).to(newborn.like).expand_as(count.alive)
        if rule is not None:
            targets, weight = _taught(being, moment, episodes)
            lived = Lived(
                activities, targets, network.output, being.objective, step, chance, newborn.traits,
                before, drives, did, reward, count.alive, weight, noise,
            )  # fmt: skip
            weights, state = rule.step(network, weights, state, lived, newborn)
        count.add(activities[network.output], reward, being.inward(after.terminated | after.truncated, episodes))
        before, moment = None if before is None else activities, after
        if step % _LOOK == _LOOK - 1 and not bool(count.alive.any()):
            break
    if rule is not None:
        weights, state = rule.consolidate(network, weights, state, newborn)
    return Behaved(weights, state, *count.summed(being, there, episodes))


@final
class _Count:
    """What adds up over the steps of P x B episodes."""

    def __init__(self, like: Tensor, lives: int, episodes: int) -> None:
        self.alive = torch.ones(lives, episodes, dtype=torch.bool, device=like.device)
        self._returns = torch.zeros(lives, episodes, dtype=torch.float64, device=like.device)
        self._steps = torch.zeros_like(self._returns)
        self._outputs = torch.zeros_like(self._returns)  # no finite sum: some output was not a number

    def add(self, output: Tensor, reward: Tensor, ended: Tensor) -> None:
        """One more step, of the episodes that have not ended."""
        self._returns += torch.where(self.alive, reward, 0.0)
        self._outputs += torch.where(self.alive, output.sum(1), 0.0)
        self._steps += self.alive
        self.alive = self.alive & ~ended

    def summed(self, being: Being, there: Any, episodes: int) -> tuple[dict[str, Tensor], Tensor]:
        """Scores and steps of each life."""
        returns, steps, outputs = (being.outward(t, episodes) for t in (self._returns, self._steps, self._outputs))
        nothing = (outputs * 0.0).sum(1)
        scores = being.world.scores(there, returns)
        return {name: score.double() + nothing for name, score in scores.items()}, steps.sum(1)


@final
class _Acting:
    """Outputs become actions, with whatever a rule explores."""

    def __init__(self, being: Being, rule: LearningRule | None, chance: Chance, episodes: int) -> None:
        tries = None if rule is None else rule.explores(being.newborn)
        self._being, self._episodes = being, episodes
        self._actions, like = being.world.actions, being.newborn.like
        self._sizes = {name: being.network.topology.group(name).size for name in being.network.incoming}
        self._choice = self._noise = None
        if tries is not None and tries.choice is not None:
            self._choice = tries.choice[:, None, None]
            draw = _gumbel if isinstance(self._actions, Discrete) else Chance.normal
            self._lots = _Drawn(chance.stream("choice"), self._actions.outputs, episodes, draw)
        if tries is not None and tries.noise is not None:
            self._noise = tries.noise[:, None, None]
            self._shocks = _Drawn(chance.stream("noise"), sum(self._sizes.values()), episodes, Chance.normal)
        if isinstance(self._actions, Continuous):
            low, high = (like.new_tensor(end)[None, :, None] for end in (self._actions.low, self._actions.high))
            self._middle, self._half = (high + low) / 2.0, (high - low) / 2.0

    def noise(self, step: int) -> Activities:
        """What is added to the summed inputs, by group, (P, units, B)."""
        if self._noise is None:
            return dict(NO_NOISE)
        drawn = self._being.inward(self._shocks.at(step), self._episodes).to(self._being.newborn.like) * self._noise
        return dict(zip(self._sizes, drawn.split(list(self._sizes.values()), dim=1), strict=True))

    def act(self, output: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """What was done, as a rule sees it, and as the world does."""
        tried, spread = output, self._choice
        if spread is not None:
            lots = self._being.inward(self._lots.at(step), self._episodes).to(output)
            # Gumbel's maximum is a draw from the softmax
            tried = output / spread + lots if isinstance(self._actions, Discrete) else output + lots * spread
        if isinstance(self._actions, Discrete):
            chosen = tried.max(1).indices
            return chosen, chosen
        if isinstance(self._actions, Continuous):
            return tried, tried.clamp(-1.0, 1.0) * self._half + self._middle
        return tried, tried


@final
class _Drawn:
    """Numbers of chance for every step, (K, n, episodes), a block of steps at a time."""

    def __init__(self, chance: Chance, count: int, episodes: int, draw: Callable[..., Tensor]) -> None:
        self._chance, self._shape, self._draw = chance, (_BLOCK, episodes, count), draw
        self._block = torch.empty(0)

    def at(self, step: int) -> Tensor:
        """Those of one step; steps come in their order."""
        block, place = divmod(step, _BLOCK)
        if place == 0:
            self._block = self._draw(self._chance.stream(block), *self._shape)
        return self._block[:, place].mT


def _gumbel(chance: Chance, *shape: int) -> Tensor:
    return -(-chance.uniform(*shape).log()).log()


def _taught(being: Being, moment: Moment, episodes: int) -> tuple[Tensor, Tensor | None]:
    """Targets, (P or 1, outputs, B), empty without a teacher; and how much they count."""
    like = being.newborn.like
    if moment.target is None:
        return like.new_empty(1, 0, 1 if being.apart else episodes), None
    weight = None if moment.weight is None else being.inward(moment.weight, episodes).to(like)
    return being.inward(moment.target, episodes).to(like), weight


def _sensed(
    being: Being, moment: Moment, episodes: int, did: Tensor | None, reward: Tensor | None, alive: Tensor
) -> Tensor:
    """What the sensory group takes in, (P or 1, inputs, B)."""
    like = being.newborn.like
    seen = being.inward(moment.observation, episodes).to(like)
    if not being.feedback:
        return seen
    (lives, side), outputs = alive.shape, being.world.outputs
    if did is None or reward is None:
        felt = like.new_zeros(lives, outputs + 1, side)
    else:
        choice = isinstance(being.world.actions, Discrete)
        done = torch.nn.functional.one_hot(did, outputs).mT if choice else did
        felt = torch.cat([done.to(like), reward[:, None, :]], dim=1)
    return torch.cat([seen.expand(lives, -1, -1), felt], dim=1)
