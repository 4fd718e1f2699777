"""Progress of an analysis: one bar on a terminal, one plain line a stage elsewhere."""

from __future__ import annotations

from time import monotonic
from types import TracebackType
from typing import final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


@final
class Stages:
    """Shows what is being examined; `stages.watch` is what an Examiner tells.

    Args:
        console: where to; a terminal gets the bar.
    """

    def __init__(self, console: Console) -> None:
        self._console, self._began, self._task = console, monotonic(), TaskID(0)
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

    def watch(self, what: str, done: int, total: int) -> None:
        """So many of `total` cohorts are done."""
        if done == 0:
            self._began = monotonic()
        if self._bar:
            self._bar.update(self._task, description=what, completed=done, total=total)
        elif done == total:
            seconds = monotonic() - self._began
            self._console.print(f"  {what}: {total} cohorts, {seconds:.1f} s", markup=False)
