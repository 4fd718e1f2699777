"""Progress of an analysis: a bar on a terminal, otherwise one plain line per stage."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from types import TracebackType
from typing import final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from evo.analysis.assay_runner import Watch
from evo.distribution.executor import Executor, Serial
from evo.distribution.ray_executor import OnRay
from evo.evaluation.numerics import settle


@final
class Stages:
    """Shows the current stage of an analysis; an AssayRunner calls `stages.watch`.

    Args:
        console: the output; a terminal gets the bar.
    """

    def __init__(self, console: Console) -> None:
        self._console, self._task = console, TaskID(0)
        self._what, self._cohorts, self._began = "", 0, monotonic()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, console=console, transient=True) if console.is_terminal else None

    def __enter__(self) -> Stages:
        if self._bar:
            self._bar.start()
            self._task = self._bar.add_task("", total=None)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()
        self._tell()

    def watch(self, what: str, done: int, total: int) -> None:
        """Shows that `done` of `total` cohorts of the stage `what` are finished."""
        if self._bar:
            self._bar.update(self._task, description=what, completed=done, total=total)
            return
        if done == 0 and what != self._what:
            self._tell()
            self._what, self._cohorts, self._began = what, 0, monotonic()
        if done == total:
            self._cohorts += total

    def _tell(self) -> None:
        """Prints one line for consecutive batches with the same name."""
        if self._cohorts:
            cohorts = "1 cohort" if self._cohorts == 1 else f"{self._cohorts} cohorts"
            self._console.print(f"  {self._what}: {cohorts}, {monotonic() - self._began:.1f} s", markup=False)
        self._cohorts = 0


@contextmanager
def examining(executor: Executor, console: Console) -> Iterator[tuple[Executor, Watch]]:
    """Surrounds an analysis: starts the executor and the progress display; yields the executor and `watch`."""
    settle()
    ours = signal.getsignal(signal.SIGTERM)
    with executor, Stages(console) as stages:
        signal.signal(signal.SIGTERM, ours)  # Ray installs its own handler when it starts
        yield executor, stages.watch


def executor_of(workers: int | None, address: str | None, serial: bool) -> Executor:
    """The executor of this process, or Ray."""
    return Serial() if serial else OnRay(workers, address)
