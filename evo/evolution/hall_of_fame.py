"""The hall of fame of a run, and a data frame of all of its genomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Integer
from numpy import ndarray

from evo.evolution.individual import RunIndividual
from evo.evolution.run import Run
from evo.search.front import FrontSearch
from genomes.errors import InputError, require

if TYPE_CHECKING:
    import pandas


def genome_frame(run: Run) -> pandas.DataFrame:
    """Data frame of all kept individuals, one row each.

    The columns are generation, slot, parents, goals, measurements, failure and levels (G,). A parent is a number in the
    run: `generation, slot = divmod(number, run.experiment.search.lives)`; -1 for no parent.

    Raises:
        InputError: a generation is too large to be held.
    """
    import pandas

    parts = []
    for index in run.generations:
        generation = run.generation(index)
        held = generation.levels is not None
        require(held, str(run.path), "generations that fit into memory: see Generation.genomes", "larger ones")
        columns = {"generation": index, "slot": generation.slots}
        columns |= {f"parent{i}": generation.parents[:, i] for i in range(2)}
        columns |= {f"goal{i}": goal for i, goal in enumerate(generation.goals.T)}
        columns |= {name: m for name, m in generation.measurements.items() if m.ndim == 1}
        levels = generation.genomes(np.arange(len(generation.slots)), run.experiment)
        columns |= {"failure": list(generation.failures), "levels": list(levels)}
        parts.append(pandas.DataFrame(columns))
    return pandas.concat(parts, ignore_index=True)


def hall_of_fame(run: Run, which: int | str, best: RunIndividual | None = None) -> list[RunIndividual]:
    """The best individual of a run, then other individuals with different genomes.

    Args:
        which: `front`: the last parents of a search that keeps a front; a number N: N different genomes, ranked by the
            sum of the main scores of selection, on the selection split.
        best: the best individual; None: `run.best()`, which may evaluate some genomes again.

    Raises:
        InputError: `which` is neither, or the search keeps no front.
    """
    best = best or run.best()
    if which == "front":
        return [best, *(one for one in _front(run) if one.levels.tolist() != best.levels.tolist())]
    if not (str(which).isdecimal() and int(which) >= 1):
        raise InputError(f"--genomes: expected best, front or a number of genomes, got '{which}'")
    count = int(which)
    ranked = sorted((one for index in run.generations for one in run.leaders(index, count)), key=lambda b: -b.sum)
    found = {best.levels.tobytes(): best}
    for one in ranked:
        if len(found) == count:
            break
        found.setdefault(one.levels.tobytes(), one)
    return list(found.values())


def _front(run: Run) -> list[RunIndividual]:
    """The last parents of the search, each with its generation and slot of birth; nan scores if it was not kept."""
    fits = isinstance(run.experiment.search, FrontSearch)
    require(fits, "--genomes", "best or a number: this search keeps no front", "front")
    latest = run.folder.latest()
    assert latest is not None, "a run with a best genome has a state"
    population, front = run.experiment.search.lives, {}
    every = run.experiment.genome.spec.quantise(latest[1]["units"])
    for number, levels in zip(latest[1]["born"].tolist(), every, strict=True):
        generation, slot = divmod(int(number), population)
        front[levels.tobytes()] = _born(run, generation, slot, levels)
    return list(front.values())


def _born(run: Run, generation: int, slot: int, levels: Integer[ndarray, " G"]) -> RunIndividual:
    recorded = run.generation(generation)
    if slot in recorded.slots:
        return run.individual(generation, slot)
    return RunIndividual(generation, slot, levels, dict.fromkeys(run.experiment.judged, np.nan), recorded.bred)
