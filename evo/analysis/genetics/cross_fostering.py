"""Cross-fostering: the wiring of one lineage with the plasticity of another, like pups raised by other mothers.

It is a 2 x 2 design; its interaction measures whether the two parts of a genome are adapted to each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from evo.analysis.assay_runner import AssayRunner
from evo.analysis.genetics.units import units_of
from evo.analysis.genetics.variants import Scored, Variants, examined
from evo.analysis.report.section import Picture, Section, canvas
from evo.analysis.report.style import CONDITIONS
from evo.analysis.report.wording import moment, number
from evo.analysis.statistics import Estimate, clear
from evo.distribution.executor import Executor
from evo.evolution.run import Run
from genomes.errors import require

if TYPE_CHECKING:
    import pandas
from inner_loop.environment import Score

_TITLE = "Cross-fostering"
_EFFECTS: Mapping[str, Mapping[int, int | float]] = {
    # factors of the genomes AA, AB, BA, BB (wiring, then plasticity)
    "wiring": {0: 0.5, 1: 0.5, 2: -0.5, 3: -0.5},
    "plasticity": {0: 0.5, 1: -0.5, 2: 0.5, 3: -0.5},
    "interaction": {0: 1.0, 1: -1.0, 2: -1.0, 3: 1.0},
}
_TERMS = {
    "wiring": "run of the wiring chromosome: all genes of the encoding",
    "plasticity": "run of the plasticity chromosome: all genes of the learning rule and of the objective",
    "effect": "wiring: mean with the first run's wiring minus mean with the second's; plasticity likewise; "
    "interaction: score of a wiring with its own plasticity minus that with the other run's, summed over both wirings; "
    "above 0: wiring and plasticity of one genome fit each other better than those of two genomes",
    "condition": "condition of the measurement",
    "difference": "difference of scores on the test split; the same lives for all four genomes",
    "low": "lower end of the 95 % interval",
    "high": "upper end of the 95 % interval",
}


def cross_fostering(a: Run, b: Run, executor: Executor, births: int) -> Section:
    """Exchanges the chromosomes of the best genomes of two runs, in the experiment of the first run.

    Args:
        a, b: the runs.
        executor: runs the cohorts.
        births: number of lives of each of the four genomes, the same lives for all.

    Raises:
        InputError: there are fewer than 2 births, or a run has no generation.
    """
    import pandas

    require(births >= 2, "births", "at least 2", births)
    why = _impossible(a, b)
    if why:
        return Section("cross-fostering", _TITLE, (why,), {})
    experiment = a.experiment
    own, other = a.best().levels, b.best().levels
    plastic = experiment.genome.acting("in life")
    levels = np.stack([own, np.where(plastic, other, own), np.where(plastic, own, other), other])
    examiner = AssayRunner(experiment, executor)
    conditions = Variants(examiner, units_of(experiment, own), births).conditions
    scores = examined(examiner, "cross-fostering", levels, "test", conditions, range(births))
    names, main = _names(a, b), experiment.score
    genomes = [(wiring, plasticity) for wiring in names for plasticity in names]
    rows = [{"wiring": w, "plasticity": p} | _scored(scores, k) for k, (w, p) in enumerate(genomes)]
    effects = {(e, c): scores.contrast(c, parts) for e, parts in _EFFECTS.items() for c in scores.main}
    terms = {
        f"{part} {moment(c)}": f"{main.name}, test split" for part in ("score", "low", "high") for c in scores.main
    }
    return Section(
        "cross-fostering",
        _TITLE,
        _sentences(main, names, effects, births, a.experiment == b.experiment),
        _TERMS | terms,
        {"genomes": pandas.DataFrame(rows), "effects": _effects_table(effects)},
        {"genomes": _picture(main, names, scores)},
    )


def _impossible(a: Run, b: Run) -> str:
    """Returns the reason why chromosomes cannot be exchanged; empty if they can."""
    here, there = a.experiment.genome.spec, b.experiment.genome.spec
    if here != there:
        differ = [f.name for f in (*here.fields, *there.fields) if f not in here.fields or f not in there.fields]
        return f"{a.path} and {b.path} cannot be cross-fostered: their genomes differ in {', '.join(differ[:3])}."
    wired = a.experiment.genome.acting("at birth")
    if wired.all() or not wired.any():
        lacks = "no number of plasticity or objective evolves" if wired.all() else "no number of the wiring evolves"
        return f"There is nothing to cross-foster: {lacks}, so a genome has one chromosome only."
    return ""


def _names(a: Run, b: Run) -> tuple[str, str]:
    """Returns the shortest names that distinguish the runs."""
    names = a.path.name, b.path.name
    return names if len(set(names)) == 2 else (str(a.path), str(b.path))


def _scored(scores: Scored, genome: int) -> dict[str, float]:
    row: dict[str, float] = {}
    for name in scores.main:
        one, text = scores.contrast(name, {genome: 1}), moment(name)
        row |= {f"score {text}": one.mean, f"low {text}": one.low, f"high {text}": one.high}
    return row


def _effects_table(effects: Mapping[tuple[str, str], Estimate]) -> pandas.DataFrame:
    import pandas

    return pandas.DataFrame(
        [
            {"effect": effect, "condition": moment(c), "difference": e.mean, "low": e.low, "high": e.high}
            for (effect, c), e in effects.items()
        ]
    )


def _sentences(
    main: Score, names: tuple[str, str], effects: Mapping[tuple[str, str], Estimate], births: int, same: bool
) -> tuple[str, ...]:
    measured = [condition for _, condition in effects]
    condition = "learned" if "learned" in measured else measured[-1]
    found = effects["interaction", condition]
    fit = "better" if found.mean > 0 else "worse"
    verdict = f"wiring and plasticity of one genome fit each other {fit} than those of different genomes"
    if not clear(found):
        verdict = "there is no evidence that wiring and plasticity of one genome fit each other better than others"
    said = [f"In these two genomes {verdict}: interaction {_signed(main, found)} {moment(condition)}."]
    for effect in ("wiring", "plasticity"):
        parts = ", ".join(f"{_signed(main, e)} {moment(c)}" for (kind, c), e in effects.items() if kind == effect)
        said.append(f"Replacing the {effect} of {names[1]} by that of {names[0]} changes the score by {parts}.")
    said.append(f"{births} lives of each genome; the results hold for these two genomes and not for their runs.")
    if not same:
        said.append(f"All four lived in the experiment of {names[0]}, which is not that of {names[1]}.")
    return tuple(said)


def _signed(main: Score, found: Estimate) -> str:
    ends = [f"{'-' if value < 0 else ''}{number(main, value)}" for value in (found.mean, found.low, found.high)]
    return f"{ends[0]}{' points' if main.share else ''} [{ends[1]}, {ends[2]}]"


def _picture(main: Score, names: tuple[str, str], scores: Scored) -> Picture:
    """Draws one line for each wiring; lines that are not parallel show an interaction."""
    figure, axes = canvas(max(4.4, 3.2 * len(scores.main)), 3.4, 1, len(scores.main))
    for axis, name in zip(np.ravel(axes), scores.main, strict=True):
        for wiring, style in enumerate(("-", "--")):
            found = [scores.contrast(name, {2 * wiring + plasticity: 1}) for plasticity in (0, 1)]
            middle = [one.mean for one in found]
            error = [[one.mean - one.low for one in found], [one.high - one.mean for one in found]]
            colour = CONDITIONS[name][1]
            axis.errorbar((0, 1), middle, np.maximum(error, 0.0), color=colour, linestyle=style, capsize=3)
            axis.plot((0, 1), middle, style, color=colour, label=f"wiring of {names[wiring]}")
        axis.set_xticks((0, 1), [f"plasticity of\n{run}" for run in names], fontsize=8)
        axis.set(xlim=(-0.4, 1.4), ylabel=main.label)
        axis.set_title(moment(name), fontsize=9)
    lines = np.ravel(axes)[0].get_legend_handles_labels()
    figure.legend(*lines, loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return Picture(figure, "Scores of the four genomes with 95 % intervals; lines that are not parallel interact.")
