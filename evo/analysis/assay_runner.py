"""Births and lives of genomes for an analysis, on any executor, with random numbers that no run has used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import final

import numpy as np
from jaxtyping import Float64, Int64, Integer
from numpy import ndarray

from evo.distribution.executor import Executor
from evo.evaluation.cohort import SELECTION, Assay, Cohort, Reserved
from evo.evaluation.error_log import ErrorLog
from evo.evaluation.outcome import joined
from evo.experiment.experiment import Experiment
from inner_loop.life import Measurements

Watch = Callable[[str, int, int], object]
"""Progress callback: receives the name of the examination, the number of finished cohorts, and their total."""


@final
class AssayRunner:
    """Examines genomes in cohorts, for one analysis after the other.

    A row is one birth and one life. Its life number determines all of its random numbers: rows with the same number
    share the random numbers of development and meet the same samples or episodes, so that they differ by genome or
    intervention alone. Rows with different numbers share no random numbers.

    Attributes:
        experiment: the experiment in which rows are born and live, unless `examine` is given another one.
        failures: number of rows without a score so far; their measurements are nan.
    """

    def __init__(
        self, experiment: Experiment, executor: Executor, watch: Watch = lambda what, done, total: None
    ) -> None:
        self.experiment = experiment
        self.failures = 0
        self._executor, self._watch, self._errors = executor, watch, ErrorLog()

    def examine(
        self,
        what: str,
        levels: Integer[ndarray, "N G"],
        assay: Assay = SELECTION,
        lives: Int64[ndarray, " N"] | None = None,
        edits: Float64[ndarray, "N G"] | None = None,
        experiment: Experiment | None = None,
    ) -> Measurements:
        """Returns the measurements of every row, (N, ...).

        Args:
            what: name of the examination, passed to the progress callback.
            levels: the genomes, one a row.
            assay: split, conditions and interventions of the examination.
            lives: life number of each row; by default every row has its own.
            edits: values that replace those of genes; nan keeps the value of the genome.
            experiment: the experiment in which rows are born and live; that of the runner by default.
        """
        experiment = experiment or self.experiment
        experiment = replace(experiment, lifetime=experiment.lifetime.repeated(1, common=False))
        owners = np.arange(len(levels)) if lives is None else np.asarray(lives, dtype=np.int64)
        parts = [
            _part(levels, owners, edits, start, experiment.cohort) for start in range(0, len(levels), experiment.cohort)
        ]
        outcomes, done = {}, 0
        self._watch(what, 0, len(parts))
        for place, outcome in self._errors.watched(self._executor.outcomes(experiment, parts, assay)):
            outcomes[place], done = outcome, done + 1
            self._watch(what, done, len(parts))
        measurements, failures = joined([outcomes[place] for place in range(len(parts))])
        self.failures += sum(bool(failure) for failure in failures)
        return measurements


def _part(levels: ndarray, owners: ndarray, edits: ndarray | None, start: int, size: int) -> Cohort:
    """Returns the cohort that begins at row `start`; a short one is padded with copies of its first row."""
    rows = np.arange(start, min(start + size, len(levels)))
    filled = np.concatenate([rows, np.full(size - len(rows), start)])
    edited = None if edits is None else edits[filled]
    return Cohort(Reserved.ANALYSIS, start // size, owners[filled], levels[filled], len(rows), edited)


def repeated(levels: Integer[ndarray, "N G"], births: int) -> tuple[Integer[ndarray, "M G"], Int64[ndarray, " M"]]:
    """Repeats every genome `births` times, with the same lives for each genome.

    Returns:
        levels: rows, genome by genome.
        lives: life number of each row.
    """
    return np.repeat(levels, births, axis=0), np.tile(np.arange(births), len(levels))


def per_genome(measured: Float64[ndarray, "M ..."], births: int) -> Float64[ndarray, "N births ..."]:
    """Reshapes measurements of the rows of `repeated` to one row a genome."""
    return measured.reshape(-1, births, *measured.shape[1:])
