"""SIGKILL of the driver at a random moment; the run is resumed, and often killed again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from evo.evolution.evolve import evolve
from fault_injection.classes.trial import Attempt, begun, bytes_of, experiment, in_child, lived, same

NAME, TRIED, SECONDS = "driver-killed", 100, 120
HOLDS = "resumed without a hand, the bytes of all generations are the undisturbed run's"
_KILLS = 3  # at most, of one run


@contextmanager
def attempts(place: Path) -> Iterator[Attempt]:
    """The time of every kill is uniform over the duration of an undisturbed run in a process of its own."""
    undisturbed, said = lived(place / "undisturbed"), place / "said"
    in_child(lived, place / "first", said=said)  # the first process imports
    whole = in_child(lived, place / "second", said=said)
    assert whole.status == 0, whole.said

    def attempt(number: int, own: Path, rng: np.random.Generator) -> float:
        run = own / "run"
        for kill in range(int(rng.integers(1, _KILLS + 1))):
            moment = float(rng.uniform(0, whole.seconds))
            while not _killed_after(moment, run, own / "said") and not kill:  # the run ended before the kill: try again
                shutil.rmtree(run)
                moment /= 2
        began = time.perf_counter()
        first = next(iter(evolve(experiment(), run)), None)
        recovery = time.perf_counter() - began
        assert first is not None or len(bytes_of(run)) == len(undisturbed), "nothing to go on with, and not finished"
        same(lived(run), undisturbed)
        return recovery

    yield attempt


def _killed_after(seconds: float, run: Path, said: Path) -> bool:
    child = begun(lived, run, said=said)
    child.join(seconds)
    child.kill()
    child.join()
    assert child.exitcode in (0, -9), f"the driver ended by itself: {said.read_text()[-500:]}"
    return child.exitcode != 0
