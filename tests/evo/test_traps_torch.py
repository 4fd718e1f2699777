"""Known traps of torch and Ray: each shown not to occur here.

T9 (fixed cohorts) and what a NaN does to its neighbours are in test_evaluate.py too.
"""

import ast
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from evo.distribution.executor import Serial
from evo.distribution.ray_executor import OnRay
from evo.evaluation.evaluate import evaluate
from evo.evaluation.fault_isolation import evaluate_in_worker
from evo.evaluation.numerics import settle
from evo.evaluation.outcome import Outcome, joined, outcome_arrays
from evo.evolution.generation import screened
from evo.experiment.goals import Scores
from genomes.streams import derive
from genomes.topology import layered
from inner_loop.lives.samples import Lifetime
from inner_loop.tasks.digits import Digits


def digest(outcomes):
    """Of the bytes of outcomes by number."""
    found = hashlib.sha256()
    for _, outcome in sorted(outcomes.items()):
        for name, array in sorted(outcome_arrays(outcome).items()):
            found.update(name.encode() + array.tobytes())
    return found.hexdigest()


PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
from conftest import _SMALL, generation_of
from evo.distribution.executor import Serial
from test_traps_torch import digest
import torch
from inner_loop.lives import samples as cohort
torch.manual_seed(99)
seen, real = [], cohort.live
cohort.live = lambda *given: (seen.append(torch.get_num_threads()), real(*given))[1]
outcomes = dict(Serial().outcomes(_SMALL, generation_of(_SMALL)))
print(json.dumps([digest(outcomes), max(seen), "ray" in sys.modules]))
"""


@pytest.mark.process
def test_d10_t1_t8_t11_another_process_computes_the_same_bytes_on_one_thread_without_ray(small, generation):
    """Its hash seed, its number of threads, its order of imports and its generators are others."""
    environment = {**os.environ, "PYTHONHASHSEED": "4242", "OMP_NUM_THREADS": "4", "MKL_CBWR": "AUTO,STRICT"}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(Path(__file__).parent)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found, threads, has_ray = json.loads(run.stdout)
    outcomes = dict(Serial().outcomes(small(), generation(small())))
    assert found == digest(outcomes)
    assert threads == 1
    assert not has_ray, "a laptop's run starts in no time"


@pytest.mark.ray
def test_t1_workers_have_one_thread_whatever_ray_says(small, generation, ray_executor):
    def threads(experiment, cohort, assay):
        settle.cache_clear()
        torch.set_num_threads(2)
        evaluate_in_worker(experiment, cohort)
        return Outcome({"threads": np.full(cohort.real, float(torch.get_num_threads()))}, ("",) * cohort.real)

    experiment = small()
    with OnRay(2, evaluator=threads) as executor:
        outcomes = dict(executor.outcomes(experiment, generation(experiment)))
    assert {outcome.measurements["threads"].max() for outcome in outcomes.values()} == {1.0}


@pytest.mark.slow
def test_t3_t4_devices_are_chosen_and_never_guessed(small, calls):
    assert small().device == "cpu"
    assert not [name for _, name, _ in calls if name.endswith(("is_available", "set_default_device"))]
    seen = {path for path, name, _ in calls if name.startswith("torch.cuda")}
    assert seen <= {"evo/cli/doctor.py"}, "only the doctor looks"


@pytest.mark.parametrize("name", ["levels", "slots"])
def test_t5_t6_arrays_that_must_not_be_written_are_enough(small, founded, name, same_bytes, calls):
    experiment = small()
    before = evaluate(experiment, founded(experiment)).measurements
    cohort = founded(experiment)
    getattr(cohort, name).flags.writeable = False
    outcome = evaluate(experiment, cohort)
    assert same_bytes(outcome.measurements, before)
    for measured in outcome.measurements.values():
        measured.flags.writeable = False
    twice, failures = joined([outcome, outcome])
    assert np.isfinite(screened(experiment.goals, twice, failures)).all()
    assert not [call for call, name, _ in calls if name.endswith("from_numpy")], (
        "memory of the object store never becomes a tensor"
    )


def test_t5_a_life_does_not_write_into_the_data(small, founded):
    experiment = small(
        topology=layered(64, 4, 10), task=Digits(), goals=Scores(("innate.accuracy",)), lifetime=Lifetime(5, 4)
    )
    task, stream = experiment.task, derive(0, "data")
    before = task.draw("train", 50, stream).inputs.clone()
    evaluate(experiment, founded(experiment))
    assert torch.equal(task.draw("train", 50, stream).inputs, before)


def test_t7_results_are_numpy_numbers(small, founded):
    outcome = evaluate(small(), founded(small()))
    assert all(type(measured) is np.ndarray for measured in outcome.measurements.values())
    assert all(measured.dtype == np.float64 for measured in outcome.measurements.values())


def test_t8_lives_neither_read_nor_move_torchs_generator(small, founded, same_bytes):
    experiment, kept = small(), torch.get_rng_state()
    try:
        every = []
        for seed in (1, 2):
            torch.manual_seed(seed)
            before = torch.get_rng_state()
            every.append(evaluate(experiment, founded(experiment)).measurements)
            assert torch.equal(torch.get_rng_state(), before)
        assert same_bytes(*every)
    finally:
        torch.set_rng_state(kept)


def test_t9_every_cohort_of_an_experiment_has_the_same_size(small, generation, refused):
    experiment = small(cohort=4)
    assert {cohort.levels.shape[0] for cohort in generation(experiment, 13)} == {4}
    with refused("cohort", 1):
        small(cohort=1)


def test_t10_a_cohort_lives_in_one_batch(small, founded, monkeypatch):
    from inner_loop.lives import samples as module

    counted, real = [], module.live
    monkeypatch.setattr(module, "live", lambda newborn, *rest: counted.append(newborn.lives) or real(newborn, *rest))
    experiment = small(lifetime=Lifetime(3, 4, births=2))
    evaluate(experiment, founded(experiment))
    assert counted == [4, 4], "one batch a birth"


@pytest.mark.ray
def test_t11_one_ray_serves_all_tests(small, generation, ray_executor):
    import ray

    session = ray.get_runtime_context().get_job_id()
    with OnRay(1) as executor:
        assert dict(executor.outcomes(small(), []) or {}) == {}
    assert ray.is_initialized()
    assert ray.get_runtime_context().get_job_id() == session


def test_t11_a_local_ray_has_no_dashboard_and_no_words(sources):
    trees = (sources["evo/distribution/cluster.py"], sources["evo/distribution/host_process.py"])
    constants = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert {"log_to_driver", "include_dashboard", "local", "RAY_USAGE_STATS_ENABLED"} <= constants
