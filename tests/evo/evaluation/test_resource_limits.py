"""Individuals that hang or want too much are found and recorded; their neighbours' results do not change by a bit."""

import os
import signal
import time
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import pytest
import torch

from evo.distribution.executor import Serial
from evo.distribution.ray_executor import OnRay
from evo.evaluation.child_process import guarded
from evo.evaluation.error_log import ErrorLog
from evo.evaluation.evaluate import evaluate
from evo.evaluation.fault_isolation import evaluate_guarded, evaluate_safely
from evo.evaluation.resource_limits import TimeLimitExceeded, within
from evo.experiment.limits import Limits
from genomes.errors import require
from genomes.evolve import Evolvable, Evolve
from inner_loop.lives.samples import Lifetime
from inner_loop.rule import LearningRule

KIND = Evolve((0.0, 15.0), bits=4)
CALM, SLEEPS, STUCK, GREEDY, DEADLY = 1, 5, 6, 7, 9


@final
@dataclass(frozen=True)
class Burden(LearningRule):
    """Learns nothing; kinds of individuals, by a gene of 16 levels, sleep, never come back to Python, want memory."""

    kind_of_life: Evolvable = KIND

    def init(self, network, newborn, weights, streams):
        return ()

    def step(self, network, weights, state, lived, newborn):
        kinds = set(newborn.traits["rule.kind_of_life"].round().int().tolist())
        if SLEEPS in kinds:
            time.sleep(60)
        if STUCK in kinds:
            sum(range(10**11))  # one call of C that looks at no signal
        if GREEDY in kinds:
            torch.ones(2**31)  # 8 GiB
        if DEADLY in kinds:
            os.kill(os.getpid(), signal.SIGKILL)
        return weights, state


@pytest.fixture
def burdened(small, founded):
    def build(kinds, **limits):
        experiment = small(
            rule=Burden(), cohort=len(kinds), lifetime=Lifetime(3, 4, common=False), limits=Limits(**limits)
        )
        cohort = founded(experiment)
        levels = cohort.levels.copy()
        levels[:, experiment.genome.spec.slices["rule.kind_of_life"]] = np.array(kinds)[:, None]
        calm = levels.copy()
        calm[:, experiment.genome.spec.slices["rule.kind_of_life"]] = CALM
        return experiment, replace(cohort, levels=levels), evaluate(experiment, replace(cohort, levels=calm))

    return build


def check(outcome, undisturbed, failures):
    assert outcome.failures == tuple(failures)
    others = [i for i, failure in enumerate(failures) if not failure]
    for name, measured in outcome.measurements.items():
        assert measured[others].tobytes() == undisturbed.measurements[name][others].tobytes(), name
        assert np.isnan(measured[[i for i, failure in enumerate(failures) if failure]]).all()


@pytest.mark.slow
def test_who_hangs_is_found_and_the_others_live_on(burdened):
    experiment, cohort, undisturbed = burdened([CALM, CALM, SLEEPS, CALM], seconds=0.3)
    check(evaluate_safely(experiment, cohort), undisturbed, ["", "", "timeout", ""])


@pytest.mark.slow
def test_who_wants_too_much_memory_is_found_and_the_others_live_on(burdened):
    experiment, cohort, undisturbed = burdened([GREEDY, CALM, CALM, SLEEPS], seconds=0.3, memory=1.0)
    check(evaluate_safely(experiment, cohort), undisturbed, ["memory", "", "", "timeout"])


@pytest.mark.ray
def test_who_never_comes_back_to_python_is_found_in_a_worker(burdened, ray_executor):
    experiment, cohort, undisturbed = burdened([CALM, STUCK], seconds=0.2)
    with OnRay(2) as executor:
        [(_, outcome)] = executor.outcomes(experiment, [cohort])
    check(outcome, undisturbed, ["", "timeout"])
    assert executor.incidents["lost_with_worker"] == 1, "what costs a worker is evaluated in a child of the next"


def test_a_cohort_that_was_slow_by_chance_condemns_nobody(burdened, monkeypatch):
    experiment, cohort, undisturbed = burdened([CALM] * 4, seconds=0.2)
    real, slow = time.sleep, [True, True]

    def evaluate_slowly(*arguments):
        if slow:
            slow.pop()
            real(60)
        return evaluate(*arguments)

    monkeypatch.setattr("evo.evaluation.fault_isolation.evaluate", evaluate_slowly)
    check(evaluate_safely(experiment, cohort), undisturbed, [""] * 4)
    assert not slow


def test_the_alarm_of_somebody_else_goes_on():
    heard = []
    theirs = signal.signal(signal.SIGALRM, lambda *_: heard.append(True))
    before = signal.setitimer(signal.ITIMER_REAL, 10_000.0)
    try:
        with pytest.raises(TimeLimitExceeded), within(Limits(seconds=0.1)):
            time.sleep(300)
        left, _ = signal.setitimer(signal.ITIMER_REAL, 0.2)
        assert 9_000 < left <= 10_000 - 0.1, "time has gone on meanwhile"
        assert not heard
        with pytest.raises(TimeLimitExceeded), within(Limits(seconds=0.3)):
            time.sleep(300)
        while not heard:  # overdue
            time.sleep(0.01)
    finally:
        signal.setitimer(signal.ITIMER_REAL, *before)
        signal.signal(signal.SIGALRM, theirs)


def test_without_limits_nothing_is_set(burdened):
    import resource

    before = signal.getsignal(signal.SIGALRM)
    with within(Limits()):
        assert signal.getsignal(signal.SIGALRM) is before
        assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY
    with within(Limits(memory=1.0)):
        assert resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY


@pytest.mark.parametrize(
    "wrong", [{"seconds": 0.0}, {"seconds": float("inf")}, {"memory": -1.0}, {"failures": 1.1}, {"failures": -0.1}]
)
def test_limits_that_are_none_are_refused(wrong, refused):
    with refused(f"limits.{next(iter(wrong))}", *wrong.values()):
        Limits(**wrong)


def test_serial_counts_no_incidents():
    assert not Serial().incidents


@pytest.mark.slow
def test_faults_of_a_child_are_reported_and_stay_in_the_child(founded, small, refused):
    experiment = small()
    outcome = evaluate(experiment, founded(experiment))
    held = bytearray(2**20)

    def loops():
        held[0] = 1
        while True:
            sum(range(10**9))

    said = {
        "raises nothing": guarded(lambda: outcome, None, ErrorLog()),
        "fails": guarded(lambda: "raised", 100.0, ErrorLog()),
        "leaves": guarded(lambda: os._exit(3), 100.0, ErrorLog()),
        "is killed": guarded(lambda: os.kill(os.getpid(), signal.SIGKILL), 100.0, ErrorLog()),
        "never ends": guarded(loops, 0.3, ErrorLog()),
        "breaks": guarded(lambda: 1 / 0, 100.0, ErrorLog()),
    }
    whole = said.pop("raises nothing")
    assert all(m.tobytes() == whole.measurements[name].tobytes() for name, m in outcome.measurements.items())
    assert said == {
        "fails": "raised", "leaves": "lost", "is killed": "lost", "never ends": "timeout", "breaks": "lost"
    }  # fmt: skip
    assert not held[0], "a child has memory of its own"
    with refused("x", 3):
        guarded(lambda: require(False, "x", "y", 3), 100.0, ErrorLog())


@pytest.mark.slow
def test_who_kills_its_process_is_found_in_children_of_this_one(burdened):
    experiment, cohort, undisturbed = burdened([CALM, DEADLY, CALM, STUCK, CALM], seconds=0.2)
    check(evaluate_guarded(experiment, cohort), undisturbed, ["", "lost", "", "timeout", ""])


@pytest.mark.slow
def test_who_eats_memory_without_a_limit_meets_that_of_the_machine(burdened, monkeypatch):
    monkeypatch.setattr("evo.evaluation.child_process._SHARE", 1e-3)
    experiment, cohort, undisturbed = burdened([CALM, GREEDY])
    check(evaluate_guarded(experiment, cohort), undisturbed, ["", "memory"])
