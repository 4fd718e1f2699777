"""Dead workers and poisonous individuals: the results of all other individuals do not change by a bit."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from evo.distribution.executor import Serial
from evo.distribution.ray_executor import OnRay
from evo.evaluation.cohort import cohorts
from evo.evaluation.fault_isolation import evaluate_safely
from evo.evaluation.numerics import settle
from evo.evaluation.outcome import outcome_arrays
from evo.search.base import founders
from genomes.errors import InputError
from genomes.streams import derive
from inner_loop.lives import samples as module

pytestmark = pytest.mark.ray


@pytest.fixture
def to_live(small):
    experiment = small()
    spec = experiment.genome.spec
    return experiment, cohorts(0, spec.quantise(founders(10, spec, derive(0, "founders"))), experiment.cohort)


def arrays(executor, experiment, tried):
    found = dict(executor.outcomes(experiment, tried))
    return [outcome_arrays(found[i]) for i in range(len(tried))]


def test_a_worker_killed_in_a_cohort_costs_nothing(to_live, ray_executor, same_bytes, tmp_path):
    experiment, tried = to_live
    marks = str(tmp_path)

    def dies_once(experiment, cohort, assay):
        mark = f"{marks}/{cohort.number}"
        if not os.path.exists(mark):
            open(mark, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        from evo.evaluation.fault_isolation import evaluate_in_worker

        return evaluate_in_worker(experiment, cohort, assay)

    with OnRay(2, evaluator=dies_once) as executor:
        found = arrays(executor, experiment, tried)
    assert len(os.listdir(marks)) == len(tried) == 3
    assert all(map(same_bytes, found, arrays(Serial(), experiment, tried)))


def test_an_individual_that_kills_its_process_is_found_and_its_neighbours_are_untouched(
    to_live, ray_executor, same_bytes, capfd
):
    experiment, tried = to_live
    poison = tried[1].levels[2]

    def poisoned(experiment, cohort, assay):
        if (cohort.levels == poison).all(1).any():
            os.kill(os.getpid(), signal.SIGKILL)
        from evo.evaluation.fault_isolation import evaluate_in_worker

        return evaluate_in_worker(experiment, cohort, assay)

    with OnRay(2, evaluator=poisoned) as executor:
        found = arrays(executor, experiment, tried)
    assert "died" not in "".join(capfd.readouterr()), "what was made good is counted, not printed"
    clean = arrays(Serial(), experiment, tried)
    assert same_bytes(found[0], clean[0])
    assert same_bytes(found[2], clean[2])
    assert np.flatnonzero(found[1]["failures"]).tolist() == [2]
    measured, others = found[1]["measured"], [0, 1, 3]
    assert measured.shape[1] > 1
    assert np.isnan(measured[2]).all()
    assert measured[others].tobytes() == clean[1]["measured"][others].tobytes()


def test_a_mistake_of_the_user_is_not_taken_for_a_fault(to_live, ray_executor):
    experiment, tried = to_live

    def mistaken(experiment, cohort, assay):
        from genomes.errors import InputError

        raise InputError("data.npz: expected a file, got nothing there")

    with OnRay(2, evaluator=mistaken) as executor, pytest.raises(InputError, match="expected a file"):
        list(executor.outcomes(experiment, tried))


def test_an_executor_leaves_a_ray_that_was_there_alone(ray_executor):
    import ray

    with OnRay(1):
        assert ray.is_initialized()
    assert ray.is_initialized()


def test_runs_may_share_one_executor(to_live, ray_executor):
    experiment, tried = to_live
    with OnRay(1) as executor:
        with executor:
            assert len(list(executor.outcomes(experiment, tried))) == 3
        assert len(list(executor.outcomes(experiment, tried))) == 3
    with pytest.raises(AssertionError, match="context manager"):
        executor.outcomes(experiment, tried)


@pytest.mark.process
def test_ray_may_have_been_imported_before(tmp_path):
    code = (
        "import ray, sys\n"
        "from evo import evolve\nfrom evo.distribution.ray_executor import OnRay\n"
        "from evo.experiment.config import load\n"
        "few = ('generations=2', 'search.population=5', 'cohort=3', 'lifetime.steps=3')\n"
        "with OnRay(1) as executor: print(len(list(evolve(load('teacher', few), sys.argv[1], executor))))\n"
        "print(ray.is_initialized())"
    )
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    asked = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "run")], env=clean, capture_output=True, text=True, check=True
    )
    assert asked.stdout.split() == ["2", "False"]


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers_are_refused(workers, refused):
    with refused("workers", workers):
        OnRay(workers)


def test_lives_in_a_process_of_the_callers_have_one_thread_and_leave_its_threads(to_live, monkeypatch):
    import torch

    experiment, tried = to_live
    seen, real = [], module.live
    monkeypatch.setattr(module, "live", lambda *given: (seen.append(torch.get_num_threads()), real(*given))[1])
    settle.cache_clear()
    torch.set_num_threads(2)
    try:
        list(Serial().outcomes(experiment, tried[:1]))
        assert (seen, torch.get_num_threads()) == ([1], 2)
    finally:
        settle()
    assert evaluate_safely(experiment, tried[0]).failures == ("",) * 4
