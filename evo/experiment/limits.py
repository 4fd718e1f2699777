"""Limits of time, memory and failures of lives: failures are recorded, up to a limit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from genomes.errors import require


@final
@dataclass(frozen=True)
class Limits:
    """The limits of a run on its machines.

    A limit in steps belongs to the lifetime and affects a result in the same way everywhere. These limits depend on the
    machine: a cohort that exceeds one is tried again; then the individual that causes it is identified and recorded as
    a failure, and a resumed run uses this record.

    Attributes:
        seconds: maximal time of a cohort's lives in a worker; None: no limit.
        memory: maximal GiB of a cohort beyond the memory of its process at birth; None: no limit.
        failures: the share of a generation that may fail; with more failures the run stops with a message.
    """

    seconds: float | None = None
    memory: float | None = None
    failures: float = 0.9

    def __post_init__(self) -> None:
        for name in ("seconds", "memory"):
            number = getattr(self, name)
            good = number is None or (math.isfinite(number) and number > 0)
            require(good, f"limits.{name}", "a number above 0, or null", number)
        require(0 <= self.failures <= 1, "limits.failures", "a share, 0 to 1", self.failures)
