"""Speed of whole runs: `instinct evolve` with compiled twins over the same run by torch.

Each run is a process of its own, `--serial`, pinned to one core; the engines take turns, and the CPU time of the whole
process counts, with start and report. The first compiled run finds an empty folder and compiles; it is shown beside,
and does not count.

    python benchmarks/end_to_end.py [--quick] [--json] [--output DIRECTORY]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import final

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import one_core

if __name__ == "__main__":
    one_core.take()

from machine import setting
from timing import Ratio

CONFIGS = {"digits": 60, "cartpole-hebbian": 30}
"""Shipped configs, and the generations of a run; the start of a process, the same for both engines, takes seconds."""

ENGINES = ("torch", "auto")


@final
@dataclass(frozen=True)
class Timed:
    """Seconds of the runs of one config.

    Attributes:
        torch, auto: of each run.
        cold: of the first run with engine `auto`, which compiles.
    """

    torch: Sequence[float]
    auto: Sequence[float]
    cold: float

    @property
    def speedup(self) -> Ratio:
        """Of auto over torch."""
        return Ratio.of(self.auto, self.torch)


def seconds(config: str, engine: str, generations: int, folder: Path) -> float:
    """CPU seconds of one run, of all its processes; compiled code is kept in the folder."""
    settings = [f"engine={engine}", f"generations={generations}"]
    environment = {name: value for name, value in os.environ.items() if name != "INSTINCT_ENGINE"}
    environment |= {"INSTINCT_COMPILED": str(folder / "compiled"), "PYTHONPATH": str(HERE.parent)}
    with tempfile.TemporaryDirectory(dir=folder) as runs:
        command = [sys.executable, "-m", "evo", "evolve", config, "--serial", "--run", f"{runs}/run", *settings]
        before = _children()
        subprocess.run(command, env=environment, cwd=runs, capture_output=True, check=True)
        return _children() - before


def _children() -> float:
    """CPU seconds of all processes that this one has started and that have ended."""
    spent = os.times()
    return spent.children_user + spent.children_system


def race(config: str, generations: int, repeats: int) -> Timed:
    """Runs both engines in turns."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        cold = seconds(config, "auto", generations, folder)
        taken: dict[str, list[float]] = {engine: [] for engine in ENGINES}
        for repeat in range(repeats):
            for engine in ENGINES[:: -1 if repeat % 2 else 1]:
                taken[engine].append(seconds(config, engine, generations, folder))
    return Timed(taken["torch"], taken["auto"], cold)


def report(results: dict[str, Timed], repeats: int) -> list[str]:
    """The results as lines of Markdown."""
    lines = ["# Whole runs", "", "`python benchmarks/end_to_end.py`", ""]
    lines += [setting("torch", "numba", "numpy", where=one_core.said()), ""]
    lines += [
        f"`instinct evolve CONFIG --serial`, CPU time of the whole process, medians of {repeats} runs in turns; in "
        "brackets the lowest and the highest ratio of neighbouring runs. The cold run found nothing compiled.",
        "",
        "| config | generations | torch, s | compiled, s | compiled, cold, s | compiled over torch |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for config, timed in results.items():
        torch, auto = median(timed.torch), median(timed.auto)
        numbers = f"{torch:.1f} | {auto:.1f} | {timed.cold:.1f} | {timed.speedup}"
        lines.append(f"| {config} | {CONFIGS[config]} | {numbers} |")
    return [*lines, ""]


def summary(results: dict[str, Timed]) -> dict[str, float]:
    """Ratios of compiled over torch, and seconds of the cold run."""
    figures = {}
    for config, timed in results.items():
        key = config.replace("-", "_")
        figures[f"{key}_speedup"] = round(timed.speedup.median, 4)
        figures[f"{key}_cold_seconds"] = round(timed.cold, 2)
    return figures


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one run each; writes no result unless --output is given")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--output", type=Path, help="folder of end_to_end.md (default: benchmarks/results)")
    given = parser.parse_args(arguments)
    repeats = 1 if given.quick else 3
    results = {config: race(config, generations, repeats) for config, generations in CONFIGS.items()}
    lines = report(results, repeats)
    print("\n".join(lines))
    folder = given.output or (None if given.quick else HERE / "results")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "end_to_end.md").write_text("\n".join(lines))
    if given.json:
        print(json.dumps(summary(results)))


if __name__ == "__main__":
    main()
