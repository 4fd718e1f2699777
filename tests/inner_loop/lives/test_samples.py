"""One life: its measurements, their times and samples, and the independence of the lives of a cohort."""

from dataclasses import dataclass, replace
from typing import final

import numpy as np
import pytest
import torch

from genomes.phenotype import Phenotype, Synapses
from genomes.streams import derive
from genomes.topology import layered
from inner_loop.lives.samples import Lifetime, live
from inner_loop.objectives.cross_entropy import CrossEntropy
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.rule import LearningRule
from inner_loop.rules.backprop import Backprop
from inner_loop.rules.frozen import Frozen
from inner_loop.rules.hebbian import Hebbian
from inner_loop.task import Samples, Task
from inner_loop.tasks.digits import Digits
from inner_loop.tasks.teacher import Teacher

DIGITS = Digits(train=600, selection=200, test=200)
TOPOLOGY = layered(64, 16, 10)
SHARED = derive(0, "life")


def cohort(owners, topology=TOPOLOGY, dtype=torch.float32, rate=0.1):
    """Random networks with only a learning rate and a momentum; the same owner is the same network."""
    projections = {}
    for edge in topology.edges:
        weight = derive(0, edge.name, owners=owners).normal(*topology.shape(edge)) / topology.shape(edge)[1] ** 0.5
        parameters = {f"rule.{name}": torch.zeros(len(owners), 1, 1, dtype=dtype) for name in COEFFICIENTS}
        parameters["rule.learning_rate"] = torch.full((len(owners), 1, 1), rate, dtype=dtype)
        parameters["rule.correlation"] = torch.ones(len(owners), 1, 1, dtype=dtype)
        projections[edge.name] = Synapses(weight.to(dtype), None, parameters)
    return Phenotype(topology, projections, {}, {"rule.momentum": torch.full((len(owners),), 0.9, dtype=dtype)})


COEFFICIENTS = ("correlation", "presynaptic", "postsynaptic", "constant")


def grow_up(owners, rule=None, task=DIGITS, lifetime=None, of_life=SHARED, rate=0.1, **given):
    lifetime = lifetime or Lifetime(steps=20, batch=16, probes=4)
    return live(cohort(owners, rate=rate), rule or Backprop(), CrossEntropy(), task, lifetime, of_life, **given)


def same(one, other, rows=None, other_rows=None):
    rows = slice(None) if rows is None else rows
    other_rows = rows if other_rows is None else other_rows
    return one.keys() == other.keys() and all(np.array_equal(one[n][rows], other[n][other_rows]) for n in one)


@pytest.mark.parametrize("rule", [Frozen(), Backprop(learning_rate=0.0), Hebbian(learning_rate=0.0, bound=100.0)])
def test_without_plasticity_what_is_learned_is_what_was_innate(rule):
    measured = grow_up(range(3), rule, rate=0.0)
    for name in DIGITS.score_names:
        assert np.array_equal(measured[f"learned.{name}"], measured[f"innate.{name}"])
    assert np.array_equal(measured["gain"], np.zeros(3))
    assert np.array_equal(measured["curve"], np.repeat(measured["curve"][:, :1], 4, axis=1))
    np.testing.assert_allclose(measured["area"], measured["innate.accuracy"], rtol=1e-12)


def test_learning_is_measured_and_birth_is_not_disturbed_by_it():
    life = Lifetime(steps=100, batch=32, probes=3)
    learned = grow_up(range(3), lifetime=life)
    frozen = grow_up(range(3), Frozen(), lifetime=life)
    assert learned["learned.accuracy"].min() > 0.75
    for name in DIGITS.score_names:
        assert np.array_equal(learned[f"innate.{name}"], frozen[f"innate.{name}"])
    assert np.array_equal(learned["gain"], learned["learned.accuracy"] - learned["innate.accuracy"])
    assert np.array_equal(learned["curve"][:, 0], learned["innate.accuracy"])
    assert np.array_equal(learned["curve"][:, -1], learned["learned.accuracy"])


def test_a_life_leaves_its_phenotype_as_it_was_born():
    newborn = cohort(range(2))
    before = {name: s.weight.clone() for name, s in newborn.projections.items()}
    live(newborn, Backprop(), CrossEntropy(), DIGITS, Lifetime(steps=3), SHARED)
    for name, weight in before.items():
        assert torch.equal(newborn.projections[name].weight, weight)


@dataclass(frozen=True)
class Shuffled(Task):
    """Digits whose training labels have nothing to do with the images."""

    good: Task = DIGITS

    inputs = property(lambda self: self.good.inputs)
    outputs = property(lambda self: self.good.outputs)
    score_names = property(lambda self: self.good.score_names)

    def size(self, split):
        return self.good.size(split)

    def draw(self, split, samples, streams, start=0):
        drawn = self.good.draw(split, samples, streams, start)
        if split != "train":
            return drawn
        labels = streams.stream("shuffled").integers(10, samples, start=start)
        return Samples(drawn.inputs, torch.nn.functional.one_hot(labels, 10).mT.float())

    def scores(self, outputs, targets):
        return self.good.scores(outputs, targets)


def test_shuffled_labels_teach_nothing():
    life = Lifetime(steps=100, batch=32)
    measured = grow_up(range(32), task=Shuffled(), lifetime=life, of_life=derive(0, "life", owners=range(32)))
    assert abs(measured["learned.accuracy"].mean() - 0.1) < 0.03
    assert grow_up(range(2), lifetime=life)["learned.accuracy"].min() > 0.75


def test_common_random_numbers_give_everybody_the_same_life():
    """Two individuals with the same genome cannot differ, at any position in the cohort."""
    measured = grow_up([5, 5, 6, 5])
    assert same(measured, measured, [0, 0], [1, 3])
    assert not np.array_equal(measured["curve"][0], measured["curve"][2])


@dataclass(frozen=True)
class Listening(LearningRule[tuple[()]]):
    """Learns nothing and keeps its inputs."""

    heard: tuple = ()

    def init(self, network, newborn, weights, streams):
        return ()

    def step(self, network, weights, state, lived, newborn):
        self.heard[0].append((lived.activities["layer0"].clone(), lived.targets.clone(), lived.step))
        return weights, state


def lessons_of(owners, lifetime, of_life, task=DIGITS):
    heard = []
    grow_up(owners, Listening((heard,)), task, lifetime, of_life)
    return heard


def test_common_lessons_are_the_same_whoever_lives():
    life = Lifetime(steps=6, batch=8)
    for (one, answer, step), (other, other_answer, _) in zip(
        lessons_of([1, 2], life, SHARED), lessons_of([3, 4, 5], life, SHARED), strict=True
    ):
        assert one.shape == (1, 64, 8)
        assert torch.equal(one, other)
        assert torch.equal(answer, other_answer)
        assert 0 <= step < 6


def test_lessons_are_the_training_data_epoch_after_epoch():
    heard = lessons_of([1, 2], Lifetime(steps=40, batch=30), SHARED)
    assert [step for _, _, step in heard] == list(range(40))
    rows = torch.cat([inputs[0].T for inputs, _, _ in heard])
    first, second = ({r.numpy().tobytes() for r in part} for part in rows.split(600))
    assert first == second
    assert len(first) == 600
    assert not torch.equal(rows[:600], rows[600:])
    exam = DIGITS.draw("selection", 200, SHARED).inputs[0].T
    assert not first & {r.numpy().tobytes() for r in exam}


def test_a_long_life_is_drawn_in_blocks_without_a_seam(monkeypatch):
    life = Lifetime(steps=11, batch=8)
    whole = lessons_of([1, 2], life, SHARED)
    monkeypatch.setattr("inner_loop.lives.samples._BLOCK", 64 * 8 * 3)
    for (one, answer, _), (other, other_answer, _) in zip(whole, lessons_of([1, 2], life, SHARED), strict=True):
        assert torch.equal(one, other)
        assert torch.equal(answer, other_answer)


def test_individual_streams_belong_to_their_owners():
    life = Lifetime(steps=6, batch=8)
    forth = lessons_of([1, 2], life, derive(0, "life", owners=[7, 9]))
    back = lessons_of([1, 2], life, derive(0, "life", owners=[9, 7]))
    for (one, _, _), (other, _, _) in zip(forth, back, strict=True):
        assert one.shape == (2, 64, 8)
        assert torch.equal(one, other[[1, 0]])
        assert not torch.equal(one[0], one[1])


def test_the_same_genome_with_other_lessons_learns_something_else():
    measured = grow_up([5, 5], of_life=derive(0, "life", owners=[7, 9]))
    assert measured["innate.accuracy"][0] == measured["innate.accuracy"][1]
    assert measured["learned.log_likelihood"][0] != measured["learned.log_likelihood"][1]


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("owners", [-1, (7, 9)], ids=["common lessons", "own lessons"])
def test_a_teacher_that_is_imitated_is_the_one_that_examines(owners, seed):
    task = Teacher(6, 3, hidden=0, measured=64, teacher_seed=seed)
    newborn = cohort(range(2), layered(6, 3), rate=0.05)
    life = Lifetime(steps=150, batch=16, criterion=0.9)
    measured = live(newborn, Backprop(), SquaredError(), task, life, derive(0, "life", owners=owners))
    assert measured["learned.explained_variance"].min() > 0.99


@pytest.mark.parametrize("rule", [Backprop(), Hebbian(taught=True), Frozen()])
@pytest.mark.parametrize("of_life", [SHARED, derive(0, "life", owners=range(4))], ids=["common", "own"])
def test_an_individual_that_is_not_a_number_leaves_its_neighbours_alone(rule, of_life):
    life, newborn = Lifetime(steps=8, batch=8, probes=3), cohort(range(4))
    sick = {n: replace(s, weight=s.weight.clone()) for n, s in newborn.projections.items()}
    for synapses in sick.values():
        synapses.weight[1, 0, 0] = torch.nan
    clean = live(newborn, rule, CrossEntropy(), DIGITS, life, of_life)
    beside = live(replace(newborn, projections=sick), rule, CrossEntropy(), DIGITS, life, of_life)
    assert same(clean, beside, [0, 2, 3])
    for name in ("innate.accuracy", "learned.accuracy", "learned.log_likelihood", "area", "gain"):
        assert not np.isfinite(beside[name][1])


def test_filling_a_cohort_up_changes_nobody():
    """The last cohort of a generation repeats its first individual in the empty slots."""
    filled, full = grow_up([5, 6, 5, 5]), grow_up([5, 6, 7, 8])
    assert same(filled, full, [0, 1])
    assert same(filled, filled, [0, 0], [2, 3])


def test_a_life_repeated_gives_the_same_bytes_and_another_seed_another_life():
    assert same(grow_up(range(3)), grow_up(range(3)))
    other = grow_up(range(3), of_life=derive(1, "life"))
    assert not np.array_equal(grow_up(range(3))["learned.log_likelihood"], other["learned.log_likelihood"])


def test_the_split_that_measures_may_be_chosen():
    measured = {split: grow_up(range(2), split=split)["innate.log_likelihood"] for split in ("selection", "test")}
    assert not np.array_equal(measured["selection"], measured["test"])


def test_a_bootstrap_over_samples_is_the_score_on_each_resample_however_it_is_computed():
    """Sample by sample if the score is a mean, as a whole otherwise: the same numbers."""

    @final
    @dataclass(frozen=True)
    class Whole(Task):
        """The digits, as if their accuracy were not a mean over samples."""

        digits: Digits

        inputs = property(lambda self: 64)
        outputs = property(lambda self: 10)
        score_names = property(lambda self: self.digits.score_names)

        def size(self, split):
            return self.digits.size(split)

        def draw(self, split, samples, streams, start=0):
            return self.digits.draw(split, samples, streams, start)

        def scores(self, outputs, targets):
            return self.digits.scores(outputs, targets)

    digits, topology = Digits(train=300, selection=300, test=300), layered(64, 10)
    newborn = Phenotype(
        topology, {"layer0 -> layer1": Synapses(derive(0, "w", owners=range(5)).normal(10, 64).float())}
    )
    streams = derive(0, "life")
    found = [
        live(newborn, Frozen(), None, task, Lifetime(0), streams, "test", resamples=30)["innate.accuracy.resampled"]
        for task in (digits, Whole(digits))
    ]
    assert found[0].shape == (5, 30)
    assert np.abs(found[0] - found[1]).max() < 1e-12
    fewer = live(newborn, Frozen(), None, digits, Lifetime(0), streams, "test", resamples=10)[
        "innate.accuracy.resampled"
    ]
    assert np.array_equal(fewer, found[0][:, :10])
    broken = replace(newborn, projections={"layer0 -> layer1": Synapses(newborn.like * torch.nan)})
    assert np.isnan(
        live(broken, Frozen(), None, digits, Lifetime(0), streams, "test", resamples=3)["innate.accuracy.resampled"]
    ).all()


def test_every_probe_of_a_curve_is_scored_on_the_same_resamples_as_birth_and_the_end():
    def lived(steps, probes=2, rule=None):
        lifetime = Lifetime(steps, 8, probes)
        rule = rule or Backprop()
        return live(cohort(range(3)), rule, CrossEntropy(), DIGITS, lifetime, SHARED, "test", resamples=10)

    whole, part = lived(9, probes=4), lived(3)
    assert whole["curve.resampled"].shape == (*whole["curve"].shape, 10) == (3, 4, 10)
    main = f"{DIGITS.score_names[0]}.resampled"
    assert np.array_equal(whole["curve.resampled"][:, 0], whole[f"innate.{main}"])
    assert np.array_equal(whole["curve.resampled"][:, 2], part[f"learned.{main}"])
    assert np.array_equal(whole["curve.resampled"][:, 3], whole[f"learned.{main}"])
    assert len(np.unique(whole["curve.resampled"][0])) > 4
    still = lived(9, 4, Frozen())["curve.resampled"]
    assert np.array_equal(still, np.repeat(still[:, :1], 4, axis=1))


def test_a_bootstrap_counts_the_same_samples_in_every_life_whatever_its_chance():
    """The same network in several lives is right and wrong on the same samples, on every resample of them."""
    newborn = cohort([5, 5, 5])
    found = [
        live(newborn, Frozen(), None, DIGITS, Lifetime(0), streams, "test", resamples=20)["innate.accuracy.resampled"]
        for streams in (SHARED, derive(1, "life", owners=range(3)), derive(2, "life", owners=range(3)))
    ]
    assert len(np.unique(found[0])) > 4
    for again in found:
        assert np.array_equal(again, np.repeat(found[0][:1], 3, axis=0))
