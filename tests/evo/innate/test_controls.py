"""The four ways to write a network down: what each keeps exactly, what it costs, and that it learns and repeats."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
import pytest
import torch

from evo.cohort import Assay
from evo.examiner import Examiner
from evo.executors import Serial
from evo.experiment import assemble, birth
from evo.goals import Scores
from evo.innate.controls import (
    METHODS,
    Code,
    controls,
    low_rank,
    origin,
    pruned,
    random_basis,
    taught,
    weights_of,
    written,
)
from genomes.chance import chance
from genomes.encodings.direct import Direct
from genomes.encodings.random_wiring import RandomWiring
from genomes.spec import Evolve
from genomes.topology import layered
from inner_loop.episodic import EpisodicLifetime
from inner_loop.rules.frozen import Frozen
from inner_loop.rules.hebbian import Hebbian
from inner_loop.task import Task
from inner_loop.tasks.teacher import Teacher
from inner_loop.worlds.cart_pole import CartPole

TOPOLOGY = layered(6, 5, 4)
FIRST, SECOND = "layer0 -> layer1", "layer1 -> layer2"


def network(seed=0):
    luck = chance(seed, "network")
    return {
        FIRST: luck.stream("a").normal(5, 6)[0].float(),
        SECOND: luck.stream("b").normal(4, 5)[0].float(),
        "layer2": luck.stream("c").normal(4)[0].float(),
    }


def genome(experiment):
    spec = assemble(experiment)
    return spec.quantise(chance(1, "genome").uniform(spec.size).numpy())[0]


def in_a_world(small, encoding, **changes):
    return small(
        topology=layered(4, 6, 2),
        encoding=encoding,
        objective=None,
        task=None,
        world=CartPole(longest=20),
        goals=Scores(("innate.return",)),
        lifetime=EpisodicLifetime(1, 2, ("innate",)),
        **changes,
    )


def test_pruning_keeps_the_largest_weights_and_every_bias():
    full = network()
    code = pruned(full, TOPOLOGY, 7)
    kept = code.unfold(code.numbers)
    magnitudes = np.sort(np.abs(np.concatenate([full[FIRST].flatten(), full[SECOND].flatten()])))
    for name in (FIRST, SECOND):
        large = full[name].abs() >= magnitudes[-7]
        assert torch.equal(kept[name], full[name] * large)
    assert torch.equal(kept["layer2"], full["layer2"])
    assert sum(int((kept[name] != 0).sum()) for name in (FIRST, SECOND)) == 7


def test_a_pruned_network_costs_its_weights_their_places_and_three_scales():
    size = written(pruned(network(), TOPOLOGY, 7), TOPOLOGY).size
    assert size.numbers == 7 + 4
    assert size.fixed == pytest.approx(11 * 6 + 3 * 16 + math.log2(math.comb(50, 7)) + math.log2(51))


def test_a_network_of_low_rank_is_found_exactly():
    full = network()
    luck = chance(3, "factors")
    full[FIRST] = (luck.stream("left").normal(5, 2)[0] @ luck.stream("right").normal(2, 6)[0]).float()
    code = low_rank(full, TOPOLOGY, 2)
    assert torch.allclose(code.unfold(code.numbers)[FIRST], full[FIRST], atol=1e-5)
    short = low_rank(full, TOPOLOGY, 1)
    assert not torch.allclose(short.unfold(short.numbers)[FIRST], full[FIRST], atol=0.1)
    assert torch.equal(low_rank(full, TOPOLOGY, 3).numbers[FIRST], full[FIRST]), "33 numbers are more than 30 weights"


def test_as_many_dimensions_as_numbers_reach_any_network():
    origin_there, target = network(0), network(1)
    (code,) = random_basis(origin_there, target, (54,))
    reached = code.unfold(code.numbers)
    assert all(torch.allclose(reached[name], target[name], atol=1e-3) for name in target)
    (few,) = random_basis(origin_there, target, (20,))
    assert few.numbers["theta"].shape == (20,)

    def away(theta):
        found = few.unfold({"theta": theta})
        return sum(float((found[name] - target[name]).square().sum()) for name in target)

    nearest = away(few.numbers["theta"])
    assert nearest > 1
    for push in torch.eye(20) * 0.5:
        assert away(few.numbers["theta"] + push) > nearest < away(few.numbers["theta"] - push)
    (begun,) = random_basis(origin_there, None, (20,))
    assert all(torch.equal(begun.unfold(begun.numbers)[name], origin_there[name]) for name in target)


def test_what_is_written_is_a_whole_network_with_few_values():
    control = written(Code(METHODS[0], "3-bit", network(), dict, 3), TOPOLOGY)
    control.network.check(TOPOLOGY)
    assert control.network.weights.keys() == {FIRST, SECOND}
    assert control.network.units.keys() == {"layer2"}
    assert len(np.unique(control.network.weights[FIRST])) <= 8
    assert control.size.fixed == 54 * 3 + 3 * 16


def test_numbers_learn_the_task_that_evolution_meets(small):
    experiment = small(topology=layered(5, 8, 3), task=Teacher(5, 3, hidden=0, measured=256, teacher_seed=1))
    newborn = birth(experiment, genome(experiment)[None], chance(0, "x"))
    begun = weights_of(newborn)
    assert begun.keys() == {FIRST, SECOND, "layer1", "layer2"}
    long = taught(experiment, newborn, Code("direct", "", begun, dict, 32, 600))
    again = taught(experiment, newborn, Code("direct", "", begun, dict, 32, 600))
    assert all(torch.equal(long.numbers[name], again.numbers[name]) for name in begun)
    scores = []
    for code in (Code("direct", "", begun, dict, 8), replace(long, bits=8)):
        assay = Assay("test", learn=False, interventions=(written(code, experiment.topology).network,))
        found = Examiner(experiment, Serial()).examine("x", genome(experiment)[None], assay)
        scores.append(found["innate.explained_variance"][0])
    assert scores[0] < 0.5
    assert scores[1] > 0.9


def test_a_task_has_all_four_in_order_of_size_and_the_same_ones_again(small, monkeypatch):
    monkeypatch.setattr("evo.innate.controls.STEPS", 20)
    monkeypatch.setattr("evo.innate.controls.RETRAINED", 10)
    experiment = small(topology=layered(5, 8, 3))
    found, again = (controls(experiment, genome(experiment)) for _ in range(2))
    assert [*dict.fromkeys(each.method for each in found)] == list(METHODS)
    for each, same in zip(found, again, strict=True):
        each.network.check(experiment.topology)
        assert each.size == same.size
        for name, weight in each.network.weights.items():
            assert np.array_equal(weight, same.network.weights[name])
    for method in METHODS:
        sizes = [each.size.fixed for each in found if each.method == method]
        assert sizes == sorted(sizes)
    assert "trained by gradient" in origin(experiment)


def test_in_a_world_the_wiring_of_the_genome_is_compressed(small):
    experiment = in_a_world(small, Direct(bits=6), rule=Frozen())
    own = birth(experiment, genome(experiment)[None], chance(0, "x")).projections
    found = controls(experiment, genome(experiment))
    finest = [each for each in found if each.method == METHODS[0]][-1]
    for name, synapses in own.items():
        weight = synapses.weight[0].numpy()
        assert np.abs(finest.network.weights[name] - weight).max() < 0.02 * np.abs(weight).max()
    assert "compressed" in origin(experiment)


def test_in_a_world_without_genes_for_the_wiring_there_is_nothing_to_compress(small):
    experiment = in_a_world(small, RandomWiring(1.0), rule=Hebbian(Evolve((0.01, 1.0))))
    assert controls(experiment, genome(experiment)) == []
    assert "No network" in origin(experiment)


@final
@dataclass(frozen=True)
class Watched(Task):
    """A teacher that notes which splits it was asked for."""

    good: Teacher
    asked: ClassVar[set[str]] = set()

    inputs = property(lambda self: self.good.inputs)
    outputs = property(lambda self: self.good.outputs)
    score_names = property(lambda self: self.good.score_names)

    def size(self, split):
        return self.good.size(split)

    def draw(self, split, samples, chance, start=0):
        self.asked.add(split)
        return self.good.draw(split, samples, chance, start)

    def scores(self, outputs, targets):
        return self.good.scores(outputs, targets)


def test_networks_learn_on_the_two_splits_that_evolution_meets_and_never_on_test(small, monkeypatch):
    monkeypatch.setattr("evo.innate.controls.STEPS", 4)
    monkeypatch.setattr("evo.innate.controls.RETRAINED", 2)
    monkeypatch.setattr(Watched, "asked", set())
    experiment = small(topology=layered(5, 3), task=Watched(small().task))
    assert controls(experiment, genome(experiment))
    assert Watched.asked == {"train", "selection"}
