"""Robustness: how much harm to weights, synapses, neurons and genes behaviour at birth bears, and in which worlds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

import numpy as np
from jaxtyping import Integer
from numpy import ndarray

from evo.analysis.innate.battery import EVOLVED, Battery
from evo.analysis.innate.design import Design
from evo.analysis.innate.null_models import FOUNDERS
from evo.analysis.innate.sentence import number
from evo.analysis.report.section import Picture, Section, canvas
from evo.analysis.report.style import CONDITIONS, INNATE, QUIET
from evo.analysis.scores import Rows, Scores, over_runs
from evo.analysis.statistics import Estimate
from evo.experiment.experiment import Experiment
from genomes.errors import InputError
from genomes.evolve import Evolve
from genomes.interventions.lesion import Lesion
from genomes.interventions.weight_noise import WeightNoise
from genomes.streams import derive
from genomes.topology import Group

if TYPE_CHECKING:
    import pandas

NOISE = (0.05, 0.1, 0.2, 0.5, 1.0)
SYNAPSES = (0.05, 0.1, 0.2, 0.5)
NEURONS = (0.1, 0.25, 0.5)
MUTATION = (0.01, 0.03, 0.1, 0.3)
SIZES = (0.5, 2.0)

_MEANT = {
    "weight noise": "normal noise on every synapse, in root mean squares of its projection's weights",
    "synapses lost": "share of synapses taken away by lot",
    "neurons lost": "share of neurons between the senses and the output taken away by lot",
    "genes redrawn": "probability of each gene to be drawn anew",
    "genes one level off": "probability of each gene to move one level up or down",
    "neurons": "size of every group between the senses and the output, 1: as evolved; the genome stays the same",
}
_TERMS = {
    "perturbation": "; ".join(f"{name}: {meant}" for name, meant in _MEANT.items()),
    "dose": "how much of it",
    "mean": "of the main score at birth on the test split; of several runs, over the runs",
    "low": "lower end of its 95 % interval, over births and samples; of several runs over the runs",
    "high": "upper end of that interval",
    "change": "mean difference from the same births unharmed",
    "change low": "lower end of the 95 % interval of the change",
    "change high": "upper end of that interval",
    "world": "a world that no life and no selection has seen, by its name in the experiment; home: its own, or "
    "the one asked for",
    "network": "evolved genome, or random founders of which each draw is another",
}


@final
@dataclass(frozen=True, eq=False)
class Harm:
    """One dose of one perturbation.

    Attributes:
        perturbation: by name.
        dose: how much.
        rows: who is born.
        experiment: in what; None: the experiment itself.
    """

    perturbation: str
    dose: float
    rows: Rows
    experiment: Experiment | None = None


def harms(bench: Design) -> Iterator[Harm]:
    """Every dose that can be given to this genome."""
    for size in NOISE:
        yield Harm("weight noise", size, bench.newborns(WeightNoise(size)))
    for share in SYNAPSES:
        yield Harm("synapses lost", share, bench.newborns(Lesion(share)))
    if len(bench.experiment.topology.groups) > 2:
        for share in NEURONS:
            yield Harm("neurons lost", share, bench.newborns(Lesion(share, "neurons")))
    if bench.subject.interventions:
        return  # the weights are given: no gene and no other size of the network has a part in them
    born = bench.newborns()
    for step, name in ((False, "genes redrawn"), (True, "genes one level off")):
        for rate in MUTATION:
            yield Harm(name, rate, replace(born, levels=mutants(bench, rate, step)))
    for factor in SIZES:
        if (other := resized(bench.experiment, factor)) is not None:
            yield Harm("neurons", factor, born, other)


def mutants(bench: Design, rate: float, step: bool) -> Integer[ndarray, "births G"]:
    """A mutant a birth: each gene with this probability at a level by lot, or one level up or down."""
    spec = bench.experiment.genome.spec
    streams = derive(bench.experiment.seed, "mutants of the innate test", owners=range(bench.births))
    levels = bench.newborns().levels.astype(np.int64)
    if step:
        up = 2 * streams.stream("direction").integers(2, spec.size).numpy() - 1
        other = np.clip(levels + up, 0, spec.level_counts - 1)
    else:
        other = spec.quantise(streams.stream("level").uniform(spec.size).numpy()).astype(np.int64)
    hit = streams.stream("where").uniform(spec.size).numpy() < rate
    return np.where(hit, other, levels).astype(spec.level_dtype)


def resized(experiment: Experiment, factor: float) -> Experiment | None:
    """The experiment with every group between senses and output so many times as large.

    None where there is no such group, or where the genome would be another or mean something else: only an encoding
    and a rule that do not count neurons can tell others what to do.
    """
    sensory, *between, output = experiment.topology.groups
    components = (experiment.encoding, experiment.rule, experiment.objective)
    numbers = [value for component in components if component is not None for value in vars(component).values()]
    lots = any(isinstance(number, Evolve) and number.shared is not None for number in numbers)  # by synapse, in order
    try:
        groups = (sensory, *(_resized(group, factor) for group in between), output)
        other = replace(experiment, topology=replace(experiment.topology, groups=groups))
        return other if between and not lots and other.genome.spec == experiment.genome.spec else None
    except InputError:
        return None


def _resized(group: Group, factor: float) -> Group:
    """A sheet becomes longer along its first axis."""
    first = round((group.grid[0] if group.grid else group.size) * factor)
    if group.grid is None:
        return replace(group, size=first)
    return replace(group, size=group.size // group.grid[0] * first, grid=(first, *group.grid[1:]))


def robustness(batteries: Sequence[Battery]) -> Section:
    """Harm done to the genome of every run, and the worlds unseen."""
    import pandas

    bench = batteries[0].bench
    intact = [each.scores[EVOLVED, bench.condition] for each in batteries]
    by_dose: dict[tuple[str, float], list[tuple[Scores, Scores]]] = {}
    for each, unharmed in zip(batteries, intact, strict=True):
        for harm in harms(each.bench):
            measured = each.bench.measure(f"{harm.perturbation} {harm.dose:g}", harm.rows, experiment=harm.experiment)
            scores = each.bench.scores(measured)[bench.condition]
            by_dose.setdefault((harm.perturbation, harm.dose), []).append((scores, scores.less(unharmed)))
    rows = [_row(*key, pairs) for key, pairs in by_dose.items() if len(pairs) == len(batteries)]
    frame, whole = pandas.DataFrame(rows), over_runs(intact)
    random = over_runs([each.scores[FOUNDERS.name, bench.condition] for each in batteries])
    when = CONDITIONS[bench.condition][0]
    tables, said = {"doses": frame}, [_sentence(frame, whole, random.mean, when)]
    if batteries[0].bench.subject.experiment.held_out:
        tables["worlds"] = _worlds(batteries)
        said.append(_worlds_sentence(tables["worlds"], when, bench.subject.bred))
    if bench.subject.interventions:
        said.append("The weights are given: genes and other numbers of neurons were not tried.")
    elif len(bench.experiment.topology.groups) > 2 and not (frame["perturbation"] == "neurons").any():
        said.append("Other numbers of neurons were not tried: the genome is one for as many as there are.")
    drawn = _picture(frame, whole.mean, random.mean, f"{bench.main.replace('_', ' ')} {when}")
    return Section("robustness", "Robustness", tuple(said), _TERMS, tables, {"doses": drawn})


def _row(perturbation: str, dose: float, pairs: Sequence[tuple[Scores, Scores]]) -> dict[str, Any]:
    score, change = (over_runs(list(each)) for each in zip(*pairs, strict=True))
    row = {"perturbation": perturbation, "dose": dose, "mean": score.mean, "low": score.low, "high": score.high}
    return row | {"change": change.mean, "change low": change.low, "change high": change.high}


def _worlds(batteries: Sequence[Battery]) -> pandas.DataFrame:
    """At birth, in worlds that no life and no selection saw."""
    import pandas

    bench, rows = batteries[0].bench, []
    for world in ("home", *(name for name, _ in bench.subject.experiment.held_out)):
        for network in (EVOLVED, FOUNDERS.name):
            found = over_runs([_away(each, world, network) for each in batteries])
            rows.append({"world": world, "network": network, "mean": found.mean, "low": found.low, "high": found.high})
    return pandas.DataFrame(rows)


def _away(battery: Battery, name: str, network: str) -> Scores:
    bench = battery.bench
    if name == "home":
        return battery.scores[network, bench.condition]
    rows = bench.newborns() if network == EVOLVED else bench.founders()
    world = dict(bench.subject.experiment.held_out)[name]
    there = replace(bench.experiment, world=world)
    return bench.scores(bench.measure(f"{network} in {name}", rows, experiment=there))[bench.condition]


def _sentence(frame: pandas.DataFrame, whole: Estimate, random: float, when: str) -> str:
    """Which doses take half of what the genome has more than random founders."""
    if not (whole.mean if np.isnan(whole.low) else whole.low) > random:
        above = "clearly above" if whole.mean > random else "above"
        return f"The evolved genome is not {above} random founders {when}: there is nothing that harm could take."
    halved, borne = [], []
    for name, doses in frame[frame["perturbation"] != "neurons"].groupby("perturbation", sort=False):
        enough = doses.loc[doses["mean"] <= (whole.mean + random) / 2, "dose"]
        halved += [f"{name} {enough.iloc[0]:g}"] if len(enough) else []
        borne += [] if len(enough) else [f"{name} {doses['dose'].max():g}"]
    lost = f"Half of what the genome has above random founders {when} is lost at: {', '.join(halved) or 'no dose'}"
    return f"{lost}; not even at: {', '.join(borne)}." if borne else f"{lost}."


def _worlds_sentence(frame: pandas.DataFrame, when: str, bred: bool) -> str:
    means = frame.set_index(["world", "network"])["mean"]
    away = [world for world in frame["world"].unique() if world != "home"]
    listed = [
        f"{world} {number(means[world, EVOLVED])} (random founders {number(means[world, FOUNDERS.name])})"
        for world in away
    ]
    own = "at home" if bred else "in the world asked for"
    return f"In worlds that it never met, {when}: {'; '.join(listed)}; {own} {number(means['home', EVOLVED])}."


def _picture(frame: pandas.DataFrame, whole: float, random: float, label: str) -> Picture:
    names = list(frame["perturbation"].unique())
    across = min(3, len(names))
    down = -(-len(names) // across)
    figure, axes = canvas(7.2, 0.6 + 2.1 * down, down, across)
    panels = np.atleast_1d(axes).flatten()
    for axis, name in zip(panels, names, strict=False):
        doses = frame[frame["perturbation"] == name]
        dose = np.append(1.0 if name == "neurons" else 0.0, doses["dose"])
        order, means = np.argsort(dose), np.append(whole, doses["mean"])
        axis.plot(dose[order], means[order], color=INNATE, marker="o", markersize=3.5)
        axis.vlines(doses["dose"], doses["low"], doses["high"], color=INNATE, linewidth=1.2)
        axis.axhline(random, color=QUIET, linestyle=":")
        axis.set_title(name, fontsize=9, loc="left")
        axis.set_ylim(_limits(frame, whole, random))
    for axis in panels[len(names) :]:
        axis.set_axis_off()
    figure.supylabel(label, fontsize=9)
    figure.supxlabel("dose", fontsize=9)
    return Picture(figure, "Score at birth against the dose of harm, 95 % intervals; dotted: random founders.")


def _limits(frame: pandas.DataFrame, whole: float, random: float) -> tuple[float, float]:
    """The same for all panels."""
    ends = np.array([*frame["low"], *frame["high"], *frame["mean"], whole, random])
    low, high = np.nanmin(ends), np.nanmax(ends)
    margin = 0.05 * (high - low) or 0.05
    return float(low - margin), float(high + margin)
