"""What a dispatcher has in hand, and what it remembers from one batch of cohorts to the next."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, final

from evo.distribution.worker import WorkerResult
from evo.evaluation.cohort import Cohort
from evo.evaluation.outcome import Outcome


@final
class DispatchHistory:
    """What a dispatcher learns and the next one goes on with.

    Attributes:
        incidents: counted by kind.
        away: nodes that get no cohorts any more.
        seconds: that the latest cohorts took.
        late: attempts whose cohort was answered by another: that outcome, which cohort, since when.
    """

    def __init__(self, incidents: Counter[str]) -> None:
        self.incidents = incidents
        self.away: set[str] = set()
        self.seconds: deque[float] = deque(maxlen=100)
        self.late: dict[Any, tuple[Outcome, str, float]] = {}


@final
@dataclass(eq=False)
class Job:
    """A cohort on its way to its outcome.

    Attributes:
        failed, blameless: how often its worker died, and how often a node did.
        copies: attempts that are out.
        answers: of an audited cohort, until two agree.
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
    """A cohort that was sent out; `began` is when it can have begun, by the monotonic clock."""

    job: Job
    began: float | None = None
