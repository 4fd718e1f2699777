"""Figures of a run: its scores over the generations, and its last Pareto front."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evo.analysis.report.style import CONDITIONS, QUIET
from evo.evaluation.cohort import Assay, Reserved, cohorts
from evo.evaluation.evaluate import evaluate
from evo.evaluation.stochastic_scores import is_stochastic
from evo.storage.folder_checks import make_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evo.evolution.result import RunResult
    from evo.evolution.run import Run


def evolution(run: Run, outcome: RunResult, folder: Path) -> list[Path]:
    """Draws each condition over the generations, median and middle 80 % of the population, as SVG and PNG."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    main, last = run.experiment.main, run.generations[-1]
    drawn = {name: CONDITIONS[name] for name in CONDITIONS if name in run.experiment.conditions}
    with rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(7.2, 3.8), layout="constrained")
        axes = figure.subplots()
        seen = [run.generation(i).summary.statistics for i in run.generations]
        ends: dict[str, tuple[float, str]] = {}
        for name, (text, colour) in drawn.items():
            spread = np.array([statistics[f"{name}.{main}"][2:] for statistics in seen])
            axes.fill_between(run.generations, spread[:, 0], spread[:, 2], color=colour, alpha=0.2, linewidth=0)
            axes.plot(run.generations, spread[:, 1], color=colour, linewidth=1.8)
            ends[text] = (float(spread[-1, 1]), colour)
        random = {name: outcome.founders[name] for name in drawn if name in outcome.founders}
        for name, level in random.items():
            alone = len(random) < 2
            text = "random genomes" if alone else f"random, {drawn[name][0]}"
            colour = QUIET if alone else drawn[name][1]
            axes.axhline(level, color=colour, linewidth=1, linestyle=":")
            ends[text] = (level, colour)
        _label(axes, ends, last)
        axes.set(xlabel="generation", ylabel=f"{main.replace('_', ' ')}, selection split", xlim=(0, max(last, 1)))
        bits = f"{outcome.genome_bits:,.0f} bits of genome, {outcome.wiring_bits:,.0f} bits of wiring"
        scores = ", ".join(f"{outcome.best[name]:.3f} {text}" for name, (text, _) in reversed(drawn.items()))
        axes.set_title(f"{bits}\nbest genome, held out: {scores}", fontsize=10, loc="left")
        return _saved(figure, folder / "evolution")


def _label(axes: Any, ends: dict[str, tuple[float, str]], last: int) -> None:
    """Writes the names at the ends of the curves and moves them apart where they would overlap."""
    low, high = axes.get_ylim()
    least, below = (high - low) * 0.06, -np.inf
    for text, (height, colour) in sorted(ends.items(), key=lambda end: end[1][0]):
        below = max(height, below + least)
        axes.annotate(text, (last, below), (6, 0), textcoords="offset points", color=colour, va="center")


def front(run: Run, folder: Path) -> list[Path]:
    """Draws the last parents of a search with a front: innate against learned score, coloured by genome bits."""
    from matplotlib.figure import Figure

    experiment = replace(run.experiment, held_out=())  # held-out worlds are not drawn
    latest = run.folder.latest()
    assert latest is not None, "a run with a result has a state"
    levels = experiment.genome.spec.quantise(latest[1]["units"])
    chance_of = Reserved.UNMET if is_stochastic(experiment, levels) else latest[0]
    lives = [evaluate(experiment, cohort, Assay("test")) for cohort in cohorts(chance_of, levels, experiment.cohort)]
    main = experiment.main
    innate, learned, bits = (
        np.concatenate([life.measurements[name] for life in lives])
        for name in (f"innate.{main}", f"learned.{main}", "genome_bits")
    )
    figure = Figure(figsize=(5.6, 4.2), layout="constrained")
    axes = figure.subplots()
    dots = axes.scatter(innate, learned, c=bits, cmap="viridis", s=28, linewidths=0.4, edgecolors="white")
    figure.colorbar(dots, label="bits of genome")
    axes.set_xlabel(f"{main} at birth, held-out split")
    axes.set_ylabel(f"{main} after learning, held-out split")
    return _saved(figure, folder / "front")


def _saved(figure: Figure, stem: Path) -> list[Path]:
    from matplotlib import rc_context

    make_folder(stem.parent)
    paths = [stem.with_suffix(".svg"), stem.with_suffix(".png")]
    with rc_context({"svg.hashsalt": "instinct"}):  # the same bytes for the same run
        figure.savefig(paths[0], metadata={"Date": None})
    figure.savefig(paths[1], dpi=160)
    return paths
