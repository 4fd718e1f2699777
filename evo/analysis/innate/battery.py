"""The battery: an evolved genome at birth against null models, and networks that learn without a genome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from evo.analysis.assay_runner import per_genome, repeated
from evo.analysis.innate.design import Design
from evo.analysis.innate.learning_rate import PACES, pace
from evo.analysis.innate.null_models import FOUNDERS, NULLS, nulls
from evo.analysis.report.section import Picture, canvas
from evo.analysis.report.style import CONDITIONS, INNATE, LEARNED, QUIET
from evo.analysis.scores import Rows, Scores, above_over_runs, over_runs
from evo.analysis.statistics import RESAMPLES, above, effect_size, exceeds, holm
from genomes.interventions.faster import Faster
from genomes.interventions.standard import Standard
from inner_loop.life import Condition, Measurements

if TYPE_CHECKING:
    import pandas

EVOLVED, DIRECT, LONG = "evolved genome", "direct network", "direct network, ten lives long"
_ROUNDING = 1e-12
TIMES = 10  # length of the long life, in multiples of the ordinary life

TERMS = {
    "network": f"{EVOLVED}: births of the best genome. {DIRECT}: no bottleneck, a network of standard initialisation "
    "that lives the same life by the same rule, with the plasticity of the genome but with its own learning rate: of "
    f"{', '.join(f'{times:g}' for times in sorted(PACES))} times the genome's rate, the one with the best final score "
    "on the selection split (the plasticity of the genome alone, if the rule has no learning rate of synapses); and a "
    "direct network whose life is ten times as long, at the rate with the best mean of the learning curve on that "
    "split. Null models: " + "; ".join(f"{null.name}: {null.words}" for null in NULLS),
    "condition": "at birth: plasticity off, no memory from trial to trial; in a world also with memory in the "
    "activity, and with plasticity on from birth; after learning: after a life, with plasticity off or on",
    "mean": "mean main score over births or draws; with several runs, over the runs",
    "low": "lower end of the 95 % interval of the mean: bootstrap over births or draws and over the samples of the "
    "examination; with several runs: over the runs and those samples, or Student's t over the runs if every run is "
    "examined in its own episodes or samples. It is clipped to the possible range of the score (0 to 1 for a share)",
    "high": "upper end of that interval",
    "sd": "standard deviation over births or draws",
    "draws": "number of births of a genome, or of draws of a null model, that have a score",
    "p": "one-sided probability that a draw of the null model scores at least as high as the mean of the evolved "
    "genome: (k + 1) / (n + 1) for k of n draws (Phipson & Smyth 2010). If births differ, a draw is noisier than that "
    "mean, and p is conservative. With several runs: p of their mean difference, over the runs and the samples that "
    "examine all of them (Student's t)",
    "p corrected": "p corrected for the number of tests in the table (Holm 1979)",
    "effect size": "difference between the evolved genome and the mean of the null model, in standard deviations of "
    "the null model; infinite if its draws do not differ; with several runs: the mean",
    "superiority": "probability that a birth of the evolved genome scores higher than a draw of the null model; ties "
    "count half; with several runs: the mean",
    "run": "the run that the genome comes from",
    "genome": "generation and slot in which the genome was born",
}


@final
@dataclass(frozen=True, eq=False)
class Battery:
    """Measurements of one run.

    Attributes:
        bench: the design of the measurements.
        scores: scores by network and condition.
        lives: measurements of whole lives: of the evolved genome and, if lives learn, of the direct networks.
        paces: learning rate of each direct network, in multiples of the genome's; None if the rule has none.
    """

    bench: Design
    scores: dict[tuple[str, Condition], Scores]
    lives: dict[str, Measurements]
    paces: Mapping[str, float | None] = field(default_factory=dict)

    def tested(self, network: str, condition: str) -> bool:
        """Tells whether the evolved genome is tested against the network in the condition."""
        return condition in self.bench.at_birth and any(null.name == network and null.drawn for null in NULLS)


def battery(bench: Design) -> Battery:
    """Measures the evolved genome, the null models and, if lives learn, the direct networks."""
    life = bench.life() if bench.learns else None
    lives = {EVOLVED: bench.measure(EVOLVED, bench.newborns(), True, life, resamples=RESAMPLES)}
    found = {EVOLVED: bench.scores(lives[EVOLVED])}
    for null in nulls(bench):
        found[null.name] = bench.scores(bench.measure(null.name, null.rows(bench), lived=null is FOUNDERS))
        if null is not FOUNDERS:
            found[null.name] = {c: found[null.name][c] for c in bench.at_birth}
    paces: dict[str, float | None] = {}
    ends = f"{bench.after}.{bench.main}"
    for name, times, by in ((DIRECT, 1, ends), (LONG, TIMES, "area")) if bench.learns else ():
        life = bench.life(times)
        paces[name] = pace(bench, life, by)
        rows = bench.newborns(Standard(), Faster(paces[name] or 1.0))
        lives[name] = bench.measure(name, rows, True, life, resamples=RESAMPLES)
        found[name] = {c: s for c, s in bench.scores(lives[name]).items() if c.startswith("learned")}
    return Battery(bench, {(name, c): s for name, by in found.items() for c, s in by.items()}, lives, paces)


def table(batteries: Sequence[Battery]) -> pandas.DataFrame:
    """Returns one row a network and condition, indexed by both; several runs are pooled."""
    import pandas

    keys = [key for key in batteries[0].scores if all(key in each.scores for each in batteries)]
    rows = [_row([each.scores[key] for each in batteries]) | _tests(batteries, *key) for key in keys]
    frame = pandas.DataFrame(rows, index=pandas.MultiIndex.from_tuples(keys))
    frame.insert(frame.columns.get_loc("p") + 1, "p corrected", holm(frame["p"].tolist()))
    named = {"network": [network for network, _ in keys], "condition": [CONDITIONS[c][0] for _, c in keys]}
    return frame.assign(**named)[[*named, *frame.columns]]


def genomes(battery: Battery) -> pandas.DataFrame:
    """Returns one row a genome of the subject and condition, the best first; at birth with p against founders."""
    import pandas

    bench = battery.bench
    levels, lives = repeated(bench.subject.levels, bench.births)
    measured = bench.measure("further genomes", Rows(levels, lives, bench.subject.interventions), True)
    rows = []
    for condition, scores in bench.scores(measured).items():
        null = battery.scores[FOUNDERS.name, condition].values
        for label, one in zip(bench.subject.labels, _by_genome(scores, bench.births), strict=True):
            row = {"run": bench.subject.name, "genome": label, "condition": CONDITIONS[condition][0], **_row([one])}
            rows.append(row | {"p": _probability(one, null) if condition in bench.at_birth else np.nan})
    frame = pandas.DataFrame(rows)
    return frame.assign(**{"p corrected": holm(frame["p"].tolist())})


def _by_genome(scores: Scores, births: int) -> list[Scores]:
    values, again = per_genome(scores.values, births), scores.resampled
    resampled = [None] * len(values) if again is None else per_genome(again, births)
    return [replace(scores, values=v, resampled=r) for v, r in zip(values, resampled, strict=True)]


def picture(batteries: Sequence[Battery], frame: pandas.DataFrame) -> Picture:
    """Draws strips of the draws in each condition at birth, with the evolved genome as a line."""
    bench = batteries[0].bench
    size = 1.2 + 0.36 * len(frame.index.get_level_values(0).unique()) * len(bench.at_birth)
    figure, axes = canvas(7.2, size + 0.4 * len(bench.at_birth), rows=len(bench.at_birth))
    tips: dict[str, str] = {}
    for axis, condition in zip(np.atleast_1d(axes), bench.at_birth, strict=True):
        after: Condition = "learned_plastic" if condition == "innate_plastic" else "learned"
        shown = [key for key in frame.index if key[0] != EVOLVED and key[1] in (condition, after)]
        shown = [key for key in shown if key[0] in (DIRECT, LONG) or key[1] == condition]
        for height, key in enumerate(reversed(shown)):
            colour = LEARNED if key[1] == after else QUIET
            values = np.concatenate([each.scores[key].values for each in batteries])
            jitter = (np.arange(len(values)) * 0.618034 % 1 - 0.5) * 0.6
            axis.scatter(values, height + jitter, s=7, color=colour, alpha=0.5, linewidths=0)
            axis.scatter([frame.at[key, "mean"]], [height], s=40, color="black", marker="|", zorder=3)
        axis.set_yticks(range(len(shown)), [network for network, _ in reversed(shown)])
        for key, colour in (((EVOLVED, condition), INNATE), ((EVOLVED, after), LEARNED)):
            if key in frame.index:
                tips |= _line(axis, frame.loc[key], colour, f"evolved-{condition}-{key[1]}")
        axis.set_xlabel(f"{bench.main.replace('_', ' ')}, test split")
        axis.legend(title=EVOLVED, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False, fontsize=9)
    return Picture(
        figure,
        "Every dot is one draw of a null model (grey), or one life of a network without a bottleneck (orange); ticks "
        "are means; lines are the evolved genome with its 95 % interval.",
        tips,
    )


def _line(axis: Any, row: pandas.Series, colour: str, gid: str) -> dict[str, str]:
    line = axis.axvline(row["mean"], color=colour, linewidth=2, label=row["condition"], zorder=2)
    line.set_gid(gid)
    if np.isfinite(row["low"]):
        axis.axvspan(row["low"], row["high"], color=colour, alpha=0.15, linewidth=0)
    return {gid: f"{EVOLVED} {row['condition']}: {row['mean']:.3g} [{row['low']:.3g}, {row['high']:.3g}]"}


def _row(scores: Sequence[Scores]) -> dict[str, float]:
    found = over_runs(scores)
    lived = [score.values[np.isfinite(score.values)] for score in scores]
    spread = [_spread(values) for values in lived if len(values) > 1]
    numbers = {"mean": found.mean, "low": found.low, "high": found.high}
    return numbers | {"sd": float(np.mean(spread)) if spread else np.nan, "draws": sum(map(len, lived))}


def _spread(values: Float64[ndarray, " draws"]) -> float:
    """Returns the standard deviation, or 0 if the numbers differ by rounding only."""
    found = float(values.std(ddof=1))
    return found if found > _ROUNDING * np.abs(values).max() else 0.0


def _tests(batteries: Sequence[Battery], network: str, condition: Condition) -> dict[str, float]:
    """Computes p, effect size and superiority of the evolved genome over the null model; several runs are pooled."""
    names = ("p", "effect size", "superiority")
    if not batteries[0].tested(network, condition):
        return dict.fromkeys(names, np.nan)
    owns, others = ([each.scores[name, condition] for each in batteries] for name in (EVOLVED, network))
    pairs = [(own, other.values) for own, other in zip(owns, others, strict=True)]
    if not all(np.isfinite(own.values).any() and np.isfinite(null).any() for own, null in pairs):
        return dict.fromkeys(names, np.nan)
    p = _probability(*pairs[0]) if len(pairs) == 1 else exceeds(above_over_runs(owns, others))
    sizes = [effect_size(own.mean, null) for own, null in pairs]
    higher = [superiority(own.values, null) for own, null in pairs]
    return dict(zip(names, (p, float(np.mean(sizes)), float(np.mean(higher))), strict=True))


def superiority(own: Float64[ndarray, " births"], null: Float64[ndarray, " draws"]) -> float:
    """Computes the probability that a birth exceeds a draw; ties count half (Vargha & Delaney 2000)."""
    own, null = own[np.isfinite(own)][:, None], null[np.isfinite(null)]
    return float((own > null).mean() + (own == null).mean() / 2)


def _probability(own: Scores, null: Float64[ndarray, " draws"]) -> float:
    return above(own.mean, null)


def life_words(bench: Design) -> str:
    """Writes the length of a life, for example `100 steps`."""
    lifetime = bench.experiment.lifetime
    return f"{lifetime.length} {lifetime.unit}{'' if lifetime.length == 1 else 's'}"
