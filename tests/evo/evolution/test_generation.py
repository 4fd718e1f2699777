"""Outcomes and generations as named arrays, and goals that DEAP can be trusted with."""

import io
from typing import get_args

import numpy as np
import pytest
from deap import tools
from hypothesis import given, settings
from hypothesis import strategies as st

from evo.evaluation.evaluate import evaluate
from evo.evaluation.outcome import FAILURES, Failure, Outcome, joined, outcome_arrays, outcome_of, outcomes_of
from evo.evolution.generation import Generation, screened
from evo.experiment.goals import Scores
from evo.search.operators.deap_individual import individuals
from evo.storage.checksums import CorruptFile

EVERY = ("", "nan", "raised", "timeout", "memory", "lost")
GOALS = Scores(("gain", "-synapses"))


def through_a_file(arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    file.seek(0)
    with np.load(file, allow_pickle=False) as stored:
        return dict(stored)


def outcome(count=6, first=0.0):
    measured = {"gain": np.arange(count) + first, "curve": np.ones((count, 3)), "synapses": np.full(count, 2.0)}
    return Outcome(measured, EVERY[:count])


def test_every_failure_has_a_code_and_codes_keep_their_meaning():
    assert FAILURES == EVERY, "run folders hold the codes: a new failure goes to the end"
    assert set(FAILURES) == set(get_args(Failure))


def test_an_outcome_goes_through_a_file(same_bytes):
    before = outcome()
    before.measurements["gain"][1] = np.nan
    after = outcome_of(through_a_file(outcome_arrays(before)))
    assert after.failures == before.failures
    assert same_bytes(after.measurements, before.measurements)


def test_an_outcome_without_measurements_goes_through_a_file():
    after = outcome_of(through_a_file(outcome_arrays(Outcome({}, ("lost", "lost")))))
    assert (after.measurements, after.failures) == ({}, ("lost", "lost"))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_generation_goes_through_a_file(dtype, same_bytes):
    lived = outcome()
    levels = np.arange(12, dtype=dtype).reshape(6, 2)
    parents = np.array([[-1, -1], [3, -1], [4, 5], [0, 1], [2, 2], [6 * 41 - 1, 7]])
    before = Generation(41, levels, parents, np.ones((6, 2)), lived.measurements, lived.failures)
    arrays = before.arrays()
    assert not any(array.dtype == object for array in arrays.values())
    after = Generation.of(41, through_a_file(arrays))
    assert same_bytes(after.arrays(), arrays)
    assert after.index == 41
    assert after.failures == before.failures
    assert same_bytes(after.measurements, before.measurements)


@pytest.mark.parametrize(
    "change",
    [
        {"columns": np.array('[["gain", [1099511627776]]]')},
        {"columns": np.array('[["gain", [0]], ["curve", [6]]]')},
        {"columns": np.array('[["gain", [-1]]]')},
        {"columns": np.array('[["gain", "x"]]')},
        {"columns": np.array('{"gain": 1}')},
        {"columns": np.array("[" * 9000)},
        {"columns": np.zeros(3)},
        {"failures": np.full(6, 200, np.uint8)},
        {"failures": np.zeros(3, np.uint8)},
        {"measured": np.zeros((6, 4), np.float32)},
        {"measured": np.zeros(6)},
    ],
)
def test_what_is_no_outcome_in_a_journal_is_lived_again(change, same_bytes):
    right = outcome_arrays(outcome())
    with pytest.raises(CorruptFile, match="expected the arrays of an outcome"):
        outcome_of(right | change)
    found = outcomes_of({0: right, 1: right | change, 2: right, 9: right}, {0: 6, 1: 6, 2: 4})
    assert found.keys() == {0}
    assert same_bytes(found[0].measurements, outcome().measurements)


def test_failures_are_counted_by_reason():
    failures = ("", "nan", "", "nan", "lost", "")
    generation = Generation(
        0, np.zeros((6, 1), np.uint8), np.full((6, 2), -1), np.zeros((6, 1)), {"gain": np.zeros(6)}, failures
    )
    assert generation.counted_failures == {"nan": 2, "lost": 1}


def test_cohorts_are_joined_in_their_order():
    measured, failures = joined([outcome(2), outcome(3, 10.0)])
    assert measured["gain"].tolist() == [0.0, 1.0, 10.0, 11.0, 12.0]
    assert measured["curve"].shape == (5, 3)
    assert failures == ("", "nan", "", "nan", "raised")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_cohort_that_failed_as_a_whole_is_joined_as_nan(place):
    outcomes = [outcome(2), outcome(1)]
    outcomes.insert(place, Outcome({}, ("lost", "lost", "lost")))
    measured, failures = joined(outcomes)
    start = sum(len(o.failures) for o in outcomes[:place])
    lost = slice(start, start + 3)
    assert failures[lost] == ("lost",) * 3
    assert {name: m.shape for name, m in measured.items()} == {"gain": (6,), "curve": (6, 3), "synapses": (6,)}
    for m in measured.values():
        assert np.isnan(m[lost]).all()
        assert np.isfinite(np.delete(m, lost, axis=0)).all()


def test_when_all_cohorts_failed_there_is_nothing_to_join():
    assert joined([Outcome({}, ("lost",)), Outcome({}, ("nan",))]) == ({}, ("lost", "nan"))


_NUMBERS = st.floats(-1e308, 1e308)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(_NUMBERS, _NUMBERS, st.sampled_from(FAILURES)), min_size=1, max_size=8),
    st.sampled_from([np.nan, np.inf, -np.inf, 1e308]),
    _NUMBERS,
)
def test_screened_goals_are_finite_and_failures_lie_below_the_worst(individuals_, failed_value, last):
    columns = [*individuals_, (last, last, "")]
    failures = tuple(failure for *_, failure in columns)
    measured = {
        name: np.array([failed_value if row[2] else row[i] for row in columns])
        for i, name in enumerate(("gain", "synapses"))
    }
    goals = screened(GOALS, measured, failures)
    failed = np.array([bool(failure) for failure in failures])
    assert np.isfinite(goals).all()
    assert (goals[~failed] == np.stack([measured["gain"], -measured["synapses"]], 1)[~failed]).all()
    if failed.any():
        worst = goals[~failed].min(axis=0)
        lowest = -np.finfo(np.float64).max
        assert ((goals[failed] < worst) | (worst == lowest)).all()


def test_those_who_live_and_what_was_measured_stay_as_they_are():
    measured = {"gain": np.array([1.0, np.nan, 3.0]), "synapses": np.array([4.0, 5.0, 6.0])}
    goals = screened(GOALS, measured, ("", "nan", ""))
    assert goals.tolist() == [[1.0, -4.0], [1.0 - 2.0 - 1.0, -6.0 - 2.0 - 1.0], [3.0, -6.0]]
    assert np.isnan(measured["gain"][1])


def test_no_selection_of_deaps_takes_a_failure_for_the_best():
    measured = {"gain": np.array([np.nan, 1.0, np.inf, 3.0, 2.0]), "synapses": np.full(5, 7.0)}
    everyone = individuals(np.zeros((5, 1)), screened(GOALS, measured, ("nan", "", "nan", "", "")))
    assert [one.row for one in tools.selBest(everyone, 3)] == [3, 4, 1]
    assert [one.row for one in tools.selNSGA2(everyone, 3, nd="log")] == [3, 4, 1]
    assert all(everyone[i].fitness.dominates(everyone[j].fitness) for i in (1, 3, 4) for j in (0, 2))


def test_a_real_outcome_goes_through_a_file(small, founded, same_bytes):
    experiment = small()
    before = evaluate(experiment, founded(experiment, 3))
    after = outcome_of(through_a_file(outcome_arrays(before)))
    assert same_bytes(after.measurements, before.measurements)
    assert np.isfinite(screened(experiment.goals, after.measurements, after.failures)).all()


def test_a_cohort_with_a_hole_in_its_measurements_is_lived_again():
    whole, none = outcome(), {"gain": np.array([np.nan])}
    hole = {
        name: np.where(np.arange(m.size).reshape(m.shape) == 0, np.inf, m) for name, m in whole.measurements.items()
    }
    found = {
        0: Outcome(whole.measurements, whole.failures),
        1: Outcome(hole, whole.failures),
        2: Outcome({}, ("", "nan")),
        3: Outcome({}, ("lost",)),
        4: Outcome(none, ("nan",)),
    }
    lives = {number: len(o.failures) for number, o in found.items()}
    assert outcomes_of({number: outcome_arrays(o) for number, o in found.items()}, lives).keys() == {0, 3, 4}
