"""Main scores of rows of genomes, with their bootstrap resamples, and their estimates over rows and runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar, final

import numpy as np
from jaxtyping import Float64, Int64, Integer
from numpy import ndarray

from evo.analysis.statistics import Estimate, estimate, mean_over_runs
from evo.evaluation.cohort import Assay
from evo.experiment.experiment import Experiment
from genomes.intervention import Intervention
from inner_loop.environment import Split
from inner_loop.life import CONDITIONS, Measurements

Name = TypeVar("Name", bound=str)


@final
@dataclass(frozen=True, eq=False)
class Scores:
    """The main score of several births or draws in one condition.

    Attributes:
        values: the score of each row; nan where the row failed.
        resampled: the scores on R bootstrap samples of the examination; None where every row meets other episodes.
        bounds: lowest and highest possible score.
    """

    values: Float64[ndarray, " rows"]
    resampled: Float64[ndarray, "rows R"] | None = None
    bounds: tuple[float, float] = (-np.inf, np.inf)

    @property
    def estimate(self) -> Estimate:
        """Mean over rows and its 95 % interval."""
        return estimate(self.values, self.resampled).within(self.bounds)

    @property
    def mean(self) -> float:
        """Mean over the rows that have a score; nan where none has."""
        lived = self.values[np.isfinite(self.values)]
        return float(lived.mean()) if len(lived) else float("nan")

    @property
    def again(self) -> Float64[ndarray, " R"] | None:
        """Mean over rows on each bootstrap sample."""
        return None if self.resampled is None else self.resampled[np.isfinite(self.values)].mean(0)

    def less(self, other: Scores) -> Scores:
        """Subtracts another set of scores row by row; both must share lives and resamples."""
        if self.resampled is None or other.resampled is None:
            return Scores(self.values - other.values)
        common = min(self.resampled.shape[1], other.resampled.shape[1])  # the first resamples are identical
        return Scores(self.values - other.values, self.resampled[:, :common] - other.resampled[:, :common])


def main_scores(measured: Measurements, experiment: Experiment, conditions: Sequence[Name]) -> dict[Name, Scores]:
    """The main score of rows in each of the conditions that was measured."""
    names = {condition: f"{condition}.{experiment.main}" for condition in conditions}
    return {
        condition: Scores(measured[name], measured.get(f"{name}.resampled"), experiment.bounds)
        for condition, name in names.items()
        if name in measured
    }


def assay_of(
    experiment: Experiment,
    split: Split,
    conditions: Sequence[str],
    resamples: int = 0,
    done: tuple[Intervention, ...] = (),
) -> Assay:
    """The assay that measures main scores in some conditions; a life is lived if one of them needs it.

    Args:
        resamples: number of bootstrap samples of the examination, if all lives have the same one.
        done: interventions on the newborns.
    """
    learns = any(condition.startswith("learned") for condition in conditions)
    ordered = tuple(condition for condition in CONDITIONS if condition in conditions)
    return Assay(split, learns, ordered, done, resamples if experiment.same_exam else 0)


def over_runs(scores: Sequence[Scores]) -> Estimate:
    """Returns the estimate of a single run, or the mean over several runs and their common examination samples."""
    if len(scores) == 1:
        return scores[0].estimate
    return mean_over_runs([score.mean for score in scores], _stacked(scores)).within(scores[0].bounds)


def above_over_runs(scores: Sequence[Scores], others: Sequence[Scores]) -> Estimate:
    """Estimates the mean of `scores` minus `others` over runs and over the examination samples that runs share."""
    one, two = _stacked(scores), _stacked(others)
    differences = [score.mean - other.mean for score, other in zip(scores, others, strict=True)]
    if one is None or two is None:
        return mean_over_runs(differences)
    common = min(one.shape[1], two.shape[1])  # the first resamples are identical
    return mean_over_runs(differences, one[:, :common] - two[:, :common])


def _stacked(scores: Sequence[Scores]) -> Float64[ndarray, "runs R"] | None:
    """Stacks the means of runs on the bootstrap samples of their common examination; None if they share none."""
    again = [score.again for score in scores]
    known = [row for row in again if row is not None]
    common = min(map(len, known), default=0)
    return np.stack([row[:common] for row in known]) if len(known) == len(again) else None


@final
@dataclass(frozen=True, eq=False)
class Rows:
    """Births to be examined, one a row.

    Attributes:
        levels: the genomes.
        lives: life number of each row, which determines its random numbers.
        done: interventions on the newborns.
        births: number of consecutive rows that belong to one genome and are averaged.
    """

    levels: Integer[ndarray, "N G"]
    lives: Int64[ndarray, " N"]
    done: tuple[Intervention, ...] = ()
    births: int = 1
