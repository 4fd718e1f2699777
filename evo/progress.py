"""Progress of a run: one live table on a terminal, one plain line a generation elsewhere."""

from __future__ import annotations

from time import monotonic
from types import TracebackType
from typing import final

from rich.console import Console
from rich.live import Live
from rich.table import Table

from evo.experiment import Experiment, assemble
from evo.record import Generation
from evo.run import summary

_ROWS = 12
_COLUMNS = (
    "generation", "innate best", "mean", "learned best", "mean", "gain", "genome bits", "failures", "lives/s", "left",
)  # fmt: skip


@final
class Progress:
    """Shows each generation as it comes.

    Args:
        console: where to; a terminal gets the table.
    """

    def __init__(self, console: Console, experiment: Experiment) -> None:
        self._console, self._experiment, self._first = console, experiment, 0
        self._main = experiment.task.score_names[0]
        self._began = monotonic()
        self._rows: list[tuple[str, ...]] = []
        self._live = Live(console=console, refresh_per_second=4) if console.is_terminal else None

    def __enter__(self) -> Progress:
        if self._live:
            self._live.__enter__()
        return self

    def begin(self, name: str, first: int) -> None:
        """The run's name and size; `first` is the generation that comes first."""
        self._first, self._began = first, monotonic()
        spec, synapses = assemble(self._experiment), self._experiment.topology.synapses
        self._console.print(
            f"run {name}, from generation {first + 1} of {self._experiment.generations}: {spec.size:,} genes, "
            f"{spec.bits:,.0f} bits, unfold into {synapses:,} synapses, {synapses * 32:,} bits. "
            f"Scores: {self._main}, selection split.",
            markup=False,
        )

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live:
            self._live.__exit__(kind, error, at)

    def show(self, generation: Generation) -> None:
        """One more generation."""
        row = self._row(generation)
        if self._live:
            self._rows = [*self._rows, row][-_ROWS:]
            table = Table(*_COLUMNS, box=None, header_style="bold", pad_edge=False)
            for cells in self._rows:
                table.add_row(*cells)
            self._live.update(table)
        else:
            index, best_innate, innate, best_learned, learned, gain, bits, failures, speed, left = row
            self._console.print(
                f"generation {index}  innate {best_innate} (mean {innate})  learned {best_learned} (mean {learned})  "
                f"gain {gain}  bits {bits}  failures {failures}  {speed} lives/s  {left} left",
                highlight=False,
                soft_wrap=True,
            )

    def _row(self, generation: Generation) -> tuple[str, ...]:
        numbers = summary(generation)
        done = generation.index - self._first + 1
        per_generation = (monotonic() - self._began) / done
        left = per_generation * (self._experiment.generations - generation.index - 1)
        lives = self._experiment.search.lives * self._experiment.lifetime.births / per_generation
        innate, learned = f"innate.{self._main}", f"learned.{self._main}"
        scores = (f"{numbers[f'{name}.{kind}']:.3f}" for name in (innate, learned) for kind in ("best", "mean"))
        return (
            f"{generation.index + 1}/{self._experiment.generations}",
            *scores,
            f"{numbers['gain.mean']:+.3f}",
            f"{numbers['genome_bits.mean']:,.0f}",
            str(numbers["failures"]),
            f"{lives:,.0f}",
            f"{int(left // 60)}:{int(left % 60):02d}",
        )
