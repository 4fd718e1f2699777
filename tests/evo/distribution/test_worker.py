"""Return value of a worker: the cohort's outcome, or nothing if it computes other bits than the run began with."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from evo.distribution.worker import WorkerResult, depends_on_the_machine, differ, digest_of, run_cohort
from evo.evaluation.cohort import SELECTION
from evo.evaluation.evaluate import evaluate
from evo.evaluation.fingerprint import Fingerprint, fingerprint_of_lives, fingerprints_of_parts
from evo.evaluation.outcome import Outcome, outcome_arrays


@pytest.fixture(autouse=True)
def on_a_node(monkeypatch):
    """As if Ray had sent the task here."""
    monkeypatch.setattr("ray.get_runtime_context", lambda: SimpleNamespace(get_node_id=lambda: "here"))


def test_a_worker_without_the_proof_computes_nothing(small, founded):
    experiment = small()
    asked = []

    def evaluator(experiment, cohort, assay):
        asked.append(cohort.number)
        return evaluate(experiment, cohort, assay)

    cohort, digest = founded(experiment), fingerprint_of_lives(experiment)
    for wrong in ("0" * 64, digest[::-1]):
        given = run_cohort(evaluator, experiment, cohort, SELECTION, Fingerprint(experiment, wrong), False)
        assert (given.outcome, given.node) == (None, "here")
        assert (
            run_cohort(evaluator, experiment, cohort, SELECTION, Fingerprint(experiment, wrong), True).outcome is None
        )
    assert asked == [], "not even tried"
    for proof in (Fingerprint(experiment, digest), None):
        assert run_cohort(evaluator, experiment, cohort, SELECTION, proof, False).outcome is not None
    assert asked == [0, 0]


@pytest.mark.parametrize("part", ["development", "birth", "life"])
def test_a_worker_says_where_it_computes_otherwise_first(part, small, founded):
    experiment = small()
    known = dict(fingerprints_of_parts(experiment))
    assert list(known) == ["development", "birth", "life"]
    assert len(set(known.values())) == 3
    later = [*known][[*known].index(part) :]
    wrong = tuple((name, "0" * 64 if name in later else digest) for name, digest in known.items())
    given = run_cohort(
        None, experiment, founded(experiment), SELECTION, Fingerprint(experiment, "0" * 64, "", wrong), False
    )
    assert (given.outcome, given.differs) == (None, part)


@pytest.mark.parametrize("guarded", [False, True])
def test_a_worker_that_proved_itself_gives_what_the_cohort_comes_to(small, founded, same_bytes, guarded):
    experiment = small()
    cohort, proof = founded(experiment), Fingerprint(experiment, fingerprint_of_lives(experiment))
    given = run_cohort(None, experiment, cohort, SELECTION, proof, guarded)
    assert same_bytes(outcome_arrays(given.outcome), outcome_arrays(evaluate(experiment, cohort)))
    assert given.digest == digest_of(evaluate(experiment, cohort))


def test_answers_contradict_each_other_only_where_no_machine_had_a_part_in_them():
    outcome = Outcome({"gain": np.array([1.0, 2.0])}, ("", "nan"))
    other = replace(outcome, measurements={"gain": np.array([1.0, 3.0])})
    slow = replace(outcome, failures=("", "timeout"))
    first, late = (WorkerResult(one, "a", 1, "AVX2", 0.1) for one in (outcome, other))
    assert not differ(first, outcome)
    assert differ(late, outcome)
    assert not differ(late, slow)
    assert not differ(replace(first, outcome=slow), outcome)
    assert not differ(replace(first, outcome=None), outcome)
    assert depends_on_the_machine(replace(first, outcome=slow))
    assert not depends_on_the_machine(first)
