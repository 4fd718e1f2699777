"""Part `stub`: the driver's side of 1,000 workers, in one process: all is real except Ray and the lives.

A stand-in for Ray (cluster_parts/stand_in.py) sleeps through cohorts on a real clock and spends in the driver's thread
the time that Ray needs there. `dispatcher`: only cohorts, without end. `evolve`: a whole run, with journal, files,
search and the end of every generation, at which the workers wait for the last one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from cluster_parts.head import alone, peak
from cluster_parts.stand_in import OnSleepers, RayCosts, Sleepers
from cluster_parts.tables import Found, table
from cluster_parts.workload import COHORT, asleep, digits, known, seconds_of
from evo.distribution.executor import Executor
from evo.distribution.ray_executor import OnRay
from evo.evaluation.cohort import Cohort
from evo.evaluation.numerics import settle
from evo.evaluation.outcome import outcome_arrays
from evo.evolution.evolve import evolve
from evo.experiment.experiment import Experiment
from evo.storage.journal import Journal

PER_WORKER = 3  # cohorts of a generation for each worker


def population(cohorts: int) -> int:
    """The odd population of an evolution strategy that fills this number of cohorts."""
    return cohorts * COHORT - 1


def endless(experiment: Experiment, stop: float) -> Iterator[Cohort]:
    """Yields cohorts until a time of the clock."""
    spec, number = experiment.genome.spec, 0
    levels = spec.quantise(np.full((COHORT, spec.size), 0.5))
    while perf_counter() < stop:
        yield Cohort(0, number, np.arange(number * COHORT, (number + 1) * COHORT), levels, COHORT)
        number += 1


def dispatcher_alone(workers: int, typical: float, seconds: float, costs: RayCosts) -> Found:
    """Runs the dispatcher with cohorts without end, for a number of seconds."""
    settle()
    experiment = digits(population(2))
    known(experiment)
    sleepers = Sleepers(workers, lambda cohort: seconds_of(cohort, typical), costs)
    with sleepers.in_place_of_ray():
        began, cpu = perf_counter(), process_time()
        settled = began + min(2 * typical + 2, seconds / 2)  # by then the first cohorts have come back
        stop, counted, spent = began + seconds, 0, 0.0
        arriving = OnSleepers(sleepers).outcomes(experiment, endless(experiment, stop))
        sent = perf_counter() - began
        for _ in arriving:
            counted += settled < perf_counter() < stop
            if perf_counter() < settled:
                cpu = process_time()
            elif perf_counter() < stop:
                spent = process_time() - cpu
    row = _row("dispatcher", workers, typical, counted, stop - settled, spent, sleepers.busy(settled, stop))
    return row | {"send_ms": 1e3 * sent / (2 * workers)}  # two cohorts per worker go out at once


def whole_driver(workers: int, typical: float, generations: int, costs: RayCosts, share: int = PER_WORKER) -> Found:
    """Runs `evolve`; leaves out the first generation."""
    experiment = replace(digits(population(share * workers)), generations=generations + 1)
    known(experiment)
    sleepers = Sleepers(workers, lambda cohort: seconds_of(cohort, typical), costs)
    with sleepers.in_place_of_ray():
        began, ended, cpu = _generations(experiment, OnSleepers(sleepers))
    count = generations * share * workers
    return _row("evolve", workers, typical, count, ended - began, cpu, sleepers.busy(began, ended))


def _generations(experiment: Experiment, executor: Executor) -> tuple[float, float, float]:
    """The times at which the first and the last generation were on disk, and CPU seconds of this process in between."""
    with tempfile.TemporaryDirectory() as folder:
        stamps = [(perf_counter(), process_time()) for _ in evolve(experiment, Path(folder) / "run", executor)]
    (began, before), (ended, after) = stamps[0], stamps[-1]
    return began, ended, after - before


def journal_seconds(appends: int) -> float:
    """The cost of adding a cohort to the journal of a run, on this disk."""
    arrays = outcome_arrays(known(digits(population(2))))
    with tempfile.TemporaryDirectory() as folder:
        journal, began = Journal(Path(folder) / "journal"), perf_counter()
        for number in range(appends):
            journal.append(0, number, arrays)
        return (perf_counter() - began) / appends


def _row(what: str, workers: int, typical: float, cohorts: int, wall: float, cpu: float, busy: float) -> Found:
    return {
        "what": what,
        "workers": workers,
        "cohort_seconds": typical,
        "cohorts": cohorts,
        "cohorts_per_second": cohorts / wall,
        "driver_cpu_ms": 1e3 * cpu / max(1, cohorts),
        "driver_load": cpu / wall,
        "busy": busy,
        "peak_bytes": peak(),
    }


def real_sleepers(workers: int, typical: float, generations: int) -> Found:
    """Like `whole_driver`, with processes of Ray that sleep, and no audits; the rate gives their utilisation."""
    experiment = replace(digits(population(PER_WORKER * workers)), generations=generations + 1)
    began, ended, cpu = _generations(experiment, OnRay(workers, evaluator=partial(asleep, typical)))
    numbers = [(g, n) for g in range(1, generations + 1) for n in range(PER_WORKER * workers)]
    slept = sum(seconds_of(Cohort(g, n, np.zeros(0, int), None, 0), typical) for g, n in numbers)
    return _row("Ray", workers, typical, len(numbers), ended - began, cpu, slept / (workers * (ended - began)))


def measure(
    costs: RayCosts, workers: int = 1000, seconds: tuple[float, ...] = (1.0, 10.0), real: int = 32, lasting: float = 20
) -> Found:
    """The limit of the driver, then cohorts of each length, and `real` true sleepers."""
    rows = [alone(dispatcher_alone, workers, 1e-3, lasting / 2, costs), alone(whole_driver, workers, 1e-3, 2, costs)]
    for typical in seconds:
        rows.append(alone(dispatcher_alone, workers, typical, max(lasting, 4 * typical), costs))
        rows.append(alone(whole_driver, workers, typical, 2 if typical < 5 else 1, costs))
    checks = [alone(real_sleepers, real, 0.25, 4), alone(whole_driver, real, 0.25, 4, costs)] if real else []
    return {"rows": rows, "checks": checks, "journal_ms": 1e3 * journal_seconds(200)}


def told(found: Found) -> str:
    """One row for each case, and the conclusions."""
    columns = (
        "what",
        "workers",
        "a cohort, s",
        "cohorts/s",
        "driver CPU, ms a cohort",
        "driver's load, cores",
        "workers busy",
        "peak, MB",
    )
    rows = [*found["rows"], *found["checks"]]
    lines = [
        [
            row["what"],
            f"{row['workers']:,}",
            f"{row['cohort_seconds']:g}",
            f"{row['cohorts_per_second']:,.0f}",
            f"{row['driver_cpu_ms']:.2f}",
            f"{row['driver_load']:.2f}",
            f"{row['busy']:.1%}",
            f"{row['peak_bytes'] / 1e6:,.0f}",
        ]
        for row in rows
    ]
    most = {row["what"]: row["cohorts_per_second"] for row in found["rows"][:2]}
    checked = ""
    if found["checks"]:
        ray, stand_in = found["checks"]
        checked = (
            f" The stand-in against {ray['workers']} real processes of Ray that sleep: {stand_in['busy']:.1%} and "
            f"{ray['busy']:.1%} busy, {stand_in['driver_cpu_ms']:.2f} and {ray['driver_cpu_ms']:.2f} ms of the "
            "driver's CPU a cohort (Ray's own threads among the latter; there is no audit there)."
        )
    return (
        f"{table(columns, lines)}\n\nThe times of cohorts are log-normal, sigma 0.25; a generation has {PER_WORKER} "
        f"cohorts a worker. With cohorts of a millisecond the driver is the limit: the dispatcher alone hands out "
        f"{most['dispatcher']:,.0f} cohorts a second, a whole run {most['evolve']:,.0f}; the journal takes "
        f"{found['journal_ms']:.2f} ms of it for each, on this disk.{checked}"
    )
