"""The outer loop with several generations in flight: the search is told each when it arrives, and breeds the next.

This is for machines of such unequal speed that waiting for the last cohort of a generation leaves most of them idle.
The order of arrival determines which individuals become parents. This order is recorded, not derived from the seed:
generations are numbered as they arrive, and each stores the number of its streams. Another run of the same seed may
therefore have another history; a resumed run continues from the record.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import count
from typing import final

import numpy as np

from evo.distribution.executor import Executor
from evo.evaluation.cohort import Cohort
from evo.evaluation.error_log import ErrorLog
from evo.evaluation.outcome import Outcome, outcome_arrays, outcomes_of
from evo.evolution.generation import Generation
from evo.evolution.offspring import Offspring, first_state
from evo.experiment.experiment import Experiment
from evo.search.base import Asked, State
from evo.storage.checksums import CorruptFile
from evo.storage.run_folder import RunFolder

_FLYING = "flying."


def steady_generations(
    experiment: Experiment, folder: RunFolder, executor: Executor, latest: tuple[int, State] | None
) -> Iterator[Generation]:
    """Like `generations`, in the order of arrival.

    Raises:
        RunFailed: more individuals of a generation failed than the limit allows.
    """
    course = AsyncState.restored(experiment, *latest) if latest else AsyncState.begun(experiment)
    arrived = {number: _finished(folder, bred) for number, bred in course.flying.items()}
    sent: dict[int, Cohort] = {}
    flying = [cohort for bred in course.flying.values() for cohort in bred.cohorts]
    waiting = deque(cohort for cohort in flying if cohort.number not in arrived[cohort.generation])

    def to_live() -> Iterator[Cohort | None]:
        for place in count():
            while not waiting and course.breeds:
                yield None
            if not waiting:
                return
            sent[place] = waiting.popleft()
            yield sent[place]

    for place, outcome in ErrorLog().watched(executor.outcomes(experiment, to_live())):
        cohort = sent.pop(place)
        bred, known = course.flying[cohort.generation], arrived.setdefault(cohort.generation, {})
        known[cohort.number] = outcome
        folder.journal.append(cohort.generation, cohort.number, outcome_arrays(outcome))
        if len(known) < len(bred.cohorts):
            continue
        generation = bred.recorded(course.index, [known[number] for number in range(len(known))])
        del arrived[cohort.generation]
        waiting.extend(course.told(bred, generation))
        folder.write_generation(generation.index, generation.arrays())
        folder.write_state(generation.index, course.stored())
        _forget(folder, bred)
        yield generation


def _finished(folder: RunFolder, bred: Offspring) -> dict[int, Outcome]:
    """The outcomes of its cohorts in the journal.

    If all are there, the last one is evaluated again, because its arrival completes the generation.
    """
    lives = {cohort.number: cohort.real for cohort in bred.cohorts}
    known = outcomes_of(folder.journal.read(bred.number), lives)
    if len(known) == len(lives):
        del known[max(known)]
    return known


def _forget(folder: RunFolder, bred: Offspring) -> None:
    """Removes a generation's cohorts from the journal; cohorts that a crash loses here are evaluated again."""
    others = [record for number, _, record in folder.journal.records() if number != bred.number]
    folder.journal.clear()
    folder.journal.adopt(others)


@final
class AsyncState:
    """State of the asynchronous loop: the state of the search, and the generations in flight.

    Attributes:
        index: index of the next generation to arrive.
        flying: generations that were bred and have not arrived, by number, in the order of breeding.
    """

    def __init__(
        self, experiment: Experiment, index: int, state: State, flying: list[Offspring], following: int
    ) -> None:
        self.index, self.flying = index, {bred.number: bred for bred in flying}
        self._experiment, self._state, self._following = experiment, state, following
        while self.breeds and len(self.flying) < experiment.in_flight:
            self._breed()

    @classmethod
    def begun(cls, experiment: Experiment) -> AsyncState:
        """The state before the first generation arrives."""
        return cls(experiment, 0, first_state(experiment), [], 0)

    @property
    def breeds(self) -> bool:
        """True if more generations remain than are in flight."""
        return self.index + len(self.flying) < self._experiment.generations

    def told(self, bred: Offspring, generation: Generation) -> list[Cohort]:
        """Tells the search a generation that has arrived; returns the cohorts of the generation that it breeds next."""
        self._state = bred.told(self._state, generation)
        del self.flying[bred.number]
        self.index += 1
        return self._breed().cohorts if self.breeds else []

    def _breed(self) -> Offspring:
        number, experiment = self._following, self._experiment
        state = self._state
        if number < experiment.in_flight and not self.index:
            state = first_state(experiment, number)
        self.flying[number] = bred = Offspring.of(experiment, number, state)
        self._following += 1
        return bred

    def stored(self) -> State:
        """The complete state, for the run folder."""
        flying = [*self.flying.values()]
        numbers = {
            "numbers": np.array([bred.number for bred in flying], dtype=np.int64),
            "following": np.array([self._following], dtype=np.int64),
        }
        asked = [(f"{bred.number}.{name}", part) for bred in flying for name, part in _parts(bred.asked).items()]
        return self._state | {_FLYING + name: array for name, array in [*numbers.items(), *asked]}

    @classmethod
    def restored(cls, experiment: Experiment, done: int, stored: State) -> AsyncState:
        """Restores the state after generation `done`; the inverse of `stored`.

        Raises:
            CorruptFile: the generations in flight are missing or damaged in the state.
        """
        state = {name: array for name, array in stored.items() if not name.startswith(_FLYING)}
        own = {name.removeprefix(_FLYING): array for name, array in stored.items() if name.startswith(_FLYING)}
        shape = (experiment.search.lives, experiment.genome.spec.size)
        try:
            asked = {n: Asked(own[f"{n}.units"], own[f"{n}.parents"]) for n in own["numbers"].tolist()}
            following = int(own["following"].item())
        except (KeyError, ValueError, TypeError) as error:
            raise CorruptFile(f"state {done}: expected generations in flight, got other arrays ({error})") from error
        if any(each.held.shape != shape or len(each.parents) != shape[0] for each in asked.values()):
            wanted = f"{shape[0]} genomes of {shape[1]} genes per generation"
            raise CorruptFile(f"state {done}: expected {wanted}, got other shapes")
        flying = [Offspring(experiment, number, each, None) for number, each in asked.items()]
        return cls(experiment, done + 1, state, flying, following)


def _parts(asked: Asked) -> State:
    return {"units": asked.held, "parents": asked.parents}
