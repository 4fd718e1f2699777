"""Scores of the best genomes on bootstrap samples of the test split: runs of one task share their sampling error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from jaxtyping import Float64
from numpy import ndarray

from evo.analysis.comparison.seed_tests import Resampled
from evo.analysis.statistics import RESAMPLES
from evo.evolution.run import Run

if TYPE_CHECKING:
    import pandas

Again = Mapping[tuple[str, str], Resampled]
"""Resampled scores by condition and measure; measures without common samples are missing."""


def resampled(runs: Sequence[Run], names: Sequence[str], seeds: Sequence[int], table: pandas.DataFrame) -> Again:
    """Computes scores and gain on 1,000 bootstrap samples, the same for all runs.

    The sampling error does not become smaller with more seeds. Runs whose lives are examined on different samples or
    episodes are left out, and so are conditions of one seed, which have no interval over seeds.

    Args:
        runs: the runs.
        names, seeds: condition and seed of each run.
        table: one row a run, with the scores on which the bootstrap is centred.

    Raises:
        InputError: the data of a task cannot be read any more.
    """
    found: dict[tuple[str, str], dict[int, Float64[ndarray, " R"]]] = {}
    several = Counter(names)
    for place, (run, name, seed) in enumerate(zip(runs, names, seeds, strict=True)):
        if several[name] > 1 and run.experiment.same_exam:
            for measure, again in _scores(run).items():
                centred = again - again.mean() + float(table[measure].iloc[place])
                found.setdefault((name, measure), {})[seed] = centred
    return found


def _scores(run: Run) -> dict[str, Float64[ndarray, " R"]]:
    measured = run.examine(run.best(), "test", RESAMPLES).measurements
    innate, learned = (
        measured[f"{condition}.{run.experiment.main}.resampled"][0] for condition in ("innate", "learned")
    )
    return {"innate": innate, "learned": learned, "gain": learned - innate}
