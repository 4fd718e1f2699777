"""Pictures of a run over its generations: scores, gain, genome bits, diversity and assimilation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evo.analysis.report.section import Picture, bottomless, canvas
from evo.analysis.report.style import CONDITIONS, INNATE, LEARNED, QUIET, whole_numbers

if TYPE_CHECKING:
    import pandas


def scores(table: pandas.DataFrame, conditions: Sequence[str], main: str, founders: Mapping[str, float]) -> Picture:
    """Draws the mean and the middle 80 % of each condition, with the score of random genomes.

    Args:
        table: one row a generation.
        conditions: the measured conditions.
        main: name of the main score, in words.
        founders: scores of random genomes by condition.
    """
    figure, axes = canvas()
    for condition in conditions:
        text, colour = CONDITIONS[condition]
        _curve(axes, table, condition, colour, text)
        if condition in founders:
            axes.axhline(founders[condition], color=colour, linewidth=1, linestyle=":", label=f"random genomes, {text}")
    axes.set(xlabel="generation", ylabel=f"{main}, selection split")
    bottomless(axes, table[[f"{condition} mean" for condition in conditions]])
    whole_numbers(axes)
    axes.legend(frameon=False, fontsize=8)
    return Picture(figure, "Main score over the generations: mean, and the middle 80 % of the individuals.")


def course(table: pandas.DataFrame) -> Picture:
    """Draws gain, genome bits, diversity and assimilation over the generations, one panel each."""
    colours = {"gain": LEARNED, "genome bits": QUIET, "entropy": QUIET, "assimilation": INNATE}
    shown = [name for name in colours if f"{name} mean" in table or (name in table and table[name].notna().any())]
    figure, panels = canvas(7.2, 4.6 if len(shown) > 2 else 2.6, rows=-(-len(shown) // 2), columns=2)
    for panel, name in zip(panels.flat, shown, strict=False):
        if name in table:
            panel.plot("generation", name, data=table, color=colours[name], linewidth=1.6, marker=_mark(table))
        else:
            _curve(panel, table, name, colours[name], name)
            bottomless(panel, table[f"{name} mean"])
        panel.set(xlabel="generation")
        whole_numbers(panel)
        panel.set_title({"entropy": "diversity", "assimilation": "assimilation index"}.get(name, name), fontsize=9)
    for panel in panels.flat[len(shown) :]:
        panel.set_axis_off()
    return Picture(figure, "Values over the generations; where there is a band: mean, and middle 80 % of individuals.")


def _curve(axes: Any, table: pandas.DataFrame, name: str, colour: str, label: str) -> None:
    axes.fill_between("generation", f"{name} 10 %", f"{name} 90 %", data=table, color=colour, alpha=0.2, linewidth=0)
    axes.plot("generation", f"{name} mean", data=table, color=colour, linewidth=1.8, label=label, marker=_mark(table))


def _mark(table: pandas.DataFrame) -> str:
    """Returns the marker of a curve: a single generation is drawn as a dot."""
    return "o" if len(table) == 1 else ""
