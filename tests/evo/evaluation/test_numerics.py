"""Settings that are made before the first operation, tested in a separate process."""

import ast
import json
import os
import subprocess
import sys
from contextlib import suppress

import pytest
import torch
from threadpoolctl import threadpool_info

from evo.evaluation.evaluate import evaluate
from evo.evaluation.numerics import cores, settle, settled, variables, without_denormals
from inner_loop.lives import samples as module

PROGRAM = """
import json, os
from evo.evaluation.numerics import settle
settle()
import numpy, torch
from threadpoolctl import threadpool_info
numpy.ones((2, 2)) @ numpy.ones((2, 2))
print(json.dumps({
    "threads": torch.get_num_threads(),
    "between": torch.get_num_interop_threads(),
    "pools": [pool["num_threads"] for pool in threadpool_info()],
    "branch": os.environ["MKL_CBWR"],
}))
"""


@pytest.mark.process
@pytest.mark.parametrize(("given", "branch"), [(None, "AUTO,STRICT"), ("COMPATIBLE", "COMPATIBLE")])
def test_a_fresh_process_has_one_thread_and_kernels_that_ignore_alignment(given, branch):
    environment = {key: value for key, value in os.environ.items() if key not in ("MKL_CBWR", "OMP_NUM_THREADS")}
    environment |= {} if given is None else {"MKL_CBWR": given}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True, timeout=600
    )
    settled = json.loads(run.stdout)
    assert settled["branch"] == branch
    assert (settled["threads"], settled["between"]) == (1, 1)
    assert settled["pools"]
    assert set(settled["pools"]) == {1}


def test_it_can_be_called_after_the_first_operation():
    torch.ones(2).sum()
    settle.cache_clear()
    torch.set_num_threads(2)
    settle()
    assert torch.get_num_threads() == 1
    assert {pool["num_threads"] for pool in threadpool_info()} == {1}


def product() -> float:
    return (torch.full((8,), 1e-30) * 1e-15).sum().item()


def test_around_lives_numbers_too_small_to_matter_are_zero_and_nowhere_else():
    assert product() > 0
    with without_denormals():
        assert product() == 0
        with without_denormals():
            pass
        assert product() == 0
    assert product() > 0
    with pytest.raises(KeyError), without_denormals():
        raise KeyError
    assert product() > 0


def test_lives_are_lived_without_denormals(small, generation, monkeypatch):
    seen, real = [], module.live
    monkeypatch.setattr(module, "live", lambda *given: (seen.append(product()), real(*given))[1])
    experiment = small()
    evaluate(experiment, generation(experiment)[0])
    assert seen == [0]
    assert product() > 0


@pytest.fixture
def callers(monkeypatch):
    """A process that is not ours: with two threads, and without our variables."""
    for name in ("MKL_CBWR", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    settle.cache_clear()
    torch.set_num_threads(2)
    yield
    settle()


def test_in_a_process_of_the_callers_what_is_settled_ends_with_the_work(callers):
    for _ in range(2):
        with suppress(KeyError), settled():
            with settled():
                pass
            assert torch.get_num_threads() == 1
            assert {pool["num_threads"] for pool in threadpool_info()} == {1}
            assert os.environ["MKL_CBWR"] == "AUTO,STRICT"
            raise KeyError
        assert torch.get_num_threads() == 2
        assert "MKL_CBWR" not in os.environ
        assert "OMP_NUM_THREADS" not in os.environ


def test_lives_are_settled_and_the_callers_threads_come_back(callers, small, generation, monkeypatch):
    seen, real = [], module.live
    monkeypatch.setattr(module, "live", lambda *given: (seen.append(torch.get_num_threads()), real(*given))[1])
    experiment = small()
    evaluate(experiment, generation(experiment)[0])
    assert seen == [1]
    assert torch.get_num_threads() == 2


def test_a_worker_is_given_what_is_settled_unless_the_user_has_set_it(monkeypatch):
    monkeypatch.delenv("MKL_CBWR", raising=False)
    assert variables()["MKL_CBWR"] == "AUTO,STRICT"
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    assert variables()["MKL_CBWR"] == "COMPATIBLE"


def test_the_cores_of_a_system_that_does_not_say_which_are_ours_are_all_there_are(monkeypatch):
    assert 1 <= cores() <= os.cpu_count()
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert cores() == os.cpu_count()


@pytest.mark.slow
def test_nothing_that_macos_lacks_is_taken_from_os_without_asking(sources):
    lacking = {
        "sched_getaffinity",
        "sched_setaffinity",
        "fdatasync",
        "pipe2",
        "posix_fadvise",
        "memfd_create",
        "eventfd",
    }
    found = [
        (path, node.attr)
        for path, tree in sources.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "os" and node.attr in lacking
    ]
    assert not found
