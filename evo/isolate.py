"""A cohort that cannot be evaluated: find the guilty individuals by replacing suspects in place; slots never move."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace

import numpy as np
from numpy import ndarray

from evo.evaluate import SELECTION, Assay, Cohort, Failure, Outcome, evaluate, written_out
from evo.experiment import Experiment, assemble
from evo.limits import OutOfTime, within
from genomes.expect import Unexpected

TRIES = 3
"""Times that a cohort is tried before its individuals are suspected, and a suspect before he is guilty."""

Steps = Generator[tuple[Cohort, int], Outcome | Failure, Outcome]
"""Gives cohorts to evaluate and how often to try each, is sent what came of it, returns the outcome in the end."""

ENVIRONMENTAL: tuple[Failure, ...] = ("timeout", "memory", "lost")
"""Reasons that may lie with the machine, and are no reason until they recur."""


def settled(experiment: Experiment, cohort: Cohort) -> Steps:
    """How a cohort becomes an outcome, whoever evaluates it: as it stands, or else taken apart."""
    outcome = yield cohort, TRIES
    return outcome if isinstance(outcome, Outcome) else (yield from isolate(experiment, cohort, outcome))


def followed(steps: Steps, attempt: Callable[[Cohort], Outcome | Failure]) -> Outcome:
    """Goes the steps in this process, one after the other."""
    candidate, tries = next(steps)
    while True:
        try:
            candidate, tries = steps.send(_tried(candidate, tries, attempt))
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome


def evaluate_safely(
    experiment: Experiment, cohort: Cohort, assay: Assay = SELECTION, backstop: bool = False
) -> Outcome:
    """Like `evaluate`, but an individual that raises, or takes too long or too much, becomes a record.

    The others' results are unchanged to the bit.

    Args:
        backstop: end the process when a life never comes back to Python: for a process that others can do without.
    """

    def attempt(candidate: Cohort) -> Outcome | Failure:
        try:
            with within(experiment.limits, backstop):
                return evaluate(experiment, candidate, assay)
        except Unexpected:
            raise
        except OutOfTime:
            return "timeout"
        except MemoryError:
            return "memory"
        except Exception as error:
            return "memory" if "allocate memory" in str(error) else "raised"

    return followed(settled(experiment, written_out(experiment, cohort)), attempt)


def isolate(experiment: Experiment, cohort: Cohort, reason: Failure) -> Steps:
    """The steps to the outcome of a cohort that failed as a whole, with the guilty recorded.

    About 2 log2(C) of them for one guilty individual.

    Args:
        cohort: with its levels written out.
        reason: why the whole cohort failed; of those whose guilt cannot be separated.
    """
    spec = assemble(experiment)
    bystander = spec.quantise(np.full((1, spec.size), 0.5))[0]

    def only(members: list[int], guilty: dict[int, Failure]) -> Cohort:
        assert cohort.levels is not None, "written out before it was tried"
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
    empty = yield only([], guilty), TRIES
    if not isinstance(empty, Outcome):
        return _all_failed(cohort, reason)
    yield from _search(list(range(cohort.real)), reason, lambda members: only(members, guilty), guilty)
    outcome = yield only([i for i in range(cohort.real) if i not in guilty], guilty), TRIES
    if not isinstance(outcome, Outcome):
        return _all_failed(cohort, outcome)
    failures = tuple(guilty.get(i, failure) for i, failure in enumerate(outcome.failures))
    measurements = {name: _blanked(m, list(guilty)) for name, m in outcome.measurements.items()}
    return Outcome(measurements, failures)


def _search(
    members: list[int], reason: Failure, only: Callable[[list[int]], Cohort], guilty: dict[int, Failure]
) -> Generator[tuple[Cohort, int], Outcome | Failure, None]:
    if len(members) == 1:
        guilty[members[0]] = reason
        return
    for half in (members[: len(members) // 2], members[len(members) // 2 :]):
        # a half that fails by chance costs a further look; a single one that does would be condemned
        outcome = yield only(half), TRIES if len(half) == 1 else 1
        if not isinstance(outcome, Outcome):
            yield from _search(half, outcome, only, guilty)


def _tried(cohort: Cohort, tries: int, attempt: Callable[[Cohort], Outcome | Failure]) -> Outcome | Failure:
    """What came of a cohort, tried again where the reason may lie with the machine."""
    outcome = attempt(cohort)
    while tries > 1 and outcome in ENVIRONMENTAL:
        outcome, tries = attempt(cohort), tries - 1
    return outcome


def _blanked(measured: ndarray, rows: list[int]) -> ndarray:
    measured = measured.copy()
    measured[rows] = np.nan
    return measured


def _all_failed(cohort: Cohort, reason: Failure) -> Outcome:
    return Outcome({}, (reason,) * cohort.real)
