"""Stochastic scores: a favourable birth in a run is not reported as the ability of its genome."""

from dataclasses import replace

import numpy as np
import pytest

from evo.analysis.genetics.knockouts import lives_of
from evo.analysis.subject import subject
from evo.evaluation.cohort import Assay, cohorts
from evo.evaluation.evaluate import evaluate
from evo.evaluation.stochastic_scores import is_stochastic
from evo.evolution.evolve import evolve
from evo.evolution.result import result
from evo.evolution.run import Run
from evo.experiment.config import load
from evo.search.base import founders
from genomes.encodings.alleles import Alleles
from genomes.encodings.direct import Direct
from genomes.encodings.random_wiring import RandomWiring
from genomes.interventions.given import Given
from genomes.streams import derive

LEARNS_NOTHING = ("encoding={kind: RandomWiring, gain: 1.7, fan_in: true}", "lifetime.steps=0", "generations=2")


def genomes_of(experiment, count=2):
    spec = experiment.genome.spec
    return spec.quantise(founders(count, spec, derive(5, "genomes of a test")))


def fixed(small, **changes):
    return small(task=replace(small().task, teacher_seed=1), **changes)


@pytest.mark.parametrize("encoding", [RandomWiring(1.0), Alleles()], ids=["random wiring", "alleles"])
def test_development_by_chance_is_luck(small, encoding):
    experiment = fixed(small, encoding=encoding)
    assert is_stochastic(experiment, genomes_of(experiment))


def test_one_synapse_left_to_a_coin_is_luck_and_none_is_not(small):
    experiment = fixed(small, encoding=Alleles())
    settled = np.minimum(genomes_of(experiment, 1), 1)  # levels 2 and 3 are the plastic allele
    assert not is_stochastic(experiment, settled)
    one = settled.copy()
    one[0, 0] = 2
    assert is_stochastic(experiment, one)
    assert is_stochastic(experiment, np.concatenate([settled, one])), "any of them"


def test_what_varies_is_luck_and_the_lessons_of_a_fixed_task_are_not(small):
    assert is_stochastic(small(), genomes_of(small()))
    assert not is_stochastic(fixed(small), genomes_of(fixed(small)))
    assert not is_stochastic(fixed(small, encoding=Direct()), genomes_of(fixed(small, encoding=Direct())))


def test_weights_that_are_given_leave_nothing_to_development(small):
    experiment = fixed(small, encoding=RandomWiring(1.0))
    topology = experiment.topology
    given = Given({edge.name: np.ones(topology.shape(edge)) for edge in topology.edges}, {}, {})
    assert not is_stochastic(experiment, genomes_of(experiment), (given,))


def test_shipped_digits_are_no_luck():
    for config in ("digits", "digits-bottleneck", "digits-spatial", "digits-innate-direct"):
        assert not is_stochastic(load(config), genomes_of(load(config), 1)), config


@pytest.fixture(scope="module")
def lucky(tmp_path_factory):
    """A run of digits whose genome is a learning rate without a life, so that its scores depend on its birth alone."""
    path = tmp_path_factory.mktemp("lucky") / "run"
    list(evolve(load("digits", LEARNS_NOTHING), path))
    return Run(path)


@pytest.mark.slow
def test_the_best_of_networks_that_grow_by_chance_is_reported_over_new_births(lucky):
    experiment = lucky.experiment
    outcome, best = result(lucky), lucky.best()
    levels = np.repeat(best.levels[None], 320, axis=0)
    births = [evaluate(experiment, c, Assay("test")) for c in cohorts(9, levels, experiment.cohort)]
    single = np.concatenate([each.measurements["innate.accuracy"] for each in births])
    luckiest = max(lucky.generation(i).measurements["innate.accuracy"].max() for i in lucky.generations)
    error = single.std() * (1 / experiment.cohort + 1 / len(single)) ** 0.5
    assert luckiest > single.mean() + 2 * single.std(), "there was luck to be had"
    assert abs(outcome.innate - single.mean()) < 3 * error, "a mean over births that no run has met"
    assert abs(outcome.innate - outcome.founders_innate) < 3 * single.std() * (1 / experiment.cohort + 1 / 64) ** 0.5
    assert best.innate < single.mean() + 3 * single.std() * (1 / 8) ** 0.5 + 0.02, "not what the lucky birth scored"


@pytest.mark.slow
def test_analyses_ask_the_same_question(lucky):
    tested = subject(lucky.path)
    assert lives_of(tested.experiment, tested) == 32
    deterministic = replace(tested, experiment=load("digits", ("lifetime.steps=0",)))
    spec = deterministic.experiment.genome.spec
    assert lives_of(deterministic.experiment, replace(deterministic, levels=np.zeros((1, spec.size), np.uint8))) == 4
