"""A cohort that cannot be evaluated: find the guilty individuals by replacing suspects in place; slots never move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy import ndarray

from evo.evaluate import SELECTION, Assay, Cohort, Failure, Outcome, evaluate
from evo.experiment import Experiment, assemble
from genomes.expect import Unexpected

Attempt = Callable[[Cohort], Outcome | Failure]
"""Evaluates a cohort, or says why it could not."""


def evaluate_safely(experiment: Experiment, cohort: Cohort, assay: Assay = SELECTION) -> Outcome:
    """Like `evaluate`, but an individual that raises becomes a record; the others' results are unchanged to the bit."""

    def attempt(candidate: Cohort) -> Outcome | Failure:
        try:
            return evaluate(experiment, candidate, assay)
        except Unexpected:
            raise
        except MemoryError:
            return "memory"
        except Exception as error:
            return "memory" if "allocate memory" in str(error) else "raised"

    outcome = attempt(cohort)
    return outcome if isinstance(outcome, Outcome) else isolate(experiment, cohort, attempt, outcome)


def isolate(experiment: Experiment, cohort: Cohort, attempt: Attempt, reason: Failure) -> Outcome:
    """The outcome of a cohort that failed as a whole, with the guilty recorded.

    Args:
        attempt: tried about 2 log2(C) times for one guilty individual.
        reason: why the whole cohort failed; of those whose guilt cannot be separated.
    """
    spec = assemble(experiment)
    bystander = spec.quantise(np.full((1, spec.size), 0.5))[0]

    def only(members: list[int], guilty: dict[int, Failure]) -> Cohort:
        levels = np.broadcast_to(bystander, cohort.levels.shape).copy()
        # filling repeats the first individual and shares its fate
        kept = [i for i in range(len(levels)) if (i if i < cohort.real else 0) in members and i not in guilty]
        levels[kept] = cohort.levels[kept]
        edits = cohort.edits
        if edits is not None:
            edits = np.full_like(edits, np.nan)
            edits[kept] = cohort.edits[kept]  # type: ignore[index]
        return replace(cohort, levels=levels, edits=edits)

    guilty: dict[int, Failure] = {}
    if not isinstance(attempt(only([], guilty)), Outcome):
        return _all_failed(cohort, reason)
    _search(list(range(cohort.real)), reason, lambda members: attempt(only(members, guilty)), guilty)
    outcome = attempt(only([i for i in range(cohort.real) if i not in guilty], guilty))
    if not isinstance(outcome, Outcome):
        return _all_failed(cohort, outcome)
    failures = tuple(guilty.get(i, failure) for i, failure in enumerate(outcome.failures))
    measurements = {name: _blanked(m, list(guilty)) for name, m in outcome.measurements.items()}
    return Outcome(measurements, failures)


def _search(
    members: list[int],
    reason: Failure,
    attempt: Callable[[list[int]], Outcome | Failure],
    guilty: dict[int, Failure],
) -> None:
    if len(members) == 1:
        guilty[members[0]] = reason
        return
    for half in (members[: len(members) // 2], members[len(members) // 2 :]):
        outcome = attempt(half)
        if not isinstance(outcome, Outcome):
            _search(half, outcome, attempt, guilty)


def _blanked(measured: ndarray, rows: list[int]) -> ndarray:
    measured = measured.copy()
    measured[rows] = np.nan
    return measured


def _all_failed(cohort: Cohort, reason: Failure) -> Outcome:
    return Outcome({}, (reason,) * cohort.real)
