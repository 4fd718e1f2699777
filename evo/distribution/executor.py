"""Where cohorts are evaluated: in this process, or on Ray. The results are the same to the bit."""

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
"""Taken one by one as there is room; None says that there is none now, though there may be after the next outcome."""


class Executor(ABC):
    """Evaluates cohorts; used as a context manager."""

    @property
    def incidents(self) -> Counter[str]:
        """Faults of workers and nodes that were made good so far, by kind; they leave no trace in a result."""
        return Counter()

    @abstractmethod
    def outcomes(
        self, experiment: Experiment, cohorts: Cohorts, assay: Assay = SELECTION
    ) -> Iterator[tuple[int, Outcome]]:
        """Index and outcome of every cohort, in the order in which they are finished."""

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Nothing to close."""


@final
class Serial(Executor):
    """One cohort after the other, in this process, on one thread.

    An individual that ends its process, or hangs outside Python, ends or hangs this one.

    Args:
        guarded: evaluate cohorts in children of this process, where such an individual can be identified: for a driver
            that was started again after it had died.
    """

    def __init__(self, guarded: bool = False) -> None:
        self._guarded = guarded

    def outcomes(
        self, experiment: Experiment, cohorts: Cohorts, assay: Assay = SELECTION
    ) -> Iterator[tuple[int, Outcome]]:
        """In the order of the cohorts."""
        guarded = self._guarded and experiment.device == "cpu"  # CUDA cannot be used in a fork
        evaluate = evaluate_guarded if guarded else evaluate_safely
        given = (cohort for cohort in cohorts if cohort is not None)
        for index, cohort in enumerate(given):
            yield index, evaluate(experiment, cohort, assay)
