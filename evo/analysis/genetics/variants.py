"""Variants of a genome, examined with the same births and lives as the genome itself; the basis of knock-outs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, final

import numpy as np
from jaxtyping import Float64, Integer
from numpy import ndarray

from evo.analysis.assay_runner import AssayRunner
from evo.analysis.genetics.units import Units
from evo.analysis.report.section import Picture
from evo.analysis.scores import assay_of, main_scores
from evo.analysis.statistics import Estimate, estimate
from evo.experiment.experiment import Experiment
from evo.search.base import founders
from genomes.streams import derive
from inner_loop.environment import Split

_RESAMPLES = 400  # bootstrap samples of the examination; scoring a life on all of them costs as much as the life
_FOUNDERS = 64
_NUMBERS = 2**26  # maximum genes of the rows that are examined at once


@final
@dataclass(frozen=True, eq=False)
class Part:
    """Part of a section: sentences, tables and pictures of one analysis of a genome."""

    sentences: tuple[str, ...] = ()
    tables: Mapping[str, Any] = field(default_factory=dict)
    pictures: Mapping[str, Picture] = field(default_factory=dict)


@final
@dataclass(frozen=True, eq=False)
class Scored:
    """The main score of V variants, each with the same lives.

    Attributes:
        main: scores by condition, (V, births).
        resampled: scores by condition, (V, births, R), on R bootstrap samples that are the same for all; empty in a
            world, and if every life has its own samples.
        bounds: lowest and highest possible score.
    """

    main: Mapping[str, Float64[ndarray, "V births"]]
    resampled: Mapping[str, Float64[ndarray, "V births R"]]
    bounds: tuple[float, float] = (-np.inf, np.inf)

    def contrast(self, condition: str, parts: Mapping[int, int | float]) -> Estimate:
        """Estimates a weighted sum of variants, paired over lives; {0: 1, 3: -1} is variant 0 minus variant 3."""
        variants, factors = list(parts), np.array(list(parts.values()), dtype=np.float64)
        scores = np.tensordot(factors, self.main[condition][variants], 1)
        again = self.resampled.get(condition)
        low, high = (
            float(sum(f * self.bounds[side if f > 0 else 1 - side] for f in factors.tolist())) for side in (0, 1)
        )
        found = estimate(scores, None if again is None else np.tensordot(factors, again[variants], 1))
        return found.within((low, high))

    def means(self, condition: str) -> Float64[ndarray, " V"]:
        """Returns the mean score of each variant over the lives that have a score; nan if none has."""
        scores = self.main[condition]
        lived = np.isfinite(scores)
        total, count = np.where(lived, scores, 0.0).sum(1), lived.sum(1)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def beside(self, other: Scored) -> Scored:
        """Appends variants with the same lives, in the conditions that both have."""

        def both(
            one: Mapping[str, Float64[ndarray, "V ..."]], two: Mapping[str, Float64[ndarray, "W ..."]]
        ) -> dict[str, Float64[ndarray, "U ..."]]:
            return {name: np.concatenate([one[name], two[name]]) for name in one if name in two}

        return Scored(both(self.main, other.main), both(self.resampled, other.resampled), self.bounds)


@final
@dataclass(frozen=True, eq=False)
class Variants:
    """Examines the variants of one genome.

    Attributes:
        examiner: runs the examinations.
        units: units of the genome.
        births: number of lives of each variant on the test split; on the selection split half of it, at least 2.
    """

    examiner: AssayRunner
    units: Units
    births: int

    @property
    def experiment(self) -> Experiment:
        """The experiment in which variants live."""
        return self.examiner.experiment

    @property
    def judged(self) -> tuple[str, ...]:
        """Conditions that were selected for."""
        return tuple(name for name in self.experiment.judged if name in self.experiment.distinct_conditions) or (
            "innate",
        )

    @property
    def conditions(self) -> tuple[str, ...]:
        """At birth, after learning if lives learn, and the conditions that were selected for."""
        ends = ("innate", "learned") if self.experiment.learns else ("innate",)
        return tuple(dict.fromkeys((*ends, *self.judged)))

    @cached_property
    def selection_births(self) -> int:
        """Number of lives of each variant on the selection split."""
        return max(2, self.births // 2)

    def tested(self, what: str, edits: Float64[ndarray, "V G"], judged: bool = False) -> Scored:
        """Examines variants on the test split, on which effects are measured."""
        levels = np.repeat(self.units.levels[None], len(edits), axis=0)
        conditions = self.judged if judged else self.conditions
        return examined(self.examiner, what, levels, "test", conditions, range(self.births), edits)

    def ranked(self, what: str, edits: Float64[ndarray, "V G"]) -> Scored:
        """Examines variants on the selection split in other lives, on which units are ranked and chosen."""
        levels = np.repeat(self.units.levels[None], len(edits), axis=0)
        lives = range(self.births, self.births + self.selection_births)
        return examined(self.examiner, what, levels, "selection", self.judged, lives, edits, resamples=0)

    def founders(self, split: Split, conditions: Sequence[str]) -> dict[str, Float64[ndarray, " founders"]]:
        """Returns the scores of random genomes, one life each."""
        spec, seed = self.units.spec, self.experiment.seed
        levels = spec.quantise(founders(_FOUNDERS, spec, derive(seed, "random founders")))
        experiment = replace(self.experiment, held_out=())
        assay = assay_of(experiment, split, conditions)
        # every founder has its own life, since founders are a sample of all random genomes
        measured = self.examiner.examine("random founders", levels, assay, experiment=experiment)
        return {name: scores.values for name, scores in main_scores(measured, experiment, conditions).items()}


def examined(
    examiner: AssayRunner,
    what: str,
    levels: Integer[ndarray, "V G"],
    split: Split,
    conditions: Sequence[str],
    lives: range,
    edits: Float64[ndarray, "V G"] | None = None,
    resamples: int = _RESAMPLES,
) -> Scored:
    """Examines every variant in each of the lives; rows are ordered variant by variant."""
    experiment, births = replace(examiner.experiment, held_out=()), len(lives)
    assay = assay_of(experiment, split, conditions, resamples)
    rows, step = len(levels) * births, max(1, _NUMBERS // levels.shape[1] // experiment.cohort) * experiment.cohort
    parts = []
    for start in range(0, rows, step):
        variants, life = np.divmod(np.arange(start, min(start + step, rows)), births)
        edited = None if edits is None else edits[variants]
        measured = examiner.examine(what, levels[variants], assay, np.array(lives)[life], edited, experiment)
        parts.append(main_scores(measured, experiment, conditions))

    def joined(what: str) -> dict[str, Float64[ndarray, "V births ..."]]:
        each = {name: [getattr(part[name], what) for part in parts] for name in conditions}
        whole = {name: np.concatenate(arrays) for name, arrays in each.items() if arrays[0] is not None}
        return {name: scores.reshape(-1, births, *scores.shape[1:]) for name, scores in whole.items()}

    return Scored(joined("values"), joined("resampled"), experiment.bounds)
