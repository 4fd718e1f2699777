"""How much lives may take, and how many may fail: faults become records, up to a limit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from genomes.errors import require


@final
@dataclass(frozen=True)
class Limits:
    """What is enough.

    A limit in steps belongs to the lifetime and decides a result in the same way everywhere. These are of the machine:
    whoever exceeds one is tried again, then found among its cohort and recorded as a failure, and what was recorded
    is what a resumed run goes on with.

    Attributes:
        seconds: that a cohort's lives may take in a worker; None: as long as they want.
        memory: GiB that a cohort may ask for beyond what its process has at birth; None: what there is.
        failures: the share of a generation that may fail; beyond it the run stops with a sentence.
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
