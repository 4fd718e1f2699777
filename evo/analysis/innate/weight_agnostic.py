"""The ladder of weight-agnostic networks (Gaier & Ha 2019, arXiv 1906.04358): the score of the wiring alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

import numpy as np

from evo.analysis.innate.battery import EVOLVED, Battery
from evo.analysis.innate.design import Design
from evo.analysis.innate.null_models import SIGNS
from evo.analysis.report.numbers import number
from evo.analysis.report.section import Picture, Section, bottomless, canvas
from evo.analysis.report.style import CONDITIONS, INNATE, LEARNED, QUIET
from evo.analysis.scores import Scores, over_runs
from genomes.interventions.random_weights import RandomWeights
from genomes.interventions.shared_weight import SERIES, SharedWeight

if TYPE_CHECKING:
    import pandas

RANDOM, SHARED, TUNED, OWN, AFTER = "random weights", "one shared weight", "tuned shared weight", "evolved", "learned"

_TERMS = {
    "rung": f"{RANDOM}: uniform in [-2, 2] wherever a synapse grew; {SHARED}: the same for all synapses, mean over the "
    f"series {', '.join(f'{value:g}' for value in SERIES)}; {TUNED}: the weight of the series with the best score on "
    f"the selection split; {SIGNS.name}: {SIGNS.words}; {OWN}: the weights of the genome; {AFTER}: after its life",
    "mean": "mean main score on the test split; with several runs, over the runs",
    "low": "lower end of the 95 % interval of the mean, over births and samples; with several runs, over runs and "
    "shared samples",
    "high": "upper end of that interval",
    "weights": "the tuned shared weight; with several runs, that of each run",
}


@final
@dataclass(frozen=True, eq=False)
class Ladder:
    """The rungs of one run, the lowest first.

    Attributes:
        rungs: scores by name of the rung.
        tuned: the shared weight with the best score on the selection split.
    """

    rungs: dict[str, Scores]
    tuned: float


def climb(battery: Battery) -> Ladder:
    """Examines the wiring of a genome with weights that are less and less random."""
    bench = battery.bench
    shared = {value: _birth(bench, f"shared weight {value:g}", SharedWeight(value)) for value in SERIES}
    tuned = _tuned(bench)
    rungs = {
        RANDOM: bench.scores(bench.measure(RANDOM, bench.drawn(RandomWeights())))[bench.condition],
        SHARED: _mean(list(shared.values())),
        TUNED: shared[tuned],
        SIGNS.name: battery.scores[SIGNS.name, bench.condition],
        OWN: battery.scores[EVOLVED, bench.condition],
    }
    if bench.learns:
        rungs[AFTER] = battery.scores[EVOLVED, bench.after]
    return Ladder(rungs, tuned)


def ladder(batteries: Sequence[Battery]) -> Section:
    """Describes the rungs of all runs as one section."""
    import pandas

    climbed, bench = [climb(each) for each in batteries], batteries[0].bench
    rows: list[dict[str, Any]] = []
    for rung in climbed[0].rungs:
        found = over_runs([each.rungs[rung] for each in climbed])
        weights = ", ".join(f"{each.tuned:g}" for each in climbed) if rung == TUNED else ""
        rows.append({"rung": rung, "mean": found.mean, "low": found.low, "high": found.high, "weights": weights})
    frame = pandas.DataFrame(rows)
    means = {row["rung"]: number(row["mean"]) for row in rows}
    said = [
        f"The wiring of the genome scores {CONDITIONS[bench.condition][0]}: {means[RANDOM]} with random weights, "
        f"{means[SHARED]} with one shared weight, {means[TUNED]} with the best shared weight, {means[SIGNS.name]} with "
        f"its signs alone, {means[OWN]} with its own weights."
    ]
    if all(each.bench.dense for each in batteries):
        said.append("Every synapse grew: the score with a shared weight then carries no information on connectivity.")
    return Section("ladder", "Ladder", tuple(said), _TERMS, {"rungs": frame}, {"rungs": _bars(frame, bench)})


def _birth(bench: Design, what: str, weights: SharedWeight) -> Scores:
    return bench.scores(bench.measure(what, bench.newborns(weights)))[bench.condition]


def _tuned(bench: Design) -> float:
    """Chooses the shared weight on the selection split, so that the test split is used for testing only."""
    means = []
    for value in SERIES:
        rows = bench.newborns(SharedWeight(value))
        measured = bench.measure("tuning of the shared weight", rows, split="selection", resamples=0)
        means.append(bench.scores(measured)[bench.condition].estimate.mean)
    return SERIES[int(np.argmax(np.nan_to_num(means, nan=-np.inf)))]


def _mean(scores: Sequence[Scores]) -> Scores:
    """Averages scores over the series of weights, birth by birth."""
    again = [score.resampled for score in scores if score.resampled is not None]
    values = np.mean([score.values for score in scores], axis=0)
    return replace(scores[0], values=values, resampled=np.mean(again, axis=0) if again else None)


def _bars(frame: pandas.DataFrame, bench: Design) -> Picture:
    figure, axis = canvas(7.2, 0.9 + 0.4 * len(frame))
    colours = {OWN: INNATE, AFTER: LEARNED}
    heights = np.arange(len(frame))[::-1]
    bars = axis.barh(heights, frame["mean"], color=[colours.get(rung, QUIET) for rung in frame["rung"]], height=0.65)
    for bar, rung in zip(bars, frame["rung"], strict=True):
        bar.set_gid(f"rung-{rung.replace(' ', '-')}")
    axis.hlines(heights, frame["low"], frame["high"], color="black", linewidth=1.2)
    axis.set_yticks(heights, frame["rung"])
    axis.axvline(0, color="black", linewidth=0.8)
    bottomless(axis, frame["mean"], "x")
    axis.set_xlabel(f"{bench.main.replace('_', ' ')}, test split")
    tips = {
        bar.get_gid(): f"{row.rung}: {row.mean:.3g} [{row.low:.3g}, {row.high:.3g}]"
        for bar, row in zip(bars, frame.itertuples(), strict=True)
    }
    return Picture(
        figure, "The same wiring with weights that are less and less random; lines are 95 % intervals.", tips
    )
