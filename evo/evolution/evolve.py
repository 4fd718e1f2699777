"""A run from Python: `for generation in evolve(experiment, run="runs/x"): ...`."""

from __future__ import annotations

import logging
import shlex
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import final

import numpy as np

from evo.distribution.executor import Executor, Serial
from evo.evaluation.numerics import settled
from evo.evolution.generation import Generation
from evo.evolution.loop import generations
from evo.evolution.manifest import check_same_world, manifest
from evo.evolution.offspring import first_state
from evo.evolution.run import Run, summary
from evo.evolution.thinning import thin
from evo.experiment.config import read, twin
from evo.experiment.dump import differing, dump
from evo.experiment.experiment import Experiment, pinned
from evo.experiment.keys import shown
from evo.search.base import State
from evo.storage.mirror import fetched, mirrored
from evo.storage.run_folder import RunFolder
from genomes.errors import InputError, require, usable
from genomes.foreign import asking

_MOST = 5
"""Number of differing keys that an error message lists."""

_log = logging.getLogger(__name__)


def evolve(
    experiment: Experiment,
    run: str | Path,
    executor: Executor | None = None,
    callbacks: Sequence[Callable[[Generation], object]] = (),
) -> Evolution:
    """Evolves an experiment in a run folder; continues a run of the same experiment.

    The evolution starts when the first generation is requested: iterate over the result, or call its `finish`. Between
    generations the thread settings and the environment of this process are those of the caller.

    Args:
        run: folder, or URL such as s3://bucket/run; made if it does not exist.
        executor: this process by default; `OnRay(workers=...)` for several processes.
        callbacks: functions called with every generation once it is on disk.

    Raises:
        InputError: the folder holds another experiment.
        RunFailed: every individual of a generation failed.
    """
    return Evolution(run, _evolving(experiment, run, executor or Serial()), callbacks)


@final
class Evolution(Iterator[Generation]):
    """Iterator over the generations of a run, each evolved on request; a run that is left early can be continued."""

    def __init__(
        self,
        run: str | Path,
        generations: Generator[Generation, None, None],
        callbacks: Sequence[Callable[[Generation], object]],
    ) -> None:
        self._run, self._generations, self._callbacks, self._begun = run, generations, callbacks, False

    def __next__(self) -> Generation:
        self._begun = True
        with settled():
            generation = next(self._generations, None)
        if generation is None:
            raise StopIteration
        try:
            for callback in self._callbacks:
                callback(generation)
        except BaseException:
            self.close()
            raise
        return generation

    def finish(self) -> Run:
        """Evolves to the last generation; returns the run."""
        for _ in self:
            pass
        return Run(self._run, allow_code=True)

    def close(self) -> None:
        """Stops the evolution: stops workers and frees the lock for another driver."""
        self._begun = True
        with settled():
            self._generations.close()

    def __repr__(self) -> str:
        how = "being evolved" if self._begun else "evolution starts when it is iterated over, or `.finish()` is called"
        return f"<evolution of {self._run}: {how}>"

    def __del__(self) -> None:
        if self._begun and not sys.is_finalizing():  # at the end of the process, cleanup is not needed
            self.close()
        elif not self._begun:
            what = f"evolve(..., run={str(self._run)!r}) was never iterated over, so nothing was evolved"
            how = "write `for generation in evolve(...): ...` or `evolve(...).finish()`"
            warnings.warn(f"{what}; {how}", RuntimeWarning, stacklevel=2)


def _evolving(experiment: Experiment, run: str | Path, executor: Executor) -> Generator[Generation, None, None]:
    path = fetched(run)
    if not (path / "manifest.json").is_file():
        new_run(experiment, path, path.name, ["(from Python)"])
    opened = Run(path, allow_code=True)
    began = str(opened.folder.manifest.get("data", ""))
    require_same(path, pinned(opened.experiment, began), pinned(opened.with_its_engine(experiment), began))
    yield from continued(opened, executor)


def require_same(path: Path, begun: Experiment, given: Experiment) -> None:
    """Raises InputError, with the keys and both values, if a run would continue with another experiment."""
    changed = differing(begun, given)
    if not changed:
        return
    told = [f"{key} was {shown(was)} and is now {shown(now)}" for key, (was, now) in changed.items()]
    keys = ", ".join(told[:_MOST]) + (f" and {len(told) - _MOST} other keys" if len(told) > _MOST else "")
    advice = "another experiment needs a new run"
    if "generations" in changed:
        called = shlex.join(["instinct", "resume", str(path), "--generations", str(given.generations)])
        advice = f"`{called}` changes the number of generations" + (f", {advice}" if len(changed) > 1 else "")
    raise InputError(f"{path}: expected the experiment of this run, got another experiment: {keys}; {advice}")


def continued(
    run: Run, executor: Executor, ready: Callable[[int], object] = lambda first: None
) -> Iterator[Generation]:
    """Evolves a run from its current state to its end, writes its log, and thins its generations.

    Args:
        ready: function called with the index of the next generation, once the executor has started.
    """
    check_same_world(str(run.path), run.folder.manifest, run.experiment)
    for doubt in run.experiment.environment.doubts():
        _log.warning("%s", doubt)
    with run.folder.driving(), mirrored(run.path) as mirror, executor:
        latest = run.folder.latest()
        first = latest[0] + 1 if latest else 0
        run.folder.go_back(first)
        if mirror:
            mirror.go_back(run.path, first)
        if latest:
            _check_state(run, *latest)
        _mend(run, first)
        ready(first)
        began, before = perf_counter(), Counter[str]()
        for generation in generations(run.experiment, run.folder, executor, latest):
            seconds, began = perf_counter() - began, perf_counter()
            incidents, before = executor.incidents - before, executor.incidents.copy()
            thin(run.folder, run.experiment, generation.index)
            run.folder.log.append(_line(generation, seconds, dict(incidents)))
            if mirror:
                mirror.push()
            yield generation


def _check_state(run: Run, index: int, state: State) -> None:
    """Raises InputError for a state that this search cannot have written, even if its checksum is right."""
    experiment = run.experiment
    begun = first_state(experiment)
    for name, like in begun.items():
        array = state.get(name, np.zeros(()))
        fits = array.dtype == like.dtype and array.ndim == like.ndim and bool(np.isfinite(array).all())
        if like.size:  # the first dimension may change, the others may not
            fits = fits and array.shape[1:] == like.shape[1:]
        what = f"`{name}` as {type(experiment.search).__name__} writes it"
        require(fits, f"{run.path}: state {index}", what, f"{array.dtype} of shape {array.shape}")


def _mend(run: Run, done: int) -> None:
    """Completes the work of a driver that died after it wrote a generation and its state: thinning and log lines."""
    if done:
        thin(run.folder, run.experiment, done - 1)
    known = {line.get("generation"): line for line in run.folder.log.read()}
    run.folder.log.replace([known.get(i) or _line(run.generation(i), None, None) for i in range(done)])


def _line(generation: Generation, seconds: float | None, incidents: dict[str, int] | None) -> dict[str, object]:
    """A line of the log; None for unknown values."""
    return summary(generation) | {"seconds": seconds, "why": generation.counted_failures, "incidents": incidents}


def new_run(experiment: Experiment, path: Path | None, name: str, command: Sequence[str]) -> Path:
    """Makes the folder of a new run, by default `runs/NAME-001` or the next free number, and returns its path."""
    experiment = twin(experiment)  # before a folder is made: raises if the experiment cannot be read back
    with asking(experiment.environment):
        experiment.environment.ready()  # raises if a data file is missing or damaged
        experiment = pinned(experiment, experiment.environment.fingerprint())
    with asking(experiment.search):  # the manifest holds a fingerprint of the search
        made = manifest(experiment, command)
    place = path or next_free(name)
    RunFolder.create(place, dump(experiment), made)
    return place


def next_free(name: str) -> Path:
    """`runs/NAME-001`, or the next number without a folder."""
    number = 1
    while (path := usable(Path("runs") / f"{name}-{number:03d}")).exists():
        number += 1
    return path


def extend(path: Path, total: int, allow_code: bool) -> None:
    """Sets the total number of generations of a run.

    Raises:
        InputError: the run already has more.
    """
    run = Run(path, allow_code)
    done = len(run.generations)
    require(total >= done, "--generations", f"a new total of at least {done}, the generations that are done", total)
    run.folder.rewrite_experiment(dump(replace(run.written, generations=total)))


def require_unchanged(path: Path, overrides: Sequence[str], allow_code: bool) -> None:
    """Raises InputError if KEY=VALUE overrides would change the experiment of a run."""
    run = Run(path, allow_code)
    changed = read(run.folder.experiment_yaml, f"{path}/experiment.yaml", overrides, allow_code)
    require_same(path, run.experiment, run.with_its_engine(changed))
