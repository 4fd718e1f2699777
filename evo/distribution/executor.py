"""Executors evaluate cohorts in this process or on Ray, with bit-identical results."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import final

from evo.evaluation.cohort import SELECTION, Assay, Cohort
from evo.evaluation.fault_isolation import evaluate_guarded, evaluate_safely
from evo.evaluation.outcome import Outcome
from evo.experiment.experiment import Experiment

Cohorts = Iterable[Cohort | None]
"""Cohorts, taken one by one when a place is free; None means no cohort now, perhaps one after the next outcome."""


class Executor(ABC):
    """Evaluates cohorts; used as a context manager."""

    @property
    def incidents(self) -> Counter[str]:
        """Number of repaired faults of workers and nodes by kind; such faults do not change any result."""
        return Counter()

    @abstractmethod
    def outcomes(
        self, experiment: Experiment, cohorts: Cohorts, assay: Assay = SELECTION
    ) -> Iterator[tuple[int, Outcome]]:
        """Yields index and outcome of every cohort, in the order of completion."""

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Does nothing: there is nothing to close."""


@final
class Serial(Executor):
    """Evaluates one cohort after the other in this process, on one thread.

    An individual that ends its process, or hangs outside Python, ends or hangs this process.

    Args:
        guarded: evaluate cohorts in children of this process, where such an individual can be identified; for a driver
            that is restarted after its death.
    """

    def __init__(self, guarded: bool = False) -> None:
        self._guarded = guarded

    def outcomes(
        self, experiment: Experiment, cohorts: Cohorts, assay: Assay = SELECTION
    ) -> Iterator[tuple[int, Outcome]]:
        """Yields index and outcome in the order of the cohorts."""
        guarded = self._guarded and experiment.device == "cpu"  # CUDA cannot be used in a fork
        evaluate = evaluate_guarded if guarded else evaluate_safely
        given = (cohort for cohort in cohorts if cohort is not None)
        for index, cohort in enumerate(given):
            yield index, evaluate(experiment, cohort, assay)
