"""Episodes by compiled twins: the same life as `behaviour.behave`, 16 episodes side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from torch import Tensor

from genomes.streams import Streams
from genomes.topology import Topology
from inner_loop.answer_shapes import checked_scores
from inner_loop.environment import Environment
from inner_loop.lives.actions import ActionSampler, Ahead
from inner_loop.lives.agent import AgentState
from inner_loop.lives.behaviour import Behaved
from inner_loop.network import Weights
from inner_loop.objective import Objective
from inner_loop.plasticity.through_time import ThroughTime
from inner_loop.rule import LearningRule
from inner_loop.twins.layout import GROUPS, WIDTH, Episodes, Lanes, Panels, Rows, units_without_twin
from inner_loop.world import Discrete, World


def without_twin(
    rule: LearningRule, objective: Objective | None, world: Environment, topology: Topology, parallel: int
) -> str:
    """The reason why episodes cannot be compiled; empty if they can.

    Args:
        parallel: episodes of a life that run side by side on the same weights.
    """
    assert isinstance(world, World), "checked"
    if not world.has_twin:
        return f"{type(world).__name__} has no compiled twin"
    if reason := units_without_twin(topology):
        return reason
    if rule.learns and not rule.twins & {"lanes", "panels"}:
        return f"{type(rule).__name__} has no compiled twin in episodes"
    if rule.learns and rule.teacher == "error" and objective is not None and not objective.has_twin:
        return f"{type(objective).__name__} has no compiled twin"
    if "lanes" in rule.twins and isinstance(rule, ThroughTime) and objective is not None:
        return f"{type(objective).__name__}, which {type(rule).__name__} descends beside, has no compiled twin"
    if rule.learns and "lanes" in rule.twins and parallel not in GROUPS:
        return f"{parallel} parallel episodes are not 1, 2, 4, 8 or 16"
    return ""


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
    from inner_loop.twins import random_numbers  # noqa: F401  # Numba is optional, and takes a quarter of a second

    there, _ = being.world.reset(streams.stream("world"), episodes, hidden)
    ready = _Ready(being, weights, streams, episodes, rule if rule is not None and rule.learns else None, forgetful)
    several = rule is None and episodes >= WIDTH and not being.apart
    in_panels = several if ready.rule is None else "lanes" not in ready.rule.twins
    total, steps, there, state = _in_panels(ready, there, state) if in_panels else _in_lanes(ready, there, state)
    if rule is not None:
        weights, state = rule.consolidate(being.network, weights, state, being.newborn)
    nothing = (total * 0.0).sum(1)  # nan if some output was not finite, else 0
    scores = checked_scores(being.world, being.world.scores(there, total), being.lives(episodes))
    return Behaved(weights, state, {name: score.double() + nothing for name, score in scores.items()}, steps.sum(1))


@final
@dataclass(frozen=True, eq=False)
class _Ready:
    """Networks before their episodes, with a rule if one learns."""

    being: AgentState
    weights: Weights
    streams: Streams
    episodes: int
    rule: LearningRule | None
    forgetful: bool

    @property
    def felt(self) -> int:
        return self.being.world.inputs if self.being.feedback else -1


def _in_panels(ready: _Ready, there: Any, state: Any) -> tuple[Tensor, Tensor, Any, Any]:
    """Returns and steps of each episode, (P, B); the states of the world and of the rule after them."""
    from inner_loop.twins import lanes, panels
    from inner_loop.twins.net import laid_out, net_of, write_back

    being, weights, rule = ready.being, ready.weights, ready.rule
    network, newborn, world = being.network, being.newborn, being.world
    rows = Rows(newborn.lives)
    places = Panels(being.lives(ready.episodes), ready.episodes, 1 if being.apart else WIDTH)
    net, numbers = net_of(network, weights, rows), laid_out(network, weights, rows)
    learner: Any = lanes.Still()
    if rule is not None:
        learner = rule.panels_twin(rows, network, newborn, weights, state, world.steps)
    objective = being.objective.twin(newborn) if being.objective is not None and rule is not None else lanes.Still()
    twin, together = world.twin(places, there), 1 if being.apart else ready.episodes
    course = panels.Course(world.steps, together, ready.felt, ready.forgetful, rule is not None, places.real)
    returns, lengths = np.zeros((2, places.lives * places.each, WIDTH))
    panels.behave(twin, learner, objective, net, numbers, lanes.Chance(*_unexplored()), course, returns, lengths)
    if rule is not None:
        write_back(network, weights, numbers, rows)
        state = rule.after_panels(rows, network, learner, state)
    total, steps = (places.by_episode(each[:, None])[:, 0] for each in (returns, lengths))
    return total, steps, world.after_twin(places, twin, there), state


def _in_lanes(ready: _Ready, there: Any, state: Any) -> tuple[Tensor, Tensor, Any, Any]:
    """Returns and steps of each episode, (P, B); the states of the world and of the rule after them."""
    from inner_loop.twins import lanes as compiled
    from inner_loop.twins.net import laid_out, net_of, write_back

    being, weights, rule, episodes = ready.being, ready.weights, ready.rule, ready.episodes
    world, network, lives = being.world, being.network, being.lives(episodes)
    outer = Lanes(lives, episodes)
    inner = Lanes(lives * episodes) if being.apart else outer
    learner: Any = compiled.Still()
    if rule is not None:
        told = Episodes(being.streams(ready.streams, episodes), world.steps, isinstance(world.actions, Discrete))
        learner = rule.lanes_twin(inner, network, being.newborn, weights, state, told)
    explored = ActionSampler(being, rule, ready.streams, episodes).ahead(world.steps)
    chance = compiled.Chance(*_explored(explored, inner, outer, world.steps))
    settings = compiled.Settings(
        world.steps, 1 if being.apart or rule is None else episodes, ready.felt, ready.forgetful
    )
    numbers, twin = laid_out(network, weights, inner), world.twin(outer, there)
    returns, lengths = np.zeros((2, len(numbers), WIDTH))
    compiled.behave(twin, learner, net_of(network, weights, inner), numbers, chance, settings, returns, lengths)
    if rule is not None:
        write_back(network, weights, numbers, inner)
        state = rule.after_lanes(inner, learner, network, being.newborn, weights, state)
    total, steps = (outer.by_episode(each[:, None])[:, 0] for each in (returns, lengths))
    return total, steps, world.after_twin(outer, twin, there), state


def _explored(explored: Ahead, inner: Lanes, outer: Lanes, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spread, lots and noise of a `Chance`."""
    spread, lots, noise = _unexplored()

    def by_step(drawn: Tensor) -> np.ndarray:
        numbers = outer.of_episodes(drawn.float())
        return numbers.reshape(len(numbers), steps, -1, WIDTH)

    if explored.spread is not None and explored.lots is not None:
        spread, lots = inner.of(explored.spread)[:, 0], by_step(explored.lots)
    if explored.deviation is not None and explored.shocks is not None:
        noise = by_step(explored.shocks) * inner.of(explored.deviation)[:, None]
    return spread, lots, noise


def _unexplored() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spread, lots and noise of a `Chance` in which nothing is explored."""
    lots, noise = np.zeros((2, 0, 1, 0, WIDTH), np.float32)
    return np.zeros((0, WIDTH), np.float32), lots, noise
