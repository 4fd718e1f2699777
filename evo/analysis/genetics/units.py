"""Units of a genome that can be knocked out: rules and genes of the wiring, and numbers of plasticity and objective."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np
from jaxtyping import Float64, Int, Integer
from numpy import ndarray

from evo.experiment.experiment import Experiment
from genomes.genome import Gene, Genome
from genomes.spec import Field, GenomeSpec
from genomes.topology import Projection, Topology
from genomes.wiring_rule import MOST, WiringRule, every


@final
@dataclass(frozen=True, eq=False)
class Units:
    """The units of one genome.

    Attributes:
        spec: specification of the genome.
        levels: (G,) the genome.
        each: the units, with the field names of the genome.
    """

    spec: GenomeSpec
    levels: Integer[ndarray, " G"]
    each: tuple[WiringRule, ...]

    @cached_property
    def values(self) -> Float64[ndarray, " G"]:
        """(G,) values of the genes."""
        tables = [field.table[self.levels[self.spec.slices[field.name]]] for field in self.spec.fields]
        return np.concatenate([np.zeros(0), *tables])

    @cached_property
    def places(self) -> tuple[Int[ndarray, " n"], ...]:
        """Indices of the numbers of each unit in the genome."""
        return tuple(np.array([self.spec.slices[n].start + i for n, i in unit.positions]) for unit in self.each)

    def without(self, sets: Iterable[Sequence[int]]) -> Float64[ndarray, "sets G"]:
        """Returns edits that silence the units of each set; nan keeps the value of the genome."""
        edits = []
        for out in sets:
            row = np.full(self.spec.size, np.nan)
            for unit in out:
                row[self.places[unit]] = self.each[unit].silent
            edits.append(row)
        return np.array(edits)

    def dosed(self, unit: int, dose: float) -> Float64[ndarray, " G"]:
        """Returns edits that scale a unit by `dose`: 0 silences it, 1 is the genome itself."""
        row, places, silent = np.full(self.spec.size, np.nan), self.places[unit], self.each[unit].silent
        row[places] = silent + dose * (self.values[places] - silent)
        return row

    def is_dosable(self, unit: int) -> bool:
        """Tells whether the numbers of a unit are quantities that 0 silences."""
        amounts = {field.name for field in self.spec.fields if field.choices is None}
        rule = self.each[unit]
        return rule.silent == 0.0 and all(name in amounts for name, _ in rule.positions)

    @cached_property
    def main_kind(self) -> list[int]:
        """Indices of the rules, or of all units if there are fewer than two rules."""
        rules = [k for k, unit in enumerate(self.each) if unit.kind == "rule"]
        return rules if len(rules) > 1 else list(range(len(self.each)))


def units_of(experiment: Experiment, levels: Integer[ndarray, " G"]) -> Units:
    """Returns the units of the wiring, as the encoding defines them, and every other number that evolves.

    More than a few numbers of the same name are one unit. Numbers that cannot be silenced are not units; see
    `unsilenced`.
    """
    genome = experiment.genome
    wiring = [
        replace(rule, positions=tuple((f"encoding.{name}", index) for name, index in rule.positions))
        for rule in experiment.encoding.rules(experiment.topology)
    ]
    owned = [(field, genome.owner(field)) for field in genome.spec.fields]
    others = [unit for field, gene in owned if gene.evolve is not None for unit in _numbers(genome, field, gene)]
    return Units(genome.spec, levels, (*wiring, *others))


def unsilenced(genome: Genome) -> list[str]:
    """Returns the evolving numbers without a neutral value at which they have no effect, such as a temperature."""
    genes = map(genome.owner, genome.spec.fields)
    return [gene.number.replace("_", " ") for gene in genes if gene.evolve is not None and gene.neutral is None]


def _numbers(genome: Genome, field: Field, gene: Gene) -> list[WiringRule]:
    if gene.neutral is None:
        return []
    called = gene.name.replace(".", " of ").replace("_", " ")
    if field.size > MOST:
        return [WiringRule(called, "rule", every(field), silent=gene.neutral)]
    return [
        WiringRule(f"{called}{label}", "rule", ((field.name, index),), projection, silent=gene.neutral)
        for index, (label, projection) in enumerate(_labels(genome.topology, field, gene))
    ]


def _labels(topology: Topology, field: Field, gene: Gene) -> Iterable[tuple[str, str]]:
    """Returns the label of each number and the projection that it belongs to."""
    per = gene.evolve.per if gene.evolve else "individual"
    if field.size == 1:
        return [("", "")]
    if per == "projection":
        return [(f" of {edge.name}", edge.name) for edge in topology.edges]
    if per == "types" and not gene.units:
        return [pair for edge in topology.edges for pair in _pairs(topology, edge)]
    called = "type" if per == "types" else "number"
    return [(f" {called} {k}", "") for k in range(field.size)]


def _pairs(topology: Topology, edge: Projection) -> list[tuple[str, str]]:
    post, pre = (range(topology.group(end).types) for end in (edge.post, edge.pre))
    return [(f" of {edge.pre} {s} -> {edge.post} {t}", edge.name) for t, s in itertools.product(post, pre)]
