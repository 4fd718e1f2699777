"""A generation that a search asks for: its cohorts, and its record once their outcomes are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import final

import numpy as np
from jaxtyping import Integer
from numpy import ndarray

from evo.evaluation.cohort import Cohort, cohorts, unwritten
from evo.evaluation.outcome import Failure, Outcome, joined
from evo.evolution.generation import Generation, screened, wrong
from evo.experiment.experiment import Experiment
from evo.search.base import Asked, State
from genomes.errors import InputError, require
from genomes.foreign import asking
from genomes.streams import derive


class RunFailed(RuntimeError):
    """Too many individuals of a generation failed to breed the next one."""


def first_state(experiment: Experiment, number: int = 0) -> State:
    """The first state of the search; if several generations start at once, each `number` has its own state."""
    with asking(experiment.search):
        state = experiment.search.begin(experiment.genome.spec, derive(experiment.seed, "search", -1 - number))
    return _checked(experiment, state)


@final
class Offspring:
    """The individuals of one generation.

    Attributes:
        number: number of the streams of random numbers; equal to the generation, unless several are in flight.
        asked: the individuals as the search asked for them.
        source: the source of a lazy search, from which genomes are computed; None: the genomes are held.
    """

    def __init__(self, experiment: Experiment, number: int, asked: Asked, source: State | None) -> None:
        self.number, self.asked, self.source = number, asked, source
        self._experiment = experiment

    @classmethod
    def of(cls, experiment: Experiment, number: int, state: State) -> Offspring:
        """The generation that the search asks for in this state."""
        spec, search = experiment.genome.spec, experiment.search
        with asking(search):
            asked = search.ask(state, spec, derive(experiment.seed, "search", number))
        name, wanted = f"{type(search).__name__}.ask", (search.lives, spec.size)
        given = wanted if asked.units is None else asked.units.shape
        require(given == wanted, name, f"units of shape {wanted}", given)
        require(asked.parents.shape == (wanted[0], 2), name, f"parents of {wanted[0]}, two each", asked.parents.shape)
        return cls(experiment, number, asked, search.source(state) if search.lazy(spec) else None)

    @cached_property
    def levels(self) -> Integer[ndarray, "N G"] | None:
        """Their genomes; None for a lazy search."""
        return None if self.asked.units is None else self._experiment.genome.spec.quantise(self.asked.units)

    @property
    def cohorts(self) -> list[Cohort]:
        """The cohorts in which they are evaluated."""
        size = self._experiment.cohort
        if self.levels is None:
            return unwritten(self.number, len(self.asked.parents), size, self.source)
        return cohorts(self.number, self.levels, size)

    def recorded(self, index: int, outcomes: Sequence[Outcome]) -> Generation:
        """The record of the evaluated generation.

        Args:
            index: index of the generation in the run.
            outcomes: outcomes of the cohorts, in order.

        Raises:
            RunFailed: more individuals failed than the limit allows.
        """
        measurements, failures = joined(outcomes)
        _check_failures(self._experiment, index, failures)
        goals = screened(self._experiment.goals, measurements, failures)
        under = None if self.number == index else self.number
        parents, source = self.asked.parents, self.source
        generation = Generation(index, self.levels, parents, goals, measurements, failures, source, under)
        if unlike := wrong(index, generation.arrays()):  # it could be written but not read again
            raise InputError(f"{type(self._experiment.search).__name__}: generation {index + 1} has {unlike}")
        return generation

    def told(self, state: State, generation: Generation) -> State:
        """The state of the search after it is told the results."""
        experiment = self._experiment
        streams = derive(experiment.seed, "search", self.number)
        with asking(experiment.search):
            goals, measured = generation.goals, generation.measurements
            told = experiment.search.tell(state, self.asked, goals, experiment.genome.spec, streams, measured)
        return _checked(experiment, told)


def _checked(experiment: Experiment, state: State) -> State:
    """Returns the state after checks that it can be stored and read back unchanged."""
    for name, array in state.items():
        plain = isinstance(array, np.ndarray) and array.dtype.kind in "biufUc"
        require(plain, f"{type(experiment.search).__name__}: state", f"an array of numbers as `{name}`", array)
    return state


def _check_failures(experiment: Experiment, index: int, failures: Sequence[Failure]) -> None:
    why = Counter(failure for failure in failures if failure)
    failed, lives, most = why.total(), len(failures), experiment.limits.failures
    reasons = ", ".join(f"{count} {reason}" for reason, count in why.most_common())
    if failed == lives:
        raise RunFailed(f"generation {index + 1}: all {lives} individuals failed ({reasons})")
    if failed > most * lives:
        raise RunFailed(
            f"generation {index + 1}: {failed} of {lives} individuals failed ({reasons}), more than limits.failures "
            f"allows ({most:g})"
        )
