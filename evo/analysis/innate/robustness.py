"""Robustness of behaviour at birth to perturbed weights, synapses, neurons and genes, and in held-out worlds."""

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
from evo.analysis.report.numbers import number
from evo.analysis.report.section import Picture, Section, canvas
from evo.analysis.report.style import CONDITIONS, INNATE, QUIET
from evo.analysis.scores import Rows, Scores, over_runs
from evo.analysis.statistics import Estimate
from evo.experiment.experiment import Experiment
from genomes.errors import InputError
from genomes.evolve import Evolving
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
    "weight noise": "normal noise on every synapse, in units of the root mean square weight of its projection",
    "synapses lost": "share of synapses that are removed at random",
    "neurons lost": "share of neurons between the senses and the output that are removed at random",
    "genes redrawn": "probability with which each gene is drawn anew",
    "genes one level off": "probability with which each gene moves one level up or down",
    "neurons": "factor on the size of every group between the senses and the output, 1: as evolved; the genome does "
    "not change",
}
_TERMS = {
    "perturbation": "; ".join(f"{name}: {meant}" for name, meant in _MEANT.items()),
    "dose": "strength of the perturbation",
    "mean": "mean main score at birth on the test split; with several runs, over the runs",
    "low": "lower end of the 95 % interval of the mean, over births and samples; with several runs, over the runs",
    "high": "upper end of that interval",
    "change": "mean difference to the same births without perturbation",
    "change low": "lower end of the 95 % interval of the change",
    "change high": "upper end of that interval",
    "world": "name of a held-out world, which no life and no selection has used; home: the world of the experiment, or "
    "the one that the user chose",
    "network": "evolved genome, or random founders, a different genome in each draw",
}


@final
@dataclass(frozen=True, eq=False)
class Harm:
    """Rows with one dose of one perturbation.

    Attributes:
        perturbation: name of the perturbation.
        dose: strength of the perturbation.
        rows: the perturbed births.
        experiment: the experiment of the births; None for the original one.
    """

    perturbation: str
    dose: float
    rows: Rows
    experiment: Experiment | None = None


def harms(bench: Design) -> Iterator[Harm]:
    """Yields every dose of every perturbation that applies to this genome."""
    for size in NOISE:
        yield Harm("weight noise", size, bench.newborns(WeightNoise(size)))
    for share in SYNAPSES:
        yield Harm("synapses lost", share, bench.newborns(Lesion(share)))
    if len(bench.experiment.topology.groups) > 2:
        for share in NEURONS:
            yield Harm("neurons lost", share, bench.newborns(Lesion(share, "neurons")))
    if bench.subject.interventions:
        return  # the weights come from a file and depend neither on genes nor on the size of the network
    born = bench.newborns()
    for step, name in ((False, "genes redrawn"), (True, "genes one level off")):
        for rate in MUTATION:
            yield Harm(name, rate, replace(born, levels=mutants(bench, rate, step)))
    for factor in SIZES:
        if (other := resized(bench.experiment, factor)) is not None:
            yield Harm("neurons", factor, born, other)


def mutants(bench: Design, rate: float, step: bool) -> Integer[ndarray, "births G"]:
    """Returns one mutant a birth: with probability `rate`, each gene gets a random level or moves one level."""
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
    """Returns the experiment with every group between senses and output enlarged by `factor`.

    It is None if there is no such group, or if the genome would change or have another meaning: only genes of encodings
    and rules that do not depend on the number of neurons apply to networks of other sizes.
    """
    sensory, *between, output = experiment.topology.groups
    components = (experiment.encoding, experiment.rule, experiment.objective)
    numbers = [value for component in components if component is not None for value in vars(component).values()]
    # numbers shared by several synapses are allotted in the order of synapses, which changes with the size
    lots = any(isinstance(number, Evolving) and number.shared is not None for number in numbers)
    try:
        groups = (sensory, *(_resized(group, factor) for group in between), output)
        other = replace(experiment, topology=replace(experiment.topology, groups=groups))
        return other if between and not lots and other.genome.spec == experiment.genome.spec else None
    except InputError:
        return None


def _resized(group: Group, factor: float) -> Group:
    """Resizes a group; a sheet becomes longer along its first axis."""
    first = round((group.grid[0] if group.grid else group.size) * factor)
    if group.grid is None:
        return replace(group, size=first)
    return replace(group, size=group.size // group.grid[0] * first, grid=(first, *group.grid[1:]))


def robustness(batteries: Sequence[Battery]) -> Section:
    """Measures the perturbations of the genome of every run, and its scores in held-out worlds."""
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
        said.append("The weights come from a file: perturbed genes and other numbers of neurons were not tried.")
    elif len(bench.experiment.topology.groups) > 2 and not (frame["perturbation"] == "neurons").any():
        said.append("Other numbers of neurons were not tried: the genome applies to this number of neurons only.")
    drawn = _picture(frame, whole.mean, random.mean, f"{bench.main.replace('_', ' ')} {when}")
    return Section("robustness", "Robustness", tuple(said), _TERMS, tables, {"doses": drawn})


def _row(perturbation: str, dose: float, pairs: Sequence[tuple[Scores, Scores]]) -> dict[str, Any]:
    score, change = (over_runs(list(each)) for each in zip(*pairs, strict=True))
    row = {"perturbation": perturbation, "dose": dose, "mean": score.mean, "low": score.low, "high": score.high}
    return row | {"change": change.mean, "change low": change.low, "change high": change.high}


def _worlds(batteries: Sequence[Battery]) -> pandas.DataFrame:
    """Returns the scores at birth at home and in held-out worlds, which no life and no selection has used."""
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
    """Describes the doses at which the genome loses half of its advantage over random founders."""
    if not (whole.mean if np.isnan(whole.low) else whole.low) > random:
        above = "clearly above" if whole.mean > random else "above"
        return f"The evolved genome is not {above} random founders {when}: it has no advantage to lose."
    halved, borne = [], []
    for name, doses in frame[frame["perturbation"] != "neurons"].groupby("perturbation", sort=False):
        enough = doses.loc[doses["mean"] <= (whole.mean + random) / 2, "dose"]
        halved += [f"{name} {enough.iloc[0]:g}"] if len(enough) else []
        borne += [] if len(enough) else [f"{name} {doses['dose'].max():g}"]
    lost = f"The genome loses half of its advantage over random founders {when} at: {', '.join(halved) or 'no dose'}"
    return f"{lost}; not even at: {', '.join(borne)}." if borne else f"{lost}."


def _worlds_sentence(frame: pandas.DataFrame, when: str, bred: bool) -> str:
    means = frame.set_index(["world", "network"])["mean"]
    away = [world for world in frame["world"].unique() if world != "home"]
    listed = [
        f"{world} {number(means[world, EVOLVED])} (random founders {number(means[world, FOUNDERS.name])})"
        for world in away
    ]
    own = "at home" if bred else "in the chosen world"
    return f"In held-out worlds, {when}: {'; '.join(listed)}; {own} {number(means['home', EVOLVED])}."


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
    return Picture(figure, "Score at birth against dose, with 95 % intervals; dotted: random founders.")


def _limits(frame: pandas.DataFrame, whole: float, random: float) -> tuple[float, float]:
    """Returns common limits of the y axis for all panels."""
    ends = np.array([*frame["low"], *frame["high"], *frame["mean"], whole, random])
    low, high = np.nanmin(ends), np.nanmax(ends)
    margin = 0.05 * (high - low) or 0.05
    return float(low - margin), float(high + margin)
