"""The outcome of a cohort, and its form as named arrays for workers and the journal."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from numpy import ndarray

from evo.storage.arrays import Arrays
from evo.storage.checksums import CorruptFile
from inner_loop.life import Measurements

Failure = Literal["", "nan", "raised", "timeout", "memory", "lost"]
"""The reason why an individual has no score; empty when it has one."""

FAILURES: tuple[Failure, ...] = ("", "nan", "raised", "timeout", "memory", "lost")


@final
@dataclass(frozen=True, eq=False)
class Outcome:
    """Measurements and failures of the individuals of a cohort, without padding.

    Attributes:
        measurements: (real, ...) float64 by name; nan where an individual failed.
        failures: one for each real individual; empty for success.
        messages: of exceptions that individuals raised, for the log of the driver; no part of the result, and not in
            its arrays.
    """

    measurements: Measurements
    failures: tuple[Failure, ...]
    messages: tuple[str, ...] = ()


def outcome_arrays(outcome: Outcome) -> Arrays:
    """The outcome as three arrays, as the journal stores it; each further array would cost more than its data."""
    columns = [[name, m.shape[1:]] for name, m in outcome.measurements.items()]
    flat = [m.reshape(len(m), -1) for m in outcome.measurements.values()]
    measured = np.concatenate([np.zeros((len(outcome.failures), 0)), *flat], axis=1, dtype=np.float64, casting="no")
    return {"failures": codes_of(outcome.failures), "columns": np.array(json.dumps(columns)), "measured": measured}


def outcome_of(arrays: Arrays) -> Outcome:
    """Reads an outcome from arrays; the inverse of `outcome_arrays`.

    Raises:
        CorruptFile: the arrays are not those of an outcome.
    """
    try:
        columns = [(str(name), tuple(map(int, shape))) for name, shape in json.loads(str(arrays["columns"]))]
        failures, flat = failures_of(arrays["failures"]), arrays["measured"]
        widths = [math.prod(shape) for _, shape in columns]
        if flat.dtype != np.float64 or flat.shape != (len(failures), sum(widths)) or min(widths, default=1) < 1:
            raise ValueError("wrong shapes")
        parts = np.split(flat, np.cumsum(widths, dtype=np.int64)[:-1], axis=1) if columns else []
        named = zip(columns, parts, strict=True)
        return Outcome({name: part.reshape(-1, *shape).copy() for (name, shape), part in named}, failures)
    except (KeyError, ValueError, TypeError, IndexError, OverflowError, RecursionError) as error:
        raise CorruptFile(f"a cohort: expected the arrays of an outcome, got other arrays ({error})") from error


def outcomes_of(found: Mapping[int, Arrays], lives: Mapping[int, int]) -> dict[int, Outcome]:
    """The valid outcomes of a journal by cohort number; the other cohorts must be evaluated again.

    Args:
        found: the arrays of each cohort in the journal, by number.
        lives: the number of individuals of each cohort of the generation.
    """
    outcomes: dict[int, Outcome] = {}
    for number in found.keys() & lives.keys():
        with suppress(CorruptFile):
            outcome = outcome_of(found[number])
            if len(outcome.failures) == lives[number] and _measured(outcome):
                outcomes[number] = outcome
    return outcomes


def _measured(outcome: Outcome) -> bool:
    """True if every individual without a failure has finite measurements; a nan would enter the goals and win."""
    lived = np.array([not failure for failure in outcome.failures])
    named = bool(outcome.measurements) or not lived.any()
    return named and all(bool(np.isfinite(m[lived]).all()) for m in outcome.measurements.values())


def joined(outcomes: Sequence[Outcome]) -> tuple[Measurements, tuple[Failure, ...]]:
    """Joins the outcomes of a generation's cohorts, in order; nan for cohorts that failed as a whole."""
    shapes = {name: m.shape[1:] for outcome in outcomes for name, m in outcome.measurements.items()}
    measurements = {
        name: np.concatenate([o.measurements.get(name, np.full((len(o.failures), *shape), np.nan)) for o in outcomes])
        for name, shape in shapes.items()
    }
    return measurements, tuple(failure for outcome in outcomes for failure in outcome.failures)


def codes_of(failures: Sequence[Failure]) -> ndarray:
    """Codes of failures: their indices in `FAILURES`."""
    return np.array([FAILURES.index(failure) for failure in failures], dtype=np.uint8)


def failures_of(codes: ndarray) -> tuple[Failure, ...]:
    """Failures from codes; the inverse of `codes_of`."""
    return tuple(FAILURES[code] for code in codes.tolist())
