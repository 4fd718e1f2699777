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
from inner_loop.objectives.cross_entropy import CrossEntropy
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.rules.frozen import Frozen
from inner_loop.rules.hebbian import Hebbian
from inner_loop.task import Task
from inner_loop.tasks.digits import Digits
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


@pytest.mark.parametrize(
    ("sizes", "kept", "ranks"),
    [
        ((4, 40, 31, 2), [23, 46, 91, 183, 366, 731], [1, 2, 3, 5, 8, 11, 17]),
        ((4, 4, 2), [1, 2, 3, 6, 12], [1]),  # 8 numbers in each factor of rank 2 are as many as 16 weights
        ((4, 13, 2), [1, 2, 5, 10, 20, 39], [1, 2, 3]),
        ((4, 1, 2), [1, 2, 3], []),
    ],
)
def test_each_way_has_a_series_of_sizes(small, sizes, kept, ranks):
    experiment = replace(in_a_world(small, Direct(bits=6), rule=Frozen()), topology=layered(*sizes))
    count, found = experiment.topology.synapses, controls(experiment, genome(experiment))
    settings = {method: [each.setting for each in found if each.method == method] for method in METHODS}
    assert settings["quantised direct"] == [f"{bits}-bit" for bits in range(1, 9)]
    assert settings["magnitude-pruned direct"] == [f"{number:,} of {count:,} weights, 6-bit" for number in kept]
    assert settings["low rank"] == [f"rank {rank}, 6-bit" for rank in ranks]
    assert settings["random basis"] == [f"{number:,} dimensions, 8-bit" for number in kept]


def test_a_basis_has_as_many_directions_as_memory_allows_of_about_unit_length():
    origin_there = {"a": torch.zeros(3000), "b": torch.zeros(100, 10)}
    codes = list(random_basis(origin_there))
    assert [code.numbers["theta"].shape for code in codes] == [(62,), (125,), (250,), (500,), (1000,)], "4,000,000"
    assert {(code.bits, code.method, code.steps) for code in codes} == {(8, "random basis", 1000)}
    for place in (0, 61):
        there = codes[0].unfold({"theta": torch.eye(62)[place]})
        assert {name: number.shape for name, number in there.items()} == {"a": (3000,), "b": (100, 10)}
        direction = torch.cat([number.flatten() for number in there.values()])
        assert direction.norm().item() == pytest.approx(1.0, abs=0.05)
        assert direction.mean().item() == pytest.approx(0.0, abs=1e-3)
        expected = chance(0, "random basis").normal(1000, 4000)[0][place] / 4000**0.5
        assert torch.allclose(direction.double(), expected, atol=1e-7)
    assert list(random_basis(origin_there, None, ())) == []


def test_ways_are_written_with_their_own_bits_and_learn_again():
    full = network()
    assert [(c.bits, c.steps) for c in (pruned(full, TOPOLOGY, 7), low_rank(full, TOPOLOGY, 2))] == [(6, 200), (6, 200)]
    same = {"layer0 -> layer1": torch.ones(3, 6)}
    assert low_rank(same, layered(6, 3), 2).numbers.keys() == same.keys(), "18 numbers are no fewer than 18 weights"
    rank = low_rank(full, TOPOLOGY, 1)
    assert {n: tuple(x.shape) for n, x in rank.numbers.items() if n.endswith("t")} == {
        f"{FIRST}, left": (5, 1), f"{FIRST}, right": (1, 6), f"{SECOND}, left": (4, 1), f"{SECOND}, right": (1, 5),
    }  # fmt: skip
    for name in (FIRST, SECOND):
        left, values, right = torch.linalg.svd(full[name])
        nearest = values[0] * left[:, :1] @ right[:1]
        assert torch.allclose(rank.unfold(rank.numbers)[name], nearest, atol=1e-5)


def test_learning_is_adams_on_batches_of_both_splits(small):
    """One layer, some steps, by hand: which samples, in which order, which loss, and a rate that falls to 0."""
    experiment = small(topology=layered(5, 3), seed=3, task=replace(small().task, teacher_seed=2))
    newborn = birth(experiment, genome(experiment)[None], chance(0, "x"))
    begun = {name: torch.zeros_like(number) + 0.1 for name, number in weights_of(newborn).items()}
    steps, batch = 103, experiment.lifetime.batch
    found = taught(experiment, newborn, Code("direct", "", begun, dict, 32, steps)).numbers
    numbers = {name: number.clone().requires_grad_() for name, number in begun.items()}
    adam, task, batches = torch.optim.Adam([*numbers.values()]), experiment.task, []
    part = round(100 * batch * task.size("train") / (task.size("train") + task.size("selection")))
    for life in range(2):
        luck = chance(experiment.seed, "direct network", life)
        drawn = [task.draw(split, n, luck) for split, n in (("train", part), ("selection", 100 * batch - part))]
        order = luck.stream("order").permutation(100 * batch)[0]
        both = [torch.cat([getattr(s, name) for s in drawn], 2)[:, :, order] for name in ("inputs", "targets")]
        batches += zip(*(b.float().split(batch, dim=2) for b in both), strict=True)
    for step in range(steps):
        adam.param_groups[0]["lr"] = 0.01 * (1 - step / steps)
        inputs, targets = batches[step]
        outputs = numbers["layer0 -> layer1"] @ inputs[0] + numbers["layer1"][:, None]
        adam.zero_grad()
        (0.5 * (outputs - targets[0]).square().sum(0).mean()).backward()
        adam.step()
    for name, number in numbers.items():
        assert (number - begun[name]).abs().max() > 0.05
        assert torch.allclose(found[name], number, atol=1e-5)
        assert not found[name].requires_grad
    code = Code("direct", "", begun, dict, 32)
    assert taught(experiment, newborn, code) is code, "nothing to learn"


def test_classes_are_learned_by_their_likelihood_where_no_objective_is_given(small):
    """The loss of what is not an objective of the experiment: cross-entropy of labels, squares of numbers."""
    for task, sizes, loss in (
        (Digits(train=20, selection=20, test=20), (64, 10), CrossEntropy()),
        (replace(small().task, teacher_seed=2), (5, 3), SquaredError()),
    ):
        goal = Scores((f"innate.{task.score_names[0]}",))
        bare = small(topology=layered(*sizes), task=task, rule=Frozen(), objective=None, goals=goal)
        newborn = birth(bare, genome(bare)[None], chance(0, "x"))
        code = Code("direct", "", weights_of(newborn), dict, 32, 3)
        one, same, other = (
            taught(replace(bare, objective=objective), newborn, code).numbers["layer0 -> layer1"]
            for objective in (None, loss, CrossEntropy() if isinstance(loss, SquaredError) else SquaredError())
        )
        assert torch.equal(one, same)
        assert not torch.equal(one, other)


def test_where_networks_come_from_is_said_with_the_updates(small):
    assert "(1,000 updates; 200 more after pruning" in origin(small())
    assert "compressed" in origin(in_a_world(small, Direct(), rule=Frozen()))
    assert "No network" in origin(in_a_world(small, RandomWiring(1.0), rule=Hebbian(Evolve((0.01, 1.0)))))


def test_a_control_holds_the_network_that_its_numbers_say():
    full, code = network(), Code(METHODS[0], "8-bit", network(), dict, 8)
    control = written(code, TOPOLOGY)
    for name in (FIRST, SECOND):
        assert np.abs(control.network.weights[name] - full[name].numpy()).max() < 0.03
    assert np.abs(control.network.units["layer2"]["bias"] - full["layer2"].numpy()).max() < 0.03
    assert control.size.numbers == 54
    assert (control.method, control.setting) == ("quantised direct", "8-bit")
