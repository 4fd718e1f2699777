"""The four ways to write a network down: what each keeps exactly, what it costs, and that it learns and repeats."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
import pytest
import torch

from evo.analysis.assay_runner import AssayRunner
from evo.analysis.innate.compressed_networks import (
    METHODS,
    NETWORKS,
    controls,
    low_rank,
    origin,
    pruned,
    random_basis,
    written,
)
from evo.analysis.innate.training import LEARNED, RATES, Code, _Adam, _worth, learned, taught, tuned, weights_of
from evo.distribution.executor import Serial
from evo.evaluation.cohort import Assay
from evo.experiment.goals import Scores
from genomes.encodings.direct import Direct
from genomes.encodings.random_wiring import RandomWiring
from genomes.evolve import Evolve
from genomes.streams import derive
from genomes.topology import layered
from inner_loop.lives.episodes import EpisodicLifetime
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
    """Two of them."""
    streams = derive(seed, "network", owners=range(2))
    return {
        FIRST: streams.stream("a").normal(5, 6).float(),
        SECOND: streams.stream("b").normal(4, 5).float(),
        "layer2": streams.stream("c").normal(4).float(),
    }


def genome(experiment):
    spec = experiment.genome.spec
    return spec.quantise(derive(1, "genome").uniform(spec.size).numpy())[0]


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
    for place in range(2):
        magnitudes = np.sort(np.abs(np.concatenate([full[name][place].flatten() for name in (FIRST, SECOND)])))
        for name in (FIRST, SECOND):
            large = full[name][place].abs() >= magnitudes[-7]
            assert torch.equal(kept[name][place], full[name][place] * large)
        assert sum(int((kept[name][place] != 0).sum()) for name in (FIRST, SECOND)) == 7
    assert torch.equal(kept["layer2"], full["layer2"])


def test_a_pruned_network_costs_its_weights_their_places_and_three_scales():
    control = written(pruned(network(), TOPOLOGY, 7), TOPOLOGY)
    size = control.size
    assert size.numbers == 7 + 4
    for given in control.networks:
        assert sum(int((weight != 0).sum()) for weight in given.weights.values()) == 7
    assert size.fixed == pytest.approx(11 * 6 + 3 * 16 + math.log2(math.comb(50, 7)) + math.log2(51))


def test_a_network_of_low_rank_is_found_exactly():
    full = network()
    streams = derive(3, "factors")
    full[FIRST] = (streams.stream("left").normal(5, 2) @ streams.stream("right").normal(2, 6)).float().repeat(2, 1, 1)
    code = low_rank(full, TOPOLOGY, 2)
    assert torch.allclose(code.unfold(code.numbers)[FIRST], full[FIRST], atol=1e-5)
    short = low_rank(full, TOPOLOGY, 1)
    assert not torch.allclose(short.unfold(short.numbers)[FIRST], full[FIRST], atol=0.1)
    assert torch.equal(low_rank(full, TOPOLOGY, 3).numbers[FIRST], full[FIRST]), "33 numbers are more than 30 weights"
    square = {**network(), FIRST: torch.eye(4).repeat(2, 1, 1)}
    assert low_rank(square, layered(4, 4), 2).numbers.keys() == square.keys(), "16 numbers for 16 weights"


def test_as_many_dimensions_as_numbers_reach_any_network():
    origin_there, target = network(0), network(1)
    (code,) = random_basis(origin_there, target, (54,))
    reached = code.unfold(code.numbers)
    assert all(torch.allclose(reached[name], target[name], atol=1e-3) for name in target)
    (few,) = random_basis(origin_there, target, (20,))
    assert few.numbers["theta"].shape == (2, 20)

    def away(theta):
        found = few.unfold({"theta": theta})
        return sum(float((found[name] - target[name]).square().sum()) for name in target)

    nearest = away(few.numbers["theta"])
    assert nearest > 1
    for push in torch.eye(20) * 0.5:
        assert away(few.numbers["theta"] + push) > nearest < away(few.numbers["theta"] - push)
    (begun,) = random_basis(origin_there, None, (20,))
    assert all(torch.equal(begun.unfold(begun.numbers)[name], origin_there[name]) for name in target)


def test_directions_of_a_basis_are_of_about_unit_length_and_differ_between_networks():
    begun = network()
    (code,) = random_basis(begun, None, (3,))
    lengths = []
    for step in torch.eye(3):
        moved = code.unfold({"theta": step.repeat(2, 1)})
        away = torch.cat([(moved[name] - begun[name]).flatten(1) for name in begun], dim=1)
        lengths += away.norm(dim=1).tolist()
        assert not torch.allclose(away[0], away[1], atol=1e-3)
    assert 0.7 < min(lengths) <= max(lengths) < 1.3


@pytest.mark.parametrize(("largest", "dimensions"), [(54 * 7, [1, 2, 3, 7]), (54 * 7 - 1, [1, 2, 3]), (0, [])])
def test_a_basis_has_as_many_dimensions_as_memory_allows(monkeypatch, largest, dimensions):
    monkeypatch.setattr("evo.analysis.innate.compressed_networks._LARGEST_BASIS", largest)
    assert [code.numbers["theta"].shape[1] for code in random_basis(network())] == dimensions


def test_what_is_written_is_a_whole_network_with_few_values():
    control = written(Code(METHODS[0], "3-bit", network(), dict, 3), TOPOLOGY)
    assert len(control.networks) == 2
    for given in control.networks:
        given.check(TOPOLOGY)
        assert given.weights.keys() == {FIRST, SECOND}
        assert given.units.keys() == {"layer2"}
        assert len(np.unique(given.weights[FIRST])) <= 8
    assert control.size.fixed == 54 * 3 + 3 * 16
    alone = [
        written(Code(METHODS[0], "3-bit", {n: v[[place]] for n, v in network().items()}, dict, 3), TOPOLOGY)
        for place in range(2)
    ]
    assert control.size.coded == pytest.approx(np.mean([one.size.coded for one in alone]))
    for given, (other,) in zip(control.networks, [one.networks for one in alone], strict=True):
        assert np.array_equal(given.weights[FIRST], other.weights[FIRST])


@pytest.mark.slow
def test_numbers_learn_the_task_that_evolution_meets(small):
    experiment = small(topology=layered(5, 8, 3), task=Teacher(5, 3, hidden=0, measured=256, teacher_seed=1))
    newborn = experiment.birth(genome(experiment)[None], derive(0, "x"))
    begun = weights_of(newborn)
    assert begun.keys() == {FIRST, SECOND, "layer1", "layer2"}
    long = taught(experiment, newborn, Code("direct", "", begun, dict, 32, 600))
    again = taught(experiment, newborn, Code("direct", "", begun, dict, 32, 600))
    assert all(torch.equal(long.numbers[name], again.numbers[name]) for name in begun)
    scores = []
    for code in (Code("direct", "", begun, dict, 8), replace(long, bits=8)):
        assay = Assay("test", learn=False, interventions=written(code, experiment.topology).networks)
        found = AssayRunner(experiment, Serial()).examine("x", genome(experiment)[None], assay)
        scores.append(found["innate.explained_variance"][0])
    assert scores[0] < 0.5
    assert scores[1] > 0.9


@pytest.mark.slow
def test_the_rate_is_tuned_on_selection_by_networks_that_never_learned_on_it(small, monkeypatch):
    """It is the one that an examination of the networks as they are written down finds best."""
    asked = []
    draw = Teacher.draw
    monkeypatch.setattr(Teacher, "draw", lambda self, split, *more: asked.append(split) or draw(self, split, *more))
    experiment = small(topology=layered(5, 8, 3), task=Teacher(5, 3, hidden=0, measured=256, teacher_seed=1))
    newborn = experiment.birth(genome(experiment)[None], derive(0, "x"))
    code = Code("direct", "", weights_of(newborn), dict, 8, 30)
    ((rate, trial),) = tuned(experiment, newborn, code, (8,)).values()
    assert asked == ["train", *["selection"] * len(RATES)], "lessons, then an examination a rate"
    scores = []
    for each in learned(experiment, newborn, code, RATES, ("train",)).values():
        assay = Assay("selection", learn=False, interventions=written(each, experiment.topology).networks)
        found = AssayRunner(experiment, Serial()).examine("x", genome(experiment)[None], assay)
        scores.append(found["innate.explained_variance"][0])
    assert rate == RATES[int(np.argmax(scores))]
    assert np.ptp(scores) > 0.1, "or this test could not tell"
    own = taught(experiment, newborn, code)
    at_it = learned(experiment, newborn, code, (rate,), LEARNED)[rate]
    assert all(torch.equal(own.numbers[name], at_it.numbers[name]) for name in own.numbers)
    assert not torch.equal(own.numbers[FIRST], trial.numbers[FIRST])


def test_a_rate_is_tuned_with_the_trial_and_taken_by_the_code(small, monkeypatch):
    tried = []

    def tuned_at(experiment, newborn, code, bits):
        tried.append(code)
        return {32: (0.03, code)}

    monkeypatch.setattr("evo.analysis.innate.training.tuned", tuned_at)
    experiment = small(topology=layered(5, 8, 3))
    newborn = experiment.birth(genome(experiment)[None], derive(0, "x"))
    code = Code("direct", "", weights_of(newborn), dict, 32, 5)
    trial = replace(code, setting="trial")
    own = taught(experiment, newborn, code, trial)
    assert tried == [trial]
    at_it = learned(experiment, newborn, code, (0.03,), LEARNED)[0.03]
    assert all(torch.equal(own.numbers[name], at_it.numbers[name]) for name in own.numbers)
    assert taught(experiment, newborn, replace(code, steps=0)).numbers is code.numbers


def test_networks_and_rates_side_by_side_learn_as_each_by_itself(small):
    experiment = small(topology=layered(5, 8, 3))
    newborn = experiment.birth(genome(experiment)[None], derive(0, "x"))
    begun = {name: torch.cat([number, 0.5 * number]) for name, number in weights_of(newborn).items()}
    code = Code("direct", "", begun, dict, 32, 20)
    both = learned(experiment, newborn, code, (0.003, 0.1), LEARNED)
    for rate in both:
        first = replace(code, numbers={name: number[:1] for name, number in begun.items()})
        alone = learned(experiment, newborn, first, (rate,), LEARNED)[rate]
        for name, number in alone.numbers.items():
            assert torch.allclose(both[rate].numbers[name][:1], number, atol=1e-5), (rate, name)


@pytest.mark.slow
def test_numbers_descend_as_those_of_torch_do(small):
    numbers, given = torch.tensor([[1.0, -2.0], [1.0, -2.0]]), torch.tensor([1.0, -2.0])
    ours, theirs = numbers.requires_grad_(), given.requires_grad_()
    adam = _Adam([ours], (0.1, 0.01), 50)
    optimiser = torch.optim.Adam([theirs], lr=0.1)
    for step in range(50):
        adam.step((ours**4 + ours).sum())
        optimiser.param_groups[0]["lr"] = 0.1 * (1 - step / 50)
        optimiser.zero_grad()
        (theirs**4 + theirs).sum().backward()
        optimiser.step()
    assert torch.allclose(ours[0], theirs, atol=1e-5)
    assert not torch.allclose(ours[1], theirs, atol=0.1)


def test_a_rate_at_which_a_network_is_lost_is_not_taken(small):
    experiment = small(topology=layered(5, 8, 3))
    code = Code("direct", "", network(), dict, 8)
    lost = replace(code, numbers={name: number / 0 for name, number in network().items()})
    assert _worth(experiment, lost) == -math.inf


@pytest.mark.slow
def test_retrained_networks_are_tuned_from_those_that_never_learned_on_selection(small, monkeypatch):
    monkeypatch.setattr("evo.analysis.innate.compressed_networks.STEPS", 20)
    monkeypatch.setattr("evo.analysis.innate.compressed_networks.RETRAINED", 5)
    pairs = []
    monkeypatch.setattr(
        "evo.analysis.innate.compressed_networks.taught",
        lambda _, newborn, code, trial=None: pairs.append((code, trial)) or code,
    )
    experiment = small(topology=layered(5, 8, 3))
    controls(experiment, genome(experiment))
    again = [(code, trial) for code, trial in pairs if code.steps == 5]
    assert {code.method for code, _ in again} == {METHODS[1], METHODS[2]}
    for code, trial in again:
        assert (code.method, code.setting) == (trial.method, trial.setting)
        assert all(not torch.equal(code.numbers[name], trial.numbers[name]) for name in code.numbers)
    assert all(trial is None for code, trial in pairs if code.method == METHODS[3])


@pytest.mark.slow
def test_a_task_has_all_four_in_order_of_size_and_the_same_ones_again(small, monkeypatch):
    monkeypatch.setattr("evo.analysis.innate.compressed_networks.STEPS", 20)
    monkeypatch.setattr("evo.analysis.innate.compressed_networks.RETRAINED", 10)
    monkeypatch.setattr("evo.analysis.innate.training.RATES", (0.01, 0.03))
    experiment = small(topology=layered(5, 8, 3))
    found, again = (controls(experiment, genome(experiment)) for _ in range(2))
    assert [*dict.fromkeys(each.method for each in found)] == list(METHODS)
    for each, same in zip(found, again, strict=True):
        assert len(each.networks) == len(same.networks) == NETWORKS == 5
        assert each.size == same.size
        for given, other in zip(each.networks, same.networks, strict=True):
            given.check(experiment.topology)
            for name, weight in given.weights.items():
                assert np.array_equal(weight, other.weights[name])
        apart = {given.weights[FIRST].tobytes() for given in each.networks}
        assert len(apart) == NETWORKS, "each has a beginning and an order of samples of its own"
    for method in METHODS:
        sizes = [each.size.fixed for each in found if each.method == method]
        assert sizes == sorted(sizes)
    assert "trained by gradient" in origin(experiment)


def test_in_a_world_the_wiring_of_the_genome_is_compressed(small):
    experiment = in_a_world(small, Direct(bits=6), rule=Frozen())
    own = experiment.birth(genome(experiment)[None], derive(0, "x")).projections
    found = controls(experiment, genome(experiment))
    finest = [each for each in found if each.method == METHODS[0]][-1]
    for name, synapses in own.items():
        weight = synapses.weight[0].numpy()
        (given,) = finest.networks
        assert np.abs(given.weights[name] - weight).max() < 0.02 * np.abs(weight).max()
    assert "compressed" in origin(experiment)


def test_in_a_world_without_genes_for_the_wiring_there_is_nothing_to_compress(small):
    experiment = in_a_world(small, RandomWiring(1.0), rule=Hebbian(Evolve((0.01, 1.0))))
    assert controls(experiment, genome(experiment)) == []
    assert "no network without a genome" in origin(experiment)


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

    def draw(self, split, samples, streams, start=0):
        self.asked.add(split)
        return self.good.draw(split, samples, streams, start)

    def scores(self, outputs, targets):
        return self.good.scores(outputs, targets)


@pytest.mark.slow
def test_networks_learn_on_the_two_splits_that_evolution_meets_and_never_on_test(small, monkeypatch):
    monkeypatch.setattr("evo.analysis.innate.compressed_networks.STEPS", 4)
    monkeypatch.setattr("evo.analysis.innate.compressed_networks.RETRAINED", 2)
    monkeypatch.setattr(Watched, "asked", set())
    experiment = small(topology=layered(5, 3), task=Watched(small().task))
    assert controls(experiment, genome(experiment))
    assert Watched.asked == {"train", "selection"}


@pytest.mark.slow
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


@pytest.mark.slow
def test_classes_are_learned_by_their_likelihood_where_no_objective_is_given(small):
    """The loss of what is not an objective of the experiment: cross-entropy of labels, squares of numbers."""
    for task, sizes, loss in (
        (Digits(train=20, selection=20, test=20), (64, 10), CrossEntropy()),
        (replace(small().task, teacher_seed=2), (5, 3), SquaredError()),
    ):
        goal = Scores((f"innate.{task.score_names[0]}",))
        bare = small(topology=layered(*sizes), task=task, rule=Frozen(), objective=None, goals=goal)
        newborn = bare.birth(genome(bare)[None], derive(0, "x"))
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
    assert "no network without a genome" in origin(
        in_a_world(small, RandomWiring(1.0), rule=Hebbian(Evolve((0.01, 1.0))))
    )
