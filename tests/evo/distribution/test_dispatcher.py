"""Cohorts that are slow, lost, or come to another result: nothing of it is seen in an outcome."""

import os
import signal
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evo.distribution import dispatcher
from evo.distribution.cluster import Cluster, Node
from evo.distribution.dispatcher import Dispatcher
from evo.distribution.executor import Serial
from evo.distribution.jobs import DispatchHistory
from evo.distribution.ray_executor import OnRay
from evo.distribution.worker import ResultMismatch, run_cohort
from evo.evaluation.cohort import SELECTION
from evo.evaluation.evaluate import evaluate
from evo.evaluation.fault_isolation import evaluate_in_worker
from evo.evaluation.fingerprint import Fingerprint, fingerprint_of_lives
from evo.evaluation.outcome import Outcome, outcome_arrays
from evo.experiment.limits import Limits
from genomes.errors import InputError

pytestmark = pytest.mark.ray


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """A machine that stalls makes no stragglers; `patient(seconds)` is for tests that make one."""

    def until_repeated(seconds: float) -> None:
        monkeypatch.setattr(dispatcher, "_AT_LEAST", seconds)

    until_repeated(600.0)
    return until_repeated


@pytest.fixture
def held_up(tmp_path):
    """`wait, go`: what a straggler waits for, in a process of its own, and what ends that."""
    gate = str(tmp_path / "go")

    def wait() -> None:
        while not os.path.exists(gate):
            time.sleep(0.01)

    yield wait, Path(gate).touch
    Path(gate).touch()


def until_compared(executor, experiment, cohorts):
    """Goes on until every late answer has been met."""
    end = time.monotonic() + 200
    while executor._history.late:
        assert time.monotonic() < end, "no late answer came"
        list(executor.outcomes(experiment, cohorts[:1]))
        time.sleep(0.01)


@pytest.fixture
def clean(small, generation):
    experiment = small()
    cohorts = generation(experiment)
    return experiment, cohorts, [outcome for _, outcome in Serial().outcomes(experiment, cohorts)]


def same(found, clean, same_bytes):
    return all(same_bytes(outcome_arrays(found[i]), outcome_arrays(clean[i])) for i in range(len(clean)))


def dispatched(experiment, cohorts, evaluator=evaluate_in_worker, digest=None, history=None):
    history = history or DispatchHistory(Counter())
    with Cluster(2) as cluster:
        task = cluster.task(run_cohort, "cpu", experiment)
        proof = Fingerprint(experiment, digest or fingerprint_of_lives(experiment))
        found = Dispatcher(cluster, task, evaluator, experiment, cohorts, SELECTION, proof, history)
        return dict(found.arriving()), history


def test_a_straggler_is_run_a_second_time_and_the_first_answer_wins(
    clean, ray_executor, same_bytes, patient, held_up, tmp_path
):
    experiment, cohorts, undisturbed = clean
    patient(0.3)
    mark, (wait, go) = str(tmp_path / "met"), held_up

    def hangs_once(experiment, cohort, assay):
        if cohort.number == 1 and not os.path.exists(mark):
            open(mark, "w").close()
            wait()
        return evaluate_in_worker(experiment, cohort, assay)

    with OnRay(2, evaluator=hangs_once) as executor:
        found = dict(executor.outcomes(experiment, cohorts))  # the first attempt still hangs
        assert same(found, undisturbed, same_bytes)
        assert executor.incidents["repeated"] >= 1
        assert executor._history.late
        go()
        until_compared(executor, experiment, cohorts)


def test_a_process_that_freezes_costs_nothing_and_is_compared_when_it_thaws(
    clean, ray_executor, same_bytes, patient, tmp_path
):
    experiment, cohorts, undisturbed = clean
    patient(0.3)
    mark = tmp_path / "frozen"
    where = str(mark)

    def freezes_once(experiment, cohort, assay):
        if cohort.number == 1 and not os.path.exists(where):
            with open(where, "w") as file:
                file.write(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGSTOP)
        return evaluate_in_worker(experiment, cohort, assay)

    with OnRay(2, evaluator=freezes_once) as executor:
        try:
            assert same(dict(executor.outcomes(experiment, cohorts)), undisturbed, same_bytes)
            assert executor._history.late, "it is compared when it thaws"
        finally:
            os.kill(int(mark.read_text()), signal.SIGCONT)
        until_compared(executor, experiment, cohorts)  # it thawed, and its answer was the same


def test_a_late_answer_that_differs_is_found(clean, ray_executor, patient, held_up, tmp_path):
    experiment, cohorts, _ = clean
    patient(0.3)
    mark, (wait, go) = str(tmp_path / "met"), held_up

    def differs_once(experiment, cohort, assay):
        outcome = evaluate_in_worker(experiment, cohort, assay)
        if cohort.number == 1 and not os.path.exists(mark):
            open(mark, "w").close()
            wait()
            return Outcome({name: m + 1e-9 for name, m in outcome.measurements.items()}, outcome.failures)
        return outcome

    with OnRay(2, evaluator=differs_once) as executor:
        list(executor.outcomes(experiment, cohorts))
        go()
        with pytest.raises(ResultMismatch, match="cohort 1 of generation 0"):
            until_compared(executor, experiment, cohorts)


def test_what_is_audited_is_recomputed_and_agrees(clean, ray_executor, same_bytes, monkeypatch):
    experiment, cohorts, undisturbed = clean
    monkeypatch.setattr(dispatcher, "_AUDITED", 1.0)
    found, history = dispatched(experiment, cohorts)
    assert same(found, undisturbed, same_bytes)
    assert history.incidents == {"audited": len(cohorts)}


def test_one_cohort_in_a_hundred_is_audited(founded, small):
    cohort = founded(small())
    which = [
        dispatcher.is_audited(7, replace(cohort, generation=generation, number=number))
        for generation in range(30)
        for number in range(600)
    ]
    assert 0.007 < np.mean(which) < 0.013
    assert which != [which[0]] * len(which)


def test_a_corrupted_result_is_outvoted(clean, ray_executor, same_bytes, monkeypatch, tmp_path, caplog):
    experiment, cohorts, undisturbed = clean
    monkeypatch.setattr(dispatcher, "_AUDITED", 1.0)
    mark = str(tmp_path / "met")

    def flips_a_bit_once(experiment, cohort, assay):
        outcome = evaluate_in_worker(experiment, cohort, assay)
        if cohort.number == 2 and not os.path.exists(mark):
            open(mark, "w").close()
            outcome.measurements["gain"].view(np.uint64)[0] ^= 1
        return outcome

    found, history = dispatched(experiment, cohorts, flips_a_bit_once)
    assert same(found, undisturbed, same_bytes)
    assert history.incidents == {"audited": len(cohorts), "corrupted": 1}
    assert "cohort 2 of generation 0 gave a result" in caplog.text


def test_results_of_which_no_two_agree_stop_the_run(clean, ray_executor, monkeypatch):
    experiment, cohorts, _ = clean
    monkeypatch.setattr(dispatcher, "_AUDITED", 1.0)

    def draws_chance_of_its_own(experiment, cohort, assay):
        outcome = evaluate_in_worker(experiment, cohort, assay)
        return replace(outcome, measurements=outcome.measurements | {"gain": np.full(cohort.real, time.time_ns() / 1)})

    with pytest.raises(ResultMismatch, match="three different results"):
        dispatched(experiment, cohorts, draws_chance_of_its_own)


def test_a_processor_that_computes_other_bits_is_sent_away(clean, ray_executor):
    experiment, cohorts, _ = clean
    with pytest.raises(InputError, match=r"computes other last bits.*--portable"):
        dispatched(experiment, cohorts, digest="0" * 64)


def test_cohorts_are_taken_as_there_is_room(clean, ray_executor, same_bytes):
    experiment, cohorts, _ = clean
    taken, arrived = [], []

    def one_by_one():
        for number, cohort in enumerate([*cohorts] * 4):
            taken.append(number)
            yield cohort

    with OnRay(1) as executor:
        for place, _ in executor.outcomes(experiment, one_by_one()):
            arrived.append(place)
            assert len(taken) <= len(arrived) + 2 * 2, "two for each of the Ray's workers"
    assert sorted(arrived) == list(range(12))


def test_none_says_wait(clean, ray_executor, same_bytes):
    experiment, cohorts, undisturbed = clean
    known = []

    def in_turn():
        for number, cohort in enumerate(cohorts):
            while len(known) < number:
                yield None
            yield cohort

    with OnRay(2) as executor:
        for place, outcome in executor.outcomes(experiment, in_turn()):
            known.append(place)
            assert same_bytes(outcome_arrays(outcome), outcome_arrays(undisturbed[place]))
    assert known == [0, 1, 2]


def test_an_audit_whose_repeat_was_too_slow_keeps_the_first_answer(
    clean, ray_executor, same_bytes, monkeypatch, tmp_path
):
    experiment, cohorts, undisturbed = clean
    monkeypatch.setattr(dispatcher, "_AUDITED", 1.0)
    marks = str(tmp_path)

    def slow_again(experiment, cohort, assay):
        outcome = evaluate_in_worker(experiment, cohort, assay)
        mark = f"{marks}/{cohort.number}"
        if os.path.exists(mark):
            return Outcome({}, ("timeout",) * cohort.real)
        open(mark, "w").close()
        return outcome

    found, _ = dispatched(experiment, cohorts, slow_again)
    assert same(found, undisturbed, same_bytes)


def test_a_head_without_a_core_takes_no_audit():
    nodes = (Node("head", "10.0.0.1", "head", 0, 0), Node("one", "10.0.0.2", "one", 8, 0))
    cluster = Cluster(address="auto")
    cluster._read = (time.monotonic() + 60, nodes)
    task = object()
    assert cluster.away_from(task, {"one"}, "cpu") is task, "no other node could take it"
    assert cluster.capacity("cpu") == 8
    assert cluster.capacity("cpu", {"one"}) == 0
    assert cluster.able("cuda") == ()


def test_a_worker_that_is_killed_changes_no_record(small, founded, ray_executor, same_bytes, tmp_path):
    """A cohort that takes long because an individual raises is not taken for a timeout in a child process."""
    experiment = small(cohort=8, limits=Limits(seconds=1.0))
    cohort = founded(experiment)
    guilty, mark = cohort.levels[3].copy(), str(tmp_path / "killed")

    def kills_once(experiment, cohort, assay):
        if not os.path.exists(mark):
            open(mark, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.4)
        if (cohort.levels == guilty).all(1).any():
            raise ValueError("guilty")
        return evaluate(experiment, cohort, assay)

    with OnRay(2, evaluator=kills_once) as executor:
        [(_, outcome)] = executor.outcomes(experiment, [cohort])
    assert outcome.failures == ("", "", "", "raised", "", "", "", "")
