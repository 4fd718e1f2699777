"""Claim: learning guides evolution as in Hinton & Nowlan 1987; networks without learning never find the solution.

Allele frequencies and fitness by generation of configs/hinton-nowlan.yaml, beside an independent replica: the same
model in a few lines of NumPy, without genomes, networks, worlds or lives. Then the control without a plastic allele.

    python reproductions/hinton_nowlan.py [--quick] [--json] [--output FOLDER]
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "benchmarks"), str(HERE.parent)]

from evo.evaluation.numerics import settle

settle()

import headlines
import numpy as np
import torch
from machine import processor
from numpy import ndarray
from scipy.stats import mannwhitneyu

from evo.evolution.evolve import evolve
from evo.experiment.config import load

TUNED = "6e6216e2c0a6282272da7533fb203bbcd1cb0e7e"
"""The commit that wrote configs/hinton-nowlan.yaml; nothing was tuned, the model is the paper's."""
SHOWN = (0, 5, 10, 15, 20, 30, 50)
COLUMNS = ("wrong", "right", "plastic", "mean fitness", "born right", "trials")


def course(config: str, seed: int, generations: int) -> ndarray:
    """One run, (generations, columns): shares of the alleles, mean fitness, individuals born right, trials lived."""
    experiment = load(config, (f"seed={seed}", f"generations={generations}", "cohort=1000"))
    plastic, trials, rows = experiment.encoding.plastic, experiment.world.trials, []
    with tempfile.TemporaryDirectory() as folder:
        for generation in evolve(experiment, Path(folder) / "run"):
            levels, fitness = generation.levels, generation.goals[:, 0]
            shares = [(levels == 0).mean(), (levels == 1).mean(), (levels >= 2).mean() if plastic else 0.0]
            lived = np.where(fitness > 1, trials - (fitness - 1) * trials / 19 + 1, trials)
            rows.append([*shares, fitness.mean(), (levels == 1).all(1).sum(), lived.sum()])
    return np.array(rows)


def replica(seed: int, generations: int, lives: int = 1000, loci: int = 20, trials: int = 1000) -> ndarray:
    """The same columns, computed directly from the paper: the trial of the first success is a geometric number."""
    random, rows = np.random.default_rng(seed), []
    alleles = random.choice([0, 1, 2, 2], (lives, loci))
    for _ in range(generations):
        first = random.geometric(0.5 ** (alleles == 2).sum(1))
        found = (alleles > 0).all(1) & (first <= trials)
        fitness = np.where(found, 1 + 19 * (trials - first + 1) / trials, 1.0)
        shares = [(alleles == allele).mean() for allele in range(3)]
        lived = np.where(found, first, trials).sum()
        rows.append([*shares, fitness.mean(), (alleles == 1).all(1).sum(), lived])
        one, two = random.choice(lives, (2, lives), p=fitness / fitness.sum())
        cut = random.integers(1, loci, (lives, 1))
        alleles = np.where(np.arange(loci) < cut, alleles[one], alleles[two])
    return np.array(rows)


def spread(runs: ndarray) -> str:
    """Mean and 95 % interval of the mean over runs."""
    return f"{runs.mean():.3f} ± {1.96 * runs.std(ddof=1) / len(runs) ** 0.5:.3f}"


def table(ours: ndarray, theirs: ndarray) -> list[str]:
    """Two rows for each generation, the replica's below ours."""
    lines = ["| generation | | " + " | ".join(COLUMNS[:5]) + " |", "|--:|---|" + "--:|" * 5]
    for index in [index for index in SHOWN if index < ours.shape[1]]:
        for name, runs in (("instinct", ours), ("replica", theirs)):
            cells = " | ".join(spread(runs[:, index, column]) for column in range(5))
            lines.append(f"| {index} | {name} | {cells} |")
    return lines


def take_off(runs: ndarray) -> ndarray:
    """The first generation with a mean fitness above 10, (runs,); the number of generations if there is none."""
    above = runs[:, :, 3] > 10
    return np.where(above.any(1), above.argmax(1), runs.shape[1])


def compared(ours: ndarray, theirs: ndarray) -> dict[str, float]:
    """Medians, and the p of Mann & Whitney: runs that succeed late make the distributions far from normal."""
    test = mannwhitneyu(ours, theirs)
    return {"instinct": float(np.median(ours)), "replica": float(np.median(theirs)), "p": float(test.pvalue)}


def summary(ours: ndarray, theirs: ndarray, control: ndarray) -> dict[str, Any]:
    """The numbers of the claim."""
    generations = ours.shape[1]
    last = {name: float(ours[:, -1, i].mean()) for i, name in enumerate(COLUMNS)}
    return {
        "runs": len(ours),
        "taken_off": int((take_off(ours) < generations).sum()),
        "take_off_generation": compared(take_off(ours), take_off(theirs)),
        "plastic_at_the_end": compared(ours[:, -1, 2], theirs[:, -1, 2]),
        "last": last,
        "lives_a_run": 1000 * generations,
        "trials_a_run": float(ours[:, :, 5].sum(1).mean()),
        "control_runs": len(control),
        "control_generations": control.shape[1],
        "control_found": int((control[:, :, 4] > 0).any(1).sum()),
    }


def stored(seeds: list[int], ours: ndarray) -> list[dict[str, Any]]:
    """The stored results of each seed: the first successful generation, and the columns of the shown generations."""
    return [
        {"seed": seed, "take_off": int(off)}
        | {str(g): dict(zip(COLUMNS, run[g].tolist(), strict=True)) for g in SHOWN if g < len(run)}
        for seed, off, run in zip(seeds, take_off(ours), ours, strict=True)
    ]


def report(ours: ndarray, theirs: ndarray, control: ndarray, where: str) -> str:
    """The page in reproductions/results."""
    found = summary(ours, theirs, control)
    begins, ends = found["take_off_generation"], found["plastic_at_the_end"]
    lines = [
        "# Hinton & Nowlan 1987",
        "`python reproductions/hinton_nowlan.py`",
        where,
        f"20 loci, 1000 individuals, 1000 trials. Means over {len(ours)} runs of configs/hinton-nowlan.yaml and over "
        f"{len(theirs)} of the replica, ± 95 % interval of the mean. Born right: individuals of 1000.",
        "\n".join(table(ours, theirs)),
        f"{found['taken_off']} of {len(ours)} runs take off (mean fitness above 10), at generation "
        f"{begins['instinct']:g} (median; replica {begins['replica']:g}; Mann-Whitney p = {begins['p']:.2f}). Plastic "
        f"at the end: {ends['instinct']:.3f} (replica {ends['replica']:.3f}; p = {ends['p']:.2f}). A run has "
        f"{found['lives_a_run']:,} lives and {found['trials_a_run']:,.0f} trials.",
        f"Without a plastic allele (configs/hinton-nowlan-no-learning.yaml), {control.shape[1]} generations: found in "
        f"{found['control_found']} of {len(control)} runs.",
    ]
    return "\n\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="far too few runs; writes nothing without --output")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--output", type=Path, help="folder of the .md (default: reproductions/results)")
    given = parser.parse_args(arguments)
    runs, generations, longer = (2, 6, 3) if given.quick else (20, 51, 200)
    began = time.process_time()
    seeds = headlines.seeds(TUNED, runs)
    ours = np.array([course("hinton-nowlan", seed, generations) for seed in seeds])
    theirs = np.array([replica(seed, generations) for seed in range(10 * runs)])
    control = np.array([course("hinton-nowlan-no-learning", seed, longer) for seed in seeds[: runs // 2]])
    where = f"{processor()}, {os.cpu_count()} cores, one used: {time.process_time() - began:.0f} s of CPU time. "
    where += f"{datetime.date.today().isoformat()}. torch {torch.__version__}, numpy {np.__version__}."
    text = report(ours, theirs, control, where)
    print(text)
    folder = given.output or (None if given.quick else HERE / "results")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "hinton_nowlan.md").write_text(text)
        headlines.store(
            folder / "hinton_nowlan.json", "python reproductions/hinton_nowlan.py", TUNED, stored(seeds, ours)
        )
    if given.json:
        print(json.dumps(summary(ours, theirs, control)))


if __name__ == "__main__":
    main()
