"""Individuals that raise are found by replacing suspects in place; the others live as if nothing had happened."""

import math
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import pytest

from evo.distribution.executor import Serial
from evo.evaluation.evaluate import evaluate
from evo.evaluation.fault_isolation import evaluate_guarded, evaluate_safely, isolate
from evo.evaluation.outcome import Outcome
from genomes.errors import InputError
from genomes.evolve import Evolvable, Evolve
from inner_loop.contracts.specimen import own_streams
from inner_loop.lives.samples import Lifetime
from inner_loop.rule import LearningRule
from inner_loop.rules.backprop import Backprop

ERRORS = {
    5: ValueError("a rule of the user's own"),
    6: MemoryError(),
    7: RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"),
    9: InputError("rule: expected nothing of the kind, got it"),
}
KIND = Evolve((0.0, 15.0), bits=4)
CALM = 1  # the bystander, of the middle level, is of kind 8


@final
@dataclass(frozen=True)
class Touchy(LearningRule):
    """Backprop that raises when a certain kind is among the living; the kind is a gene of 16 levels, 0 to 15."""

    kind_of_life: Evolvable = KIND
    also: int = -1

    def init(self, network, newborn, weights, streams):
        with_rate = newborn.with_parameters({}, {"rule.learning_rate": self._rates(newborn)})
        return Backprop(0.1, 0.5).init(network, with_rate, weights, own_streams(with_rate))

    def step(self, network, weights, state, lived, newborn):
        kinds = set(newborn.traits["rule.kind_of_life"].round().int().tolist())
        for kind, error in ERRORS.items():
            if kind in kinds:
                raise error
        if {self.also, self.also + 1} <= kinds:
            raise ArithmeticError("these two cannot live side by side")
        return Backprop(0.1, 0.5).step(network, weights, state, lived, newborn)

    @staticmethod
    def _rates(newborn):
        return {name: s.weight.new_full((newborn.lives, 1, 1), 0.1) for name, s in newborn.projections.items()}


@pytest.fixture
def touchy(small, founded):
    """An experiment and a cohort in which individual i is of kind kinds[i]."""

    def build(kinds, real=None, also=-1):
        experiment = small(rule=Touchy(also=also), cohort=len(kinds), lifetime=Lifetime(3, 4, common=False))
        cohort = founded(experiment, real)
        levels = cohort.levels.copy()
        levels[:, experiment.genome.spec.slices["rule.kind_of_life"]] = np.array(kinds)[:, None]
        if real is not None:
            levels[real:] = levels[0]
        return experiment, replace(cohort, levels=levels)

    return build


def check_others(experiment, cohort, outcome, guilty):
    """The other individuals have the bytes of a cohort in which no individual raised."""
    levels = cohort.levels.copy()
    levels[guilty, experiment.genome.spec.slices["rule.kind_of_life"]] = CALM
    undisturbed = evaluate(experiment, replace(cohort, levels=levels)).measurements
    others = [i for i in range(cohort.real) if i not in guilty]
    assert outcome.measurements.keys() == undisturbed.keys()
    for name, measured in outcome.measurements.items():
        assert measured.shape == undisturbed[name].shape
        assert measured[others].tobytes() == undisturbed[name][others].tobytes(), name
        assert np.isnan(measured[guilty]).all()


@pytest.mark.slow
@pytest.mark.parametrize("guilty", [[0], [3], [7], [2, 3], [0, 7], [1, 4, 6], [0, 1, 2, 3, 4, 5, 6]])
def test_exactly_those_who_raise_are_recorded_and_the_others_live_on(touchy, guilty):
    kinds = [5 if i in guilty else CALM for i in range(8)]
    experiment, cohort = touchy(kinds)
    outcome = evaluate_safely(experiment, cohort)
    assert outcome.failures == tuple("raised" if i in guilty else "" for i in range(8))
    check_others(experiment, cohort, outcome, guilty)


@pytest.mark.parametrize("guilty", [[2], [0, 5]])
def test_those_whose_genes_are_edited_into_guilt_are_found_and_the_edits_of_the_others_hold(touchy, guilty):
    experiment, cohort = touchy([CALM] * 8)
    spec = experiment.genome.spec
    edits = np.full(cohort.levels.shape, np.nan)
    edits[:, 0] = 0.5
    innocent = evaluate(experiment, replace(cohort, edits=edits)).measurements
    edits[guilty, spec.slices["rule.kind_of_life"]] = 5.0
    outcome = evaluate_safely(experiment, replace(cohort, edits=edits))
    assert outcome.failures == tuple("raised" if i in guilty else "" for i in range(8))
    others = [i for i in range(8) if i not in guilty]
    assert all(m[others].tobytes() == innocent[name][others].tobytes() for name, m in outcome.measurements.items())


def test_each_gets_the_reason_of_its_own(touchy):
    experiment, cohort = touchy([CALM, 5, CALM, 6, 7, CALM, CALM, CALM])
    outcome = evaluate_safely(experiment, cohort)
    assert outcome.failures == ("", "raised", "", "memory", "memory", "", "", "")
    check_others(experiment, cohort, outcome, [1, 3, 4])


def test_all_of_them_guilty(touchy):
    experiment, cohort = touchy([5] * 4)
    outcome = evaluate_safely(experiment, cohort)
    assert outcome.failures == ("raised",) * 4
    assert all(np.isnan(measured).all() for measured in outcome.measurements.values())


@pytest.mark.parametrize("evaluated", [evaluate_safely, pytest.param(evaluate_guarded, marks=pytest.mark.process)])
def test_the_message_of_an_exception_comes_once_with_the_outcome(touchy, evaluated):
    outcome = evaluated(*touchy([5, CALM, 5]))
    assert outcome.failures == ("raised", "", "raised")
    assert len(outcome.messages) == 1
    assert "test_fault_isolation.py, line" in outcome.messages[0]


@pytest.mark.parametrize(("kinds", "failures"), [([5, CALM], ("raised", "")), ([CALM, 5], ("", "raised"))])
def test_a_cohort_that_is_filled_up(touchy, kinds, failures):
    experiment, cohort = touchy([*kinds, 0, 0, 0, 0], real=2)
    assert evaluate_safely(experiment, cohort).failures == failures


def test_one_real_individual_that_raises(touchy):
    experiment, cohort = touchy([6, 0], real=1)
    assert evaluate_safely(experiment, cohort).failures == ("memory",)


def test_two_individuals_that_raise_only_together_fail_the_cohort_alone(touchy):
    experiment, cohort = touchy([CALM, 2, CALM, CALM, CALM, CALM, 3, CALM], also=2)
    outcome = evaluate_safely(experiment, cohort)
    assert outcome.failures == ("raised",) * 8, "no single individual can be shown to be the cause"
    assert outcome.measurements == {}
    experiment, cohort = touchy([CALM, CALM, 2, 3], also=2)
    assert evaluate_safely(experiment, cohort).failures == ("raised",) * 4


def test_what_the_user_did_wrong_is_no_individuals_failure(touchy, refused):
    experiment, cohort = touchy([CALM, 9, CALM, CALM])
    with refused("rule"):
        evaluate_safely(experiment, cohort)


@pytest.mark.parametrize("size", [2, 4, 8, 32, 5, 13])
def test_one_guilty_costs_about_two_attempts_a_halving(touchy, size):
    for guilty in {0, size // 2, size - 1}:
        experiment, cohort = touchy([5 if i == guilty else CALM for i in range(size)])
        tried = []

        def attempt(candidate, guilty=guilty, tried=tried, cohort=cohort):
            tried.append(candidate)
            suspect = (candidate.levels[guilty] == cohort.levels[guilty]).all()
            return "raised" if suspect else Outcome({"gain": np.arange(float(cohort.real))}, ("",) * cohort.real)

        outcome = isolate(experiment, cohort, attempt, "lost")
        assert outcome.failures == tuple("raised" if i == guilty else "" for i in range(size))
        assert len(tried) + 1 <= 2 * math.ceil(math.log2(size)) + 3, "the attempt that failed first among them"
        for candidate in tried:
            assert (candidate.slots == cohort.slots).all(), "no individual ever changes its slot"
            kept = (candidate.levels == cohort.levels).all(1)
            assert len(np.unique(candidate.levels[~kept], axis=0)) <= 1, "suspects are replaced by one bystander"


def test_a_cohort_that_nobody_can_live_in_is_tried_once(touchy):
    experiment, cohort = touchy([CALM] * 8)
    tried = []
    outcome = isolate(experiment, cohort, lambda candidate: tried.append(candidate) or "raised", "timeout")
    assert outcome.failures == ("timeout",) * 8
    assert len(tried) == 1


def test_nan_and_guilt_are_told_apart(touchy):
    experiment, cohort = touchy([CALM, 5, CALM, CALM])
    failures = ("", "", "nan", "")
    sound = Outcome({"gain": np.array([1.0, 2.0, np.nan, 4.0])}, failures)

    def attempt(candidate):
        return "raised" if (candidate.levels[1] == cohort.levels[1]).all() else sound

    outcome = isolate(experiment, cohort, attempt, "raised")
    assert outcome.failures == ("", "raised", "nan", "")
    assert np.array_equal(outcome.measurements["gain"], [1.0, np.nan, np.nan, 4.0], equal_nan=True)
    assert sound.measurements["gain"][1] == 2.0, "what was measured is not written into"


def test_the_executor_of_this_process_loses_no_cohort(touchy):
    experiment, guilty = touchy([CALM, 5, CALM, CALM])
    calm = replace(guilty, number=1, levels=guilty.levels[[0, 0, 2, 3]])
    outcomes = dict(Serial().outcomes(experiment, [guilty, calm]))
    assert outcomes[0].failures == ("", "raised", "", "")
    assert outcomes[1].failures == ("",) * 4
