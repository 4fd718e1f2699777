"""The genome: named chromosomes in their order, one spec, one birth. Only this file lists the chromosomes.

Richards et al. 2019 (Nat. Neurosci. 22:1761) describe a brain by architecture, learning rule and objective; all of them
must pass through the genome (Zador 2019, Nat. Commun. 10:3770).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, final

import numpy as np
import torch
from jaxtyping import Bool, Float64, Integer
from numpy import ndarray

from genomes.encoding import develop, encoding_spec
from genomes.errors import check_shape
from genomes.evolvable import endowed, evolved_spec, numbers, unit_numbers
from genomes.evolve import Among, Evolve, Evolving
from genomes.phenotype import Phenotype
from genomes.spec import Field, Genes, GenomeSpec
from genomes.streams import Streams
from genomes.topology import Topology

Acts = Literal["at birth", "in life"]
"""The time at which genes act: on the network as it grows, or on its learning."""


@final
@dataclass(frozen=True)
class Chromosome:
    """A part of the genome.

    Attributes:
        name: the component that it belongs to, as configs write it; the fields of the chromosome begin with it.
        title: its name in reports.
        acts: where its genes act.
    """

    name: str
    title: str
    acts: Acts


CHROMOSOMES = (
    Chromosome("encoding", "wiring", "at birth"),
    Chromosome("rule", "plasticity", "in life"),
    Chromosome("objective", "objective", "in life"),
)
"""In the order in which their fields stand in a genome."""


@final
@dataclass(frozen=True)
class Gene:
    """The owner of a field of the genome.

    Attributes:
        chromosome: the chromosome on which the field lies.
        name: the name of the field without the chromosome.
        number: the number of the component that the field carries; empty for a field of the encoding itself.
        of: the owner of that number, such as a group of neurons or a term; empty where there is only one.
        evolve: the Evolve that put the number under evolution; None for a field of the encoding itself.
        neutral: the value at which the number has no effect; None: it cannot be silenced.
        units: True for a number of neurons, such as a leak; `of` is their group.
    """

    chromosome: Chromosome
    name: str
    number: str = ""
    of: str = ""
    evolve: Evolve | Among | None = None
    neutral: float | None = 0.0
    units: bool = False


@final
@dataclass(frozen=True)
class Genome:
    """A topology and the components that are inherited, each on its chromosome.

    Attributes:
        topology: the topology of the networks.
        components: by the name of their chromosome, in the order of `CHROMOSOMES`; absent ones are left out.
    """

    topology: Topology
    components: tuple[tuple[str, Any], ...]

    @classmethod
    def of(cls, topology: Topology, **components: Any) -> Genome:
        """The genome of components by chromosome; None leaves a chromosome out."""
        given = ((c.name, components.get(c.name)) for c in CHROMOSOMES)
        return cls(topology, tuple((name, component) for name, component in given if component is not None))

    @cached_property
    def chromosomes(self) -> tuple[Chromosome, ...]:
        """The chromosomes that this genome has."""
        names = dict(self.components)
        return tuple(chromosome for chromosome in CHROMOSOMES if chromosome.name in names)

    @cached_property
    def spec(self) -> GenomeSpec:
        """The encoding's fields and every Evolve number, each under its config path, such as `rule.learning_rate`."""
        specs = []
        for name, component in self.components:
            wires = name == "encoding"
            own = encoding_spec(component, self.topology) if wires else evolved_spec(component, self.topology)
            specs.append(own.prefixed(f"{name}."))
        return GenomeSpec.join(specs)

    @cached_property
    def _genes(self) -> dict[str, Gene]:
        chromosomes = {chromosome.name: chromosome for chromosome in CHROMOSOMES}
        components, genes = dict(self.components), {}
        of_units = {f"{n.path}.{g.name}": n for g in self.topology.groups for n in unit_numbers(g)}
        asked = {field.name for field in components["encoding"].spec(self.topology).fields}
        for field in self.spec.fields:
            chromosome, _, path = field.name.partition(".")
            if chromosome == "encoding" and path in asked:
                genes[field.name] = Gene(chromosomes[chromosome], path)
                continue
            name, _, of = path.partition(".")
            units = chromosome == "encoding" and path in of_units
            own = {} if units else {number.path: number for number in numbers(components[chromosome])}
            number = of_units[path] if units else own[path]
            assert isinstance(number.value, Evolving), "a field beside the encoding's own is an Evolve"
            genes[field.name] = Gene(chromosomes[chromosome], path, name, of, number.value, number.neutral, units)
        return genes

    def owner(self, field: str | Field) -> Gene:
        """The owner of a field of `spec`."""
        return self._genes[field if isinstance(field, str) else field.name]

    def acting(self, acts: Acts) -> Bool[ndarray, " G"]:
        """A mask of the G numbers, True for those on chromosomes that act there."""
        each = [np.full(field.size, self.owner(field).chromosome.acts == acts) for field in self.spec.fields]
        return np.concatenate([np.zeros(0, bool), *each])

    def birth(
        self, levels: Integer[ndarray, "P G"], streams: Streams, edits: Float64[ndarray, "P G"] | None = None
    ) -> Phenotype:
        """Grows newborn networks from genomes, on the device of the streams.

        Args:
            streams: P streams of developmental noise.
            edits: values that replace genes, nan where the genome's value stays; knock-outs use them.
        """
        return self.grow(self.spec.genes(levels, device=streams.keys.device, edits=edits), streams)

    def grow(self, genes: Genes, streams: Streams) -> Phenotype:
        """Grows newborn networks from values of genes: the encoding's wiring, and the numbers of rule and objective.

        Differentiable in the genes where the encoding's formula is: genes may require a gradient.

        Args:
            genes: by field of `spec`, (P, *shape).

        Returns:
            Traits: `genome_bits` (P,), and `rule.X` and `objective.X` for every Evolvable number, constants and genes
            alike.
        """
        own = {
            name: {n.removeprefix(f"{name}."): gene for n, gene in genes.items() if n.startswith(f"{name}.")}
            for name, _ in self.components
        }
        (_, encoding), *others = self.components
        newborn = develop(encoding, own["encoding"], self.topology, streams)
        bits = torch.full((newborn.lives,), self.spec.bits, dtype=torch.float64, device=newborn.like.device)
        on = encoding.expressed_bits(own["encoding"], self.topology)
        if on is not None:
            check_shape(encoding, "expressed bits", on, {(newborn.lives,)})
            bits += on - encoding.spec(self.topology).bits
        newborn = newborn.with_parameters({"genome_bits": bits}, {})
        for name, component in others:
            newborn = endowed(newborn, name, component, own[name])
        return newborn
