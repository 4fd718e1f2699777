"""Two drivers on one folder, and the lock that a crash leaves behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np

from evo.cli.main import WRONG
from evo.distribution.executor import Serial
from evo.evolution.evolve import continued, evolve
from evo.evolution.run import Run
from fault_injection.classes.trial import Attempt, begun, experiment, lived, refused, same
from genomes.errors import InputError

NAME, TRIED, SECONDS = "two-drivers", 20, 60
HOLDS = "one is refused, with the other's process and host; a lock left by a crash excludes no driver"


@contextmanager
def attempts(place: Path) -> Iterator[Attempt]:
    """One driver has the folder, a second is refused; the first is killed, its lock remains, and a third one drives.

    In every second attempt both begin at once: a race.
    """
    undisturbed = lived(place / "undisturbed")

    def attempt(number: int, own: Path, rng: np.random.Generator) -> float:
        run, recovery = own / "run", 0.0
        next(iter(evolve(experiment(), run)))
        if number % 2:
            _race(run, own)
        else:
            recovery = _refused(run, own, rng)
        same(lived(run), undisturbed)
        return recovery

    yield attempt


def _refused(run: Path, own: Path, rng: np.random.Generator) -> float:
    """Seconds from the death of the one driver to the first generation of the other."""
    first = begun(_hold, run, own / "held", said=own / "first")
    _await(own / "held", first)
    held = (own / "held").read_text()
    sentence = refused(lambda: next(iter(continued(Run(run), Serial()))), "two drivers drove one folder")
    for word in (str(first.pid), os.uname().nodename):
        assert word in sentence, f"the sentence does not name the holder {held}: {sentence}"
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    began = time.perf_counter()
    first.join()
    if rng.random() < 0.5:  # another living process may have got its number
        (run / "lock").write_text(f"process {os.getpid()} on {os.uname().nodename}")
    next(iter(continued(Run(run), Serial())), None)
    return time.perf_counter() - began


def _race(run: Path, own: Path) -> None:
    """Both at once: each drives or is refused, never both at a time."""
    racers = [begun(_drive, run, own / f"times-{i}", said=own / f"racer-{i}") for i in range(2)]
    for racer in racers:
        racer.join()
    statuses = [racer.exitcode for racer in racers]
    said = [(own / f"racer-{i}").read_text() for i in range(2)]
    assert sorted(statuses) in ([0, 0], [0, WRONG]), f"they ended with {statuses}: {said}"
    for status, words in zip(statuses, said, strict=True):
        assert status == 0 or "process" in words, f"refused without a name: {words}"
    times = sorted(_times(own / f"times-{i}") for i in range(2) if statuses[i] == 0)
    assert all(a[1] <= b[0] for a, b in pairwise(times)), f"both drove at once: {times}"


def _times(path: Path) -> tuple[float, float]:
    first, last = path.read_text().split()
    return float(first), float(last)


def _hold(run: Path, held: Path) -> None:
    """Drives a run, and stays in its first generation."""
    run_ = Run(run)
    with run_.folder.driving():
        held.write_text(f"process {os.getpid()}")
        time.sleep(600)


def _drive(run: Path, times: Path) -> None:
    """Drives a run to its end, and writes the times at which it held the lock."""
    opened = Run(run)
    try:
        with opened.folder.driving():
            began = time.perf_counter()
            time.sleep(0.05)
            ended = time.perf_counter()
    except InputError as error:
        print(error)
        raise SystemExit(WRONG) from error
    times.write_text(f"{began} {ended}")


def _await(path: Path, of: BaseProcess) -> None:
    while not path.exists():
        assert of.is_alive(), f"the driver ended by itself with {of.exitcode}"
        time.sleep(0.005)
