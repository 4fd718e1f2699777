"""Pictures of a comparison: final scores of every seed and condition, and median scores over the generations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from evo.analysis.comparison.sentences import MEASURED
from evo.analysis.report.section import Picture, canvas
from evo.analysis.report.style import CONDITIONS, whole_numbers
from evo.analysis.statistics import mean_over_runs
from evo.evolution.run import Run

if TYPE_CHECKING:
    import pandas

_POINTS = 200  # maximum number of points of a curve
_ABREAST = 2  # panels in a row


def final(table: pandas.DataFrame, conditions: pandas.DataFrame, measured: Sequence[str], main: str) -> Picture:
    """Draws a dot for each seed, and the mean with its interval, in a panel for each condition of measurement.

    Args:
        table: one row a run: `run`, `condition`, `seed`, `generations`, `lifetimes` and the scores `measured`.
        conditions: one row a condition and measure: `mean`, `low` and `high`.
        measured: conditions of measurement.
        main: name of the main score, in words.
    """
    names = [*table["condition"].unique()]
    figure, panels = _panels(len(measured), 1.1 + 0.45 * len(names))
    tips: dict[str, Sequence[str]] = {}
    for number, (panel, measure) in enumerate(zip(panels, measured, strict=True)):
        text, colour = CONDITIONS[measure]
        for place, name in enumerate(names):
            own = table[(table["condition"] == name) & np.isfinite(table[measure].astype(float))]
            if own.empty:
                continue
            dots = f"{measure}-{place}"
            heights = place + (np.linspace(-0.22, 0.22, len(own)) if len(own) > 1 else np.zeros(1))
            panel.scatter(own[measure], heights, s=18, color=colour, alpha=0.55, linewidths=0, gid=dots)
            tips[dots] = [
                f"{row['run']}: {main} {row[measure]:.4g} {text}, seed {row['seed']}, "
                f"{row['generations']:,} generations, {row['lifetimes']:,} lifetimes"
                for _, row in own.iterrows()
            ]
            known = (conditions["condition"] == name) & (conditions["measure"] == measure)
            mean, low, high = conditions.loc[known, ["mean", "low", "high"]].iloc[0]
            if np.isfinite(low):
                panel.plot([low, high], [place, place], color=colour, linewidth=2)
            panel.plot(mean, place, "|", color=colour, markersize=14, markeredgewidth=2)
        labels = [""] * len(names) if number % _ABREAST else names
        panel.set(xlabel=f"{main}, test split", yticks=range(len(names)), yticklabels=labels)
        panel.set_ylim(len(names) - 0.5, -0.5)
        panel.set_title(text, fontsize=10, loc="left", color=colour)
    return Picture(
        figure, "The best genome of every run: dots are seeds, ticks means, and bars their 95 % intervals.", tips
    )


def curves(runs: Sequence[Run], names: Sequence[str], main: str) -> Picture:
    """Draws the median individual's score over evolution, in a panel for each condition of measurement.

    Args:
        runs: the runs.
        names: condition of each run; each condition has its own colour.
        main: name of the main score, in words.

    Raises:
        InputError: a generation cannot be read.
    """
    import matplotlib

    grouped = {name: [run for run, own in zip(runs, names, strict=True) if own == name] for name in names}
    colours = matplotlib.colormaps["viridis"](np.linspace(0, 0.85, len(grouped)))
    lived = [run.experiment.search.lives * run.experiment.lifetime.births for run in runs]
    by_lifetimes = len(set(lived)) > 1
    measured = [c for c in MEASURED if any(c in run.experiment.conditions for run in runs)]
    figure, panels = _panels(len(measured), 3.0 + 0.22 * -(-len(grouped) // 2))
    for (name, own), colour in zip(grouped.items(), colours, strict=True):
        indices, medians = _medians(own)
        each = own[0].experiment.search.lives * own[0].experiment.lifetime.births
        along = (indices + 1) * each if by_lifetimes else indices
        for panel, measure in zip(panels, measured, strict=True):
            if measure in medians:
                _curve(panel, along, medians[measure], colour, name, own[0].experiment.bounds)
    for panel, measure in zip(panels, measured, strict=True):
        panel.set(xlabel="lifetimes" if by_lifetimes else "generation", ylabel=f"{main}, selection split")
        whole_numbers(panel)
        panel.set_title(CONDITIONS[measure][0], fontsize=10, loc="left")
    handles = {line.get_label(): line for panel in panels for line in panel.lines}
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    cost = "" if by_lifetimes else f" A generation is {lived[0]:,} lifetimes."
    caption = (
        "The score of the median individual: mean over seeds with its 95 % interval, up to the last generation that "
        "all runs of a condition have."
    )
    if any(run.experiment.same_exam for run in runs):
        caption += " It refers to the samples of the selection split, the same in all seeds; other samples may differ."
    return Picture(figure, caption + cost)


def _panels(count: int, height: float) -> tuple[Any, list[Any]]:
    columns = min(count, _ABREAST)
    rows = -(-count // columns)
    figure, axes = canvas(7.2, height * rows, rows, columns)
    panels = [*np.atleast_1d(axes).flat]
    for spare in panels[count:]:
        spare.set_visible(False)
    return figure, panels[:count]


def _medians(runs: Sequence[Run]) -> tuple[Float64[ndarray, " T"], dict[str, Float64[ndarray, "runs T"]]]:
    """Returns at most 200 generations that all runs of an experiment have, and the medians of each score in them."""
    experiment = runs[0].experiment
    known = min((run.generations for run in runs), key=len)
    shown = [known[i] for i in np.linspace(0, len(known) - 1, min(_POINTS, len(known))).round().astype(int)]
    seen = [[run.generation(index).summary.statistics for index in shown] for run in runs]
    return np.array(shown, dtype=np.float64), {
        c: np.array([[at[f"{c}.{experiment.main}"][3] for at in run] for run in seen]) for c in experiment.conditions
    }


def _curve(
    panel: Any,
    along: Float64[ndarray, " T"],
    medians: Float64[ndarray, "runs T"],
    colour: Any,
    label: str,
    bounds: tuple[float, float],
) -> None:
    if len(medians) > 1:
        ends = np.array([(e.low, e.high) for e in (mean_over_runs(m).within(bounds) for m in medians.T)])
        panel.fill_between(along, ends[:, 0], ends[:, 1], color=colour, alpha=0.18, linewidth=0)
    panel.plot(along, medians.mean(0), color=colour, linewidth=1.8, label=label)
