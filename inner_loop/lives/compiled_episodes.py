"""Episodes by compiled twins: the same life as `behaviour.behave`, 16 episodes side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from genomes.streams import Streams
from inner_loop.answer_shapes import checked_scores
from inner_loop.lives.actions import ActionSampler, Ahead
from inner_loop.lives.agent import AgentState
from inner_loop.lives.behaviour import Behaved
from inner_loop.network import Weights
from inner_loop.rule import LearningRule
from inner_loop.twins.layout import WIDTH, Episodes, Lanes
from inner_loop.world import Discrete


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
    """Arguments and results of `behaviour.behave`."""
    from inner_loop.twins import lanes as compiled  # Numba is optional, and takes a quarter of a second
    from inner_loop.twins.net import net_of, weights_in_lanes, write_back

    world, network, newborn = being.world, being.network, being.newborn
    there, _ = world.reset(streams.stream("world"), episodes, hidden)
    lives = being.lives(episodes)
    outer = Lanes(lives, episodes)
    inner = Lanes(lives * episodes) if being.apart else outer
    learner: Any = compiled.Still()
    if rule is not None and rule.learns:
        told = Episodes(being.streams(streams, episodes), world.steps, isinstance(world.actions, Discrete))
        learner = rule.lanes_twin(inner, network, newborn, weights, state, told)
    explored = ActionSampler(being, rule, streams, episodes).ahead(world.steps)
    chance = compiled.Chance(*_in_lanes(explored, inner, outer, world.steps))
    together = episodes if rule is not None and not being.apart else 1
    felt = world.inputs if being.feedback else -1
    numbers, twin = weights_in_lanes(network, weights, inner), world.twin(outer, there)
    returns, lengths = np.zeros((2, len(numbers), WIDTH))
    settings = compiled.Settings(world.steps, together, felt, forgetful)
    compiled.behave(twin, learner, net_of(network, weights, inner), numbers, chance, settings, returns, lengths)
    if rule is not None:
        write_back(network, weights, numbers, inner)
        state = rule.after_lanes(inner, learner, network, newborn, weights, state) if rule.learns else state
        weights, state = rule.consolidate(network, weights, state, newborn)
    there = world.after_twin(outer, twin, there)
    total, steps = (outer.by_episode(each[:, None])[:, 0] for each in (returns, lengths))
    nothing = (total * 0.0).sum(1)  # nan if some output was not finite, else 0
    scores = checked_scores(world, world.scores(there, total), lives)
    return Behaved(weights, state, {name: score.double() + nothing for name, score in scores.items()}, steps.sum(1))


def _in_lanes(explored: Ahead, inner: Lanes, outer: Lanes, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spread, lots and noise of a `Chance`."""
    spread, lots, noise = np.zeros((0, WIDTH), np.float32), *np.zeros((2, 0, 1, 0, WIDTH), np.float32)

    def by_step(drawn: Tensor) -> np.ndarray:
        numbers = outer.of_episodes(drawn.float())
        return numbers.reshape(len(numbers), steps, -1, WIDTH)

    if explored.spread is not None and explored.lots is not None:
        spread, lots = inner.of(explored.spread)[:, 0], by_step(explored.lots)
    if explored.deviation is not None and explored.shocks is not None:
        noise = by_step(explored.shocks) * inner.of(explored.deviation)[:, None]
    return spread, lots, noise
