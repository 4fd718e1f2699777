"""The interface of inheritance: a class says which genes it needs and grows a cohort of networks from them."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from genomes.errors import ShapeError
from genomes.evolvable import evolved_spec, expressed, unit_spec, with_units
from genomes.phenotype import Phenotype
from genomes.spec import Field, Genes, GenomeSpec
from genomes.streams import Streams
from genomes.topology import Topology
from genomes.wiring_rule import WiringRule, of_fields


class Encoding(ABC):
    """A way in which a genome specifies a network. Implementations are frozen dataclasses: configuration, no state.

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
            streams: P streams of developmental noise, one for each individual.
        """

    def level_names(self, field: Field) -> tuple[str, ...]:
        """The name of each level of a categorical field of `spec`; levels with the same name are one allele."""
        return tuple(str(level) for level in range(field.levels))

    def expressed_bits(self, genes: Genes, topology: Topology) -> Tensor | None:
        """Bits of the genes that are switched on, (P,) float64; None when every gene is always on."""
        return None

    def constants(self, topology: Topology) -> dict[str, object]:
        """Numbers that shape the weights without being in the genome (scales, fixed random matrices).

        Reports list them beside the genome's size.
        """
        return {}

    def rules(self, topology: Topology) -> tuple[WiringRule, ...]:
        """The units of the genome that an analysis reads out and knocks out.

        Every position is one of `spec`. By default, each number of a small field is a unit, and so is each large field
        as a whole; an encoding can override this.
        """
        return of_fields(self.spec(topology))


def encoding_spec(encoding: Encoding, topology: Topology) -> GenomeSpec:
    """All genes of the wiring: the encoding's own fields, its Evolvable numbers, and those of neurons."""
    return GenomeSpec.join([encoding.spec(topology), evolved_spec(encoding, topology), unit_spec(topology)])


def develop(
    encoding: Encoding, genes: Genes, topology: Topology, streams: Streams, dtype: torch.dtype = torch.float32
) -> Phenotype:
    """Grows newborn networks from genes; the encoding's constants are added to its genes first.

    Args:
        dtype: of the networks of an encoding without genes, which draws all weights at random; otherwise the genes'
            dtype is used.
    """
    first = next(iter(genes.values()), torch.empty(streams.owners, dtype=dtype, device=streams.keys.device))
    like = torch.empty(first.shape[0], 1, dtype=first.dtype, device=first.device)
    individual, _ = expressed(encoding, genes, topology, like)
    grown = encoding.develop({**genes, **individual}, topology, streams)
    if grown.lives != len(like) or grown.topology != topology:
        raise ShapeError(f"{type(encoding).__name__}: expected {len(like)} networks of the topology, got {grown.lives}")
    return with_units(grown, genes)
