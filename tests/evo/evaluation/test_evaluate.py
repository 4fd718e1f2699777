"""The one call that crosses a process: a pure function of experiment and cohort, individual by individual."""

from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
import pytest
import torch
from torch import Tensor

from evo.evaluation.cohort import Assay, cohorts, unwritten, written_out
from evo.evaluation.evaluate import evaluate
from evo.experiment.goals import Scores
from evo.search.algorithms import EvolutionStrategy
from genomes.encodings.random_wiring import RandomWiring
from genomes.evolve import Evolve
from genomes.intervention import Intervention
from genomes.streams import SHARED, derive
from genomes.topology import Group, Topology, layered
from inner_loop.life import CONDITIONS
from inner_loop.lives.episodes import EpisodicLifetime, live_in
from inner_loop.lives.samples import Lifetime, live
from inner_loop.objective import Objective
from inner_loop.objectives.cross_entropy import CrossEntropy
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.rules.backprop import Backprop
from inner_loop.rules.frozen import Frozen
from inner_loop.rules.hebbian import Hebbian
from inner_loop.task import Task
from inner_loop.tasks.digits import Digits
from inner_loop.tasks.teacher import Teacher
from inner_loop.worlds.cart_pole import CartPole

HUGE = Backprop(Evolve((1e-2, 1e30), "log", 4), 0.5)  # the last level of this rate leaves no number finite


def rows(measurements, chosen):
    return {name: measured[chosen] for name, measured in measurements.items()}


def with_rates(experiment, cohort, rates):
    """The same genomes with other levels of the learning rate."""
    levels = cohort.levels.copy()
    levels[:, experiment.genome.spec.slices["rule.learning_rate"]] = np.array(rates)[:, None]
    return replace(cohort, levels=levels)


@pytest.mark.parametrize(
    ("count", "size", "real"), [(12, 4, [4, 4, 4]), (10, 4, [4, 4, 2]), (1, 4, [1]), (3, 2, [2, 1])]
)
def test_a_generation_is_cut_in_order_and_the_last_cohort_filled_with_its_first(count, size, real):
    levels = np.arange(count * 3, dtype=np.uint8).reshape(count, 3)
    cut = cohorts(5, levels, size)
    assert [cohort.real for cohort in cut] == real
    assert [cohort.number for cohort in cut] == list(range(len(cut)))
    assert all(cohort.generation == 5 and len(cohort.slots) == size for cohort in cut)
    assert np.concatenate([cohort.slots[: cohort.real] for cohort in cut]).tolist() == list(range(count))
    for cohort in cut:
        assert (cohort.levels == levels[cohort.slots]).all()
        assert (cohort.slots[cohort.real :] == cohort.slots[0]).all()


def test_the_same_cohort_gives_the_same_bytes(small, founded, same_bytes):
    experiment = small()
    one, two = (evaluate(experiment, founded(experiment)) for _ in range(2))
    assert same_bytes(one.measurements, two.measurements)
    assert one.failures == ("",) * 4
    assert all(m.dtype == np.float64 and len(m) == 4 for m in one.measurements.values())


def test_what_lived_before_does_not_matter(small, founded, same_bytes):
    experiment = small(lifetime=Lifetime(3, 4, common=False))
    alone = evaluate(experiment, founded(experiment, number=1))
    evaluate(experiment, founded(experiment, number=0))
    evaluate(small(seed=9), founded(experiment, number=1))
    assert same_bytes(evaluate(experiment, founded(experiment, number=1)).measurements, alone.measurements)


def test_a_short_cohort_gives_the_same_bytes_as_a_full_one_for_those_who_are_real(small, founded, same_bytes):
    experiment = small(cohort=7, topology=layered(5, 7, 3))
    full = evaluate(experiment, founded(experiment)).measurements
    for real in (1, 2, 5):
        short = evaluate(experiment, founded(experiment, real))
        assert len(short.failures) == real
        assert same_bytes(short.measurements, rows(full, slice(real)))


@pytest.mark.parametrize("common", [True, False])
def test_one_that_diverges_leaves_its_neighbours_bytes_alone(small, founded, same_bytes, common):
    experiment = small(rule=HUGE, lifetime=Lifetime(6, 4, common=common))
    calm = evaluate(experiment, with_rates(experiment, founded(experiment), [0, 0, 0, 0]))
    wild = evaluate(experiment, with_rates(experiment, founded(experiment), [0, 15, 0, 0]))
    assert calm.failures == ("", "", "", "")
    assert wild.failures == ("", "nan", "", "")
    others = [0, 2, 3]
    assert same_bytes(rows(wild.measurements, others), rows(calm.measurements, others))
    assert np.isnan(wild.measurements["learned.explained_variance"][1])
    assert np.isfinite(wild.measurements["innate.explained_variance"][1]), "it was born like the others"


@pytest.mark.parametrize("common", [True, False])
def test_births_are_averaged(small, founded, common):
    experiment = small(lifetime=Lifetime(3, 4, births=3, common=common))
    cohort = founded(experiment, 3)
    by_hand = []
    for replicate in range(3):
        newborn = experiment.birth(cohort.levels, derive(0, "birth", 0, cohort.slots.tolist(), replicate))
        streams = derive(0, "life", 0, SHARED if common else cohort.slots.tolist(), replicate)
        by_hand.append(
            live(newborn, experiment.rule, experiment.objective, experiment.task, experiment.lifetime, streams)
        )
    measured = evaluate(experiment, cohort).measurements
    assert measured.keys() - by_hand[0].keys() == {"genome_bits", "wiring_bits"}
    for name in by_hand[0]:
        assert np.allclose(measured[name], np.mean([life[name] for life in by_hand], axis=0)[:3], rtol=1e-12), name
    assert not np.allclose(by_hand[0]["gain"], by_hand[1]["gain"]), "births differ"
    assert measured["genome_bits"].tolist() == [experiment.genome.spec.bits] * 3


def test_one_birth_that_fails_fails_the_individual(small, founded):
    experiment = small(rule=HUGE, lifetime=Lifetime(6, 4, births=2))
    outcome = evaluate(experiment, with_rates(experiment, founded(experiment), [15, 0, 0, 15]))
    assert outcome.failures == ("nan", "", "", "nan")


def test_common_random_numbers_make_twins_alike(small, founded):
    def twins(common):
        experiment = small(lifetime=Lifetime(3, 4, common=common))
        cohort = founded(experiment)
        levels = np.repeat(cohort.levels[:1], 4, axis=0)
        measured = evaluate(experiment, replace(cohort, levels=levels)).measurements
        return measured["innate.explained_variance"], measured["learned.explained_variance"]

    assert all(len(set(scores.tolist())) == 1 for scores in twins(True))
    assert all(len(set(scores.tolist())) == 4 for scores in twins(False))


def test_generations_differ_in_what_happens_to_them(small, founded):
    experiment = small()
    cohort = founded(experiment)
    now, later = (evaluate(experiment, replace(cohort, generation=g)).measurements for g in (0, 1))
    assert (now["gain"] != later["gain"]).all()


@pytest.mark.parametrize("common", [True, False])
def test_without_learning_birth_is_measured_the_same_and_nothing_else(small, founded, common):
    experiment = small(lifetime=Lifetime(3, 4, probes=3, births=2, common=common))
    cohort = founded(experiment)
    lived = evaluate(experiment, cohort).measurements
    innate = evaluate(experiment, cohort, Assay(learn=False)).measurements
    for name in experiment.task.score_names:
        assert innate[f"innate.{name}"].tobytes() == lived[f"innate.{name}"].tobytes()
        assert innate[f"learned.{name}"].tobytes() == innate[f"innate.{name}"].tobytes()
    assert (innate["gain"] == 0).all()
    assert (lived["gain"] != 0).all()
    assert innate["curve"].shape == (4, 1)


def test_a_frozen_life_ends_as_it_began(small, founded):
    experiment = small(rule=Frozen())
    measured = evaluate(experiment, founded(experiment)).measurements
    assert (measured["gain"] == 0).all()


def test_the_test_split_is_another_exam_after_the_same_life(small, founded):
    experiment = small(
        topology=layered(64, 4, 10), task=Digits(100, 60, 50), goals=replace(small().goals, names=("gain",))
    )
    cohort = founded(experiment)
    selection, test = (evaluate(experiment, cohort, Assay(split)).measurements for split in ("selection", "test"))
    assert (selection["innate.log_likelihood"] != test["innate.log_likelihood"]).all()
    shares = {name: m["innate.accuracy"] for name, m in (("60", selection), ("50", test))}
    for size, accuracy in shares.items():
        assert np.allclose(accuracy * int(size), np.round(accuracy * int(size))), "a share of all its samples"


@final
@dataclass(frozen=True)
class Flattering(Objective):
    """Tells a life that all is well, and teaches it the same."""

    def loss(self, lived):
        return SquaredError().loss(lived) * 0.0 - 1e9

    def error(self, lived):
        return SquaredError().error(lived)


def test_selection_does_not_read_the_objective(small, founded, same_bytes):
    honest, flattered = (small(objective=objective) for objective in (SquaredError(), Flattering()))
    one, two = (evaluate(experiment, founded(experiment)) for experiment in (honest, flattered))
    assert same_bytes(one.measurements, two.measurements)
    assert (honest.goals.of(one.measurements) == flattered.goals.of(two.measurements)).all()
    taught_otherwise = evaluate(small(objective=CrossEntropy()), founded(honest))
    innate = "innate.explained_variance"
    assert taught_otherwise.measurements[innate].tobytes() == one.measurements[innate].tobytes()
    assert (taught_otherwise.measurements["gain"] != one.measurements["gain"]).all()


def test_a_cohort_of_the_smallest_size_agrees_with_larger_ones(small, founded):
    experiment = small(cohort=8)
    large = evaluate(experiment, founded(experiment)).measurements
    pair = cohorts(0, founded(experiment).levels, 2)
    parts = [evaluate(experiment, cohort).measurements for cohort in pair]
    for name, measured in large.items():
        assert np.allclose(np.concatenate([part[name] for part in parts]), measured, rtol=1e-4), name


@final
@dataclass(frozen=True)
class Draws(Intervention):
    """Records the random numbers that it receives."""

    drawn: ClassVar[list[Tensor]] = []

    def apply(self, newborn, streams):
        self.drawn.append(streams.uniform(3))
        return newborn


def test_interventions_on_one_newborn_have_chance_of_their_own(small, founded, monkeypatch):
    monkeypatch.setattr(Draws, "drawn", [])
    evaluate(small(), founded(small()), Assay(learn=False, interventions=(Draws(), Draws(), Draws())))
    numbers = torch.stack(Draws.drawn)
    assert numbers.shape == (3, 4, 3)
    assert len(numbers.unique()) == numbers.numel(), "of each other's, and of the other individuals'"


def test_a_cohort_without_its_genomes_draws_those_of_its_slots_from_the_source(small, founded):
    experiment = small(search=EvolutionStrategy(11), seed=4)
    spec = experiment.genome.spec
    state = experiment.search.begin(spec, derive(experiment.seed, "search", -1))
    cut = unwritten(3, 11, 4, state)
    streams = derive(experiment.seed, "search", 3)
    for cohort, plain in zip(cut, cohorts(3, np.zeros((11, spec.size), np.uint8), 4), strict=True):
        assert (cohort.levels, cohort.source, cohort.real) == (None, state, plain.real)
        assert cohort.slots.tolist() == plain.slots.tolist()
        whole = written_out(experiment, cohort)
        assert np.array_equal(whole.levels, spec.quantise(experiment.search.rows(state, cohort.slots, spec, streams)))
        assert (whole.source, whole.edits, whole.real) == (None, None, cohort.real)
    given = founded(experiment)
    assert written_out(experiment, given) is given


@final
@dataclass(frozen=True)
class Partly(Task):
    """A teacher whose score of the second individual is no number at one probe of its life."""

    good: Teacher
    probes: ClassVar[int] = 0

    inputs = property(lambda self: self.good.inputs)
    outputs = property(lambda self: self.good.outputs)
    score_names = property(lambda self: self.good.score_names)

    def size(self, split):
        return self.good.size(split)

    def draw(self, split, samples, streams, start=0):
        return self.good.draw(split, samples, streams, start)

    def scores(self, outputs, targets):
        found = dict(self.good.scores(outputs, targets))
        Partly.probes += 1
        if Partly.probes == 2:
            name = self.score_names[0]
            found[name] = found[name].clone()
            found[name][1] = float("nan")
        return found


def test_one_number_that_is_none_anywhere_fails_the_individual(small, founded):
    experiment = small(task=Partly(small().task), lifetime=Lifetime(4, 4, probes=3))
    Partly.probes = 0
    outcome = evaluate(experiment, founded(experiment))
    assert np.isnan(outcome.measurements["curve"]).sum() == 1
    assert np.isfinite(outcome.measurements["learned.explained_variance"]).all()
    assert outcome.failures == ("", "nan", "", "")


@pytest.mark.slow
@pytest.mark.parametrize("split", ["selection", "test"])
@pytest.mark.parametrize("common", [True, False])
def test_in_a_world_births_are_averaged_individual_by_individual(small, founded, common, split):
    groups = (Group("senses", 4), Group("hidden", 3, "tanh"), Group("action", 2))
    experiment = small(
        topology=Topology(groups, ("senses -> hidden", "hidden -> action")),
        encoding=RandomWiring(1.0),
        rule=Hebbian(Evolve((0.01, 1.0), "log", 4)),
        objective=None,
        task=None,
        world=CartPole(longest=8),
        held_out=(("long pole", CartPole(longest=8, pole_length=1.0)),),
        goals=Scores(("innate_plastic.return",)),
        lifetime=EpisodicLifetime(3, 2, ("innate_plastic", "learned"), births=3, common=common),
    )
    cohort, (gene,) = founded(experiment, 3), experiment.genome.spec.slices.values()
    edits = np.full(cohort.levels.shape, np.nan)
    edits[1, gene] = 0.5
    cohort, rows, by_hand = replace(cohort, edits=edits), cohort.slots.tolist(), []
    test = split == "test"
    asked = replace(experiment.lifetime, measured=CONDITIONS if test else ("innate_plastic", "learned"))
    for replicate in range(3):
        newborn = experiment.birth(cohort.levels, derive(0, "birth", 0, rows, replicate), edits)
        streams = derive(0, "life", 0, SHARED if common else rows, replicate)
        held_out = experiment.held_out if test else ()
        by_hand.append(live_in(newborn, experiment.rule, None, experiment.world, asked, streams, split, held_out))
    measured = evaluate(experiment, cohort, Assay(split)).measurements
    assert measured.keys() - by_hand[0].keys() == {"genome_bits", "wiring_bits"}
    assert measured["curve"].shape == (3, 3)
    for name in by_hand[0]:
        assert np.allclose(measured[name], np.mean([life[name] for life in by_hand], axis=0)[:3], rtol=1e-5), name
    assert measured["genome_bits"].tolist() == [4.0] * 3
    assert measured["wiring_bits"].tolist() == [32.0 * experiment.topology.synapses] * 3
    unlived = evaluate(experiment, cohort, Assay(split, learn=False, conditions=("innate", "learned"))).measurements
    assert np.array_equal(unlived["innate.return"], unlived["learned.return"])
    assert "curve" not in unlived or unlived["curve"].shape[1] == 0


def test_one_number_of_a_curve_that_is_not_finite_fails_its_individual_alone(small, founded, monkeypatch):
    experiment = small(lifetime=Lifetime(3, 4, probes=3))

    def torn(*given):
        lived = live(*given)
        lived["curve"][1, -1] = np.nan
        return lived

    monkeypatch.setattr("inner_loop.lives.samples.live", torn)
    assert evaluate(experiment, founded(experiment)).failures == ("", "nan", "", "")


def test_a_search_that_gives_too_few_genomes_is_refused_by_its_name(small, monkeypatch, refused):
    experiment = small(search=EvolutionStrategy(7), generations=1)
    source = experiment.search.begin(experiment.genome.spec, derive(0, "search", -1))
    monkeypatch.setattr(EvolutionStrategy, "rows", lambda self, state, slots, spec, streams: np.zeros((1, spec.size)))
    with refused("EvolutionStrategy", 1):
        written_out(experiment, unwritten(0, 7, 4, source)[0])
