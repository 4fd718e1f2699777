"""The interface of experiments on newborns: networks are changed between birth and life to see what is lost."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Bool
from torch import Tensor

from genomes.phenotype import Phenotype, Synapses
from genomes.streams import Streams
from genomes.topology import Topology


class Intervention(ABC):
    """A change of newborn networks. Implementations are frozen dataclasses: configuration, no state.

    The change of an individual depends only on that individual and on its own random numbers.
    """

    @abstractmethod
    def apply(self, newborn: Phenotype, streams: Streams) -> Phenotype:
        """Returns the same P individuals, changed.

        Args:
            streams: P streams, one for each individual.

        Raises:
            InputError: the intervention cannot be applied to networks of this topology.
        """

    def check(self, topology: Topology) -> None:
        """Raises InputError when the intervention cannot be applied to networks of this topology."""


def grown(synapses: Synapses) -> Bool[Tensor, "P post pre"]:
    """A mask that is True where a synapse grew, also for synapses without a mask of their own."""
    return torch.ones_like(synapses.weight, dtype=torch.bool) if synapses.mask is None else synapses.mask


def root_mean_square(weight: Tensor, where: Tensor) -> Tensor:
    """Root mean square of the weights that grew, by individual: (P, 1, 1) for (P, post, pre); 0 where none grew."""
    axes = tuple(range(1, weight.dim()))
    counted = where.sum(axes, keepdim=True).clamp(min=1)
    return ((weight * where).square().sum(axes, keepdim=True) / counted).sqrt()


def without_biases(newborn: Phenotype) -> Phenotype:
    """Sets every bias of the networks to 0."""
    biases = {g.name: newborn.bias(g.name) for g in newborn.topology.groups}
    return newborn.with_units({n: {"bias": torch.zeros_like(b)} for n, b in biases.items() if b is not None})
