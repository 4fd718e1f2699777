"""Claim: source text inside the task brings a user's modules to a worker no later than Ray's own `py_modules`.

Both ways run in turns, each in a Ray of its own: seconds until the first worker has answered, and until a worker that
replaces a killed one has answered.

    python -m benchmarks.user_modules
"""

from __future__ import annotations

import importlib
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from evo.distribution.user_modules import Modules

_TURNS = 5
_SOURCE = "class Rule:\n    def answer(self):\n        return 42\n"


def main() -> None:
    """Measures both ways in turns and prints their medians and ranges."""
    with tempfile.TemporaryDirectory() as place:
        package = Path(place) / "a_users_rule"
        package.mkdir()
        (package / "__init__.py").write_text(_SOURCE)
        sys.path.insert(0, place)
        turns = [(_in_the_task(package), _by_ray(package)) for _ in range(_TURNS)]
    for place_, name in enumerate(("in the task", "py_modules")):
        for what, label in enumerate(("first answer", "after a death")):
            seconds = [turn[place_][what] for turn in turns]
            print(f"{name:12} {label:14} {statistics.median(seconds):.2f} s ({min(seconds):.2f}-{max(seconds):.2f})")


def _in_the_task(package: Path) -> tuple[float, float]:
    """The way of `evo.distribution.user_modules`: modules first, then the function that needs them."""
    luggage = Modules(((package.name, str(package / "__init__.py"), _SOURCE),))

    def answer(die: bool = False) -> int:
        assert luggage
        return _answer(die)

    return _timed(answer, {})


def _by_ray(package: Path) -> tuple[float, float]:
    """Ray's way: it uploads the package at the start, and each node unpacks it for its workers."""
    return _timed(_answer, {"py_modules": [str(package)]})


def _answer(die: bool = False) -> int:
    if die:
        os._exit(1)
    return int(importlib.import_module("a_users_rule").Rule().answer())


def _timed(answer: Callable[..., int], environment: dict[str, Any]) -> tuple[float, float]:
    import ray

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="error", runtime_env=environment)
    try:
        task = ray.remote(max_retries=0)(answer)
        began = perf_counter()
        assert ray.get(task.remote()) == 42
        first = perf_counter() - began
        try:
            ray.get(task.remote(True))
        except ray.exceptions.WorkerCrashedError:
            began = perf_counter()
            assert ray.get(task.remote()) == 42
        return first, perf_counter() - began
    finally:
        ray.shutdown()


if __name__ == "__main__":
    main()
