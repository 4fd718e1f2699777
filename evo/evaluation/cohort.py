"""A cohort is a batch of individuals that are evaluated together; an assay defines how they are measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, unique
from typing import final

import numpy as np
from jaxtyping import Float64, Int64, Integer
from numpy import ndarray

from evo.experiment.experiment import Experiment
from evo.search.base import State
from genomes.errors import require
from genomes.intervention import Intervention
from genomes.streams import derive
from inner_loop.environment import Split
from inner_loop.life import Condition, Exam


@unique
class Reserved(IntEnum):
    """Generation numbers that no run has, so that their random numbers are those of no other birth or life."""

    FINAL = -1
    """The finalists of a run, whose scores are stochastic, are born once more before the best is chosen."""

    TEST = -2
    """The best individual of a run is examined on the test split."""

    ANALYSIS = -3
    """Rows of an analysis."""

    UNMET = -4
    """The best individual, if its scores are stochastic, is shown in births in which it was not selected."""


@final
@dataclass(frozen=True, eq=False)
class Cohort:
    """A batch of individuals evaluated together. Its composition never depends on workers, timing or failures.

    Attributes:
        generation: generation of the outer loop, or a reserved number.
        number: number of the cohort in its generation.
        slots: (C,) indices of the individuals in the generation; a short cohort is padded with its first individual.
        levels: (C, G) their genomes; None: the evaluating process draws them from `source`.
        real: number of individuals without padding.
        edits: (C, G) values that replace genes, nan where the gene is kept; None: all genes are kept.
        source: the part of the search's state that `Search.rows` reads, if the genomes are too large to be sent.
    """

    generation: int
    number: int
    slots: Int64[ndarray, " C"]
    levels: Integer[ndarray, "C G"] | None
    real: int
    edits: Float64[ndarray, "C G"] | None = None
    source: State | None = None


@final
@dataclass(frozen=True)
class Assay:
    """The way in which a cohort is measured; the default is the assay of selection.

    Attributes:
        split: the split on which birth and learning are measured; on `test`, all conditions and held-out worlds are.
        learn: False: only birth is measured, and `learned` equals `innate`.
        conditions: the conditions measured in a world, in place of the default ones.
        interventions: interventions applied to the newborns, one after the other.
        resamples: number of bootstrap resamples of a task's main score over its samples: see `live`.
    """

    split: Split = "selection"
    learn: bool = True
    conditions: tuple[Condition, ...] | None = None
    interventions: tuple[Intervention, ...] = ()
    resamples: int = 0

    @property
    def exam(self) -> Exam:
        """Without what is done to the newborns."""
        return Exam(self.split, self.learn, self.conditions, self.resamples)


SELECTION = Assay()
"""The assay of selection."""


def cohorts(generation: int, levels: Integer[ndarray, "N G"], size: int) -> list[Cohort]:
    """Cuts a generation into cohorts of equal size, in order."""
    return [replace(cohort, levels=levels[cohort.slots]) for cohort in unwritten(generation, len(levels), size, None)]


def unwritten(generation: int, count: int, size: int, source: State | None) -> list[Cohort]:
    """Cuts a generation of `count` individuals into cohorts with a `source` in place of genomes."""
    cut = []
    for number, start in enumerate(range(0, count, size)):
        slots = np.arange(start, min(start + size, count))
        filled = np.concatenate([slots, np.full(size - len(slots), start)])
        cut.append(Cohort(generation, number, filled, None, len(slots), source=source))
    return cut


def written_out(experiment: Experiment, cohort: Cohort) -> Cohort:
    """The cohort with its genomes; draws them from the source if they are missing."""
    if cohort.levels is not None:
        return cohort
    assert cohort.source is not None, "a cohort has genomes or a source"
    spec, streams = experiment.genome.spec, derive(experiment.seed, "search", cohort.generation)
    units = experiment.search.rows(cohort.source, cohort.slots, spec, streams)
    rows = f"{len(cohort.slots)} rows, as requested"
    require(len(units) == len(cohort.slots), type(experiment.search).__name__, rows, len(units))
    return replace(cohort, levels=spec.quantise(units), source=None)
