"""A generation that was asked for: its cohorts, and its record once their outcomes are known."""

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
    """So many individuals of a generation failed that there is nothing, or too little, to breed from."""


def first_state(experiment: Experiment, number: int = 0) -> State:
    """The state that the search begins with; of several generations that are begun at once, each has its own."""
    with asking(experiment.search):
        state = experiment.search.begin(experiment.genome.spec, derive(experiment.seed, "search", -1 - number))
    return _checked(experiment, state)


@final
class Offspring:
    """The individuals of one generation.

    Attributes:
        number: whose chance they have; the generation's own, unless several are in flight.
        asked: as the search asked for them.
        source: of a lazy search, which stands for their genomes; None: they are held.
    """

    def __init__(self, experiment: Experiment, number: int, asked: Asked, source: State | None) -> None:
        self.number, self.asked, self.source = number, asked, source
        self._experiment = experiment

    @classmethod
    def of(cls, experiment: Experiment, number: int, state: State) -> Offspring:
        """The generation that a state of the search asks for."""
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
        """Their genomes, where they are held."""
        return None if self.asked.units is None else self._experiment.genome.spec.quantise(self.asked.units)

    @property
    def cohorts(self) -> list[Cohort]:
        """Who lives side by side."""
        size = self._experiment.cohort
        if self.levels is None:
            return unwritten(self.number, len(self.asked.parents), size, self.source)
        return cohorts(self.number, self.levels, size)

    def recorded(self, index: int, outcomes: Sequence[Outcome]) -> Generation:
        """What became of them.

        Args:
            index: of the generation in the run.
            outcomes: of the cohorts, in order.

        Raises:
            RunFailed: more failed than may.
        """
        measurements, failures = joined(outcomes)
        _check_failures(self._experiment, index, failures)
        goals = screened(self._experiment.goals, measurements, failures)
        under = None if self.number == index else self.number
        parents, source = self.asked.parents, self.source
        generation = Generation(index, self.levels, parents, goals, measurements, failures, source, under)
        if unlike := wrong(index, generation.arrays()):  # it would be written, and never be read again
            raise InputError(f"{type(self._experiment.search).__name__}: generation {index + 1} has {unlike}")
        return generation

    def told(self, state: State, generation: Generation) -> State:
        """The state of the search when it knows what became of them."""
        experiment = self._experiment
        streams = derive(experiment.seed, "search", self.number)
        with asking(experiment.search):
            told = experiment.search.tell(state, self.asked, generation.goals, experiment.genome.spec, streams)
        return _checked(experiment, told)


def _checked(experiment: Experiment, state: State) -> State:
    """A state that is the same when it is read back."""
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
