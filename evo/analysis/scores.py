"""The main score of rows of genomes in each condition, with its bootstrap samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64, Int64, Integer
from numpy import ndarray

from evo.analysis.statistics import Estimate, estimate, mean_over_runs
from genomes.intervention import Intervention


@final
@dataclass(frozen=True, eq=False)
class Scores:
    """The main score of several births or draws in one condition.

    Attributes:
        values: one a row; nan where it failed.
        resampled: on R bootstrap samples of the examination; None where rows meet episodes of their own.
        bounds: between which the score lies, whatever a network does.
    """

    values: Float64[ndarray, " rows"]
    resampled: Float64[ndarray, "rows R"] | None = None
    bounds: tuple[float, float] = (-np.inf, np.inf)

    @property
    def estimate(self) -> Estimate:
        """The mean and its interval."""
        return estimate(self.values, self.resampled).within(self.bounds)

    @property
    def mean(self) -> float:
        """Over the rows that have a score; nan where none has."""
        lived = self.values[np.isfinite(self.values)]
        return float(lived.mean()) if len(lived) else float("nan")

    @property
    def again(self) -> Float64[ndarray, " R"] | None:
        """The mean on each bootstrap sample."""
        return None if self.resampled is None else self.resampled[np.isfinite(self.values)].mean(0)

    def less(self, other: Scores) -> Scores:
        """The difference row by row, of rows that share their lives and resamples."""
        if self.resampled is None or other.resampled is None:
            return Scores(self.values - other.values)
        common = min(self.resampled.shape[1], other.resampled.shape[1])  # the first resamples are the same ones
        return Scores(self.values - other.values, self.resampled[:, :common] - other.resampled[:, :common])


def over_runs(scores: Sequence[Scores]) -> Estimate:
    """Of one run its own estimate; of several the mean over runs and the samples that examine all of them."""
    if len(scores) == 1:
        return scores[0].estimate
    return mean_over_runs([score.mean for score in scores], _stacked(scores)).within(scores[0].bounds)


def above_over_runs(scores: Sequence[Scores], others: Sequence[Scores]) -> Estimate:
    """How much higher the first of each pair is, over the runs that pairs come from and the samples they share."""
    one, two = _stacked(scores), _stacked(others)
    differences = [score.mean - other.mean for score, other in zip(scores, others, strict=True)]
    if one is None or two is None:
        return mean_over_runs(differences)
    common = min(one.shape[1], two.shape[1])  # the first resamples are the same ones
    return mean_over_runs(differences, one[:, :common] - two[:, :common])


def _stacked(scores: Sequence[Scores]) -> Float64[ndarray, "runs R"] | None:
    """The means of runs on the bootstrap samples of their common examination; None where there is none."""
    again = [score.again for score in scores]
    known = [row for row in again if row is not None]
    common = min(map(len, known), default=0)
    return np.stack([row[:common] for row in known]) if len(known) == len(again) else None


@final
@dataclass(frozen=True, eq=False)
class Rows:
    """Who is born, a row each.

    Attributes:
        levels: genomes.
        lives: whose chance each row has.
        done: to the newborns.
        births: rows of one genome, one after the other, that are measured by their mean.
    """

    levels: Integer[ndarray, "N G"]
    lives: Int64[ndarray, " N"]
    done: tuple[Intervention, ...] = ()
    births: int = 1
