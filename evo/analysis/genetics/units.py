"""What of a genome can be knocked out: its wiring, unit by unit, and the numbers of plasticity and objective."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np
from jaxtyping import Float64, Int, Integer
from numpy import ndarray

from evo.experiment.experiment import Experiment, assemble
from genomes.evolve import Evolve
from genomes.spec import Field, GenomeSpec
from genomes.topology import Projection
from genomes.wiring_rule import MOST, WiringRule, every

_NEUTRAL = 1.0  # of what multiplies: a gain, or a leak, whose neuron then has no memory of its own


@final
@dataclass(frozen=True, eq=False)
class Units:
    """The units of one genome.

    Attributes:
        spec: of the genome.
        levels: (G,) the genome.
        each: the units; field names are the genome's.
    """

    spec: GenomeSpec
    levels: Integer[ndarray, " G"]
    each: tuple[WiringRule, ...]

    @cached_property
    def values(self) -> Float64[ndarray, " G"]:
        """What its genes say."""
        tables = [field.table[self.levels[self.spec.slices[field.name]]] for field in self.spec.fields]
        return np.concatenate([np.zeros(0), *tables])

    @cached_property
    def places(self) -> tuple[Int[ndarray, " n"], ...]:
        """Where the numbers of each unit lie among the G."""
        return tuple(np.array([self.spec.slices[n].start + i for n, i in unit.positions]) for unit in self.each)

    def without(self, sets: Iterable[Sequence[int]]) -> Float64[ndarray, "sets G"]:
        """Edits that silence the units of each set; nan where the genome holds."""
        edits = []
        for out in sets:
            row = np.full(self.spec.size, np.nan)
            for unit in out:
                row[self.places[unit]] = self.each[unit].silent
            edits.append(row)
        return np.array(edits)

    def dosed(self, unit: int, dose: float) -> Float64[ndarray, " G"]:
        """Edits that bring a unit to so many times what it says: 0 is silence, 1 the genome itself."""
        row, places, silent = np.full(self.spec.size, np.nan), self.places[unit], self.each[unit].silent
        row[places] = silent + dose * (self.values[places] - silent)
        return row

    def is_dosable(self, unit: int) -> bool:
        """Whether its numbers are amounts, 0 being none."""
        amounts = {field.name for field in self.spec.fields if field.choices is None}
        rule = self.each[unit]
        return rule.silent == 0.0 and all(name in amounts for name, _ in rule.positions)

    def of_chromosome(self, *names: str) -> list[int]:
        """Units of `encoding`, `rule` or `objective`."""
        return [k for k, unit in enumerate(self.each) if unit.positions[0][0].partition(".")[0] in names]

    @cached_property
    def main_kind(self) -> list[int]:
        """The rules, or the genes of a genome that has not at least two rules."""
        rules = [k for k, unit in enumerate(self.each) if unit.kind == "rule"]
        return rules if len(rules) > 1 else list(range(len(self.each)))


def units_of(experiment: Experiment, levels: Integer[ndarray, " G"]) -> Units:
    """The wiring as its encoding reads it, and every other number that evolves; many of one name are one unit."""
    spec, encoding = assemble(experiment), experiment.encoding
    own = {f"encoding.{field.name}" for field in encoding.spec(experiment.topology).fields}
    wiring = [
        replace(rule, positions=tuple((f"encoding.{name}", index) for name, index in rule.positions))
        for rule in encoding.rules(experiment.topology)
    ]
    others = [unit for field in spec.fields if field.name not in own for unit in _numbers(experiment, field)]
    return Units(spec, levels, (*wiring, *others))


def _numbers(experiment: Experiment, field: Field) -> list[WiringRule]:
    chromosome, _, path = field.name.partition(".")
    multiplies = chromosome == "encoding" and path.partition(".")[0] in ("gain", "leak")
    called, silent = path.replace(".", " of ").replace("_", " "), _NEUTRAL if multiplies else 0.0
    if field.size > MOST:
        return [WiringRule(called, "rule", every(field), silent=silent)]
    return [
        WiringRule(f"{called}{label}", "rule", ((field.name, index),), projection, silent=silent)
        for index, (label, projection) in enumerate(_labels(experiment, _evolve(experiment, field), field))
    ]


def _evolve(experiment: Experiment, field: Field) -> Evolve:
    """What put a number under evolution."""
    chromosome, _, path = field.name.partition(".")
    name, _, of = path.partition(".")
    number = experiment.topology.group(of).leak if name == "leak" else getattr(getattr(experiment, chromosome), name)
    assert isinstance(number, Evolve), "a field beside the encoding's own is an Evolve"
    return number


def _labels(experiment: Experiment, number: Evolve, field: Field) -> Iterable[tuple[str, str]]:
    """What each number is for, and the projection that it is for."""
    edges = experiment.topology.edges
    if field.size == 1:
        return [("", "")]
    if number.per == "projection":
        return [(f" of {edge.name}", edge.name) for edge in edges]
    if number.per == "types" and not field.name.startswith("encoding.leak."):
        return [pair for edge in edges for pair in _pairs(experiment, edge)]
    called = "type" if number.per == "types" else "number"
    return [(f" {called} {k}", "") for k in range(field.size)]


def _pairs(experiment: Experiment, edge: Projection) -> list[tuple[str, str]]:
    post, pre = (range(experiment.topology.group(end).types) for end in (edge.post, edge.pre))
    return [(f" of {edge.pre} {s} -> {edge.post} {t}", edge.name) for t, s in itertools.product(post, pre)]
