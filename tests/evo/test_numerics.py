"""What is settled before the first operation, seen in a process of its own."""

import json
import os
import subprocess
import sys

import pytest
import torch
from threadpoolctl import threadpool_info

from evo import cohort
from evo.numerics import settle, without_denormals

PROGRAM = """
import json, os
from evo.numerics import settle
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
    seen, real = [], cohort.live
    monkeypatch.setattr(cohort, "live", lambda *given: (seen.append(product()), real(*given))[1])
    experiment = small()
    cohort.evaluate(experiment, generation(experiment)[0])
    assert seen == [0]
    assert product() > 0
