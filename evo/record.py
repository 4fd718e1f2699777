"""Outcomes and generations as named arrays: what the journal and the run folder hold."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64, Int64, Integer
from numpy import ndarray

from evo.evaluate import Failure, Outcome
from evo.goals import Goals
from inner_loop.lifetime import Measurements

FAILURES: tuple[Failure, ...] = ("", "nan", "raised", "timeout", "memory", "lost")
_MEASURED = "measurement."

Arrays = dict[str, ndarray]


@final
@dataclass(frozen=True, eq=False)
class Generation:
    """A generation that was evaluated.

    Attributes:
        index: from 0.
        levels: (N, G) the genomes.
        parents: (N, 2) whom each came from, in numbers of the run: generation * N + row; -1 where there is none.
        goals: (N, goals) what was selected for; below the worst of the generation where an individual failed.
        measurements: by name, (N, ...); nan where an individual failed.
        failures: why an individual has no score, empty where it has one.
    """

    index: int
    levels: Integer[ndarray, "N G"]
    parents: Int64[ndarray, "N 2"]
    goals: Float64[ndarray, "N goals"]
    measurements: Measurements
    failures: tuple[Failure, ...]

    @property
    def counted_failures(self) -> dict[str, int]:
        """How many individuals failed, by reason."""
        return dict(Counter(failure for failure in self.failures if failure))

    def arrays(self) -> Arrays:
        """As the run folder stores it."""
        fixed = {"levels": self.levels, "parents": self.parents, "goals": self.goals, "failures": _coded(self.failures)}
        return fixed | {_MEASURED + name: measured for name, measured in self.measurements.items()}

    @classmethod
    def of(cls, index: int, arrays: Arrays) -> Generation:
        """The inverse of `arrays`."""
        levels, parents, goals = (arrays[name] for name in ("levels", "parents", "goals"))
        return cls(index, levels, parents, goals, _measurements(arrays), _named(arrays["failures"]))


def outcome_arrays(outcome: Outcome) -> Arrays:
    """As the journal stores it: three arrays, since every member of an archive costs more than what it holds."""
    columns = [[name, m.shape[1:]] for name, m in outcome.measurements.items()]
    flat = [m.reshape(len(m), -1) for m in outcome.measurements.values()]
    measured = np.concatenate([np.zeros((len(outcome.failures), 0)), *flat], axis=1, dtype=np.float64, casting="no")
    return {"failures": _coded(outcome.failures), "columns": np.array(json.dumps(columns)), "measured": measured}


def outcome_of(arrays: Arrays) -> Outcome:
    """The inverse of outcome_arrays."""
    columns = json.loads(str(arrays["columns"]))
    ends = np.cumsum([math.prod(shape) for _, shape in columns], dtype=np.int64)
    parts = np.split(arrays["measured"], ends[:-1], axis=1) if columns else []
    measured = {name: part.reshape(-1, *shape).copy() for (name, shape), part in zip(columns, parts, strict=True)}
    return Outcome(measured, _named(arrays["failures"]))


def joined(outcomes: Sequence[Outcome]) -> tuple[Measurements, tuple[Failure, ...]]:
    """The outcomes of a generation's cohorts, in their order; nan for cohorts that failed as a whole."""
    shapes = {name: m.shape[1:] for outcome in outcomes for name, m in outcome.measurements.items()}
    measurements = {
        name: np.concatenate([o.measurements.get(name, np.full((len(o.failures), *shape), np.nan)) for o in outcomes])
        for name, shape in shapes.items()
    }
    return measurements, tuple(failure for outcome in outcomes for failure in outcome.failures)


def screened(goals: Goals, measurements: Measurements, failures: Sequence[Failure]) -> Float64[ndarray, "N goals"]:
    """Goals that are finite everywhere, for in DEAP a nan wins: failures lie below the worst of the generation."""
    values = goals.of(measurements)
    failed = np.array([bool(failure) for failure in failures])
    lived = values[~failed]
    worst, best = lived.min(axis=0), lived.max(axis=0)
    with np.errstate(over="ignore"):
        below = np.minimum(worst - (best - worst) - 1.0, np.nextafter(worst, -np.inf))  # a large worst swallows the 1
    values[failed] = below.clip(min=np.finfo(np.float64).min)
    return values


def _coded(failures: Sequence[Failure]) -> ndarray:
    return np.array([FAILURES.index(failure) for failure in failures], dtype=np.uint8)


def _named(codes: ndarray) -> tuple[Failure, ...]:
    return tuple(FAILURES[code] for code in codes.tolist())


def _measurements(arrays: Arrays) -> Measurements:
    return {name.removeprefix(_MEASURED): m for name, m in arrays.items() if name.startswith(_MEASURED)}
