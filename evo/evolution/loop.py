"""The outer loop: ask, evaluate, record, tell, repeat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from evo.distribution.executor import Executor
from evo.evaluation.error_log import ErrorLog
from evo.evaluation.outcome import Outcome, outcome_arrays, outcomes_of
from evo.evolution.asynchronous import steady_generations
from evo.evolution.generation import Generation
from evo.evolution.offspring import Offspring, first_state
from evo.experiment.experiment import Experiment
from evo.search.base import State
from evo.storage.run_folder import RunFolder


def generations(
    experiment: Experiment, folder: RunFolder, executor: Executor, latest: tuple[int, State] | None
) -> Iterator[Generation]:
    """Evolves from the folder's latest state to `experiment.generations`; yields each generation once it is on disk.

    The results depend only on the experiment, not on the executor and not on interruptions of the run. If several
    generations are in flight, they also depend on the order of arrival.

    Args:
        latest: the latest generation and state, from `folder.latest()`.

    Raises:
        RunFailed: more individuals of a generation failed than the limit allows.
    """
    if experiment.in_flight > 1:
        yield from steady_generations(experiment, folder, executor, latest)
        return
    errors, (done, state) = ErrorLog(), latest or (-1, first_state(experiment))
    begun = _Begun(experiment, folder, executor, errors, done + 1, state)
    for index in range(done + 1, experiment.generations):
        generation = begun.bred.recorded(index, begun.outcomes())
        state = begun.bred.told(state, generation)
        if index + 1 < experiment.generations:
            # workers evaluate the next generation while this one is written
            begun = _Begun(experiment, folder, executor, errors, index + 1, state)
        folder.write_generation(index, generation.arrays())
        folder.write_state(index, state)
        folder.journal.clear()
        yield generation


@final
class _Begun:
    """A generation under evaluation; cohorts in the journal are not evaluated again."""

    def __init__(
        self,
        experiment: Experiment,
        folder: RunFolder,
        executor: Executor,
        errors: ErrorLog,
        index: int,
        state: State,
    ) -> None:
        self.bred, self._journal = Offspring.of(experiment, index, state), folder.journal
        to_live = self.bred.cohorts
        self._count = len(to_live)
        self._known = outcomes_of(folder.journal.read(index), {cohort.number: cohort.real for cohort in to_live})
        self._missing = [cohort for cohort in to_live if cohort.number not in self._known]
        self._arriving = errors.watched(executor.outcomes(experiment, self._missing))

    def outcomes(self) -> list[Outcome]:
        """The outcomes in the order of the cohorts; each is written to the journal when it arrives."""
        for place, outcome in self._arriving:
            number = self._missing[place].number
            self._journal.append(self.bred.number, number, outcome_arrays(outcome))
            self._known[number] = outcome
        return [self._known[number] for number in range(self._count)]
