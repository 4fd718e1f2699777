"""Part `projection`: utilisation of 1,000 and 10,000 workers under one driver. Computed, not measured.

Simulates the driver as a queue with one server, with the times that the other parts measured on this machine: seconds
for each cohort out and each answer in, for breeding, and for writing, which overlaps with lives.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from heapq import heapify, heappop, heappush, heapreplace
from typing import final

import numpy as np

from cluster_parts.tables import Found, table
from cluster_parts.workload import COHORT, SPREAD
from genomes.streams import derive

WORKERS, SECONDS, SHARES = (1_000, 10_000), (1.0, 10.0), (1, 3, 10)
GENERATIONS = 3
WINDOW = 2  # cohorts per worker that are sent out ahead, as in the dispatcher
GIGABIT = 1.25e8  # bytes a second


@final
@dataclass(frozen=True)
class Driver:
    """The costs of one driver.

    Attributes:
        out: seconds to send out a cohort.
        back: seconds for an answer: looking, fetching, journal.
        breed: seconds for an individual between generations: record, tell, ask, cohorts.
        write: seconds for an individual to write the generation.
        bytes: of a cohort, there and back.
    """

    out: float
    back: float
    breed: float
    write: float
    bytes: float

    @property
    def most(self) -> float:
        """The largest number of cohorts per second that it can send out."""
        return 1.0 / (self.out + self.back)


def driver_of(driver: Found, stub: Found) -> Driver:
    """Costs from the other parts: the dispatcher at its limit, the journal, and the largest lazy population."""
    limit = stub["rows"][0]
    out = limit["send_ms"] / 1e3
    lazy = max((row for row in driver["heads"] if "lazy" in row["search"]), key=lambda row: row["population"])
    breed = sum(lazy["seconds"][name] for name in ("ask", "tell", "cohorts", "record"))
    cohort = driver["cohorts"][0]
    return Driver(
        out,
        max(0.0, 1.0 / limit["cohorts_per_second"] - out) + stub["journal_ms"] / 1e3,
        breed / lazy["population"],
        lazy["seconds"]["write"] / lazy["population"],
        cohort["bytes_out"] + cohort["bytes_back"],
    )


def busy(driver: Driver, workers: int, typical: float, share: int, generations: int = GENERATIONS) -> float:
    """Share of the time that workers are busy, from the end of the first generation to the end of the last.

    Args:
        typical: median seconds of a cohort; log-normal.
        share: cohorts of a generation for each worker.
    """
    cohorts, now, free = share * workers, 0.0, [0.0] * workers
    heapify(free)
    slept, began = 0.0, 0.0
    for generation in range(generations + 1):
        normal = derive(0, "projection", generation).normal(cohorts)[0].numpy()
        seconds = (typical * np.exp(SPREAD * normal)).tolist()
        ends: list[float] = []
        for place, own in enumerate(seconds):
            if place >= WINDOW * workers:
                now = max(now, heappop(ends)) + driver.back
            now += driver.out
            end = max(now, free[0]) + own
            heapreplace(free, end)
            heappush(ends, end)
            if place == min(WINDOW * workers, cohorts) - 1 and generation:
                now += driver.write * cohorts * COHORT  # of the generation before
        while ends:
            now = max(now, heappop(ends)) + driver.back
        now += driver.breed * cohorts * COHORT
        if generation:
            slept += sum(seconds)
        else:
            began = now
    return slept / (workers * (now - began))


def measure(driver: Driver, stub: Found | None = None, workers: tuple[int, ...] = WORKERS) -> Found:
    """All cases, and the case measured with sleepers, to test the projection."""
    rows = [
        {
            "workers": count,
            "cohort_seconds": typical,
            "demand": count / typical,
            "bytes_per_second": driver.bytes * min(count / typical, driver.most),
            "busy": {str(share): busy(driver, count, typical, share) for share in SHARES},
            "without_ends": min(1.0, driver.most / (count / typical)),
        }
        for count in workers
        for typical in SECONDS
    ]
    checks = [
        {key: row[key] for key in ("workers", "cohort_seconds", "busy")}
        | {"projected": busy(driver, row["workers"], row["cohort_seconds"], 3)}
        for row in (stub["rows"] if stub else ())
        if row["what"] == "evolve" and row["cohort_seconds"] >= 0.1
    ]
    return {"driver": asdict(driver), "most": driver.most, "rows": rows, "checks": checks}


def told(found: Found) -> str:
    """One row for each case, and the assumptions."""
    lines = [
        [
            f"{row['workers']:,}",
            f"{row['cohort_seconds']:g}",
            f"{row['demand']:,.0f}",
            *(f"{share:.0%}" for share in row["busy"].values()),
            f"{row['without_ends']:.0%}",
            f"{row['bytes_per_second'] / GIGABIT:.1f}",
        ]
        for row in found["rows"]
    ]
    ends = (f"busy, {share} cohorts a worker" for share in SHARES)
    columns = ("workers", "a cohort, s", "cohorts/s wanted", *ends, "without ends", "Gbit/s")
    short = [
        f"{row['workers']:,} workers with cohorts of {row['cohort_seconds']:g} s want {row['demand']:,.0f} cohorts a "
        f"second, and one driver hands out {found['most']:,.0f}: one driver is not enough"
        for row in found["rows"]
        if row["demand"] > found["most"]
    ]
    checks = "; ".join(
        f"{row['workers']:,} workers with cohorts of {row['cohort_seconds']:g} s were {row['busy']:.0%} busy where "
        f"{row['projected']:.0%} is projected"
        for row in found["checks"]
    )
    driver = found["driver"]
    return (
        f"{table(columns, lines)}\n\nA projection, not a measurement. It assumes: one driver with "
        f"{1e3 * driver['out']:.2f} ms for a cohort out and {1e3 * driver['back']:.2f} ms for its answer, as measured "
        f"here; {1e6 * driver['breed']:.1f} us an individual between generations and {1e6 * driver['write']:.1f} us to "
        f"write it; cohorts of {COHORT} whose times are log-normal, sigma {SPREAD}; a network and raylets that keep "
        "up; that no worker is lost and nothing runs twice. `without ends` leaves out the wait for the last cohort of "
        f"a generation, as several generations in flight do. {'. '.join(short)}{'. ' if short else ''}What helps: "
        "larger cohorts, longer lives, or several runs side by side, each with a driver of its own.\n\n"
        f"{'Beside the sleepers: ' + checks + '.' if checks else ''}"
    ).rstrip()
