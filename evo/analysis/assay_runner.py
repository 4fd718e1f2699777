"""Births and lives of genomes for an analysis, on any executor, with chance that no run has met."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import final

import numpy as np
from jaxtyping import Float64, Int64, Integer
from numpy import ndarray

from evo.distribution.executor import Executor
from evo.evaluation.cohort import SELECTION, Assay, Cohort
from evo.evaluation.outcome import joined
from evo.experiment.experiment import Experiment
from inner_loop.life import Measurements

_GENERATION = -3  # no run has it: its chance was never met, neither by selection nor by a run's result

Watch = Callable[[str, int, int], object]
"""Told what is examined, how many cohorts are done and how many there are."""


@final
class AssayRunner:
    """Lets cohorts live one analysis after the other.

    A row is one birth and one life, and its `life` decides all of its chance: rows that share it have the same
    developmental chance and meet the same samples or episodes, so that what differs between them is the genome or the
    intervention. Rows of different lives have nothing in common.

    Attributes:
        experiment: what rows are born and live in, unless another is given.
        failures: rows that had no score, so far; they are nan.
    """

    def __init__(
        self, experiment: Experiment, executor: Executor, watch: Watch = lambda what, done, total: None
    ) -> None:
        self.experiment = experiment
        self.failures = 0
        self._executor, self._watch = executor, watch

    def examine(
        self,
        what: str,
        levels: Integer[ndarray, "N G"],
        assay: Assay = SELECTION,
        lives: Int64[ndarray, " N"] | None = None,
        edits: Float64[ndarray, "N G"] | None = None,
        experiment: Experiment | None = None,
    ) -> Measurements:
        """The measurements of every row, (N, ...).

        Args:
            what: for whoever watches.
            levels: a genome a row.
            lives: whose chance each row has; every row its own unless given.
            edits: values in the place of genes, nan where the genome holds.
        """
        experiment = experiment or self.experiment
        experiment = replace(experiment, lifetime=experiment.lifetime.repeated(1, common=False))
        owners = np.arange(len(levels)) if lives is None else np.asarray(lives, dtype=np.int64)
        parts = [
            _part(levels, owners, edits, start, experiment.cohort) for start in range(0, len(levels), experiment.cohort)
        ]
        outcomes, done = {}, 0
        self._watch(what, 0, len(parts))
        for place, outcome in self._executor.outcomes(experiment, parts, assay):
            outcomes[place], done = outcome, done + 1
            self._watch(what, done, len(parts))
        measurements, failures = joined([outcomes[place] for place in range(len(parts))])
        self.failures += sum(bool(failure) for failure in failures)
        return measurements


def _part(levels: ndarray, owners: ndarray, edits: ndarray | None, start: int, size: int) -> Cohort:
    """A cohort; a short one is filled up with its first row."""
    rows = np.arange(start, min(start + size, len(levels)))
    filled = np.concatenate([rows, np.full(size - len(rows), start)])
    edited = None if edits is None else edits[filled]
    return Cohort(_GENERATION, start // size, owners[filled], levels[filled], len(rows), edited)


def repeated(levels: Integer[ndarray, "N G"], births: int) -> tuple[Integer[ndarray, "M G"], Int64[ndarray, " M"]]:
    """Every genome so many times, with the same lives for each: rows genome by genome, and whose chance they have."""
    return np.repeat(levels, births, axis=0), np.tile(np.arange(births), len(levels))


def per_genome(measured: Float64[ndarray, "M ..."], births: int) -> Float64[ndarray, "N births ..."]:
    """The inverse of `repeated` for what was measured."""
    return measured.reshape(-1, births, *measured.shape[1:])
