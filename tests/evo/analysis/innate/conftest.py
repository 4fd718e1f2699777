"""Shared by the tests of the innate test: experiments of milliseconds, and benches on which a genome of theirs lies."""

from dataclasses import replace

import numpy as np
import pytest

from evo.analysis.assay_runner import AssayRunner
from evo.analysis.innate.design import Design
from evo.analysis.subject import Subject
from evo.distribution.executor import Executor, Serial
from evo.evaluation.cohort import Assay
from evo.experiment.experiment import Experiment
from evo.experiment.goals import Scores as ScoresAsGoals
from evo.search.algorithms.random_search import RandomSearch
from evo.search.base import founders
from genomes.encodings.direct import Direct
from genomes.evolve import Evolve
from genomes.streams import derive
from genomes.topology import Group, Topology, layered
from inner_loop.lives.episodes import EpisodicLifetime
from inner_loop.lives.samples import Lifetime
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.rules.backprop import Backprop
from inner_loop.rules.frozen import Frozen
from inner_loop.rules.hebbian import Hebbian
from inner_loop.tasks.teacher import Teacher
from inner_loop.worlds.cart_pole import CartPole

TASK = Experiment(
    topology=layered(4, 3),
    encoding=Direct(bits=6),
    rule=Frozen(),
    objective=SquaredError(),
    task=Teacher(4, 3, hidden=0, measured=32, teacher_seed=0),
    goals=ScoresAsGoals(("innate.explained_variance",)),
    search=RandomSearch(6),
    lifetime=Lifetime(0, 4),
    cohort=64,
)
LEARNING = replace(TASK, rule=Backprop(0.05), lifetime=Lifetime(20, 4))
WORLD = Experiment(
    topology=Topology(
        (Group("senses", 4), Group("hidden", 3, "tanh"), Group("action", 2, "tanh")),
        ("senses -> hidden", "hidden -> action"),
    ),
    encoding=Direct(bits=4),
    rule=Hebbian(Evolve((0.001, 1.0), "log", 4), correlation=Evolve((-1.0, 1.0), bits=4)),
    world=CartPole(longest=10),
    goals=ScoresAsGoals(("innate_plastic.return",)),
    search=RandomSearch(6),
    lifetime=EpisodicLifetime(episodes=2, exams=1, measured=("innate_plastic",)),
    held_out=(("long pole", CartPole(pole_length=1.0, longest=10)),),
    cohort=32,
)


class Recording(Executor):
    """Serial, in another order, remembering what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[Experiment, Assay]] = []

    def outcomes(self, experiment, cohorts, assay=None):
        """The last cohort first."""
        self.asked.append((experiment, assay))
        yield from reversed(list(Serial().outcomes(experiment, cohorts, assay)))


def random_levels(experiment, count=1, seed=7):
    """Genomes of the founders' distribution that the test itself does not draw."""
    spec = experiment.genome.spec
    return spec.quantise(founders(count, spec, derive(seed, "genomes of a test")))


@pytest.fixture
def few_resamples(monkeypatch):
    """Intervals of 20 resamples of an examination: here they need not be fine."""
    monkeypatch.setattr("evo.analysis.innate.design._FEW", 20)
    monkeypatch.setattr("evo.analysis.innate.battery.RESAMPLES", 20)


@pytest.fixture
def subject_of(few_resamples):
    """`subject_of(experiment, levels=None, name="a")`."""

    def made(experiment, levels=None, name="a", **more):
        levels = random_levels(experiment) if levels is None else np.asarray(levels)
        return Subject(name, experiment, levels, tuple(f"genome {i}" for i in range(len(levels))), **more)

    return made


@pytest.fixture
def bench_of(subject_of):
    """`bench_of(experiment, levels=None, births=2, draws=50)`."""

    def made(experiment, levels=None, births=2, draws=50, executor=None, **more):
        home = replace(experiment, held_out=())
        examiner = AssayRunner(home, executor or Serial())
        return Design(subject_of(experiment, levels, **more), examiner, births, draws)

    return made


@pytest.fixture
def task():
    """Four inputs, three outputs, no learning, one fixed linear teacher."""
    return TASK


@pytest.fixture
def planted():
    """A genome, (1, G), of the task: the teacher's own weights, as exactly as levels allow."""
    weights = derive(TASK.task.teacher_seed, "teacher").stream("teacher 0").normal(3, 4).numpy() / 2
    return TASK.genome.spec.quantise((weights / np.sqrt(3 / 4) + 1).reshape(1, -1) / 2)


@pytest.fixture
def learning():
    """The same with lives that learn."""
    return LEARNING


@pytest.fixture
def world():
    """A small network with plasticity on a cart, chosen for what it does with plasticity on from birth."""
    return WORLD


@pytest.fixture
def recording():
    """An executor that gives its cohorts back in another order and remembers the assays."""
    return Recording()


@pytest.fixture
def levels_of():
    """`levels_of(experiment, count=1, seed=7)`."""
    return random_levels
