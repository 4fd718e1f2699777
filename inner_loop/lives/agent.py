"""Networks in a world: P lives, whose episodes share weights or learn apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor

from genomes.phenotype import Phenotype
from genomes.streams import Streams
from inner_loop.network import Network
from inner_loop.objective import Objective
from inner_loop.world import World


@final
@dataclass(frozen=True, eq=False)
class AgentState:
    """Networks in a world.

    Attributes:
        network, newborn: P networks; P is lives x episodes when these learn apart.
        world: where they act.
        objective: what a teacher wants made small; None without one.
        feedback: whether the network also senses its last action, one-hot where it was a choice, and its last reward.
        apart: whether every episode of a life has weights of its own.
    """

    network: Network
    newborn: Phenotype
    world: World
    objective: Objective | None
    feedback: bool = False
    apart: bool = False

    def lives(self, episodes: int) -> int:
        """How many lives the world sees."""
        return self.newborn.lives // episodes if self.apart else self.newborn.lives

    def inward(self, seen: Tensor, episodes: int) -> Tensor:
        """(K, n, episodes) as the network sees it, (P or 1, n, B); likewise (K, episodes)."""
        if not self.apart:
            return seen
        lives = self.lives(episodes)
        if seen.dim() == 2:
            return seen.expand(lives, -1).reshape(-1, 1)
        return seen.expand(lives, -1, -1).mT.reshape(lives * episodes, -1, 1)

    def outward(self, done: Tensor, episodes: int) -> Tensor:
        """The inverse: (P, n, B) or (P, B) as the world sees it."""
        if not self.apart:
            return done
        return done.view(-1, episodes) if done.dim() == 2 else done.view(-1, episodes, done.shape[1]).mT

    def streams(self, streams: Streams, episodes: int) -> Streams:
        """What a rule draws from: each life's stream, or one for every episode where these learn apart."""
        if not self.apart:
            return streams
        keys = streams.stream("apart").words(2 * episodes).view(-1, episodes, 2)
        return Streams(self.inward(keys.mT, episodes)[:, :, 0])
