"""The times and values of the measurements of a life, on learning curves made by hand."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from genomes.errors import InputError
from genomes.phenotype import Phenotype, Synapses
from genomes.streams import derive
from genomes.topology import Group, Topology
from inner_loop.lives.samples import Lifetime, live
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.rule import LearningRule
from inner_loop.task import Samples, Task


def test_probes_are_log_spaced_from_birth_to_the_end():
    assert Lifetime(steps=100, probes=2).probed == (0, 100)
    assert Lifetime(steps=100, probes=5).probed == (0, 1, 5, 22, 100)
    assert Lifetime(steps=1000, probes=5).probed == (0, 1, 10, 100, 1000)
    assert Lifetime(steps=3, probes=9).probed == (0, 1, 2, 3)
    assert Lifetime(steps=0, probes=5).probed == (0,)


@dataclass(frozen=True)
class Ramp(Task):
    """Scores the single weight of a network, so that the rule determines its learning curve."""

    inputs = outputs = property(lambda self: 1)
    score_names = property(lambda self: ("weight", "minus"))

    def size(self, split):
        return 1

    def draw(self, split, samples, streams, start=0):
        return Samples(torch.ones(streams.owners, 1, samples), torch.ones(streams.owners, 1, samples))

    def scores(self, outputs, targets):
        return {"weight": outputs.double().mean((1, 2)), "minus": -outputs.double().mean((1, 2))}


@dataclass(frozen=True)
class Climb(LearningRule[tuple[()]]):
    """Adds 1 to every weight of the first individual, 2 to the second's, and so on."""

    def init(self, network, newborn, weights, streams):
        return ()

    def step(self, network, weights, state, lived, newborn):
        weight = weights.projections["in -> out"]
        weight += torch.arange(1.0, 1.0 + len(weight))[:, None, None]
        return weights, state


def ramp(lifetime, birth=(0.0, 0.0, 9.0)):
    topology = Topology((Group("in", 1), Group("out", 1)), ("in -> out",))
    newborn = Phenotype(topology, {"in -> out": Synapses(torch.tensor(birth)[:, None, None])})
    return live(newborn, Climb(), SquaredError(), Ramp(), lifetime, derive(0, "life"))


def test_measurements_of_curves_made_by_hand():
    measured = ramp(Lifetime(steps=8, batch=4, probes=5, criterion=4.0))
    assert Lifetime(steps=8, probes=5).probed == (0, 1, 2, 4, 8)
    assert measured["curve"].tolist() == [[0, 1, 2, 4, 8], [0, 2, 4, 8, 16], [9, 12, 15, 21, 33]]
    assert measured["innate.weight"].tolist() == [0, 0, 9]
    assert measured["learned.weight"].tolist() == [8, 16, 33]
    assert measured["learned.minus"].tolist() == [-8, -16, -33]
    assert measured["gain"].tolist() == [8, 16, 24]
    assert measured["trials_to_criterion"].tolist() == [4 * 4, 2 * 4, 0]
    ticks = np.log([1, 2, 3, 5, 9])
    wanted = [
        sum((ticks[i + 1] - ticks[i]) * (row[i] + row[i + 1]) / 2 for i in range(4)) / ticks[-1]
        for row in measured["curve"]
    ]
    np.testing.assert_allclose(measured["area"], wanted, rtol=1e-12)
    assert measured["synapses"].tolist() == [1, 1, 1]


def test_a_criterion_that_is_never_reached_counts_one_batch_past_the_end():
    assert ramp(Lifetime(steps=8, batch=4, probes=5, criterion=100.0))["trials_to_criterion"].tolist() == [36, 36, 36]


def test_a_life_without_steps_is_birth_alone():
    measured = ramp(Lifetime(steps=0, batch=4, criterion=5.0))
    assert measured["curve"].tolist() == [[0], [0], [9]]
    assert measured["area"].tolist() == [0, 0, 9]
    assert measured["gain"].tolist() == [0, 0, 0]
    assert measured["trials_to_criterion"].tolist() == [4, 4, 0]


@pytest.mark.parametrize(
    "wrong", [{"steps": -1}, {"batch": 0}, {"probes": 1}, {"births": 0}, {"criterion": float("nan")}]
)
def test_impossible_lifetimes(wrong):
    with pytest.raises(InputError, match=f"lifetime.{next(iter(wrong))}"):
        Lifetime(**wrong)
