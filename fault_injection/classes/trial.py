"""Shared parts of attempts: a run of milliseconds, its bytes, and processes that may die."""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from evo.distribution.executor import Cohorts, Executor, Serial
from evo.evaluation.cohort import SELECTION, Assay
from evo.evaluation.outcome import Outcome
from evo.evolution.evolve import evolve
from evo.experiment.experiment import Experiment
from evo.experiment.goals import Scores
from evo.search.algorithms import EvolutionStrategy
from genomes.encodings import GeneExpression
from genomes.errors import InputError
from genomes.evolve import Evolve
from genomes.topology import layered
from inner_loop.lives.samples import Lifetime
from inner_loop.objectives import SquaredError
from inner_loop.rules import Backprop
from inner_loop.tasks import Teacher

ROOT = Path(__file__).resolve().parents[2]
GENERATIONS = 6  # more than the number of states kept, so that a run may have to begin again

Attempt = Callable[[int, Path, np.random.Generator], float | None]
"""One attempt: takes its number, an empty folder of its own and its generator. It raises if a property does not hold,
and returns the seconds of the recovery if it measures them."""


class Skipped(Exception):
    """This machine cannot try it; the message gives the reason."""


class Stopped(BaseException):
    """A driver that stops in the middle of a generation."""


def experiment(generations: int = GENERATIONS, seed: int = 3, steps: int = 6) -> Experiment:
    """Five cohorts a generation, the last one filled up; milliseconds each."""
    return Experiment(
        topology=layered(5, 4, 3),
        encoding=GeneExpression(genes=2, bits=5),
        rule=Backprop(learning_rate=Evolve((1e-3, 0.3), "log", per="projection"), momentum=Evolve((0.0, 0.9))),
        objective=SquaredError(),
        task=Teacher(inputs_size=5, outputs_size=3, hidden=2, measured=16),
        goals=Scores(("innate.explained_variance", "learned.negative_squared_error")),
        search=EvolutionStrategy(population=9),
        lifetime=Lifetime(steps=steps, batch=4, common=False),
        generations=generations,
        seed=seed,
        cohort=2,
    )


def lived(run: Path, of: Experiment | None = None, executor: Executor | None = None) -> dict[str, bytes]:
    """Evolves a run to its end, from its present state, and returns its bytes."""
    for _ in evolve(of or experiment(), run, executor):
        pass
    return bytes_of(run)


def bytes_of(run: Path) -> dict[str, bytes]:
    """All generations and the last state, by name; faults must not change them. Without the log: it has wall times."""
    files = [*sorted((run / "generations").iterdir()), *sorted((run / "state").iterdir())[-1:]]
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in files}


def same(found: dict[str, bytes], undisturbed: dict[str, bytes]) -> None:
    """Raises AssertionError with the names of the files that differ."""
    names = sorted(found.keys() | undisturbed.keys())
    differ = [name for name in names if found.get(name) != undisturbed.get(name)]
    assert not differ, f"other bytes than the undisturbed run's: {', '.join(differ)}"


def refused(act: Callable[[], object], otherwise: str) -> str:
    """The message of the refusal; raises AssertionError with `otherwise` if there is none."""
    try:
        act()
    except InputError as error:
        return str(error)
    raise AssertionError(otherwise)


@final
class Stopping(Executor):
    """This process as an executor, for a limited number of cohorts."""

    def __init__(self, cohorts: int) -> None:
        self.left = cohorts

    def outcomes(
        self, experiment: Experiment, cohorts: Cohorts, assay: Assay = SELECTION
    ) -> Iterator[tuple[int, Outcome]]:
        """Raises Stopped at the first cohort beyond the limit."""
        for arrived in Serial().outcomes(experiment, cohorts, assay):
            if not self.left:
                raise Stopped
            self.left -= 1
            yield arrived


@final
@dataclass(frozen=True)
class Ended:
    """The end of a process.

    Attributes:
        status: its exit code, or minus the signal that killed it; None: it did not end in time and was killed.
        said: all its text on standard output and error.
        megabytes: its peak memory.
        seconds: its duration.
    """

    status: int | None
    said: str
    megabytes: float
    seconds: float


_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(
    ["fault_injection.classes.trial", "evo.cli.tools", "evo.cli.drive", "evo.experiment.sweep"]
)


def begun(target: Callable[..., object], *arguments: Any, said: Path) -> multiprocessing.process.BaseProcess:
    """Starts a process with all imports done that runs `target(*arguments)`; its output goes to the file `said`."""
    child = _processes.Process(target=_do, args=(target, arguments, said, os.environ.get("PYTHONPATH")), daemon=True)
    child.start()
    return child


def in_child(target: Callable[..., object], *arguments: Any, said: Path, seconds: float = 300) -> Ended:
    """Runs `target(*arguments)` in a process of its own, killed after a time limit."""
    began = time.perf_counter()
    child = begun(target, *arguments, said=said)
    child.join(seconds)
    status = child.exitcode
    child.kill()
    child.join()
    peak = said.with_suffix(".peak")
    megabytes = float(peak.read_text()) if peak.exists() else 0.0
    return Ended(status, said.read_text(errors="replace"), megabytes, time.perf_counter() - began)


def _do(target: Callable[..., object], arguments: tuple[Any, ...], said: Path, path: str | None) -> None:
    import evo

    assert Path(evo.__file__).is_relative_to(ROOT), f"another evo: {evo.__file__}"
    words = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.dup2(words, 1), os.dup2(words, 2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        target(*arguments)
    finally:
        sys.stdout.flush(), sys.stderr.flush()
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        said.with_suffix(".peak").write_text(f"{(after - before) / 1024:.1f}")
