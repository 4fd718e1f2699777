"""Benchmarks of speed run on one core and one thread, their rivals too, and say so."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system does not pin processes")

# what a benchmark's process is like once its script has been read, and JAX has computed something in it
LOOK = """
import json, os, runpy, sys
from pathlib import Path

script = Path(sys.argv[1])
sys.argv = [str(script), "--help"]
try:
    runpy.run_path(str(script), run_name="__main__")
except SystemExit:
    pass
import one_core, torch
from threadpoolctl import threadpool_info

torch.mm(torch.rand(512, 512), torch.rand(512, 512))
if {jax}:
    import jax
    jax.jit(lambda x: x @ x)(jax.numpy.ones((512, 512))).block_until_ready()
threads = [int(thread) for thread in os.listdir("/proc/self/task")] if os.path.isdir("/proc/self/task") else [0]
print(json.dumps([
    sorted(set.union(*map(os.sched_getaffinity, threads))),
    torch.get_num_threads(),
    sorted({{pool["num_threads"] for pool in threadpool_info()}}),
    one_core.said(),
]))
"""


@pytest.mark.process
@pytest.mark.parametrize("script", ["lifetimes.py", "worlds.py", "end_to_end.py"])
def test_a_benchmark_and_all_its_rivals_have_one_core_and_one_thread(script):
    has_jax = importlib.util.find_spec("jax") is not None
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    looked = subprocess.run(
        [sys.executable, "-c", LOOK.format(jax=has_jax), str(BENCHMARKS / script)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    cores, threads, pools, said = json.loads(looked.stdout.splitlines()[-1])
    assert cores == [max(os.sched_getaffinity(0))]
    assert threads == 1
    assert pools in ([1], [])
    assert said == f"pinned to core {cores[0]}"


def test_reading_a_benchmark_pins_nobody(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    before = os.sched_getaffinity(0)
    import lifetimes
    import one_core
    import worlds

    assert {lifetimes, worlds}
    assert os.sched_getaffinity(0) == before
    assert one_core.said().startswith("pinned" if len(before) == 1 else "not pinned")


def test_a_system_that_cannot_pin_says_so(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import one_core

    kept = dict(os.environ)
    monkeypatch.delattr(os, "sched_setaffinity")
    monkeypatch.delattr(os, "sched_getaffinity")
    try:
        one_core.take()
        assert os.environ["OMP_NUM_THREADS"] == "1"
    finally:
        os.environ.clear()
        os.environ.update(kept)
    assert "which this system cannot do" in one_core.said()
