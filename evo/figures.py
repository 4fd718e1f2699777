"""Pictures of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evo.evaluate import cohorts, evaluate
from evo.experiment import assemble

if TYPE_CHECKING:
    from evo.result import Result
    from evo.run import Run

INNATE, LEARNED, QUIET = "#0b6e6e", "#d1603d", "#8a8a8a"


def evolution(run: Run, outcome: Result, folder: Path) -> list[Path]:
    """Innate and learned over the generations: median, and the middle 80 % of the population; as SVG and PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    main, last = run.experiment.task.score_names[0], run.generations[-1]
    with pyplot.rc_context({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}):
        figure, axes = pyplot.subplots(figsize=(7.2, 3.8), layout="constrained")

        def label(text: str, height: float, colour: str) -> None:
            axes.annotate(text, (last, height), (6, 0), textcoords="offset points", color=colour, va="center")

        measured = [run.generation(i).measurements for i in run.generations]
        for when, colour, text in (("learned", LEARNED, "after learning"), ("innate", INNATE, "at birth")):
            spread = np.array([np.nanpercentile(m[f"{when}.{main}"], (10, 50, 90)) for m in measured])
            axes.fill_between(run.generations, spread[:, 0], spread[:, 2], color=colour, alpha=0.2, linewidth=0)
            axes.plot(run.generations, spread[:, 1], color=colour, linewidth=1.8)
            label(text, spread[-1, 1], colour)
        axes.axhline(outcome.founders_innate, color=QUIET, linewidth=1, linestyle=":")
        label("random genomes", outcome.founders_innate, QUIET)
        axes.set(xlabel="generation", ylabel=f"{main.replace('_', ' ')}, selection split", xlim=(0, max(last, 1)))
        bits = f"{outcome.genome_bits:,.0f} bits of genome, {outcome.wiring_bits:,.0f} bits of wiring"
        held_out = f"best genome on the held-out split: {outcome.innate:.3f} at birth, {outcome.learned:.3f} learned"
        axes.set_title(f"{bits}\n{held_out}", fontsize=10, loc="left")
        return _saved(figure, folder / "evolution")


def front(run: Run, folder: Path) -> list[Path]:
    """The last parents of a search with a front: innate against learned, coloured by the bits of the genome."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    experiment = run.experiment
    latest = run.folder.latest()
    assert latest is not None, "a run with a result has a state"
    levels = assemble(experiment).quantise(latest[1]["units"])
    lives = [evaluate(experiment, cohort, "test") for cohort in cohorts(latest[0], levels, experiment.cohort)]
    main = experiment.task.score_names[0]
    innate, learned, bits = (
        np.concatenate([life.measurements[name] for life in lives])
        for name in (f"innate.{main}", f"learned.{main}", "genome_bits")
    )
    figure, axes = pyplot.subplots(figsize=(5.6, 4.2), layout="constrained")
    dots = axes.scatter(innate, learned, c=bits, cmap="viridis", s=28, linewidths=0.4, edgecolors="white")
    figure.colorbar(dots, label="bits of genome")
    axes.set_xlabel(f"{main} at birth, held-out split")
    axes.set_ylabel(f"{main} after learning, held-out split")
    return _saved(figure, folder / "front")


def _saved(figure: object, stem: Path) -> list[Path]:
    from matplotlib import pyplot
    from matplotlib.figure import Figure

    assert isinstance(figure, Figure)
    stem.parent.mkdir(parents=True, exist_ok=True)
    paths = [stem.with_suffix(".svg"), stem.with_suffix(".png")]
    figure.savefig(paths[0], metadata={"Date": None})
    figure.savefig(paths[1], dpi=160)
    pyplot.close(figure)
    return paths
