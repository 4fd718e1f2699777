"""Hebbian lives on CartPole: the same networks and rules at birth and the same starts, for every rival.

All rivals compute all steps of every episode. After a fall the pole does not move, and the network continues to act on
its last observation and to learn from it; no rival leaves out this work.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import final

import torch
from torch import Tensor

from genomes.streams import Streams, derive
from inner_loop.worlds.cart_pole import CartPole

SIZES = (4, 16, 2)  # tanh
LEARNING_RATE, BOUND = 0.001, 1.0
COEFFICIENTS = ("correlation", "presynaptic", "postsynaptic", "constant")


@final
@dataclass(frozen=True)
class Workload:
    """Lifetimes of a network whose weights change at every step by dw = eta (A y x + B x + C y + D).

    Weights carry over from one episode to the next; if the largest of a projection exceeds 1, they are rescaled to it.

    Attributes:
        episodes: of a life, one after the other.
        steps: of an episode.
        cohort: individuals that live side by side; all meet the same episodes.
    """

    episodes: int = 4
    steps: int = 200
    cohort: int = 32


@final
@dataclass(frozen=True, eq=False)
class Newborns:
    """A workload with its numbers.

    Attributes:
        weights: (C, 16, 4) and (C, 2, 16).
        coefficients: A to D of each projection, (C, 4).
        starts: motion of cart and pole at the start of each episode, (episodes, 4) float64.
    """

    workload: Workload
    weights: list[Tensor]
    coefficients: list[Tensor]
    starts: Tensor


def streams(episode: int) -> Streams:
    """The streams of an episode."""
    return derive(0, "benchmark").stream(f"episode {episode}")


def born(workload: Workload) -> Newborns:
    """Draws a workload; the same numbers each time, and a smaller cohort is the beginning of a larger one."""
    root = derive(0, "benchmark")
    shapes = [(workload.cohort, post, pre) for pre, post in pairwise(SIZES)]
    weights = [(root.stream(f"w {i}").normal(*s)[0] / math.sqrt(s[2])).float() for i, s in enumerate(shapes)]
    weights = [w * (BOUND / w.abs().amax((1, 2), keepdim=True)).clamp(max=1.0) for w in weights]
    rules = [(root.stream(f"rule {i}").uniform(workload.cohort, 4)[0] * 2 - 1).float() for i in range(len(shapes))]
    world = CartPole(longest=workload.steps)
    states = [world.reset(streams(e).stream("world"), 1, root)[0] for e in range(workload.episodes)]
    starts = torch.stack([state.motion[0, :, 0] for state in states])
    return Newborns(workload, weights, rules, starts)
