"""SIGKILL of workers at random moments, while they evaluate."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil

from evo.distribution.ray_executor import OnRay
from evo.evolution.evolve import evolve
from fault_injection.classes.trial import Attempt, bytes_of, experiment, lived, same

NAME, TRIED, SECONDS = "worker-killed", 100, 120
HOLDS = "the bytes of all generations are the undisturbed run's"
_EXPERIMENT = experiment(generations=3, steps=400)  # long enough to kill a worker in it
_KILLS = 2  # at most, in one run: after three deaths of one cohort its individuals are suspected
_LOOKS = 200
_AGAIN = 5  # maximal number of runs that end before a worker is killed


@contextmanager
def attempts(place: Path) -> Iterator[Attempt]:
    """One Ray of two workers for all attempts; each kills one or two, and measures the time to the next generation."""
    undisturbed = lived(place / "undisturbed", _EXPERIMENT)
    with OnRay(workers=2):
        lived(place / "first", _EXPERIMENT, OnRay(workers=2))  # the first workers import
        began = time.perf_counter()
        same(lived(place / "second", _EXPERIMENT, OnRay(workers=2)), undisturbed)
        whole = time.perf_counter() - began

        def attempt(number: int, own: Path, rng: np.random.Generator) -> float:
            for again in range(_AGAIN):
                moments = sorted(float(x) for x in rng.uniform(0.02, 0.7, int(rng.integers(1, _KILLS + 1))) * whole)
                killed, done = _disturbed(own / f"run-{again}", moments, rng)
                same(bytes_of(own / f"run-{again}"), undisturbed)
                if killed:
                    return next((moment for moment in done if moment > killed[0]), done[-1]) - killed[0]
            raise AssertionError("no worker was ever evaluating: nothing was tried")

        yield attempt


def _disturbed(run: Path, moments: list[float], rng: np.random.Generator) -> tuple[list[float], list[float]]:
    """The times at which workers were killed, and at which each generation of the run was done."""
    killed: list[float] = []
    killer = threading.Thread(target=_kill, args=(moments, rng, killed))
    killer.start()
    done = [time.perf_counter() for _ in evolve(_EXPERIMENT, run, OnRay(workers=2))]
    killer.join()
    return killed, done


def _kill(moments: list[float], rng: np.random.Generator, killed: list[float]) -> None:
    """Kills one of the workers that have a task, at each of the moments or soon after it."""
    began = time.perf_counter()
    for moment in moments:
        time.sleep(max(0.0, began + moment - time.perf_counter()))
        for _ in range(_LOOKS):
            if busy := _busy():
                busy[int(rng.integers(len(busy)))].kill()
                killed.append(time.perf_counter())
                break
            time.sleep(0.01)


def _busy() -> list[psutil.Process]:
    """Workers of this process's own Ray whose title shows that they have a task."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            title = process.cmdline()[:1]
        except psutil.Error:
            continue
        if title and title[0].startswith("ray::") and not title[0].endswith(("IDLE", "Agent")):
            found.append(process)
    return sorted(found, key=lambda process: process.pid)
