"""A cohort: individuals that are born and live side by side; an assay: how they are examined."""

from __future__ import annotations

from dataclasses import dataclass, replace
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


@final
@dataclass(frozen=True, eq=False)
class Cohort:
    """Individuals that are born and live side by side. Its composition never depends on workers, timing or failures.

    Attributes:
        generation: of the outer loop.
        number: of the cohort in its generation.
        slots: (C,) which individuals of the generation; a short cohort is filled up with its first.
        levels: (C, G) their genomes; None: whoever evaluates them draws them from the source.
        real: how many are no filling.
        edits: (C, G) values in the place of genes, nan where the genome holds; None: it holds everywhere.
        source: what `Search.rows` reads of the search's state, where the genomes are too many to be sent.
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
    """How a cohort is examined; as it stands, the way selection does it.

    Attributes:
        split: on which birth and learning are measured; on `test` every condition is, and every held-out world.
        learn: False: only birth is measured, `learned` equals `innate`.
        conditions: that are measured in a world, instead.
        interventions: done to the newborns, one after the other.
        resamples: of a task's main score, bootstrapped over its samples: see `live`.
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
"""What selection sees."""


def cohorts(generation: int, levels: Integer[ndarray, "N G"], size: int) -> list[Cohort]:
    """Cuts a generation into cohorts of equal size, in order."""
    return [replace(cohort, levels=levels[cohort.slots]) for cohort in unwritten(generation, len(levels), size, None)]


def unwritten(generation: int, count: int, size: int, source: State | None) -> list[Cohort]:
    """The same cohorts with their source in the place of genomes."""
    cut = []
    for number, start in enumerate(range(0, count, size)):
        slots = np.arange(start, min(start + size, count))
        filled = np.concatenate([slots, np.full(size - len(slots), start)])
        cut.append(Cohort(generation, number, filled, None, len(slots), source=source))
    return cut


def written_out(experiment: Experiment, cohort: Cohort) -> Cohort:
    """A cohort with its genomes: as they stand, or drawn from the source."""
    if cohort.levels is not None:
        return cohort
    assert cohort.source is not None, "genomes or how they are drawn"
    spec, streams = experiment.genome.spec, derive(experiment.seed, "search", cohort.generation)
    units = experiment.search.rows(cohort.source, cohort.slots, spec, streams)
    rows = f"{len(cohort.slots)} rows, those that were asked for"
    require(len(units) == len(cohort.slots), type(experiment.search).__name__, rows, len(units))
    return replace(cohort, levels=spec.quantise(units), source=None)
