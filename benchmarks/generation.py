"""Claim: the outer loop costs at most a tenth of the machine, and the head process does not grow.

Evolves 255 individuals with lives of 100 steps on the digits, in cohorts of 32, on two local Ray workers, for networks
of three sizes: 64-256-10 (that of the genomic bottleneck), 64-64-10 (that of the benchmark of lifetimes) and 64-32-10
(that of configs/digits.yaml, whose lives last a millisecond). Reports, over the generations after the first 20,
1 - (CPU seconds inside lives and development) / (workers x wall seconds), and by how much the head process's resident
memory grows. The claim is made for the first; the others do not reach a tenth. To be run on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import psutil
from machine import setting

from evo.distribution.ray_executor import OnRay
from evo.evaluation.cohort import Assay, Cohort
from evo.evaluation.fault_isolation import evaluate_in_worker
from evo.evaluation.outcome import Outcome
from evo.evolution.evolve import evolve
from evo.experiment.config import load
from evo.experiment.experiment import Experiment
from genomes.topology import layered

WARM_UP = 20
WORKERS = 2
CLOCK = "INSTINCT_BENCHMARK_CLOCK"


def timed(experiment: Experiment, cohort: Cohort, assay: Assay) -> Outcome:
    """The evaluator of instinct; appends its CPU seconds to a file of the worker."""
    began = process_time()
    outcome = evaluate_in_worker(experiment, cohort, assay)
    with open(Path(os.environ[CLOCK]) / f"{os.getpid()}", "a") as clock:
        clock.write(f"{cohort.generation} {process_time() - began}\n")
    return outcome


def seconds_inside_lives(clocks: Path, first: int) -> float:
    """CPU seconds of all workers in cohorts of generation `first` and later."""
    lines = [line.split() for clock in clocks.iterdir() for line in clock.read_text().splitlines()]
    return sum(float(seconds) for generation, seconds in lines if int(generation) >= first)


def workloads() -> dict[str, Experiment]:
    """The workloads by the sizes of their layers; all other settings are equal."""
    digits = load("digits", ("search.population=255", "cohort=32"))
    return {
        "-".join(map(str, sizes)): replace(digits, topology=layered(*sizes))
        for sizes in ((64, 256, 10), (64, 64, 10), (64, 32, 10))
    }


def measure(experiment: Experiment) -> dict[str, float]:
    """Overhead, growth and speed of one run; growth is between medians of a tenth of the generations at either end."""
    head, resident = psutil.Process(), []
    with tempfile.TemporaryDirectory() as folder:
        clocks = Path(folder) / "clocks"
        clocks.mkdir()
        os.environ[CLOCK] = str(clocks)
        began = 0.0
        for generation in evolve(experiment, Path(folder) / "run", OnRay(WORKERS, evaluator=timed)):
            if generation.index == WARM_UP - 1:
                began = perf_counter()
            elif generation.index >= WARM_UP:
                resident.append(head.memory_info().rss)
        wall = perf_counter() - began
        busy = seconds_inside_lives(clocks, WARM_UP)
    window = max(1, len(resident) // 10)
    grown = median(resident[-window:]) - median(resident[:window])
    return {
        "overhead_fraction": 1.0 - busy / (WORKERS * wall),
        "head_growth_bytes_per_generation": grown / max(1, len(resident) - window),
        "seconds_per_generation": wall / len(resident),
        "lives_per_second": experiment.search.lives * len(resident) / wall,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generations", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/generation.md")
    options = parser.parse_args()
    found = {
        name: measure(replace(experiment, generations=options.generations)) for name, experiment in workloads().items()
    }
    table = "\n".join(
        [
            "| network | overhead of the outer loop | growth of the head, kB a generation | s a generation | lives/s |",
            "|---|--:|--:|--:|--:|",
        ]
        + [
            f"| {name} | {row['overhead_fraction']:.1%} | {row['head_growth_bytes_per_generation'] / 1000:.1f} "
            f"| {row['seconds_per_generation']:.3f} | {row['lives_per_second']:.0f} |"
            for name, row in found.items()
        ]
    )
    print(table)
    if options.write:
        where = setting("instinct", "torch", "ray", where=f"not pinned: {WORKERS} workers and the head share them")
        text = f"`python benchmarks/generation.py --write`: {where}\n\n{table}\n"
        (Path(__file__).parent / "results" / "generation.md").write_text(text)
    if options.json:
        print(json.dumps(found["64-256-10"] | {"networks": found}))


if __name__ == "__main__":
    main()
