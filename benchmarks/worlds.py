"""Speed of lives over time and in worlds: ours, compiled and in torch, against the usual loops, JAX and Gymnasium.

All rivals do the same work in one process, pinned to one core, in turns; process CPU time is measured, and their
results must agree.

    python benchmarks/worlds.py [--quick] [--json] [--output DIRECTORY]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import one_core

if __name__ == "__main__":
    one_core.take()

import digests
from machine import setting
from rivals import (
    cart_poles,
    hebbian_naive,
    hebbian_ours,
    hebbian_workload,
    recurrent_naive,
    recurrent_ours,
    recurrent_workload,
)
from rivals.cart_poles import Course
from rivals.workload import Life
from timing import TOLERANCE, Ratio, Seconds, against_jax, apart, distance, in_turns

OURS, NAIVE, JAX, GYMNASIUM = "ours", "naive", "JAX", "Gymnasium"  # the first words of the names of rivals
TORCH, INSIDE = "torch, ours step by step", "in a life, ours compiled"
ASTRAY = 0.05  # of the Hebbian lives

RECURRENT = recurrent_workload.Workload()
HEBBIAN = hebbian_workload.Workload()
SEQUENCED = (8, 32, 128)  # sizes of cohorts of the lives that go back through time
COHORTS = (8, 32, 128, 512)  # of the Hebbian lives
CARTS, STEPS = 256, 200

ABOUT_RECURRENT = (
    "8 inputs, 32 tanh units with lateral synapses, 4 linear outputs, biases; sequences of {steps} steps, {samples} "
    "side by side, recorded and common to all; the mean squared error of all steps; {updates} updates a life by SGD "
    "with momentum; cohort {cohort} unless it says another (naive: one at a time). Ours is `behave` with `BPTT` in a "
    "world that plays the sequences: it is shown a step at a time, where nn.RNN and JAX have them whole, and each "
    "sequence takes the weights into compiled code and back."
)
ABOUT_HEBBIAN = (
    "4-16-2, tanh; four coefficients a projection, an update a step; {episodes} episodes of {steps} steps a life, one "
    "after the other, common to all. Every rival lives all steps: after a fall the pole stands still, and the network "
    "goes on to act on what it last saw and to learn from it. The pole moves in float64. Where two actions are of "
    "nearly the same worth rounding decides, and a life goes astray: at most {astray:.0%} may."
)


@final
@dataclass(frozen=True)
class Entrant:
    """A rival.

    Attributes:
        run: does its work once.
        count: the number of lives in it, or of steps of a cart.
    """

    run: Life
    count: int


@final
@dataclass(frozen=True)
class Timed:
    """A rival that has run.

    Attributes:
        seconds: of CPU time a life, or a step of a cart, in each repeat.
        distance: relative distance of its lives' results from ours, the largest; None if it is not compared.
        astray: the number of lives that differ by rounding.
        count: the number of all its lives.
    """

    seconds: Seconds
    distance: float | None
    astray: int
    count: int

    @property
    def rate(self) -> float:
        """Lives, or steps of a cart, a second."""
        return 1 / statistics.median(self.seconds)


Results = Mapping[str, Timed]


def race(entrants: Mapping[str, Entrant], repeats: int, astray: float | None = 0.0) -> Results:
    """Runs all in turns, compares them with the last of ours; `astray` as in `timing.distance`, None: no comparison."""
    finals = {name: entrant.run() for name, entrant in entrants.items()}  # warms up and is not timed
    seconds = in_turns({name: entrant.run for name, entrant in entrants.items()}, repeats)
    reference = finals[[name for name in entrants if name.startswith(OURS)][-1]]
    results = {}
    for name, entrant in entrants.items():
        far = None if astray is None else distance(finals[name], reference, astray)
        strays = 0 if astray is None else int((apart(finals[name], reference) > TOLERANCE).sum())
        results[name] = Timed([taken / entrant.count for taken in seconds[name]], far, strays, entrant.count)
    return results


def has_jax() -> bool:
    """True if JAX is installed."""
    return importlib.util.find_spec("jax") is not None


def recurrent(few: int) -> dict[str, Entrant]:
    """W3; `few` lives of the naive loops."""
    newborns = recurrent_workload.born(RECURRENT)
    sizes = {size: recurrent_workload.born(replace(RECURRENT, cohort=size)) for size in SEQUENCED}
    found = {
        f"{NAIVE}: nn.RNN, torch.optim.SGD": Entrant(recurrent_naive.prepare(newborns, few), few),
        "the same, SGD(fused=True)": Entrant(recurrent_naive.prepare(newborns, few, fused=True), few),
        TORCH: Entrant(recurrent_ours.prepare_torch(newborns), RECURRENT.cohort),
    }
    found |= {f"{OURS}, cohort {size}": Entrant(recurrent_ours.prepare(each), size) for size, each in sizes.items()}
    if has_jax():
        from rivals import recurrent_jax

        for name, by_hand in (("vmap(grad)", False), ("by hand", True)):
            for size, each in sizes.items():
                life = recurrent_jax.prepare(each, by_hand)
                found[f"{JAX} scan + jit, {name}, cohort {size}"] = Entrant(life, size)
    return found


def hebbian(few: int) -> dict[str, Entrant]:
    """W4; `few` lives of the naive loop."""
    found = {}
    for cohort in COHORTS:
        newborns = hebbian_workload.born(hebbian_workload.Workload(HEBBIAN.episodes, HEBBIAN.steps, cohort))
        if not found:
            found[f"{NAIVE}: torch, Gymnasium"] = Entrant(hebbian_naive.prepare(newborns, few), few)
        found[f"{TORCH}, cohort {cohort}"] = Entrant(hebbian_ours.prepare_torch(newborns), cohort)
        found[f"{OURS}, cohort {cohort}"] = Entrant(hebbian_ours.prepare(newborns), cohort)
        if has_jax():
            from rivals import hebbian_jax

            for name, by_hand in (("vmap", False), ("by hand", True)):
                life = hebbian_jax.prepare(newborns, by_hand)
                found[f"{JAX} scan + jit, {name}, cohort {cohort}"] = Entrant(life, cohort)
    return found


def carts(course: Course) -> dict[str, Entrant]:
    """CartPole alone."""
    found = {OURS: cart_poles.ours(course), INSIDE: cart_poles.compiled(course)}
    for mode in cart_poles.MODES:
        found[f"{GYMNASIUM}, {mode}"] = cart_poles.theirs(course, mode)
    return {name: Entrant(run, course.count) for name, run in found.items()}


def best(results: Results, kind: str, cohort: str = "") -> Timed | None:
    """The quickest rival of a kind, in cohorts of a size or of any; None where there is none."""
    found = [timed for name, timed in results.items() if name.startswith(kind) and name.endswith(cohort)]
    return max(found, key=lambda timed: timed.rate, default=None)


def over(results: Results, kind: str, mine: str = OURS) -> Ratio | None:
    """The best of ours over the best of a kind."""
    theirs, ours = best(results, kind), best(results, mine)
    return None if theirs is None or ours is None else Ratio.of(ours.seconds, theirs.seconds)


def compared(results: Results, cohort: str = "") -> tuple[Seconds, Seconds, Seconds | None]:
    """The naive loop, the best of ours and the best of JAX."""
    naive, ours, jax = best(results, NAIVE), best(results, OURS, cohort), best(results, JAX, cohort)
    assert naive, "it is always there"
    assert ours, "in every size"
    return naive.seconds, ours.seconds, jax.seconds if jax else None


def table(results: Results, kind: str, unit: str, lives: bool = True) -> list[str]:
    """Lines of Markdown, the best of ours in bold; over the best of a kind."""
    ours, theirs = best(results, OURS), best(results, kind)
    assert theirs is not None, "there is one of every kind but JAX"
    lines = [f"| | {unit}/s | over {kind} | distance from ours |{' astray |' if lives else ''}"]
    lines.append("|---|--:|--:|--:|" + ("--:|" if lives else ""))
    for name, timed in results.items():
        bold = "**" if timed is ours else ""
        far = "-" if timed.distance is None else f"{timed.distance:.0e}"
        rate, ratio = f"{timed.rate:,.{1 if lives else 0}f}", f"{bold}{timed.rate / theirs.rate:.2f}x{bold}"
        astray = f" {timed.astray} of {timed.count} |" if lives else ""
        lines.append(f"| {bold}{name}{bold} | {rate} | {ratio} | {far} |{astray}")
    return [*lines, ""]


def report(results: Mapping[str, Results], repeats: int, found: dict[str, str | None]) -> list[str]:
    """The results as lines of Markdown."""
    lines = ["# Lives over time and in worlds", "", "`python benchmarks/worlds.py`", ""]
    lines += [setting("torch", "numba", "numpy", "gymnasium", "jax", "jaxlib", where=one_core.said()), ""]
    sizes = {f"W4, cohort {cohort}": compared(results["W4"], f", cohort {cohort}") for cohort in COHORTS}
    lines += [
        f"Process CPU time, medians of {repeats} repeats in turns. A life begins with building its networks and ends "
        "with its last step; compiling is not counted. Distance: of the final weights (and of the rewards of a life), "
        f"relative, the largest of a life's layers and of all lives; tolerance {TOLERANCE:g}.",
        "",
        digests.said(found),
        "",
        *against_jax({"W3": compared(results["W3"]), **sizes, "W4, the best cohort of each": compared(results["W4"])}),
        "## W3: backpropagation through time",
        "",
        ABOUT_RECURRENT.format(**vars(RECURRENT)),
        "",
        *table(results["W3"], NAIVE, "lives"),
        "## W4: Hebbian plasticity on CartPole",
        "",
        ABOUT_HEBBIAN.format(**vars(HEBBIAN), astray=ASTRAY),
        "",
        *table(results["W4"], NAIVE, "lives"),
    ]
    for title, key, says in (
        ("CartPole alone", "carts", "The pole is pushed to where it leans, and none falls"),
        (
            "CartPole alone, random actions",
            "random",
            "In Gymnasium a fallen pole begins anew, in ours it stands still",
        ),
    ):
        says += f"; {CARTS} carts, {STEPS} steps, the same starts and actions for all. A step is that of a cart."
        lines += [f"## {title}", "", says, "", *table(results[key], GYMNASIUM, "steps", lives=False)]
    return lines


def summary(results: Mapping[str, Results]) -> dict[str, float | None]:
    """Ratios of ours to the best of each kind; for CartPole to the quicker of Gymnasium's two, if no pole falls."""
    figures: dict[str, float | None] = {}
    for name, ratio in (
        ("W3_over_naive", over(results["W3"], NAIVE)),
        ("W3_over_jax", over(results["W3"], JAX)),
        ("W4_over_naive", over(results["W4"], NAIVE)),
        ("W4_over_jax", over(results["W4"], JAX)),
        ("W3_over_torch", over(results["W3"], TORCH)),
        ("W4_over_torch", over(results["W4"], TORCH)),
        ("cartpole_step_over_gymnasium", over(results["carts"], GYMNASIUM)),
        ("cartpole_life_over_gymnasium", over(results["carts"], GYMNASIUM, INSIDE)),
        ("cartpole_steps_over_gymnasium", over(results["carts"], GYMNASIUM)),
        ("cartpole_random_steps_over_gymnasium", over(results["random"], GYMNASIUM)),
    ):
        figures[name] = None if ratio is None else round(ratio.median, 4)
    rates = {f"{key}_lives_per_second": best(results[key], OURS) for key in ("W3", "W4")}
    return figures | {name: None if timed is None else round(timed.rate, 1) for name, timed in rates.items()}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer repeats; writes no result unless --output is given")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--output", type=Path, help="folder of worlds.md (default: benchmarks/results)")
    given = parser.parse_args(arguments)
    repeats, few = (3, 1) if given.quick else (11, 2)
    results = {
        "W3": race(recurrent(few), repeats),
        "W4": race(hebbian(few), repeats, ASTRAY),
        "carts": race(carts(cart_poles.balanced(CARTS, STEPS)), repeats),
        "random": race(carts(cart_poles.at_random(CARTS, STEPS)), repeats, astray=None),
    }
    found = digests.by_processor(("W3", "W4"))
    lines = report(results, repeats, found)
    print("\n".join(lines))
    folder = given.output or (None if given.quick else HERE / "results")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "worlds.md").write_text("\n".join(lines))
    if given.json:
        print(json.dumps(summary(results) | found))


if __name__ == "__main__":
    main()
