"""Claim: the outer loop costs at most a tenth of the machine, and the head process does not grow.

Evolves configs/digits.yaml with a population of 255 on two local Ray workers and reports, over the generations after
the first 20, 1 - (CPU seconds inside lives and development) / (workers x wall seconds), and the growth of the head
process's resident memory. To be run on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from datetime import date
from pathlib import Path
from time import perf_counter, process_time

import psutil

from evo.config import load
from evo.evaluate import Cohort, Outcome
from evo.executors import OnRay, evaluate_in_worker
from evo.experiment import Experiment
from evo.session import evolve

WARM_UP = 20
WORKERS = 2
CLOCK = "INSTINCT_BENCHMARK_CLOCK"


def timed(experiment: Experiment, cohort: Cohort) -> Outcome:
    """The house's evaluator; its CPU seconds are appended to a file of the worker's own."""
    began = process_time()
    outcome = evaluate_in_worker(experiment, cohort)
    with open(Path(os.environ[CLOCK]) / f"{os.getpid()}", "a") as clock:
        clock.write(f"{cohort.generation} {process_time() - began}\n")
    return outcome


def seconds_inside_lives(clocks: Path, first: int) -> float:
    """CPU seconds of all workers in cohorts of generation `first` and later."""
    lines = [line.split() for clock in clocks.iterdir() for line in clock.read_text().splitlines()]
    return sum(float(seconds) for generation, seconds in lines if int(generation) >= first)


def measure(generations: int) -> dict[str, float]:
    experiment = load("digits", ("search.population=255", "cohort=64", f"generations={generations}"))
    head = psutil.Process()
    with tempfile.TemporaryDirectory() as folder:
        clocks = Path(folder) / "clocks"
        clocks.mkdir()
        os.environ[CLOCK] = str(clocks)
        began = memory = 0.0
        for generation in evolve(experiment, Path(folder) / "run", OnRay(WORKERS, evaluator=timed)):
            if generation.index == WARM_UP - 1:
                began, memory = perf_counter(), head.memory_info().rss
        wall, grown = perf_counter() - began, head.memory_info().rss - memory
        busy = seconds_inside_lives(clocks, WARM_UP)
    measured = generations - WARM_UP
    return {
        "overhead_fraction": 1.0 - busy / (WORKERS * wall),
        "head_growth_bytes_per_generation": grown / measured,
        "seconds_per_generation": wall / measured,
        "lives_per_second": experiment.search.lives * measured / wall,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generations", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/generation.md")
    options = parser.parse_args()
    found = measure(options.generations)
    table = "\n".join(
        (
            "| measure | value |",
            "|---|---|",
            f"| overhead of the outer loop | {found['overhead_fraction']:.1%} |",
            f"| growth of the head process | {found['head_growth_bytes_per_generation'] / 1000:.1f} kB a generation |",
            f"| a generation of 255 lives of 100 steps | {found['seconds_per_generation']:.3f} s |",
            f"| lives a second, 2 workers | {found['lives_per_second']:.0f} |",
        )
    )
    print(table)
    if options.write:
        machine = next(
            (
                line.split(":")[1].strip()
                for line in Path("/proc/cpuinfo").read_text().splitlines()
                if "model name" in line
            ),
            "unknown",
        )
        text = (
            f"`python benchmarks/generation.py --write`, {date.today()}, {os.cpu_count()} cores, {machine}\n\n{table}\n"
        )
        (Path(__file__).parent / "results" / "generation.md").write_text(text)
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
