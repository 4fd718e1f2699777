"""The retina's direction selectivity taken apart: equal lags, exchanged lags, shuffled weights.

    python benchmarks/retina.py [--seeds 3] [--quick] [--json] [--output DIRECTORY]

Evolves configs/retina.yaml, one run a seed, and examines the best newborn's network as it is and with parts changed.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import numpy as np
from machine import processor

from evo import Run, evolve
from evo.config import load
from genomes.chance import chance
from genomes.phenotype import Phenotype
from inner_loop.episodic import EpisodicLifetime, live_in
from inner_loop.rules import Frozen

SENSES, WIRING = "bipolar", "bipolar -> tip"


def as_evolved(newborn: Phenotype) -> Phenotype:
    return newborn


def equal_lags(newborn: Phenotype) -> Phenotype:
    """Both kinds of cells get the mean of the two leaks."""
    leak = newborn.groups[SENSES]["leak"]
    return newborn.with_units({SENSES: {"leak": leak.mean(1, keepdim=True).expand_as(leak)}})


def exchanged_lags(newborn: Phenotype) -> Phenotype:
    """Each kind of cell gets the other's leak: cells stand in pairs."""
    leak = newborn.groups[SENSES]["leak"]
    return newborn.with_units({SENSES: {"leak": leak.unflatten(1, (-1, 2)).flip(2).flatten(1)}})


def exchanged_types(newborn: Phenotype) -> Phenotype:
    """Each cell gets the synapse of the other kind at its place."""
    synapses = newborn.projections[WIRING]
    swapped = synapses.weight.unflatten(2, (-1, 2)).flip(3).flatten(2)
    return replace(newborn, projections={WIRING: replace(synapses, weight=swapped)})


def shuffled_wiring(newborn: Phenotype) -> Phenotype:
    """The same weights onto other cells."""
    synapses = newborn.projections[WIRING]
    order = chance(0, "shuffle").permutation(synapses.weight.shape[2])[0]
    return replace(newborn, projections={WIRING: replace(synapses, weight=synapses.weight[:, :, order])})


LESIONS: dict[str, Callable[[Phenotype], Phenotype]] = {
    "as evolved": as_evolved,
    "equal lags": equal_lags,
    "exchanged lags": exchanged_lags,
    "exchanged wiring": exchanged_types,
    "shuffled wiring": shuffled_wiring,
}


def examined(seed: int, quick: bool) -> tuple[dict[str, dict[str, float]], list[float]]:
    """Scores of the best genome of a run with every lesion, and the two leaks that evolved."""
    overrides = [f"seed={seed}", *(["generations=3", "search.population=9"] if quick else [])]
    with tempfile.TemporaryDirectory() as folder:
        experiment = load("retina", overrides)
        for _ in evolve(experiment, run=Path(folder) / "run"):
            pass
        run = Run(Path(folder) / "run")
        newborn = run.phenotype(run.best())
    assert experiment.world is not None
    lifetime = EpisodicLifetime(episodes=0, exams=8, measured=("innate",))
    scores = {}
    for name, lesion in LESIONS.items():
        luck = chance(seed, "lesions")
        lived = live_in(lesion(newborn), Frozen(), None, experiment.world, lifetime, luck, "test")
        scores[name] = {score: float(lived[f"innate.{score}"][0]) for score in experiment.world.score_names}
    return scores, newborn.groups[SENSES]["leak"][0, :2].tolist()


def table(found: dict[int, tuple[dict[str, dict[str, float]], list[float]]]) -> list[str]:
    """As lines of Markdown."""
    leaks = "; ".join(f"seed {seed}: {one:.2f} and {other:.2f}" for seed, (_, (one, other)) in found.items())
    lines = [
        "# Retina",
        "",
        "`python benchmarks/retina.py`",
        "",
        f"{processor()}, {datetime.date.today().isoformat()}. The best genome of each run of `retina`, examined in "
        "eight episodes of the test split. DSI: (R(0) - R(180)) / (R(0) + R(180)), signed.",
        "",
        "| dsi | " + " | ".join(f"seed {seed}" for seed in found) + " | mean |",
        "|---|" + "--:|" * (len(found) + 1),
    ]
    for name in LESIONS:
        values = [scores[name]["dsi"] for scores, _ in found.values()]
        lines.append(f"| {name} | " + " | ".join(f"{v:+.3f}" for v in [*values, np.mean(values)]) + " |")
    return [*lines, "", f"Leaks of the two kinds of bipolar cells (1: prompt): {leaks}.", ""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3, help="runs, of seeds 1, 2, ...")
    parser.add_argument("--quick", action="store_true", help="three tiny generations; writes no result")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--output", type=Path, help="folder of retina.md (default: benchmarks/results)")
    given = parser.parse_args()
    found = {seed: examined(seed, given.quick) for seed in range(1, given.seeds + 1)}
    lines = table(found)
    print("\n".join(lines))
    folder = given.output or (None if given.quick else HERE / "results")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "retina.md").write_text("\n".join(lines))
    if given.json:
        means = {name: float(np.mean([scores[name]["dsi"] for scores, _ in found.values()])) for name in LESIONS}
        print(json.dumps(means))


if __name__ == "__main__":
    main()
