"""Where the numbers of lives lie in compiled code. Needs no compiler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import torch
from torch import Tensor

from genomes.streams import Streams
from genomes.topology import Topology
from inner_loop.neurons.rate import Rate

WIDTH = 16
"""Numbers of a vector."""

Form = Literal["lanes", "resident"]
"""The forms of a rule's twin: 16 lives side by side, one sample each; or one life after the other, B samples each."""


GROUPS = (1, 2, 4, 8, 16)
"""Numbers of neighbouring lanes that may share the weights of one life."""


def units_without_twin(topology: Topology) -> str:
    """The reason why the units of a topology cannot be compiled; empty if they can."""
    others = [group for group in topology.groups if group.neuron is not None and not isinstance(group.neuron, Rate)]
    return f"{type(others[0].neuron).__name__}, of group {others[0].name}, has no compiled twin" if others else ""


@final
@dataclass(frozen=True, eq=False)
class Episodes:
    """The episodes that follow, as a rule that makes its twin reads them.

    Attributes:
        streams: those of `Lived.streams`; what `step` would draw is drawn beforehand.
        steps: of the longest episode.
        discrete: True if an action is one of some, False if it is real numbers.
    """

    streams: Streams
    steps: int
    discrete: bool


@final
@dataclass(frozen=True)
class Lanes:
    """The way of numbers into lanes: life by life, the episodes of a life beside each other, 16 lanes a block.

    Attributes:
        lives: P.
        episodes: of each life; each has a lane.
    """

    lives: int
    episodes: int = 1

    def of(self, numbers: Tensor) -> np.ndarray:
        """Numbers of each life, (P or 1, n), or of each episode, (P * episodes, n), to (blocks, n, 16).

        Copies of the last lane fill the last block.
        """
        count = self.lives * self.episodes
        if len(numbers) != count:
            numbers = numbers.expand(self.lives, -1).repeat_interleave(self.episodes, dim=0)
        missing = -count % WIDTH
        filled = torch.cat([numbers, numbers[-1:].expand(missing, -1)]) if missing else numbers
        return filled.unflatten(0, (-1, WIDTH)).mT.contiguous().numpy()

    def of_episodes(self, numbers: Tensor) -> np.ndarray:
        """Numbers of each episode, (P or 1, n, episodes), to (blocks, n, 16)."""
        return self.of(numbers.expand(self.lives, -1, -1).mT.flatten(0, 1))

    def by_episode(self, numbers: np.ndarray) -> Tensor:
        """The inverse, (P, n, episodes)."""
        count = self.lives * self.episodes
        return torch.tensor(numbers).mT.flatten(0, 1)[:count].unflatten(0, (-1, self.episodes)).mT

    def by_life(self, numbers: np.ndarray) -> Tensor:
        """The numbers of the first episode of each life, (P, n)."""
        return self.by_episode(numbers)[:, :, 0]
