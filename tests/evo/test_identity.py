"""The promise: config and seed decide the result, to the last bit; executor, workers, deaths and resumes do not."""

import multiprocessing
import os
import random
import signal
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import pytest

from evo.distribution import dispatcher
from evo.distribution import executor as executors
from evo.distribution.executor import Serial
from evo.distribution.ray_executor import OnRay
from evo.evolution.evolve import evolve
from evo.experiment.experiment import Experiment
from evo.experiment.goals import Scores
from evo.search.algorithms import SEARCHES, EvolutionStrategy, FitnessProportional, SteadyState
from evo.storage import atomic
from genomes.encodings import GeneExpression
from genomes.evolve import Evolve
from genomes.topology import layered
from inner_loop.lives.samples import Lifetime
from inner_loop.objectives import SquaredError
from inner_loop.rules import Backprop
from inner_loop.tasks import Teacher

GENERATIONS = 3


def experiment_with(search):
    """Five cohorts a generation, the last one filled up."""
    return Experiment(
        topology=layered(5, 4, 3),
        encoding=GeneExpression(genes=2, bits=5),
        rule=Backprop(learning_rate=Evolve((1e-3, 0.3), "log", per="projection"), momentum=Evolve((0.0, 0.9))),
        objective=SquaredError(),
        task=Teacher(inputs_size=5, outputs_size=3, hidden=2, measured=16),
        goals=Scores(("innate.explained_variance", "learned.negative_squared_error")[: goals_of(search)]),
        search=search,
        lifetime=Lifetime(steps=6, batch=4, common=False),
        generations=GENERATIONS,
        seed=3,
        cohort=2,
    )


def goals_of(search):
    return 1 if isinstance(search, FitnessProportional) else 2


def small(search):
    sizes = {EvolutionStrategy: {"population": 9}, SteadyState: {"population": 12, "children": 8}}
    return search(**sizes.get(search, {"population": 8}))


def files_of(run):
    """Everything whose bytes must agree; the log holds wall times and is not among it."""
    found = {p.relative_to(run): p.read_bytes() for part in ("generations", "state") for p in (run / part).iterdir()}
    assert len(found) == GENERATIONS + min(GENERATIONS, 3)
    return found


def lived(experiment: Experiment, run: Path, executor=None):
    list(evolve(experiment, run, executor))
    return files_of(run)


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    """The runs of this file are of the engine that is chosen where nothing is said."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("INSTINCT_ENGINE", raising=False)
        yield


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    return {search: lived(experiment_with(small(search)), folder / search.__name__) for search in SEARCHES}


@pytest.fixture(scope="module")
def seconds(processes, tmp_path_factory):
    """Returns the duration of an undisturbed run in a separate process: the second one, since the first one imports."""
    for name in ("first", "second"):
        began = perf_counter()
        run = tmp_path_factory.mktemp(name) / "run"
        assert _run(processes, _killed_after, run, EvolutionStrategy, 1000.0) == 0
    return perf_counter() - began


@pytest.mark.ray
@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("workers", [1, 2])
def test_ray_gives_the_bytes_of_this_process(search, workers, undisturbed, ray_executor, monkeypatch, tmp_path):
    monkeypatch.setattr(dispatcher, "_WINDOW", 1)  # so many cohorts at once as there are workers
    found = lived(experiment_with(small(search)), tmp_path / "run", OnRay(workers))
    assert found == undisturbed[search]


@pytest.mark.slow
@pytest.mark.parametrize("search", SEARCHES)
def test_stopped_after_every_generation_and_resumed(search, undisturbed, tmp_path):
    experiment, run = experiment_with(small(search)), tmp_path / "run"
    for index in range(GENERATIONS):
        assert next(iter(evolve(experiment, run))).index == index
    assert files_of(run) == undisturbed[search]


@pytest.mark.slow
def test_more_generations_are_those_of_a_longer_run(undisturbed, tmp_path):
    from evo.evolution.evolve import extend

    experiment, run = experiment_with(small(EvolutionStrategy)), tmp_path / "run"
    list(evolve(replace(experiment, generations=1), run))
    extend(run, GENERATIONS, allow_code=False)
    assert lived(experiment, run) == undisturbed[EvolutionStrategy]


@pytest.mark.slow
def test_another_seed_gives_other_bytes(undisturbed, tmp_path):
    experiment = replace(experiment_with(small(EvolutionStrategy)), seed=4)
    assert lived(experiment, tmp_path / "run") != undisturbed[EvolutionStrategy]


def _die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def _killed_at(run, search, point, count):
    """In a process of its own: evolves, and is killed at the `count`-th passage of a point."""
    passed = 0

    def fatal(function, before=None):
        def counted(*arguments, **keywords):
            nonlocal passed
            passed += 1
            if passed == count:
                if before is not None:
                    before(*arguments)
                _die()
            return function(*arguments, **keywords)

        return counted

    if point == "inside a cohort":
        executors.evaluate_safely = fatal(executors.evaluate_safely)
    elif point == "inside a write":
        atomic.os = _Half(os, fatal(os.write, lambda where, data: os.write(where, bytes(data)[: len(data) // 2])))
    else:
        atomic.os = _Half(os, os.write, fatal(os.replace))
    list(evolve(experiment_with(small(search)), run, Serial()))


class _Half:
    """The module os, with a write and a replace that can kill."""

    def __init__(self, real, write, replace=None):
        self._real, self.write = real, write
        self.replace = self.rename = replace or real.replace

    def __getattr__(self, name):
        return getattr(self._real, name)


def _killed_after(run, search, seconds):
    signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.signal(signal.SIGALRM, _die)
    list(evolve(experiment_with(small(search)), run, Serial()))


@pytest.fixture(scope="module")
def processes():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["evo.evolution.evolve", "torch", "inner_loop.tasks", "genomes.encodings"])
    return context


def _run(processes, target, *arguments):
    child = processes.Process(target=target, args=arguments)
    child.start()
    child.join(600)
    return child.exitcode


@pytest.mark.process
@pytest.mark.parametrize(
    ("point", "count"),
    [
        ("inside a cohort", 1),
        ("inside a cohort", 7),
        ("inside a write", 3),
        ("inside a write", 9),
        ("inside a write", 16),
        ("between write and rename", 3),
        ("between write and rename", 4),
        ("between write and rename", 6),
    ],
)
def test_killed_at_a_point_and_resumed(point, count, processes, undisturbed, tmp_path):
    run = tmp_path / "run"
    assert _run(processes, _killed_at, run, EvolutionStrategy, point, count) == -signal.SIGKILL
    assert lived(experiment_with(small(EvolutionStrategy)), run) == undisturbed[EvolutionStrategy]


@pytest.mark.process
@pytest.mark.parametrize("search", SEARCHES)
def test_killed_at_random_moments_and_resumed(search, processes, undisturbed, seconds, tmp_path):
    moments, kills = random.Random(search.__name__), 0
    while not kills:
        run = tmp_path / f"run of {seconds:g} s"
        for third in range(3):  # one moment in each third of a run, uniformly; three kills go further than one run
            moment = (third + moments.random()) / 3 * seconds
            kills += _run(processes, _killed_after, run, search, moment) == -signal.SIGKILL
        seconds /= 2  # for once more, where the machine was slower when it was measured
    if not (run / "manifest.json").exists() and run.exists():
        # killed while the folder was made: nothing was computed, and the same command says so
        run = tmp_path / "again"
    assert lived(experiment_with(small(search)), run) == undisturbed[search]
