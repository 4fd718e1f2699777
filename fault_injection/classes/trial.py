"""What attempts share: a run of milliseconds, its bytes, and processes that may die."""

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
GENERATIONS = 6  # more than there are states kept, so that a run may have to begin again

Attempt = Callable[[int, Path, np.random.Generator], float | None]
"""One attempt: its number, an empty folder of its own, its generator. It raises when something does not hold, and gives
the seconds that recovery took where it measures them."""


class Skipped(Exception):
    """This machine cannot try it; the sentence says why."""


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
    """Evolves a run to its end, from wherever it stands, and gives its bytes."""
    for _ in evolve(of or experiment(), run, executor):
        pass
    return bytes_of(run)


def bytes_of(run: Path) -> dict[str, bytes]:
    """Every generation and the last state, by name: what faults must not change. The log holds wall times."""
    files = [*sorted((run / "generations").iterdir()), *sorted((run / "state").iterdir())[-1:]]
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in files}


def same(found: dict[str, bytes], undisturbed: dict[str, bytes]) -> None:
    """Raises AssertionError with the names of what differs."""
    names = sorted(found.keys() | undisturbed.keys())
    differ = [name for name in names if found.get(name) != undisturbed.get(name)]
    assert not differ, f"other bytes than the undisturbed run's: {', '.join(differ)}"


def refused(act: Callable[[], object], otherwise: str) -> str:
    """The sentence that refuses it; raises AssertionError with `otherwise` when none does."""
    try:
        act()
    except InputError as error:
        return str(error)
    raise AssertionError(otherwise)


@final
class Stopping(Executor):
    """This process, until so many cohorts have lived."""

    def __init__(self, cohorts: int) -> None:
        self.left = cohorts

    def outcomes(
        self, experiment: Experiment, cohorts: Cohorts, assay: Assay = SELECTION
    ) -> Iterator[tuple[int, Outcome]]:
        """Raises Stopped in the place of the first cohort too many."""
        for arrived in Serial().outcomes(experiment, cohorts, assay):
            if not self.left:
                raise Stopped
            self.left -= 1
            yield arrived


@final
@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        status: 0, what it exited with, or minus the signal that killed it; None: it was still there and was killed.
        said: all that it wrote to standard output and error.
        megabytes: of memory that it had at most.
        seconds: that it ran.
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
    """A process of its own, everything imported, that does `target(*arguments)`; its words go to the file `said`."""
    child = _processes.Process(target=_do, args=(target, arguments, said, os.environ.get("PYTHONPATH")), daemon=True)
    child.start()
    return child


def in_child(target: Callable[..., object], *arguments: Any, said: Path, seconds: float = 300) -> Ended:
    """`target(*arguments)` in a process of its own, killed after so many seconds."""
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
