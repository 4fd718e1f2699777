"""Several generations in flight: each is told when it arrives, and a resumed run continues with the recorded ones."""

from collections import Counter

import numpy as np
import pytest

from evo.distribution.executor import Executor, Serial
from evo.distribution.ray_executor import OnRay
from evo.evaluation import fault_isolation as isolate
from evo.evaluation.cohort import Assay, cohorts
from evo.evaluation.evaluate import evaluate
from evo.evolution.evolve import evolve
from evo.evolution.run import Run
from evo.experiment.config import load
from evo.search.algorithms import NSGA2, EvolutionStrategy, SteadyState
from evo.storage.checksums import CorruptFile
from evo.storage.run_folder import RunFolder

GENERATIONS = 12


@pytest.fixture
def flying(small):
    def build(search=None, **changes):
        search = search or SteadyState(8, 4)
        return small(search=search, in_flight=3, generations=GENERATIONS, **changes)

    return build


def files(run):
    return {p.name: p.read_bytes() for p in (run / "generations").iterdir()}


class Backwards(Executor):
    """Evaluates the waiting cohorts, the newest first."""

    def __init__(self):
        self.serial, self.together = Serial(), 0

    def outcomes(self, experiment, cohorts, assay=None):
        waiting, given = [], iter(cohorts)
        place, more = 0, True
        while more or waiting:
            while more:
                cohort = next(given, "end")
                more = cohort != "end" if isinstance(cohort, str) else more
                if cohort is None or isinstance(cohort, str):
                    break
                waiting.append((place, cohort))
                place += 1
            self.together = max(self.together, len(waiting))
            if waiting:
                index, cohort = waiting.pop()
                yield index, next(iter(self.serial.outcomes(experiment, [cohort], assay or Assay())))[1]


@pytest.mark.slow
@pytest.mark.parametrize("search", [SteadyState(8, 4), SteadyState(12, 6), NSGA2(8)], ids=["one", "two", "front"])
def test_in_order_it_is_the_same_every_time_and_after_every_stop(flying, search, tmp_path):
    experiment = flying(search)
    list(evolve(experiment, tmp_path / "once", Serial()))
    for index in range(GENERATIONS):
        assert next(iter(evolve(experiment, tmp_path / "stopped", Serial()))).index == index
    assert files(tmp_path / "once") == files(tmp_path / "stopped")
    assert len(files(tmp_path / "once")) == GENERATIONS


@pytest.mark.slow
def test_cohorts_that_were_finished_are_not_lived_again(flying, tmp_path, monkeypatch):
    experiment = flying(SteadyState(12, 12), cohort=4)
    list(evolve(experiment, tmp_path / "once", Serial()))
    lived, real = [], isolate.evaluate

    def counted(experiment, cohort, assay):
        lived.append((cohort.generation, cohort.number))
        if len(lived) in (5, 17):
            raise KeyboardInterrupt
        return real(experiment, cohort, assay)

    monkeypatch.setattr(isolate, "evaluate", counted)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            list(evolve(experiment, tmp_path / "run", Serial()))
    list(evolve(experiment, tmp_path / "run", Serial()))
    again = [which for which, times in Counter(lived).items() if times > 1]
    proofs = lived.count((0, 0)) - 1  # the proof is a cohort of that name
    assert len([which for which in again if which != (0, 0)]) <= 2, (again, proofs)
    assert files(tmp_path / "once") == files(tmp_path / "run")


@pytest.mark.slow
def test_a_state_that_does_not_say_who_is_in_flight_is_torn(flying, tmp_path):
    experiment = flying()
    next(iter(evolve(experiment, tmp_path / "run", Serial())))
    folder = RunFolder.open(tmp_path / "run")
    _, state = folder.latest()
    for broken in (
        {name: array for name, array in state.items() if not name.startswith("flying.")},
        {name: array[:1] if name.endswith(".units") else array for name, array in state.items()},
    ):
        folder.write_state(0, broken)
        with pytest.raises(CorruptFile, match="state 0: expected"):
            list(evolve(experiment, tmp_path / "run", Serial()))


@pytest.mark.slow
def test_generations_are_told_in_the_order_of_arrival_and_so_recorded(flying, tmp_path):
    experiment, backwards = flying(), Backwards()
    found = list(evolve(experiment, tmp_path / "run", backwards))
    assert backwards.together == 3, "so many are in flight"
    numbers = [generation.number for generation in found]
    assert [generation.index for generation in found] == list(range(GENERATIONS))
    assert sorted(numbers) == list(range(GENERATIONS))
    assert numbers[:3] == [2, 3, 4], "the newest first"
    read = [Run(tmp_path / "run").generation(index).number for index in range(GENERATIONS)]
    assert read == numbers
    for generation in found:
        [cohort] = cohorts(generation.number, generation.levels, experiment.cohort)
        again = evaluate(experiment, cohort).measurements
        assert all(m.tobytes() == generation.measurements[name].tobytes() for name, m in again.items())
    best = Run(tmp_path / "run").best()
    assert best.number == numbers[best.generation], "it is born again with the chance it had"


@pytest.mark.slow
def test_another_order_is_another_course(flying, tmp_path):
    experiment = flying()
    list(evolve(experiment, tmp_path / "forwards", Serial()))
    list(evolve(experiment, tmp_path / "backwards", Backwards()))
    assert files(tmp_path / "forwards") != files(tmp_path / "backwards")


@pytest.mark.slow
def test_parents_are_those_who_were_known(flying, tmp_path):
    found = list(evolve(flying(), tmp_path / "run", Backwards()))
    genomes = np.concatenate([generation.levels for generation in found])
    for generation in found:
        known = generation.parents[generation.parents >= 0]
        assert (known < generation.index * 4).all()
    assert genomes.shape[0] == GENERATIONS * 4


@pytest.mark.ray
def test_on_ray_it_goes_to_its_end_and_is_gone_on_with(flying, ray_executor, tmp_path):
    experiment, run = flying(), tmp_path / "run"
    next(iter(evolve(experiment, run, OnRay(2))))
    assert len(list(evolve(experiment, run, OnRay(2)))) == GENERATIONS - 1
    assert sorted(Run(run).generation(i).number for i in range(GENERATIONS)) == list(range(GENERATIONS))


def test_a_search_that_tells_its_generations_in_turn_is_refused(flying, refused):
    with refused("in_flight"):
        flying(EvolutionStrategy(9))


def test_a_config_may_ask_for_it():
    experiment = load("teacher", ("search={kind: SteadyState, population: 16, children: 8}", "in_flight=4"))
    assert experiment.in_flight == 4
