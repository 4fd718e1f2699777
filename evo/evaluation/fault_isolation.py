"""Isolation of individuals that make a cohort fail: bisection replaces individuals in place, so no slot moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy import ndarray

from evo.evaluation.child_process import bounded, guarded
from evo.evaluation.cohort import SELECTION, Assay, Cohort, written_out
from evo.evaluation.error_log import ErrorLog
from evo.evaluation.evaluate import evaluate
from evo.evaluation.numerics import settle
from evo.evaluation.outcome import Failure, Outcome
from evo.evaluation.resource_limits import TimeLimitExceeded, within
from evo.experiment.experiment import Experiment
from genomes.errors import InputError
from genomes.foreign import complaint

ENVIRONMENTAL: tuple[Failure, ...] = ("timeout", "memory", "lost")
"""Failures that the machine may have caused; they count only after repeated tries."""

_TRIES = 3  # of a cohort before its individuals are tested, and of an individual before its failure is recorded

Evaluator = Callable[[Experiment, Cohort, Assay], Outcome]
"""A function that evaluates a cohort: `evaluate`, or a user-defined one."""

Attempt = Callable[[Cohort], Outcome | Failure]
"""A function that evaluates a cohort, or returns the reason of its failure."""


def evaluate_safely(
    experiment: Experiment, cohort: Cohort, assay: Assay = SELECTION, backstop: bool = False
) -> Outcome:
    """Like `evaluate`, but records an individual that raises an exception or exceeds a limit as a failure.

    The results of the other individuals are bit-identical.

    Args:
        backstop: end the process when a life never returns to Python; only for a process that may be lost.
    """
    errors = ErrorLog()
    return _settled(
        experiment, cohort, lambda tried: _attempted(evaluate, experiment, tried, assay, errors, backstop), errors
    )


def evaluate_in_worker(experiment: Experiment, cohort: Cohort, assay: Assay = SELECTION) -> Outcome:
    """Evaluates a cohort in a worker, a process that may be lost; configures the numerics of the process once."""
    settle()
    return evaluate_safely(experiment, cohort, assay, backstop=True)


def evaluate_guarded(
    experiment: Experiment, cohort: Cohort, assay: Assay = SELECTION, evaluator: Evaluator = evaluate
) -> Outcome:
    """Like `evaluate_safely`, but also records an individual that kills its process or never returns as a failure.

    Every attempt runs in a child of this process, which costs some milliseconds.
    """
    limits = bounded(experiment.limits)
    seconds = None if limits.seconds is None else 2 * limits.seconds + 1
    held, errors = replace(experiment, limits=limits), ErrorLog()

    def attempt(tried: Cohort) -> Outcome | Failure:
        return guarded(lambda: _attempted(evaluator, held, tried, assay, errors), seconds, errors)

    return _settled(experiment, cohort, attempt, errors)


def isolate(experiment: Experiment, cohort: Cohort, attempt: Attempt, reason: Failure) -> Outcome:
    """The outcome of a cohort that failed as a whole, with the failing individuals recorded.

    Args:
        cohort: a cohort with its genomes.
        attempt: evaluates about 2 log2(C) changed cohorts for one failing individual.
        reason: the failure of the whole cohort, recorded for individuals that cannot be separated.
    """
    spec = experiment.genome.spec
    bystander = spec.quantise(np.full((1, spec.size), 0.5))[0]

    def only(members: list[int], guilty: dict[int, Failure]) -> Cohort:
        assert cohort.levels is not None, "genomes are drawn before the first try"
        levels = np.broadcast_to(bystander, cohort.levels.shape).copy()
        # padding repeats the first individual and is replaced with it
        kept = [i for i in range(len(levels)) if (i if i < cohort.real else 0) in members and i not in guilty]
        levels[kept] = cohort.levels[kept]
        edits = cohort.edits
        if edits is not None:
            edits = np.full_like(edits, np.nan)
            edits[kept] = cohort.edits[kept]  # type: ignore[index]
        return replace(cohort, levels=levels, edits=edits)

    guilty: dict[int, Failure] = {}
    if not isinstance(_tried(only([], guilty), attempt), Outcome):
        return _all_failed(cohort, reason)
    _search(list(range(cohort.real)), reason, lambda members: only(members, guilty), attempt, guilty)
    outcome = _tried(only([i for i in range(cohort.real) if i not in guilty], guilty), attempt)
    if not isinstance(outcome, Outcome):
        return _all_failed(cohort, outcome)
    failures = tuple(guilty.get(i, failure) for i, failure in enumerate(outcome.failures))
    measurements = {name: _blanked(m, list(guilty)) for name, m in outcome.measurements.items()}
    return Outcome(measurements, failures)


def _settled(experiment: Experiment, cohort: Cohort, attempt: Attempt, errors: ErrorLog) -> Outcome:
    """The outcome of a cohort as a whole or, if it fails, after isolation of the failing individuals."""
    cohort = written_out(experiment, cohort)
    outcome = _tried(cohort, attempt)
    outcome = outcome if isinstance(outcome, Outcome) else isolate(experiment, cohort, attempt, outcome)
    return replace(outcome, messages=errors.messages)


def _attempted(
    evaluator: Evaluator,
    experiment: Experiment,
    cohort: Cohort,
    assay: Assay,
    errors: ErrorLog,
    backstop: bool = False,
) -> Outcome | Failure:
    try:
        with within(experiment.limits, backstop):
            return evaluator(experiment, cohort, assay)
    except InputError:
        raise
    except TimeLimitExceeded:
        return "timeout"
    except MemoryError:
        return "memory"
    except Exception as error:
        if "allocate memory" in str(error):
            return "memory"
        errors.add(complaint(error))
        return "raised"


def _search(
    members: list[int],
    reason: Failure,
    only: Callable[[list[int]], Cohort],
    attempt: Attempt,
    guilty: dict[int, Failure],
) -> None:
    if len(members) == 1:
        guilty[members[0]] = reason
        return
    for half in (members[: len(members) // 2], members[len(members) // 2 :]):
        # a transient failure of a half only costs another bisection; of a single individual it would be recorded
        outcome = _tried(only(half), attempt) if len(half) == 1 else attempt(only(half))
        if not isinstance(outcome, Outcome):
            _search(half, outcome, only, attempt, guilty)


def _tried(cohort: Cohort, attempt: Attempt) -> Outcome | Failure:
    """Evaluates a cohort, and tries again if the machine may have caused the failure."""
    outcome, tries = attempt(cohort), 1
    while outcome in ENVIRONMENTAL and tries < _TRIES:
        outcome, tries = attempt(cohort), tries + 1
    return outcome


def _blanked(measured: ndarray, rows: list[int]) -> ndarray:
    measured = measured.copy()
    measured[rows] = np.nan
    return measured


def _all_failed(cohort: Cohort, reason: Failure) -> Outcome:
    return Outcome({}, (reason,) * cohort.real)
