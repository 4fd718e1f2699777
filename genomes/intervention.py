"""The seam of experiments on newborns: what is done to networks between birth and life, to see what it takes away."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Bool
from torch import Tensor

from genomes.phenotype import Phenotype, Synapses
from genomes.streams import Streams
from genomes.topology import Topology


class Intervention(ABC):
    """Implementations are frozen dataclasses: their own configuration, no state.

    What is done to an individual depends on that individual and on its own stream of chance alone.
    """

    @abstractmethod
    def apply(self, newborn: Phenotype, streams: Streams) -> Phenotype:
        """The same P individuals, changed.

        Args:
            streams: P streams, the individuals' own.

        Raises:
            InputError: it cannot be done to networks of this topology.
        """

    def check(self, topology: Topology) -> None:
        """Raises InputError when it cannot be done to networks of this topology."""


def grown(synapses: Synapses) -> Bool[Tensor, "P post pre"]:
    """Where a synapse grew, as a mask in every case."""
    return torch.ones_like(synapses.weight, dtype=torch.bool) if synapses.mask is None else synapses.mask


def root_mean_square(weight: Tensor, where: Tensor) -> Tensor:
    """Of the weights of each individual that grew, (P, 1, 1) for (P, post, pre); 0 where none did."""
    axes = tuple(range(1, weight.dim()))
    counted = where.sum(axes, keepdim=True).clamp(min=1)
    return ((weight * where).square().sum(axes, keepdim=True) / counted).sqrt()


def without_biases(newborn: Phenotype) -> Phenotype:
    """The same networks with every bias at 0."""
    biases = {g.name: newborn.bias(g.name) for g in newborn.topology.groups}
    return newborn.with_units({n: {"bias": torch.zeros_like(b)} for n, b in biases.items() if b is not None})
