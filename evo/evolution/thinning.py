"""Thinning of a run: `keep: K` keeps every K-th generation and the last one whole, and a few rows of the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Int64
from numpy import ndarray

from evo.evolution.generation import Generation
from evo.experiment.experiment import Experiment
from evo.storage.run_folder import RunFolder


def thin(folder: RunFolder, experiment: Experiment, newest: int) -> None:
    """Thins older generations once generation `newest` and its state are on disk.

    A file is replaced atomically by a smaller one of the same name. Generations that a crash left whole are thinned
    here as well, so the bytes on disk do not depend on the number of interruptions.

    Raises:
        CorruptFile: a generation is damaged.
        InputError: the disk cannot be written; every generation still exists as the old file or the new one.
    """
    whole: list[Generation] = []
    for index in reversed([i for i in range(newest) if not stays_whole(i, newest, experiment.keep)]):
        generation = Generation.of(index, folder.read_generation(index))
        if generation.kept is not None:
            break  # all older generations were thinned before it
        whole.append(generation)
    for generation in reversed(whole):
        folder.write_generation(generation.index, thinned(generation, experiment).arrays())


def stays_whole(index: int, newest: int, keep: int) -> bool:
    """True if every individual of a generation is kept."""
    return index % keep == 0 or index == newest


def thinned(generation: Generation, experiment: Experiment) -> Generation:
    """Keeps the best, the best in each goal, the first (an elite, or a strategy's centre), and the summary of all."""
    best = generation.ranked(judged_scores(experiment))[0]
    rows: Int64[ndarray, " K"] = np.unique([0, int(best), *generation.goals.argmax(0).tolist()]).astype(np.int64)
    return replace(
        generation,
        levels=generation.genomes(rows, experiment),
        parents=generation.parents[rows],
        goals=generation.goals[rows],
        measurements={name: measured[rows] for name, measured in generation.measurements.items()},
        failures=tuple(generation.failures[row] for row in rows.tolist()),
        source=None,
        kept=(generation.slots[rows], generation.summary),
    )


def judged_scores(experiment: Experiment) -> list[str]:
    """Names of measurements whose sum ranks individuals: the main score in every condition of selection."""
    return [f"{condition}.{experiment.main}" for condition in experiment.judged]
