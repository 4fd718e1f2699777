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
        network, newborn: P networks; P is lives x episodes when episodes learn apart.
        world: the world in which they act.
        objective: the error that a teacher minimises; None without a teacher.
        feedback: True if the network also senses its last action (one-hot for a Discrete action) and its last reward.
        apart: True if every episode of a life has its own weights.
    """

    network: Network
    newborn: Phenotype
    world: World
    objective: Objective | None
    feedback: bool = False
    apart: bool = False

    def lives(self, episodes: int) -> int:
        """The number of lives in the world."""
        return self.newborn.lives // episodes if self.apart else self.newborn.lives

    def inward(self, seen: Tensor, episodes: int) -> Tensor:
        """Reshapes a world's tensor (K, n, episodes) to the network's, (P or 1, n, B); likewise (K, episodes)."""
        if not self.apart:
            return seen
        lives = self.lives(episodes)
        if seen.dim() == 2:
            return seen.expand(lives, -1).reshape(-1, 1)
        return seen.expand(lives, -1, -1).mT.reshape(lives * episodes, -1, 1)

    def outward(self, done: Tensor, episodes: int) -> Tensor:
        """The inverse of `inward`: reshapes the network's (P, n, B) or (P, B) to the world's."""
        if not self.apart:
            return done
        return done.view(-1, episodes) if done.dim() == 2 else done.view(-1, episodes, done.shape[1]).mT

    def streams(self, streams: Streams, episodes: int) -> Streams:
        """The streams that a rule draws from: one for each life, or one for each episode when episodes learn apart."""
        if not self.apart:
            return streams
        keys = streams.stream("apart").words(2 * episodes).view(-1, episodes, 2)
        return Streams(self.inward(keys.mT, episodes)[:, :, 0])
