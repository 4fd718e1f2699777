"""Parts of the retina's direction selectivity: equal lags, exchanged lags, shuffled weights.

    python reproductions/retina.py [--seeds 10] [--keep DIR] [--quick] [--json]

Evolves configs/retina.yaml with the seeds of reproductions/headlines.py, examines the best newborn's network unchanged
and with changed parts, and stores the results in results/retina-lesions.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import headlines
import numpy as np

from evo import Run, evolve
from evo.experiment.config import load
from genomes.phenotype import Phenotype
from genomes.streams import derive
from inner_loop.lives.episodes import EpisodicLifetime, live_in
from inner_loop.rules import Frozen

SENSES, WIRING = "bipolar", "bipolar -> tip"


def as_evolved(newborn: Phenotype) -> Phenotype:
    return newborn


def equal_lags(newborn: Phenotype) -> Phenotype:
    """Gives both kinds of cells the mean of the two leaks."""
    leak = newborn.groups[SENSES]["leak"]
    return newborn.with_units({SENSES: {"leak": leak.mean(1, keepdim=True).expand_as(leak)}})


def exchanged_lags(newborn: Phenotype) -> Phenotype:
    """Exchanges the leaks of the two kinds of cells, which stand in pairs."""
    leak = newborn.groups[SENSES]["leak"]
    return newborn.with_units({SENSES: {"leak": leak.unflatten(1, (-1, 2)).flip(2).flatten(1)}})


def exchanged_types(newborn: Phenotype) -> Phenotype:
    """Gives each cell the synapse of the other kind at its place."""
    synapses = newborn.projections[WIRING]
    swapped = synapses.weight.unflatten(2, (-1, 2)).flip(3).flatten(2)
    return replace(newborn, projections={WIRING: replace(synapses, weight=swapped)})


def shuffled_wiring(newborn: Phenotype) -> Phenotype:
    """Assigns the same weights to other cells."""
    synapses = newborn.projections[WIRING]
    order = derive(0, "shuffle").permutation(synapses.weight.shape[2])[0]
    return replace(newborn, projections={WIRING: replace(synapses, weight=synapses.weight[:, :, order])})


LESIONS: dict[str, Callable[[Phenotype], Phenotype]] = {
    "as evolved": as_evolved,
    "equal lags": equal_lags,
    "exchanged lags": exchanged_lags,
    "exchanged wiring": exchanged_types,
    "shuffled wiring": shuffled_wiring,
}


def evolved(seed: int, quick: bool, folder: Path) -> Run:
    """The run with this seed: the existing one, or a new one."""
    experiment = load("retina", [f"seed={seed}", *(["generations=3", "search.population=9"] if quick else [])])
    for _ in evolve(experiment, run=folder):
        pass
    return Run(folder)


def examined(seed: int, run: Run) -> dict[str, Any]:
    """Scores of the best genome of a run with every lesion, and the two leaks that evolved."""
    experiment, newborn = run.experiment, run.phenotype(run.best())
    assert experiment.world is not None
    lifetime = EpisodicLifetime(episodes=0, exams=8, measured=("innate",))
    scores = {}
    for name, lesion in LESIONS.items():
        streams = derive(seed, "lesions")
        lived = live_in(lesion(newborn), Frozen(), None, experiment.world, lifetime, streams, "test")
        scores[name] = {score: float(lived[f"innate.{score}"][0]) for score in experiment.world.score_names}
    return {"seed": seed, "leaks": newborn.groups[SENSES]["leak"][0, :2].tolist(), **scores}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=headlines.SEEDS, help="of the series of the config's commit")
    parser.add_argument("--keep", type=Path, help="where headlines.py left its run folders (--keep)")
    parser.add_argument("--quick", action="store_true", help="three tiny generations; stores nothing")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    given = parser.parse_args()
    commit, runs = headlines.tuned(headlines.named("retina")), []
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep / "retina" if given.keep else Path(temporary)
        for seed in headlines.seeds(commit, given.seeds):
            runs.append(examined(seed, evolved(seed, given.quick, folder / str(seed))))
            print(runs[-1], flush=True)
    if not given.quick:
        headlines.store(headlines.STORED / "retina-lesions.json", "python reproductions/retina.py", commit, runs)
    if given.json:
        print(json.dumps({name: float(np.mean([run[name]["dsi"] for run in runs])) for name in LESIONS}))


if __name__ == "__main__":
    main()
