"""The outer loop with several generations in flight: whichever arrives is told, and the next is bred at once.

For machines so unequal that waiting for the last of a generation leaves most of them idle. The order of arrival decides
what is bred from what: it is recorded (generations are numbered as they arrive, and each says which number it was bred
under), not derived, so another run of the same seed may take another course; a resumed run goes on from the record.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import count
from typing import final

import numpy as np

from evo.distribution.executor import Executor
from evo.evaluation.cohort import Cohort
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
    """As `generations`, in the order of arrival.

    Raises:
        RunFailed: more individuals of a generation failed than may.
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

    for place, outcome in executor.outcomes(experiment, to_live()):
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
    """Its cohorts that are in the journal; of a whole generation the last is lived again, and tells it."""
    lives = {cohort.number: cohort.real for cohort in bred.cohorts}
    known = outcomes_of(folder.journal.read(bred.number), lives)
    if len(known) == len(lives):
        del known[max(known)]
    return known


def _forget(folder: RunFolder, bred: Offspring) -> None:
    """Leaves the journal to those that are still in flight; whatever a crash takes with it is lived again."""
    others = [record for number, _, record in folder.journal.records() if number != bred.number]
    folder.journal.clear()
    folder.journal.adopt(others)


@final
class AsyncState:
    """Where the search stands: what it was told, and who is still in flight.

    Attributes:
        index: of the next generation to arrive.
        flying: those that were bred and have not arrived, by number, in the order of breeding.
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
        """Before the first generation arrives."""
        return cls(experiment, 0, first_state(experiment), [], 0)

    @property
    def breeds(self) -> bool:
        """Whether more generations are to come than are in flight."""
        return self.index + len(self.flying) < self._experiment.generations

    def told(self, bred: Offspring, generation: Generation) -> list[Cohort]:
        """Takes in a generation that has arrived; gives the cohorts of the one that is bred in its place."""
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
        """All of it, for the run folder."""
        flying = [*self.flying.values()]
        numbers = {
            "numbers": np.array([bred.number for bred in flying], dtype=np.int64),
            "following": np.array([self._following], dtype=np.int64),
        }
        asked = [(f"{bred.number}.{name}", part) for bred in flying for name, part in _parts(bred.asked).items()]
        return self._state | {_FLYING + name: array for name, array in [*numbers.items(), *asked]}

    @classmethod
    def restored(cls, experiment: Experiment, done: int, stored: State) -> AsyncState:
        """The inverse of `stored`, after generation `done`.

        Raises:
            CorruptFile: the state does not say who is in flight.
        """
        state = {name: array for name, array in stored.items() if not name.startswith(_FLYING)}
        own = {name.removeprefix(_FLYING): array for name, array in stored.items() if name.startswith(_FLYING)}
        shape = (experiment.search.lives, experiment.genome.spec.size)
        try:
            asked = {n: Asked(own[f"{n}.units"], own[f"{n}.parents"]) for n in own["numbers"].tolist()}
            following = int(own["following"].item())
        except (KeyError, ValueError, TypeError) as error:
            raise CorruptFile(f"state {done}: expected who is in flight, got other arrays ({error})") from error
        if any(each.held.shape != shape or len(each.parents) != shape[0] for each in asked.values()):
            raise CorruptFile(f"state {done}: expected {shape[0]} genomes of {shape[1]} genes a generation, got others")
        flying = [Offspring(experiment, number, each, None) for number, each in asked.items()]
        return cls(experiment, done + 1, state, flying, following)


def _parts(asked: Asked) -> State:
    return {"units": asked.held, "parents": asked.parents}
