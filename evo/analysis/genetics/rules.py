"""Readings of a genome, unit by unit: connected neurons, strength, sign, and plasticity of the synapses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray
from torch import Tensor

from evo.analysis.genetics import rule_pictures
from evo.analysis.genetics.reading import Reading
from evo.analysis.genetics.units import Units, units_of
from evo.analysis.report.section import Section
from evo.analysis.report.wording import says
from evo.analysis.subject import Subject
from evo.evaluation.cohort import Reserved
from evo.experiment.experiment import Experiment
from genomes.phenotype import Phenotype
from genomes.streams import derive
from genomes.wiring_rule import WiringRule

if TYPE_CHECKING:
    import pandas

_NUMBERS = 2**24  # maximum genes or synapses of the newborns that develop at once
_LEAST = 1e-6  # smaller differences, relative to the largest number, are rounding errors
_GUESSED = " (a plastic allele: the sign is a guess of this birth)"

_TERMS = {
    "unit": "name of the rule or gene, which can be read and knocked out",
    "kind": "rule: one statement of the genome; gene: a part of the genome that several statements use",
    "says": "the rule in words. A rule of one number has the sign of that number; neurons that express a gene "
    "negatively have the opposite sign",
    "projection": "projection whose synapses the unit affects; empty: several projections, or none",
    "numbers": "number of genes of the unit",
    "value": "value of the gene; for several genes the root mean square of their values",
    "acts on": "property of the newborn that changes without the unit: weights, or a bias or number of neurons or "
    "synapses",
    "rms": "root mean square of the unit's contribution, that is, newborn with the unit minus newborn without it, over "
    "all numbers that it could act on; in units of a weight if it acts on weights",
    "share": "sum of squares of the unit's contribution, divided by that of the whole; 1: the unit alone determines "
    "the projection; the shares of rules that add to or cancel each other do not sum to 1",
    "sign": "excites or inhibits: at least three quarters of the contribution have that sign; otherwise mixed",
    "balance": "sum of the contribution divided by the sum of its magnitudes; 1: all excites, -1: all inhibits",
    "touched": "share of synapses (or neurons) that change without the unit: the probability that it affects one",
}


def readings(experiment: Experiment, units: Units) -> list[Reading]:
    """Reads every unit in one birth; all variants share the random numbers of development."""
    rows = max(1, _NUMBERS // max(units.spec.size, experiment.topology.synapses))
    found = []
    for start in range(0, len(units.each), rows):
        chosen = range(start, min(start + rows, len(units.each)))
        for place, (whole, without) in enumerate(_grown(experiment, units, chosen)):
            found.append(_reading(whole, without, units.each[start + place]))
    return found


def verb(unit: WiringRule, reading: Reading, value: float) -> str:
    """Returns the verb of a rule, by the sign of its single number, if it has one, or else by its reading.

    A single number decides because genes can be expressed with either sign.
    """
    if len(unit.positions) == 1 and unit.silent == 0.0 and value:
        return "excite" if value > 0 else "inhibit"
    return {"excites": "excite", "inhibits": "inhibit"}.get(reading.sign, "excite and inhibit")


def statements(units: Units, found: Sequence[Reading]) -> list[str]:
    """Describes every unit in words."""
    return [
        says(unit, verb(unit, reading, units.values[places[0]])) + _GUESSED * (reading.plasticity.get("plastic") == 1)
        for unit, reading, places in zip(units.each, found, units.places, strict=True)
    ]


def rules(subject: Subject) -> Section:
    """Reads the units of the first genome of a subject, the strongest first."""
    experiment = subject.experiment
    units = units_of(experiment, subject.levels[0])
    if subject.interventions or not units.each:
        why = "its weights come from a file" if subject.interventions else "none of its numbers is inherited"
        return Section("rules", "Rules", (f"{subject.name} has no rules to read: {why}.",), {})
    found = readings(experiment, units)
    table = _table(units, found)
    pictures = {"strengths": rule_pictures.strengths(units, found)}
    maps = rule_pictures.maps(experiment, units, found, lambda chosen: _contributions(experiment, units, chosen))
    if maps is not None:
        pictures["maps"] = maps
    inherited = {name: f"mean of {name} over the synapses that the unit affects" for name in _plastic(found)}
    return Section("rules", "Rules", _sentences(units, table), _TERMS | inherited, {"rules": table}, pictures)


Parts = dict[tuple[str, str], Tensor]
"""Numbers of a newborn by property and by projection or group."""


def _grown(experiment: Experiment, units: Units, chosen: Sequence[int]) -> Iterator[tuple[Parts, Parts]]:
    """Yields, for each of the units, the newborn with all units and the newborn without that unit."""
    edits = units.without([(), *([unit] for unit in chosen)])
    levels = np.repeat(units.levels[None], len(edits), axis=0)
    streams = derive(experiment.seed, "birth", Reserved.ANALYSIS, [0] * len(edits)).to(experiment.device)
    with torch.inference_mode():
        parts = _parts(experiment.birth(levels, streams, edits))
    whole = {key: part[0] for key, part in parts.items()}
    for row in range(1, len(edits)):
        yield whole, {key: part[row] for key, part in parts.items()}


def _parts(newborn: Phenotype) -> Parts:
    """Collects the numbers of newborns: weights first, then other numbers of neurons and synapses, then traits."""
    parts: Parts = {("weights", name): s.weight for name, s in newborn.projections.items()}
    parts |= {(what, name): t for name, by in newborn.groups.items() for what, t in by.items()}
    for name, synapses in newborn.projections.items():
        shape = synapses.weight.shape
        parts |= {(what.rpartition(".")[2], name): t.expand(shape) for what, t in synapses.parameters.items()}
    parts |= {
        (name.partition(".")[2], ""): t for name, t in newborn.traits.items() if t.dim() == 1 and name != "genome_bits"
    }
    return {key: part.double().cpu() for key, part in parts.items()}


def _change(whole: Parts, without: Parts, unit: WiringRule) -> Parts:
    """Returns the contribution of a unit to the first property that changes without it, over all reachable numbers."""
    for what in dict.fromkeys(what for what, _ in whole):
        changes = {}
        for key in whole:
            if key[0] == what:
                change = whole[key] - without[key]
                slight = change.abs() <= _LEAST * whole[key].abs().max()
                changes[key] = change.masked_fill(slight, 0.0)
        changed = {key: change for key, change in changes.items() if bool((change != 0).any())}
        if changed:
            return {key: change for key, change in changes.items() if key in changed or key[1] == unit.projection}
    return {}


def _reading(whole: Parts, without: Parts, unit: WiringRule) -> Reading:
    change = _change(whole, without, unit)
    if not change:
        return Reading("nothing", 0.0, 0.0, 0.0, 0.0, {})
    all_changes = torch.cat([part.flatten() for part in change.values()])
    before = torch.cat([whole[key].flatten() for key in change])
    squares, magnitude = float(all_changes.square().sum()), float(all_changes.abs().sum())
    total = float(before.square().sum())
    return Reading(
        acts_on=next(iter(change))[0],
        rms=(squares / all_changes.numel()) ** 0.5,
        share=squares / total if total else float("inf"),
        balance=float(all_changes.sum()) / magnitude,
        touched=float((all_changes != 0).double().mean()),
        plasticity=_lets_learn(whole, change),
    )


def _lets_learn(whole: Parts, change: Parts) -> dict[str, float]:
    """Returns the means of the other numbers of the affected synapses."""
    projections = {name for what, name in whole if what == "weights"}
    touched = {name: part != 0 for (_, name), part in change.items() if name in projections}
    found: dict[str, list[Tensor]] = {}
    for (what, name), part in whole.items():
        if what != "weights" and name in touched:
            found.setdefault(what, []).append(part[touched[name]])
    return {what: float(torch.cat(parts).mean()) for what, parts in found.items()}


def _contributions(
    experiment: Experiment, units: Units, chosen: Sequence[int]
) -> list[dict[str, Float64[ndarray, "post pre"]]]:
    """Returns the contributions of units to the weights of each projection."""
    return [
        {name: (whole[what, name] - without[what, name]).numpy() for what, name in whole if what == "weights"}
        for whole, without in _grown(experiment, units, chosen)
    ]


def _plastic(found: Sequence[Reading]) -> list[str]:
    return list(dict.fromkeys(name for reading in found for name in reading.plasticity))


def _table(units: Units, found: Sequence[Reading]) -> pandas.DataFrame:
    import pandas

    rows, plastic = [], _plastic(found)
    for unit, reading, places, said in zip(units.each, found, units.places, statements(units, found), strict=True):
        values = units.values[places]
        row: dict[str, str | float] = {
            "unit": unit.name,
            "kind": unit.kind,
            "says": said,
            "projection": unit.projection,
        }
        row |= {"numbers": len(values)}
        row |= {"value": float(values[0] if len(values) == 1 else np.sqrt(np.square(values).mean()))}
        row |= {"acts on": reading.acts_on, "rms": reading.rms, "share": reading.share, "sign": reading.sign}
        row |= {"balance": reading.balance, "touched": reading.touched}
        rows.append(row | {name: reading.plasticity.get(name, np.nan) for name in plastic})
    table = pandas.DataFrame(rows)
    order = np.lexsort((-table["share"], table["acts on"] != "weights"))
    return table.iloc[order].reset_index(drop=True)


def _sentences(units: Units, table: pandas.DataFrame) -> tuple[str, ...]:
    """Describes the number of units, the strongest three, the number of strong ones, and genes beside the wiring."""
    wiring, others = table[table["acts on"] == "weights"], table[~table["acts on"].isin(["weights", "nothing"])]
    kinds = [(kind, sum(unit.kind == kind for unit in units.each)) for kind in ("rule", "gene")]
    counted = " and ".join(f"{n} {kind}{'s' if n > 1 else ''}" for kind, n in kinds if n)
    said = [f"The genome of {units.spec.size:,} numbers, {units.spec.bits:,.0f} bits, is read as {counted}."]
    rules_alone = wiring[wiring["kind"] == "rule"] if (wiring["kind"] == "rule").any() else wiring
    for place, row in enumerate(rules_alone.head(3).to_dict("records")):
        where = f" of {row['projection']}" if row["projection"] else ""
        weights = f"{100 * row['share']:.0f} % of the sum of squares of the weights{where}"
        who = "Next" if place else f"The strongest {row['kind']}"
        said.append(f"{who}: {row['says']}; it contributes {weights}.")
    if len(rules_alone):
        strong = int((rules_alone["share"] >= 0.01).sum())
        said.append(f"{strong} of {len(rules_alone)} units that act on weights contribute at least 1 % of theirs.")
    else:
        said.append("No rule acts on the weights at birth: they are random or fixed.")
    beside = [_beside(units, field.name) for field in units.spec.fields if _is_beside(units, others, field.name)]
    if beside:
        said.append(f"The genome also sets {', '.join(beside)}.")
    return tuple(said)


def _is_beside(units: Units, others: pandas.DataFrame, field: str) -> bool:
    """Tells whether the units of a field act on numbers other than weights."""
    names = set(others["unit"])
    return any(unit.positions[0][0] == field and unit.name in names for unit in units.each)


def _beside(units: Units, field: str) -> str:
    values = units.values[units.spec.slices[field]]
    called = field.partition(".")[2].replace(".", " of ").replace("_", " ")
    if len(values) <= 2:
        return f"{called} {' and '.join(f'{value:.3g}' for value in values)}"
    return f"{called} ({len(values)} numbers from {values.min():.3g} to {values.max():.3g}, mean {values.mean():.3g})"
