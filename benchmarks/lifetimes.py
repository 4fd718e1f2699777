"""Speed of lives: ours, compiled and in torch, against nn.Module + torch.optim, torch.func and JAX.

All rivals compute the same lives in one process, pinned to one core, in turns; process CPU time is measured. Samples
are drawn beforehand and there is no examination, for all rivals. The final weights must agree. Ours and JAX live in
cohorts of several sizes, and the quickest of each counts.

    python benchmarks/lifetimes.py [--quick] [--json] [--output DIRECTORY]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import one_core

if __name__ == "__main__":
    one_core.take()

import digests
import torch
from machine import setting
from rivals import functional, naive, ours
from rivals.workload import Life, Workload, born
from timing import TOLERANCE, Ratio, Seconds, against_jax, apart, distance, in_turns

GEMM = "torch.mm 1024^3"
OURS, TORCH = "ours", "torch, ours step by step"
NAIVE, FUSED = "naive: nn.Module, torch.optim.SGD", "naive, SGD(fused=True)"
JAX = {"JAX scan + jit, vmap(grad)": False, "JAX scan + jit, einsum by hand": True}
COHORTS = (8, 32, 128)  # of ours and of JAX
ASTRAY = 0.125  # one life of eight

# relu: its cost is in the matrix products, which all share; torch has a slower library for tanh than XLA
WORKLOADS = {
    "W1": Workload((64, 64, 10), steps=200, cohort=32, masked=True),
    "W1, samples of one's own": Workload((64, 64, 10), steps=200, cohort=32, masked=True, own_samples=True),
    "W1, tanh": Workload((64, 64, 10), steps=200, cohort=32, masked=True, activation="tanh"),
    "W2": Workload((784, 128, 10), steps=25, cohort=8, masked=False),
}


@final
@dataclass(frozen=True)
class Timed:
    """One rival in one workload.

    Attributes:
        seconds: of CPU time a life, in each repeat.
        step: milliseconds a step of one life.
        gemm: floating-point operations a second, as a share of torch.mm's.
        distance: of the final weights from ours, relative, the largest of the layers.
        astray: the number of lives that differ because rounding decides on which side of 0 a ReLU's input is.
    """

    seconds: Seconds
    step: float
    gemm: float
    distance: float
    astray: int

    @property
    def rate(self) -> float:
        """Lives a second."""
        return 1 / statistics.median(self.seconds)


def rivals(workload: Workload, quick: bool) -> dict[str, tuple[Life, int]]:
    """By name: a function that computes lives once, and the number of these lives."""
    newborns, few = born(workload), 1 if quick else 2
    found = {
        NAIVE: (naive.prepare(newborns, few), few),
        FUSED: (naive.prepare(newborns, few, fused=True), few),
        "torch.func vmap(grad)": (functional.prepare(newborns), workload.cohort),
        TORCH: (ours.prepare_torch(newborns), workload.cohort),
    }
    sizes = {size: born(replace(workload, cohort=size)) for size in COHORTS}
    found |= {f"{OURS}, cohort {size}": (ours.prepare(each), size) for size, each in sizes.items()}
    if importlib.util.find_spec("jax") is not None:
        from rivals import jax_scan

        for name, by_hand in JAX.items():
            found |= {f"{name}, cohort {size}": (jax_scan.prepare(n, by_hand), size) for size, n in sizes.items()}
    return found


def race(workload: Workload, repeats: int, quick: bool) -> tuple[dict[str, Timed], float]:
    """Runs all rivals in turns, and measures the floating-point operations a second of a large product among them."""
    entrants = rivals(workload, quick)
    finals = {name: life() for name, (life, _) in entrants.items()}  # the first round warms up and is not timed
    square = torch.rand(1024, 1024)
    works = {name: life for name, (life, _) in entrants.items()}
    seconds = in_turns({GEMM: lambda: torch.mm(square, square), **works}, repeats)
    reference = finals[f"{OURS}, cohort {COHORTS[-1]}"]
    peak = 2 * 1024**3 / statistics.median(seconds[GEMM])
    timed = {}
    for name, (_, lives) in entrants.items():
        each = [taken / lives for taken in seconds[name]]
        middle = statistics.median(each)
        share = workload.flops / middle / peak
        far = distance(finals[name], reference, ASTRAY)
        strays = int((apart(finals[name], reference) > TOLERANCE).sum())
        timed[name] = Timed(each, middle / workload.steps * 1e3, share, far, strays)
    return timed, peak


def quickest(timed: dict[str, Timed], kind: str) -> Timed | None:
    """The quickest of the rivals whose names begin so; None if there is none, such as without JAX."""
    found = [each for name, each in timed.items() if name.startswith(kind)]
    return max(found, key=lambda each: each.rate, default=None)


def best(timed: dict[str, Timed]) -> Timed:
    """Ours, in the best size of its cohorts."""
    found = quickest(timed, OURS)
    assert found is not None, "it always runs"
    return found


def quickest_jax(timed: dict[str, Timed]) -> Seconds | None:
    """The quickest program in JAX; None if JAX is not installed."""
    found = quickest(timed, "JAX")
    return None if found is None else found.seconds


def summary(results: dict[str, dict[str, Timed]]) -> dict[str, float | None]:
    """Ratios to the naive loops and to the quicker JAX of each workload; shares of GEMM; milliseconds a step."""
    figures: dict[str, float | None] = {}
    for workload, timed in results.items():
        key = workload.replace(", ", "_").replace(" ", "_").replace("'", "")
        ours, jax = best(timed).seconds, quickest_jax(timed)
        figures[f"{key}_over_naive"] = Ratio.of(ours, timed[NAIVE].seconds).median
        figures[f"{key}_over_naive_fused"] = Ratio.of(ours, timed[FUSED].seconds).median
        figures[f"{key}_over_torch"] = Ratio.of(ours, timed[TORCH].seconds).median
        over_jax = Ratio.of(ours, jax) if jax else None
        for part in ("median", "lowest", "highest"):
            name = f"{key}_over_jax" + (f"_{part}" if part != "median" else "")
            figures[name] = getattr(over_jax, part) if over_jax else None
        figures[f"{key}_gemm_fraction"] = best(timed).gemm
        figures[f"{key}_lives_per_second"] = best(timed).rate
        figures[f"{key}_naive_ms_per_step"] = timed[NAIVE].step
        figures[f"{key}_naive_gemm_fraction"] = timed[NAIVE].gemm
    return {name: None if value is None else round(value, 4) for name, value in figures.items()}


def table(workload: str, timed: dict[str, Timed]) -> list[str]:
    """A workload as lines of Markdown."""
    how = WORKLOADS[workload]
    sizes = "-".join(str(n) for n in how.sizes)
    synapses = "half the synapses masked at random" if how.masked else "all synapses"
    samples = "samples of its own for each individual" if how.own_samples else "samples common to all"
    lines = [
        f"## {workload}",
        "",
        f"{sizes}, {how.activation}, {synapses}, biases, {how.steps} steps of SGD with momentum, batch 32, {samples}; "
        f"cohort {how.cohort} unless it says another (the naive loop: one at a time).",
        "",
        "| | lives/s | over naive | ms a step of a life | of GEMM | distance of final weights | astray |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, t in timed.items():
        bold = "**" if t is best(timed) else ""
        lines.append(
            f"| {bold}{name}{bold} | {t.rate:.1f} | {bold}{t.rate / timed[NAIVE].rate:.1f}x{bold} | {t.step:.4f} | "
            f"{t.gemm:.0%} | {t.distance:.0e} | {t.astray} |"
        )
    return [*lines, ""]


def machine(peaks: list[float], repeats: int, found: dict[str, str | None]) -> list[str]:
    """The machine and the time, as lines of Markdown."""
    return [
        setting("torch", "numba", "numpy", "jax", "jaxlib", where=one_core.said()),
        "",
        f"Process CPU time, medians of {repeats} repeats in turns; {GEMM} runs at {statistics.median(peaks) / 1e9:.0f} "
        "GFLOP/s and is the 100 % of the column `of GEMM`. `over naive` is over torch.optim.SGD as it comes. A life "
        "begins with building its networks and ends with its last step; samples are drawn beforehand and compiling "
        "is not counted, for all alike. Ours takes weights and samples into compiled code and the weights back within "
        "the time. Where a ReLU's input is 0 but for rounding, a life goes astray.",
        "",
        digests.said(found),
        "",
    ]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer repeats; writes no result unless --output is given")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--output", type=Path, help="folder of lifetimes.md (default: benchmarks/results)")
    given = parser.parse_args(arguments)
    repeats = 5 if given.quick else 15
    results, peaks = {}, []
    for name, workload in WORKLOADS.items():
        results[name], peak = race(workload, repeats, given.quick)
        peaks.append(peak)
    found = digests.by_processor(("W1", "W2"))
    lines = ["# Lifetimes", "", "`python benchmarks/lifetimes.py`", "", *machine(peaks, repeats, found)]
    rows = {name: (t[NAIVE].seconds, best(t).seconds, quickest_jax(t)) for name, t in results.items()}
    lines += against_jax(rows)
    for name, timed in results.items():
        lines += table(name, timed)
    print("\n".join(lines))
    folder = given.output or (None if given.quick else HERE / "results")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "lifetimes.md").write_text("\n".join(lines))
    if given.json:
        print(json.dumps(summary(results) | found))


if __name__ == "__main__":
    main()
