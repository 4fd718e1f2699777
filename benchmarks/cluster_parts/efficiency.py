"""Part `efficiency`: lives per second of two workers over those of one, measured twice; and the machine's own limit.

Whole runs through `evolve` with every proof and audit, one worker and two in turns, without the first generation. The
control: the same cohort in one bare process and in two, with nothing between them, which shows the gain of two cores.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from dataclasses import replace
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from cluster_parts.tables import Found, table
from cluster_parts.workload import COHORT, digits
from evo.distribution.ray_executor import OnRay
from evo.evaluation.fault_isolation import evaluate_in_worker
from evo.evolution.evolve import evolve
from evo.evolution.offspring import Offspring, first_state
from evo.experiment.experiment import Experiment

TARGET = 0.9


def rate(experiment: Experiment, workers: int) -> float:
    """Lives per second of a run, without its first generation."""
    with tempfile.TemporaryDirectory() as folder:
        stamps = [perf_counter() for _ in evolve(experiment, Path(folder) / "run", OnRay(workers))]
    return experiment.search.lives * (len(stamps) - 1) / (stamps[-1] - stamps[0])


def bare_rate(experiment: Experiment, processes: int, cohorts: int) -> float:
    """Lives per second of processes that only evaluate the first cohort again and again."""
    spawn = multiprocessing.get_context("spawn")
    ready, taken = spawn.Barrier(processes), spawn.SimpleQueue()
    children = [spawn.Process(target=_live, args=(experiment, cohorts, ready, taken)) for _ in range(processes)]
    for child in children:
        child.start()
    seconds = [taken.get() for _ in children]
    for child in children:
        child.join()
    return sum(COHORT * cohorts / each for each in seconds)


def _live(experiment: Experiment, cohorts: int, ready: Barrier, taken: Any) -> None:
    state = first_state(experiment)
    cohort = Offspring.of(experiment, 0, state).cohorts[0]
    evaluate_in_worker(experiment, cohort)
    ready.wait()
    began = perf_counter()
    for _ in range(cohorts):
        evaluate_in_worker(experiment, cohort)
    taken.put(perf_counter() - began)


def measure(repeats: int = 3, generations: int = 5, cohorts: int = 16, steps: int = 200) -> Found:
    """Runs both numbers of workers in every repeat, with and without Ray."""
    experiment = replace(digits(cohorts * COHORT - 1, steps), generations=generations + 1)
    pairs, bare, load = [], [], os.getloadavg()[0]
    for _ in range(repeats):
        bare.append([bare_rate(experiment, processes, cohorts) for processes in (1, 2)])
        pairs.append([rate(experiment, workers) for workers in (1, 2)])
    one, two = (median(each) for each in zip(*pairs, strict=True))
    bare_one, bare_two = (median(each) for each in zip(*bare, strict=True))
    return {
        "cohort_seconds": COHORT / bare_one,
        "lives_per_second": {"1": one, "2": two},
        "bare_lives_per_second": {"1": bare_one, "2": bare_two},
        "efficiency": median(pair[1] / (2 * pair[0]) for pair in pairs),
        "efficiencies": [pair[1] / (2 * pair[0]) for pair in pairs],
        "machine": median(pair[1] / (2 * pair[0]) for pair in bare),
        "load_before": load,
    }


def told(found: Found) -> str:
    """One row each for Ray and for bare processes, and the conclusions."""
    ours, bare = found["lives_per_second"], found["bare_lives_per_second"]
    lines = [
        ["evolve on Ray", f"{ours['1']:.0f}", f"{ours['2']:.0f}", f"{found['efficiency']:.3f}"],
        ["bare processes", f"{bare['1']:.0f}", f"{bare['2']:.0f}", f"{found['machine']:.3f}"],
    ]
    range_ = f"{min(found['efficiencies']):.3f} to {max(found['efficiencies']):.3f}"
    reached = "reached" if found["efficiency"] >= TARGET else "NOT reached"
    idle = f" The load was {found['load_before']:.1f} before: the machine was not idle." * (found["load_before"] > 0.5)
    return (
        f"{table(('', 'lives/s of 1', 'lives/s of 2', 'efficiency'), lines)}\n\nA cohort takes "
        f"{found['cohort_seconds']:.2f} s. The aim of {TARGET} is {reached} ({range_} over "
        f"{len(found['efficiencies'])} pairs); the driver shares the cores with its workers.{idle}"
    )
