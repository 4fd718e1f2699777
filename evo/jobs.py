"""What a dispatcher has in hand, and what it remembers from one batch of cohorts to the next."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, final

from evo.answers import Answer
from evo.evaluate import Cohort
from evo.isolate import Steps


@final
class Memory:
    """What a dispatcher learns and the next one goes on with.

    Attributes:
        incidents: counted by kind.
        away: nodes that get no cohorts any more.
        seconds: that the latest cohorts took.
        late: attempts whose cohort was answered by another: digest of that answer, which cohort, since when.
    """

    def __init__(self, incidents: Counter[str]) -> None:
        self.incidents = incidents
        self.away: set[str] = set()
        self.seconds: deque[float] = deque(maxlen=100)
        self.late: dict[Any, tuple[str, str, float]] = {}


@final
@dataclass(eq=False)
class Job:
    """A cohort on its way to its outcome.

    `step` counts the candidates that were sent out in its place; `failed` and `blameless` how often this one was lost.
    """

    index: int
    cohort: Cohort
    steps: Steps
    audited: bool
    candidate: Cohort
    tries: int
    step: int = 0
    failed: int = 0
    blameless: int = 0
    copies: int = 0
    answers: list[Answer] = field(default_factory=list)
    done: bool = False

    def __str__(self) -> str:
        return f"cohort {self.cohort.number} of generation {self.cohort.generation}"


@final
@dataclass(eq=False)
class Attempt:
    """A candidate that was sent out; `began` is when it can have begun, by the monotonic clock."""

    job: Job
    step: int
    began: float | None = None
