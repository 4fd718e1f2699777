"""The outer loop: ask, evaluate, record, tell, again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from evo.evaluate import Outcome, cohorts
from evo.executors import Executor
from evo.experiment import Experiment, assemble
from evo.numerics import settle
from evo.record import Generation, joined, outcome_arrays, outcome_of, screened
from evo.search.base import State
from evo.store import RunFolder
from genomes.chance import chance


class RunFailed(RuntimeError):
    """No individual of a generation could be evaluated: there is nothing to breed from."""


def generations(
    experiment: Experiment, folder: RunFolder, executor: Executor, latest: tuple[int, State] | None
) -> Iterator[Generation]:
    """Evolves from where the folder stands to `experiment.generations`; yields each generation once it is on disk.

    What is computed depends on the experiment alone: not on the executor, and not on how often the run was stopped.

    Args:
        latest: where the folder stands, as `folder.latest()` says.

    Raises:
        RunFailed: every individual of a generation failed.
    """
    settle()
    spec, search = assemble(experiment), experiment.search
    done, state = latest or (-1, search.begin(spec, chance(experiment.seed, "search", -1)))
    begun = _Begun(experiment, folder, executor, done + 1, state)
    for index in range(done + 1, experiment.generations):
        measurements, failures = joined(begun.outcomes())
        if all(failures):
            raise RunFailed(f"generation {index}: all {len(failures)} individuals failed ({failures[0]})")
        goals = screened(experiment.goals, measurements, failures)
        generation = Generation(index, begun.levels, begun.asked.parents, goals, measurements, failures)
        state = search.tell(state, begun.asked, goals, spec, begun.luck)
        if index + 1 < experiment.generations:
            # the workers have the next generation in hand while this one is written
            begun = _Begun(experiment, folder, executor, index + 1, state)
        folder.write_generation(index, generation.arrays())
        folder.write_state(index, state)
        folder.journal.clear()
        yield generation


@final
class _Begun:
    """A generation whose cohorts are on their way; those in the journal are not lived again."""

    def __init__(self, experiment: Experiment, folder: RunFolder, executor: Executor, index: int, state: State) -> None:
        spec = assemble(experiment)
        self.luck = chance(experiment.seed, "search", index)
        self.asked = experiment.search.ask(state, spec, self.luck)
        self.levels = spec.quantise(self.asked.units)
        to_live = cohorts(index, self.levels, experiment.cohort)
        self._index, self._count, self._journal = index, len(to_live), folder.journal
        self._known = {number: outcome_of(arrays) for number, arrays in folder.journal.read(index).items()}
        self._missing = [cohort for cohort in to_live if cohort.number not in self._known]
        self._arriving = executor.outcomes(experiment, self._missing)

    def outcomes(self) -> list[Outcome]:
        """In the order of the cohorts, each in the journal as soon as it has arrived."""
        for place, outcome in self._arriving:
            number = self._missing[place].number
            self._journal.append(self._index, number, outcome_arrays(outcome))
            self._known[number] = outcome
        return [self._known[number] for number in range(self._count)]
