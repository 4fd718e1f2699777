"""Knock-outs: effects of the loss of single rules or genes, of pairs, and of all of them.

Units are ranked on the selection split and their effects are measured on the test split in other lives, so that the
choice and the measurement do not share random errors (Kriegeskorte et al. 2009, Nat. Neurosci. 12:535).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from evo.analysis.assay_runner import AssayRunner
from evo.analysis.genetics.dose_response import doses
from evo.analysis.genetics.epistasis import epistasis
from evo.analysis.genetics.minimal_genome import minimal
from evo.analysis.genetics.rules import readings, statements
from evo.analysis.genetics.units import units_of, unsilenced
from evo.analysis.genetics.variants import Part, Scored, Variants
from evo.analysis.report.section import Picture, Section, canvas
from evo.analysis.report.style import CONDITIONS
from evo.analysis.report.wording import loss, moment, score
from evo.analysis.statistics import Estimate, estimate, holm, nothing
from evo.analysis.subject import Subject
from evo.evaluation.stochastic_scores import is_stochastic
from evo.experiment.experiment import Experiment
from genomes.errors import require
from genomes.genome import Acts

if TYPE_CHECKING:
    import pandas

_SAID, _SHOWN, _CERTAIN = 3, 20, 0.05
_SAME = 1e-6  # smaller differences of scores are rounding errors
_TOGETHER: dict[str, Acts] = {"the wiring": "at birth", "plasticity and objective": "in life"}


@final
@dataclass(frozen=True, eq=False)
class Knockouts:
    """Results of the knock-outs, for a report and as a frame.

    Attributes:
        section: section of the report.
        frame: one row a unit, the strongest on the selection split first; empty if there is nothing to knock out.
    """

    section: Section
    frame: pandas.DataFrame


def lives_of(experiment: Experiment, subject: Subject) -> int:
    """Returns the default number of lives of each variant: 32 if scores are stochastic, otherwise 4."""
    return 32 if is_stochastic(experiment, subject.levels[:1], subject.interventions) else 4


def knockouts(subject: Subject, examiner: AssayRunner, births: int) -> Knockouts:
    """Knocks out the units of the first genome of a subject: singly, in pairs, in doses, as many as possible, and all.

    Args:
        births: number of lives of each variant, the same lives for all variants. 4 are enough in a task with
            deterministic development, where only the training samples differ; otherwise 32. See `lives_of`.

    Raises:
        InputError: there are fewer than 2 births.
    """
    import pandas

    require(births >= 2, "births", "at least 2", births)
    units = units_of(examiner.experiment, subject.levels[0])
    if subject.interventions or not units.each:
        why = "its weights come from a file" if subject.interventions else "none of its numbers is inherited"
        section = Section("knock-outs", "Knock-outs", (f"Nothing of {subject.name} can be knocked out: {why}.",), {})
        return Knockouts(section, pandas.DataFrame())
    variants = Variants(examiner, units, births)
    failures = examiner.failures
    order = _order(variants)
    singles = variants.tested("knock-outs", units.without([(), *([k] for k in range(len(units.each)))]))
    said = statements(units, readings(variants.experiment, units))
    fewest = minimal(variants, order)
    frame = _frame(variants, singles, order, said).assign(enough=[k in fewest.kept for k in order])
    strongest = [k for k in order if k in set(units.main_kind)]
    parts = [
        _together(variants),
        epistasis(variants, singles, strongest, said),
        doses(variants, singles, strongest),
        fewest.part,
    ]
    sentences = [*_single_sentences(variants, frame), *(s for part in parts for s in part.sentences)]
    sentences += _limits(variants, singles, examiner.failures - failures)
    tables = {"singles": frame.drop(columns="says")} | {name: t for part in parts for name, t in part.tables.items()}
    pictures = {"effects": _effects(variants, frame)} | {n: p for part in parts for n, p in part.pictures.items()}
    section = Section("knock-outs", "Knock-outs", tuple(sentences), _terms(variants), tables, pictures)
    return Knockouts(section, frame)


def _order(variants: Variants) -> list[int]:
    """Orders units by the cost of their loss on the selection split, summed over the selected conditions."""
    scores = variants.ranked("ranking", variants.units.without([(), *([k] for k in range(len(variants.units.each)))]))
    costs: Float64[ndarray, " units"] = np.sum([_costs(scores.means(name)) for name in variants.judged], axis=0)
    return np.argsort(-costs, kind="stable").tolist()


def _costs(means: Float64[ndarray, " V"]) -> Float64[ndarray, " units"]:
    """Computes full minus knocked-out scores; a variant without a score counts as the worst one."""
    return means[0] - np.nan_to_num(means[1:], nan=float(np.nanmin(means)))


def _frame(variants: Variants, singles: Scored, order: Sequence[int], said: Sequence[str]) -> pandas.DataFrame:
    """Returns the effects of single units, full minus knocked out, paired over lives and samples."""
    import pandas

    effects = {name: [singles.contrast(name, {0: 1, k + 1: -1}) for k in order] for name in variants.conditions}
    flat = holm([nothing(effect) for name in effects for effect in effects[name]])
    corrected = dict(zip(effects, np.reshape(flat, (len(effects), -1)), strict=True))
    frame = pandas.DataFrame({"unit": [variants.units.each[k].name for k in order]})
    frame["kind"] = [variants.units.each[k].kind for k in order]
    frame["says"] = [said[k] for k in order]
    frame["rank"] = np.arange(1, len(order) + 1)
    for name, found in effects.items():
        text = moment(name)
        frame[f"left {text}"] = singles.means(name)[1:][list(order)]
        frame[f"effect {text}"] = [effect.mean for effect in found]
        frame[f"low {text}"] = [effect.low for effect in found]
        frame[f"high {text}"] = [effect.high for effect in found]
        frame[f"p {text}"] = corrected[name]
    return frame


def _estimates(row: Mapping[str, Any], conditions: Sequence[str]) -> dict[str, Estimate]:
    return {n: Estimate(*(row[f"{part} {moment(n)}"] for part in ("effect", "low", "high"))) for n in conditions}


def _single_sentences(variants: Variants, frame: pandas.DataFrame) -> list[str]:
    main, said = variants.experiment.score, []
    kinds = [frame[frame["kind"] == kind].to_dict("records") for kind in ("rule", "gene")]
    for row in [*kinds[0][:_SAID], *kinds[1][: 1 if kinds[0] else _SAID]]:
        effects = _estimates(row, variants.conditions)
        costs = ", ".join(f"{loss(main, effect)} {moment(name)}" for name, effect in effects.items())
        said.append(f"{row['says'][0].upper()}{row['says'][1:]}: without this {row['kind']} {costs}.")
    counts = [f"{int((frame[f'p {moment(n)}'] <= _CERTAIN).sum())} {moment(n)}" for n in variants.conditions]
    tests = int(frame[[f"p {moment(n)}" for n in variants.conditions]].notna().to_numpy().sum())
    said.append(
        f"Single knock-outs of {len(frame)} units: the number that change {_main(variants)} is {', '.join(counts)} "
        f"(p <= .05 after Holm's correction for {tests} tests)."
    )
    return said


def _together(variants: Variants) -> Part:
    """Knocks out whole chromosomes, and everything, after which the score must be at chance."""
    import pandas

    units, main = variants.units, variants.experiment.score
    sets: dict[str, Sequence[int]] = {"nothing": ()}
    genome = variants.experiment.genome
    acts = [genome.owner(unit.positions[0][0]).chromosome.acts for unit in units.each]
    chromosomes = {name: [k for k, each in enumerate(acts) if each == when] for name, when in _TOGETHER.items()}
    if all(chromosomes.values()):
        sets |= chromosomes
    sets["everything"] = range(len(units.each))
    scores = variants.tested("everything out", units.without(sets.values()))
    founders = variants.founders("test", variants.conditions)
    random = {name: estimate(scores).within(variants.experiment.bounds) for name, scores in founders.items()}
    rows = [
        {"out": out} | _intervals({name: scores.contrast(name, {k: 1}) for name in variants.conditions})
        for k, out in enumerate(sets)
    ]
    rows.append({"out": "random genomes instead"} | _intervals(random))
    last = {name: scores.contrast(name, {len(sets) - 1: 1}) for name in variants.conditions}
    left = ", ".join(
        f"{score(main, found)} {moment(name)} (random genomes {score(main, random[name])})"
        for name, found in last.items()
    )
    return Part((f"With everything knocked out {_main(variants)} is {left}.",), {"together": pandas.DataFrame(rows)})


def _intervals(found: Mapping[str, Estimate]) -> dict[str, float]:
    return {
        f"{part} {moment(name)}": value
        for name, one in found.items()
        for part, value in (("score", one.mean), ("low", one.low), ("high", one.high))
    }


def _main(variants: Variants) -> str:
    return variants.experiment.score.label


def _limits(variants: Variants, singles: Scored, failures: int) -> list[str]:
    lives = f"{variants.births} lives of each variant, the same for all, on the test split"
    chosen = f"in {variants.selection_births} other lives on the selection split"
    said = [f"Effects are means over {lives}; units were ranked {chosen}."]
    if not singles.resampled and all((s.max(1) - s.min(1) < _SAME).all() for s in singles.main.values()):
        said.append("All lives of a variant score the same here, so that its intervals have no width.")
    if kept := unsilenced(variants.experiment.genome):
        said.append(f"Not knocked out, since there is no neutral value: {', '.join(kept)}.")
    if failures:
        said.append(f"{failures} lives had no score, since a number overflowed, and are left out.")
    return said


def _effects(variants: Variants, frame: pandas.DataFrame) -> Picture:
    """Draws the effects of the units that were strongest on the selection split."""
    shown = frame.head(_SHOWN).iloc[::-1]
    figure, axes = canvas(7.2, 0.9 + 0.26 * len(shown))
    height = np.arange(len(shown))
    for place, name in enumerate(variants.conditions):
        text, colour = CONDITIONS[name]
        at = height + 0.2 * (place - (len(variants.conditions) - 1) / 2)
        middle, low, high = (shown[f"{part} {text}"].to_numpy() for part in ("effect", "low", "high"))
        axes.hlines(at, low, high, color=colour, linewidth=1.6)
        axes.plot(middle, at, "o", color=colour, markersize=4, label=text)
    axes.axvline(0.0, color="0.6", linewidth=0.8)
    axes.set_yticks(height, shown["unit"], fontsize=8)
    axes.set(xlabel=f"{_main(variants)} lost by the knock-out")
    axes.legend(frameon=False, fontsize=8)
    return Picture(figure, f"Cost of the loss of each of the {len(shown)} strongest units, with 95 % intervals.")


def _terms(variants: Variants) -> dict[str, str]:
    of = f"{_main(variants)}, test split"
    terms = {
        "unit": "name of the rule or gene that was knocked out",
        "kind": "rule: one statement of the genome; gene: a part of the genome that several statements use",
        "rank": "rank of the unit by the cost of its loss on the selection split; 1: the highest cost",
        "enough": "yes if the unit belongs to the minimal genome",
        "out": "units that were silenced together",
        "one": "first unit of the pair",
        "other": "second unit of the pair",
        "condition": "condition of the measurement",
        "one alone": "effect of knocking out the first",
        "other alone": "effect of knocking out the second",
        "both": "effect of knocking out both",
        "epistasis": "effect of both minus the sum of the single effects. Above 0: the units compensate for each "
        "other, so that only the loss of both shows their function; below 0: they depend on each other, so that after "
        "the loss of one the other has less effect, for example because a score cannot fall below chance",
        "low": "lower end of the 95 % interval",
        "high": "upper end of the 95 % interval",
        "p": "two-sided p of no effect (Student's t over lives and samples; 2 / 2^n if all n lives differ by the same "
        "amount, which leaves no standard error), after Holm's correction",
        "dose": "factor on the value of the unit: 0 silent, 1 as inherited; not limited to the range of the genes",
        "score": of,
        "left": "number of units that were left",
        "share": "remaining share of the genome's advantage over random genomes, in the worst condition",
    }
    for name in CONDITIONS:
        text = moment(name)
        terms[f"left {text}"] = f"{of}, {text}, without the unit"
        terms[f"score {text}"] = f"{of}, {text}"
        terms[f"effect {text}"] = f"{of}, {text}: that of the genome minus that without the unit, in the same lives"
        terms[f"low {text}"], terms[f"high {text}"] = terms["low"], terms["high"]
        terms[f"p {text}"] = terms["p"]
    shares = " Shares of answers, 0 to 1." if variants.experiment.score.share else ""
    return terms | {"effect": f"score of the genome minus that of the variant.{shares}"}
