"""The best genome of every run on bootstrap samples of the test split: runs of one task share them and err together."""

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
"""By condition and measure; a measure that shares no samples is not in it."""


def resampled(runs: Sequence[Run], names: Sequence[str], seeds: Sequence[int], table: pandas.DataFrame) -> Again:
    """Scores and gain on 1,000 bootstrap samples, the same for all runs: what no number of seeds makes surer.

    Nothing where lives meet something of their own, and of conditions of one seed, which have no interval over seeds.

    Args:
        names, seeds: condition and seed of each run.
        table: a row a run: the scores that the bootstrap is centred on.

    Raises:
        InputError: data of a task that cannot be read any more.
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
