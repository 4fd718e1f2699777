"""A library call leaves the state of its caller's process unchanged, also between generations."""

import json
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.process

STATE = """
import json, logging, os, random, signal, sys, warnings
import numpy as np, torch
from threadpoolctl import threadpool_info

def state():
    loggers = [logging.getLogger(name) for name in (None, "ray", "evo", "matplotlib")]
    return {
        "threads": torch.get_num_threads(),
        "between": torch.get_num_interop_threads(),
        "pools": {pool["filepath"]: pool["num_threads"] for pool in threadpool_info() if pool["filepath"] in LIBRARIES},
        "denormals": float((torch.full((8,), 1e-30) * 1e-15).sum()) > 0,
        "environment": dict(os.environ),
        "filters": [str(each) for each in warnings.filters if each[1] is None and each[2].__module__ == "builtins"],
        "loggers": [(log.level, log.propagate, log.disabled) for log in loggers],
        "root": [str(handler) for handler in logging.getLogger().handlers],
        "handlers": {str(number): str(signal.getsignal(number)) for number in (2, 10, 14, 15)},
        "chance": [hash(random.getstate()), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()],
        "numpy": [np.geterr(), str(np.get_printoptions())],
        "torch": [str(torch.get_default_dtype()), torch.are_deterministic_algorithms_enabled()],
        "folder": os.getcwd(),
        "path": sys.path,
        "depth": sys.getrecursionlimit(),
        "umask": os.umask(os.umask(0o22)) and None,
        "backend": sys.modules["matplotlib"].rcParams._get_backend_or_none() if "matplotlib" in sys.modules else None,
    }

torch.set_num_threads(3)
torch.rand(64, 64) @ torch.rand(64, 64)
LIBRARIES = [pool["filepath"] for pool in threadpool_info()]
"""

SMALL = """
from dataclasses import replace
from evo import Run, evaluate, evolve
from evo.experiment.config import load
groups = [f"topology.groups.{name}.size={size}" for name, size in (("senses", 5), ("hidden", 4), ("answer", 3))]
task = ["task.inputs_size=5", "task.hidden=4", "task.outputs_size=3", "encoding.genes=2"]
few = ["generations=2", "search.population=5", "cohort=3", "lifetime.steps=3"]
experiment = load("teacher", [*groups, *task, *few])
seen = []
"""


def differences(program, where, imports=""):
    """The parts of the state that the program's `seen` states do not share with what was before."""
    code = imports + STATE + SMALL + "before = state()\n" + textwrap.dedent(program)
    code += "\nseen.append(state())\n"
    code += "print(json.dumps([{k: (before[k], s[k]) for k in s if s[k] != before[k]} for s in seen]))"
    asked = subprocess.run([sys.executable, "-c", code], cwd=where, capture_output=True, text=True, timeout=280)
    assert asked.returncode == 0, asked.stderr
    return json.loads(asked.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "program",
    [
        """
        for generation in evolve(experiment, 'iterated', callbacks=[lambda _: seen.append(state())]):
            seen.append(state())
        seen.append(state())
        for generation in evolve(experiment, 'left'): break
        seen.append(state())
        held = evolve(experiment, 'held'); next(held); seen.append(state()); held.close()
        seen.append(state())
        try: evolve(replace(experiment, seed=1), 'run').finish() and evolve(experiment, 'run').finish()
        except ValueError: pass
        else: raise AssertionError
        """,
        """
        run = evolve(experiment, 'run').finish()
        seen.append(state())
        run.examine(run.best())
        seen.append(state())
        from evo.analysis.frames import knockout_frame
        knockout_frame(run, births=2)
        """,
    ],
    ids=["iterated, left, held and refused", "examined"],
)
def test_a_run_in_this_process(program, tmp_path):
    assert all(not difference for difference in differences(program, tmp_path))


@pytest.mark.ray
def test_a_run_on_ray_of_which_a_token_stays(tmp_path):
    program = """
    from evo.distribution.ray_executor import OnRay
    with OnRay(workers=1) as executor:
        evolve(experiment, 'run', executor).finish()
    """
    (difference,) = differences(program, tmp_path, "import ray\n")  # Ray sets up its logger when it is imported
    before, after = difference.pop("environment", ({}, {}))
    assert not difference
    assert {name for name in {**before, **after} if before.get(name) != after.get(name)} <= {
        "RAY_AUTH_MODE",
        "RAY_AUTH_TOKEN",
    }
