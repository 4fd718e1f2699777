"""The interface of targets: data that a newborn is compared with, without a life, such as a measured wiring."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from genomes.phenotype import Phenotype
from genomes.topology import Topology
from inner_loop.environment import Environment


class Target(Environment):
    """Data to be fitted. Implementations are frozen dataclasses: configuration, no state.

    Scores read the newborn: weights, masks, or parameters of synapses such as a connection probability, since a mask
    that was drawn at random has no likelihood.
    """

    seam = "target"

    @abstractmethod
    def check(self, topology: Topology) -> None:
        """Raises InputError when networks of this topology cannot be compared with the data."""

    @abstractmethod
    def scores(self, newborn: Phenotype) -> dict[str, Tensor]:
        """Each score by name, (P,), larger is better; differentiable in the newborn where the formula is."""
