"""The record of an evaluated generation, and its named arrays in the run folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
from jaxtyping import Float64, Int64, Integer
from numpy import ndarray

from evo.evaluation.outcome import FAILURES, Failure, codes_of, failures_of
from evo.evolution.summary import Summary, best_of
from evo.experiment.experiment import Experiment
from evo.experiment.goals import Goals
from evo.search.base import State
from evo.storage.arrays import Arrays
from evo.storage.checksums import CorruptFile
from genomes.errors import require
from genomes.foreign import asking
from genomes.streams import derive
from inner_loop.life import Measurements

_MEASURED, _SOURCE = "measurement.", "source."


@final
@dataclass(frozen=True, eq=False)
class Generation:
    """An evaluated generation: all of its individuals, or a few that were kept.

    Attributes:
        index: index of the generation, from 0.
        levels: (K, G) the genomes; None: too large to hold, `genomes` computes them from the source.
        parents: (K, 2) parents of each individual, as numbers in the run: generation * N + row; -1 for no parent.
        goals: (K, goals) the goals of selection; below the worst of the generation where an individual failed.
        measurements: (K, ...) by name; nan where an individual failed.
        failures: reason why an individual has no score; empty where it has one.
        source: the state that `Search.rows` reads, if there are no levels.
        bred: number of the streams of random numbers; None: the index.
        kept: (K,) the slots of these individuals, ascending, and the summary of all individuals; None: all are here.
    """

    index: int
    levels: Integer[ndarray, "K G"] | None
    parents: Int64[ndarray, "K 2"]
    goals: Float64[ndarray, "K goals"]
    measurements: Measurements
    failures: tuple[Failure, ...]
    source: State | None = None
    bred: int | None = None
    kept: tuple[Int64[ndarray, " K"], Summary] | None = None

    @property
    def number(self) -> int:
        """Number of the streams of random numbers."""
        return self.index if self.bred is None else self.bred

    @property
    def slots(self) -> Int64[ndarray, " K"]:
        """The slots of these individuals in their generation."""
        return np.arange(len(self.failures)) if self.kept is None else self.kept[0]

    def row(self, slot: int) -> int:
        """The row of the individual of a slot.

        Raises:
            InputError: the individual was not kept.
        """
        rows = np.flatnonzero(self.slots == slot)
        require(len(rows), f"generation {self.index}", f"one of the kept individuals, {self.slots.tolist()[:9]}", slot)
        return int(rows[0])

    def genomes(self, rows: Integer[ndarray, " R"], experiment: Experiment) -> Integer[ndarray, "R G"]:
        """The levels of some rows, stored or computed from the source.

        Raises:
            CorruptFile: the levels are no genomes of the experiment.
        """
        spec = experiment.genome.spec
        if self.levels is None:
            streams = derive(experiment.seed, "search", self.number)
            return spec.quantise(experiment.search.rows(self.source or {}, rows, spec, streams))
        levels = self.levels[rows]
        if levels.shape[1:] != (spec.size,) or levels.dtype != spec.level_dtype or (levels >= spec.level_counts).any():
            raise CorruptFile(f"generation {self.index}: expected genomes of {spec.size} genes, got other levels")
        return levels

    @cached_property
    def summary(self) -> Summary:
        """The summary over all individuals, including those that were not kept."""
        if self.kept is not None:
            return self.kept[1]
        lived = np.array([not failure for failure in self.failures])
        with np.errstate(invalid="ignore"):  # a percentile between two infinite values of failed individuals is nan
            statistics = {
                name: np.array([m[lived].mean(), best_of(name, m[lived]), *np.nanpercentile(m, (10, 50, 90))])
                for name, m in self.measurements.items()
                if m.ndim == 1
            }
        return Summary(Counter(self.failures), statistics)

    @property
    def counted_failures(self) -> dict[str, int]:
        """Number of failed individuals by reason."""
        return {failure: count for failure, count in self.summary.failures.items() if failure and count}

    def ranked(self, scores: Sequence[str]) -> Int64[ndarray, " K"]:
        """Rows by decreasing sum of these measurements; ties keep row order, and rows without a sum come last."""
        total = np.sum([self.measurements[name] for name in scores], axis=0)
        return np.argsort(-np.nan_to_num(total, nan=-np.inf), kind="stable")

    def arrays(self) -> Arrays:
        """The named arrays that the run folder stores."""
        arrays: Arrays = {"parents": self.parents, "goals": self.goals, "failures": codes_of(self.failures)}
        arrays |= {_MEASURED + name: measured for name, measured in self.measurements.items()}
        if self.levels is None:
            arrays |= {_SOURCE + name: array for name, array in (self.source or {}).items()}
        else:
            arrays["levels"] = self.levels
        if self.number != self.index:
            arrays["bred"] = np.array(self.bred, dtype=np.int64)
        if self.kept is not None:
            slots, summary = self.kept
            arrays |= {"kept": slots, "summary": np.array([*summary.statistics.values()]).reshape(-1, 5)}
            arrays["summary.names"] = np.array([*summary.statistics], dtype=np.str_)
            arrays["summary.failures"] = np.array([summary.failures.get(f, 0) for f in FAILURES], dtype=np.int64)
        return arrays

    @classmethod
    def of(cls, index: int, arrays: Arrays) -> Generation:
        """Reads a generation from arrays; the inverse of `arrays`.

        Raises:
            CorruptFile: the arrays are not those of a generation.
        """
        try:
            if unlike := wrong(index, arrays):
                raise ValueError(unlike)
            source = {n.removeprefix(_SOURCE): part for n, part in arrays.items() if n.startswith(_SOURCE)}
            bred = int(arrays["bred"]) if "bred" in arrays else None
            kept = (arrays["kept"], _summary(arrays)) if "kept" in arrays else None
            levels, parents, goals = arrays.get("levels"), arrays["parents"], arrays["goals"]
            failures = failures_of(arrays["failures"])
            return cls(index, levels, parents, goals, _measurements(arrays), failures, source or None, bred, kept)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            why = str(error).splitlines()[0]
            expected = "expected the arrays of a generation"
            raise CorruptFile(f"generation {index}: {expected}, got other arrays ({why})") from error


def screened(goals: Goals, measurements: Measurements, failures: Sequence[Failure]) -> Float64[ndarray, "N goals"]:
    """Goals with finite values: failed individuals get values below the worst of the generation; in DEAP, nan wins."""
    with asking(goals):
        values = goals.of(measurements)
    failed = np.array([bool(failure) for failure in failures])
    name, wanted = type(goals).__name__, (len(failures), goals.count)
    require(values.shape == wanted, name, f"goals of shape {wanted}", values.shape)
    lived = values[~failed]
    require(np.isfinite(lived).all(), name, "finite goals from finite measurements", lived[~np.isfinite(lived)][:1])
    worst, best = lived.min(axis=0), lived.max(axis=0)
    with np.errstate(over="ignore"):
        below = np.minimum(worst - (best - worst) - 1.0, np.nextafter(worst, -np.inf))  # a large worst absorbs the 1
    values[failed] = below.clip(min=np.finfo(np.float64).min)
    return values


def _summary(arrays: Arrays) -> Summary:
    counts = dict(zip(FAILURES, arrays["summary.failures"].tolist(), strict=False))
    names = [str(name) for name in arrays["summary.names"].tolist()]
    return Summary(counts, dict(zip(names, arrays["summary"].reshape(-1, 5), strict=True)))


def wrong(index: int, arrays: Arrays) -> str:
    """Description of an inconsistency in the arrays of a generation; empty if they are consistent."""
    rows = [arrays[name] for name in ("parents", "goals", "failures", "levels", "kept") if name in arrays]
    measured = [*_measurements(arrays).values()]
    count, parents = arrays["failures"].size, arrays["parents"]
    lives = int(arrays["summary.failures"].sum()) if "kept" in arrays else count
    if not count or any(part.ndim < 1 or len(part) != count for part in (*rows, *measured)):
        return "arrays with different numbers of individuals"
    tables = [arrays[name].ndim == 2 for name in ("parents", "goals", "levels") if name in arrays]
    if not all(tables) or parents.shape[1] != 2:
        return "arrays of wrong shapes"
    places = [arrays[name].dtype == np.int64 for name in ("parents", "kept", "bred") if name in arrays]
    if not all(places) or any(m.dtype != np.float64 for m in (arrays["goals"], *measured)):
        return "arrays of wrong types"
    if "levels" in arrays and arrays["levels"].dtype.kind != "u":
        return "levels that are no whole numbers from 0"
    if "levels" not in arrays and not any(name.startswith(_SOURCE) for name in arrays):
        return "neither levels nor their source"
    return "" if parents.max() < index * lives else "parents that are not older than their children"


def _measurements(arrays: Arrays) -> Measurements:
    return {name.removeprefix(_MEASURED): m for name, m in arrays.items() if name.startswith(_MEASURED)}
