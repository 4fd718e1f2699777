"""Progress of a run: a live table on a terminal, otherwise one plain line per generation."""

from __future__ import annotations

from time import monotonic
from types import TracebackType
from typing import final

from rich.console import Console
from rich.live import Live
from rich.table import Table

from evo.evolution.generation import Generation
from evo.evolution.run import summary
from evo.experiment.experiment import Experiment

_ROWS = 12


def _readable(score: float) -> str:
    """A score with three decimals, or with three digits if it is very large."""
    return f"{score:.3f}" if abs(score) < 1e5 else f"{score:.3g}"


@final
class Progress:
    """Shows each finished generation.

    Args:
        console: the output; a terminal gets the table.
        engine: that of the run, in words.
    """

    def __init__(self, console: Console, experiment: Experiment, engine: str) -> None:
        self._console, self._experiment, self._engine, self._first = console, experiment, engine, 0
        self._conditions = {c.replace("_", " "): f"{c}.{experiment.main}" for c in experiment.conditions}
        self._began = monotonic()
        self._rows: list[tuple[str, ...]] = []
        self._live = Live(console=console, refresh_per_second=4) if console.is_terminal else None

    def __enter__(self) -> Progress:
        if self._live:
            self._live.__enter__()
        return self

    def begin(self, name: str, first: int) -> None:
        """Prints the run's name and size; `first` is the index of the next generation."""
        self._first, self._began = first, monotonic()
        spec, synapses = self._experiment.genome.spec, self._experiment.topology.synapses
        total = self._experiment.generations
        where = f"from generation {first + 1} of {total}" if first < total else f"all of its {total} generations done"
        self._console.print(
            f"run {name}, {where}: {spec.size:,} genes, "
            f"{spec.bits:,.0f} bits, develop into {synapses:,} synapses, {synapses * 32:,} bits. "
            f"Scores: {self._experiment.main}, selection split. Engine: {self._engine}.",
            markup=False,
        )
        if outside := self._experiment.environment.summary():
            self._console.print(outside, markup=False)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live:
            self._live.__exit__(kind, error, at)

    def show(self, generation: Generation) -> None:
        """Shows one more generation."""
        numbers = summary(generation)
        scores = {
            name: (_readable(numbers[f"{score}.best"]), _readable(numbers[f"{score}.mean"]))
            for name, score in self._conditions.items()
        }
        more = self._more(generation, numbers)
        if self._live:
            cells = [more["generation"], *(cell for pair in scores.values() for cell in pair), *[*more.values()][1:]]
            self._rows = [*self._rows, tuple(cells)][-_ROWS:]
            columns = ["generation", *(c for name in scores for c in (f"{name} best", "mean")), *[*more][1:]]
            table = Table(*columns, box=None, header_style="bold", pad_edge=False)
            for row in self._rows:
                table.add_row(*row)
            self._live.update(table)
        else:
            said = [f"{name} {best} (mean {mean})" for name, (best, mean) in scores.items()]
            rest = [
                f"{text} {name}" if name in ("lives/s", "left") else f"{name} {text}" for name, text in more.items()
            ]
            self._console.print("  ".join([rest[0], *said, *rest[1:]]), highlight=False, soft_wrap=True)

    def _more(self, generation: Generation, numbers: dict[str, float | int]) -> dict[str, str]:
        """The columns besides the scores."""
        done = generation.index - self._first + 1
        per_generation = (monotonic() - self._began) / done
        left = per_generation * (self._experiment.generations - generation.index - 1)
        lives = self._experiment.search.lives * self._experiment.lifetime.births / per_generation
        why = ", ".join(f"{count} {reason}" for reason, count in generation.counted_failures.items())
        gain = {"gain": f"{numbers['gain.mean']:+.3f}"} if "gain.mean" in numbers else {}
        return {
            "generation": f"{generation.index + 1}/{self._experiment.generations}",
            **gain,
            "bits": f"{numbers['genome_bits.mean']:,.0f}",
            "failures": f"{numbers['failures']} ({why})" if why else "0",
            "lives/s": f"{lives:,.0f}",
            "left": f"{int(left // 60)}:{int(left % 60):02d}",
        }
