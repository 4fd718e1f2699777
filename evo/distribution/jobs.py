"""Records of a dispatcher: its current jobs and attempts, and the history that the next batch of cohorts uses."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, final

from evo.distribution.worker import WorkerResult
from evo.evaluation.cohort import Cohort
from evo.evaluation.outcome import Outcome


@final
class DispatchHistory:
    """Knowledge that one dispatcher collects and the next one uses.

    Attributes:
        incidents: numbers of incidents by kind.
        away: ids of nodes that get no more cohorts.
        seconds: durations of the latest cohorts.
        late: attempts of cohorts that already have an outcome: the outcome, the cohort's name, and the time since when.
    """

    def __init__(self, incidents: Counter[str]) -> None:
        self.incidents = incidents
        self.away: set[str] = set()
        self.seconds: deque[float] = deque(maxlen=100)
        self.late: dict[Any, tuple[Outcome, str, float]] = {}


@final
@dataclass(eq=False)
class Job:
    """A cohort whose outcome is being computed.

    Attributes:
        index: place of the cohort in the batch.
        audited: True if two equal results are required.
        failed, blameless: number of deaths of its worker, and number of deaths of its node.
        copies: current number of attempts.
        results: results of an audited cohort so far.
        done: True once the outcome is accepted.
    """

    index: int
    cohort: Cohort
    audited: bool
    failed: int = 0
    blameless: int = 0
    copies: int = 0
    results: list[WorkerResult] = field(default_factory=list)
    done: bool = False

    def __str__(self) -> str:
        return f"cohort {self.cohort.number} of generation {self.cohort.generation}"


@final
@dataclass(eq=False)
class Attempt:
    """One submission of a cohort; `began` is its earliest possible start by the monotonic clock, None if waiting."""

    job: Job
    began: float | None = None
