"""The seam of inheritance: a class says which genes it needs and grows a cohort of networks from them."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from genomes.errors import ShapeError
from genomes.evolvable import evolved_spec, expressed, leak_spec, with_leaks
from genomes.phenotype import Phenotype
from genomes.spec import Field, Genes, GenomeSpec
from genomes.streams import Streams
from genomes.topology import Topology
from genomes.wiring_rule import WiringRule, of_fields


class Encoding(ABC):
    """How a genome specifies a network. Implementations are frozen dataclasses: their own configuration, no state.

    Numbers of the encoding that are Evolvable appear among the genes under their own name, (P,), whether they are
    constants or evolve.
    """

    @abstractmethod
    def spec(self, topology: Topology) -> GenomeSpec:
        """The fields that a genome needs for this topology, without the Evolvable numbers.

        Raises:
            InputError: the encoding cannot specify this topology.
        """

    @abstractmethod
    def develop(self, genes: Genes, topology: Topology, streams: Streams) -> Phenotype:
        """Grows P networks at once; differentiable in the genes where the formula is.

        Args:
            genes: by field name, (P, *shape).
            streams: P streams of developmental chance, the individuals' own.
        """

    def level_names(self, field: Field) -> tuple[str, ...]:
        """What each level of a categorical field of `spec` is called; levels of one name are one allele."""
        return tuple(str(level) for level in range(field.levels))

    def expressed_bits(self, genes: Genes, topology: Topology) -> Tensor | None:
        """Bits of the genes that are switched on, (P,) float64; None when all of them always are."""
        return None

    def constants(self, topology: Topology) -> dict[str, object]:
        """What shapes the weights and is not in the genome (scales, fixed random matrices): listed beside its size."""
        return {}

    def rules(self, topology: Topology) -> tuple[WiringRule, ...]:
        """What the genome says, unit by unit: what an analysis reads out and knocks out.

        Every position is one of `spec`. Unless an encoding knows better, each number of a small field and each large
        field as a whole.
        """
        return of_fields(self.spec(topology))


def encoding_spec(encoding: Encoding, topology: Topology) -> GenomeSpec:
    """All genes of the wiring: the encoding's own fields, its Evolvable numbers, and the leaks that evolve."""
    return GenomeSpec.join([encoding.spec(topology), evolved_spec(encoding, topology), leak_spec(topology)])


def develop(
    encoding: Encoding, genes: Genes, topology: Topology, streams: Streams, dtype: torch.dtype = torch.float32
) -> Phenotype:
    """Genes to newborn networks, with the encoding's constants filled in beside its genes.

    Args:
        dtype: of the networks of an encoding without genes, whose wiring is chance alone; else theirs counts.
    """
    first = next(iter(genes.values()), torch.empty(streams.owners, dtype=dtype, device=streams.keys.device))
    like = torch.empty(first.shape[0], 1, dtype=first.dtype, device=first.device)
    individual, _ = expressed(encoding, genes, topology, like)
    grown = encoding.develop({**genes, **individual}, topology, streams)
    if grown.lives != len(like) or grown.topology != topology:
        raise ShapeError(f"{type(encoding).__name__}: expected {len(like)} networks of the topology, got {grown.lives}")
    return with_leaks(grown, genes)
