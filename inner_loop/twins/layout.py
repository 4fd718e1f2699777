"""Where the numbers of lives lie in compiled code. Needs no compiler."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np
import torch
from torch import Tensor

from genomes.streams import Streams
from genomes.topology import Topology
from inner_loop.neurons.rate import Rate

WIDTH = 16
"""Numbers of a vector."""

Form = Literal["lanes", "panels", "resident"]
"""The forms of a rule's twin: 16 lives side by side in their episodes; one life after the other, with all its episodes
side by side; one life after the other on samples, B of them at a step."""


GROUPS = (1, 2, 4, 8, 16)
"""Numbers of neighbouring lanes that may share the weights of one life."""


def units_without_twin(topology: Topology) -> str:
    """The reason why the units of a topology cannot be compiled; empty if they can."""
    others = [group for group in topology.groups if group.neuron is not None and not isinstance(group.neuron, Rate)]
    return f"{type(others[0].neuron).__name__}, of group {others[0].name}, has no compiled twin" if others else ""


class Layout(ABC):
    """Where the numbers of P lives lie."""

    lives: int

    @abstractmethod
    def flat(self, view: Tensor) -> Tensor:
        """Weights (P, post, pre), or biases (P, units), as (P, n) numbers that lie beside each other."""

    @abstractmethod
    def shape_into(self, view: Tensor, numbers: Tensor) -> None:
        """Writes (P, n) numbers, as `flat` returns them, into their view."""

    @abstractmethod
    def of(self, numbers: Tensor) -> np.ndarray:
        """Numbers of each life, (P or 1, n), as compiled code reads them."""

    @abstractmethod
    def by_life(self, numbers: np.ndarray) -> Tensor:
        """The inverse, (P, n)."""


class Places(ABC):
    """Where the numbers of P x B episodes lie: 16 of them a block."""

    @abstractmethod
    def of_episodes(self, numbers: Tensor) -> np.ndarray:
        """Numbers of each episode, (P or 1, n, episodes), to (blocks, n, 16)."""

    @abstractmethod
    def table(self, numbers: Tensor) -> np.ndarray:
        """Numbers of each episode, (P or 1, n, episodes), to (blocks or fewer, n, 16): block b reads b % len(table)."""

    @abstractmethod
    def zeros(self, count: int = 1, dtype: Any = np.float32) -> np.ndarray:
        """Room for numbers of each episode that a twin writes, (blocks, count, 16)."""

    @abstractmethod
    def by_episode(self, numbers: np.ndarray) -> Tensor:
        """The inverse of `of_episodes`, (P, n, episodes)."""


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
class Rows(Layout):
    """One life after the other; rows of weights, and biases, are filled up with zeros to a multiple of 16.

    Attributes:
        lives: P.
    """

    lives: int

    def flat(self, view: Tensor) -> Tensor:
        """(P, n), each row filled up."""
        missing = -view.shape[-1] % WIDTH
        return (torch.nn.functional.pad(view, (0, missing)) if missing else view).flatten(1)

    def shape_into(self, view: Tensor, numbers: Tensor) -> None:
        """Leaves out what fills the rows up."""
        view.copy_(numbers.view(*view.shape[:-1], -1)[..., : view.shape[-1]])

    def of(self, numbers: Tensor) -> np.ndarray:
        """(P, n)."""
        return numbers.expand(self.lives, -1).contiguous().numpy()

    def by_life(self, numbers: np.ndarray) -> Tensor:
        """(P, n)."""
        return torch.tensor(numbers)


@final
@dataclass(frozen=True)
class Panels(Places):
    """Blocks that hold episodes of one life only; copies of its last episode fill its last block.

    Attributes:
        lives: P.
        episodes: of each life.
        together: episodes of a block: 16, or 1 where episodes learn apart.
    """

    lives: int
    episodes: int
    together: int = WIDTH

    @property
    def each(self) -> int:
        """Blocks of a life."""
        return -(-self.episodes // self.together)

    @property
    def real(self) -> np.ndarray:
        """1 in the lanes that hold an episode, 0 in the others: of a life, or of an episode that learns apart."""
        count = self.episodes if self.together > 1 else 1
        return (np.arange(WIDTH * -(-count // WIDTH)) < count).astype(np.float32)

    def of_episodes(self, numbers: Tensor) -> np.ndarray:
        """(P or 1, n, episodes) to (blocks, n, 16)."""
        return self.table(numbers.expand(self.lives, -1, -1))

    def table(self, numbers: Tensor) -> np.ndarray:
        """(P or 1, n, episodes) to (blocks or those of one life, n, 16)."""
        missing = self.together * self.each - self.episodes
        filled = torch.cat([numbers, numbers[:, :, -1:].expand(-1, -1, missing)], dim=2) if missing else numbers
        blocks = filled.unflatten(2, (self.each, self.together)).movedim(2, 1).flatten(0, 1)
        return blocks.repeat_interleave(WIDTH // self.together, dim=2).contiguous().numpy()

    def zeros(self, count: int = 1, dtype: Any = np.float32) -> np.ndarray:
        """(blocks, count, 16)."""
        return np.zeros((self.lives * self.each, count, WIDTH), dtype)

    def by_episode(self, numbers: np.ndarray) -> Tensor:
        """(blocks, n, 16) to (P, n, episodes)."""
        parts = torch.tensor(numbers)[:, :, :: WIDTH // self.together].unflatten(0, (self.lives, self.each))
        return parts.movedim(1, 2).flatten(2)[:, :, : self.episodes]


@final
@dataclass(frozen=True)
class Lanes(Layout, Places):
    """The way of numbers into lanes: life by life, the episodes of a life beside each other, 16 lanes a block.

    Attributes:
        lives: P.
        episodes: of each life; each has a lane.
    """

    lives: int
    episodes: int = 1

    def flat(self, view: Tensor) -> Tensor:
        """(P, n)."""
        return view.flatten(1)

    def shape_into(self, view: Tensor, numbers: Tensor) -> None:
        """Copies the numbers."""
        view.copy_(numbers.view(view.shape))

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

    def table(self, numbers: Tensor) -> np.ndarray:
        """Numbers of each episode, (P or 1, n, episodes), to (blocks or fewer, n, 16).

        Block b reads the part b % len(table): where all lives share their episodes (1, n, episodes), the lanes of
        their blocks repeat, and only blocks that differ are stored.
        """
        few = WIDTH // math.gcd(WIDTH, self.episodes) if len(numbers) == 1 else self.lives
        return Lanes(min(self.lives, few), self.episodes).of_episodes(numbers)

    def zeros(self, count: int = 1, dtype: Any = np.float32) -> np.ndarray:
        """Room for numbers of each episode that a twin writes, (blocks, count, 16)."""
        return np.zeros((-(-self.lives * self.episodes // WIDTH), count, WIDTH), dtype)

    def by_episode(self, numbers: np.ndarray) -> Tensor:
        """The inverse, (P, n, episodes)."""
        count = self.lives * self.episodes
        return torch.tensor(numbers).mT.flatten(0, 1)[:count].unflatten(0, (-1, self.episodes)).mT

    def by_life(self, numbers: np.ndarray) -> Tensor:
        """The numbers of the first episode of each life, (P, n)."""
        return self.by_episode(numbers)[:, :, 0]
