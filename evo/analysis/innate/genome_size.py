"""Number of genome bits that innate behaviour needs: coarser and coarser genomes against networks without a genome.

Genomes are compared by bits and not by numbers of parameters, since a parameter count ignores the precision that each
parameter needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from evo.analysis.assay_runner import AssayRunner
from evo.analysis.innate import code_length as coding
from evo.analysis.innate import compressed_networks as controls
from evo.analysis.innate.design import Design
from evo.analysis.innate.size_points import GENOME, Point, columns, picture, table
from evo.analysis.report.numbers import interval, number
from evo.analysis.report.section import Section
from evo.analysis.report.style import CONDITIONS
from evo.analysis.scores import Rows, Scores, assay_of, main_scores
from evo.analysis.statistics import Estimate, clear
from evo.analysis.subject import Subject
from genomes.streams import derive
from inner_loop.environment import Split
from inner_loop.life import Condition

KEPT = 0.01  # tolerated loss, in shares of the difference between the full genome and random founders

_FOUNDERS, _RESAMPLES, _BIRTHS, _BIRTHS_THAT_DIFFER = 64, 400, 8, 32
_TITLE = "Genome size"
_TERMS = {
    "effective bits": "fixed bits of the coarsest genome that keeps the score, if every finer genome keeps it too; to "
    "keep the score is to lose at most 1 % of the difference between the genome with all bits and random founders; "
    "chosen on the selection split",
    "random founders": "median score of random genomes of the initial distribution of the search; the median is used "
    "because scores without a lower bound can dominate a mean",
}


@final
@dataclass(frozen=True, eq=False)
class Size:
    """Sizes of a genome.

    Attributes:
        bits, coded_bits: size of the genome with all its levels; the same, entropy coded.
        effective_bits, effective_coded_bits: size of the coarsest genome that keeps the score; nan if there is none.
        wiring_bits: size of the weights that it unfolds into, 32 bits each.
        decoder: the part of development that is not in the genome; None if there is no genome.
        section: the results as a section of a report.
    """

    bits: float
    coded_bits: float
    effective_bits: float
    effective_coded_bits: float
    wiring_bits: float
    decoder: coding.Decoder | None
    section: Section


def genome_size(subject: Subject, examiner: AssayRunner, births: int | None = None, beside: bool = True) -> Size:
    """Measures rate and distortion of the subject's first genome and of four controls, in bits.

    Args:
        subject: the subject.
        examiner: examines the genomes and networks.
        births: number of births of each genome, the same births for all; by default 8, or 32 if births differ.
        beside: also trains networks without a genome, which takes most of the time.
    """
    wiring = float(coding.FLOAT * examiner.experiment.topology.synapses)
    if subject.interventions:
        nothing = "The weights come from a file, so there is no genome and no genome size."
        return Size(np.nan, np.nan, np.nan, np.nan, wiring, None, Section("size", _TITLE, (nothing,), {}))
    bench = Design(subject, examiner, births or _BIRTHS, _FOUNDERS)
    bench = replace(bench, births=births or (_BIRTHS_THAT_DIFFER if bench.stochastic else _BIRTHS))
    judged = next((c for c in bench.measured if c in bench.judged), bench.condition)
    conditions = tuple(c for c in bench.measured if c in ("innate", "learned", judged))
    curve, founders = _curve(bench, "test", conditions)
    chosen, random = _curve(bench, "selection", (judged,))
    kept = fewest(np.array([point.mean(judged) for point in chosen]), random[judged])
    whole, best = curve[0], curve[kept or 0]
    others = _controls(bench, best.scores[bench.condition]) if beside else []
    decoder = coding.decoder(bench.experiment.encoding, bench.experiment.topology)
    said = (
        *_kept(bench, judged, curve, kept, chosen, random[judged]),
        _unfolded(bench, whole.size, best.size, wiring),
        decoder.sentence,
        *(_compared(bench, best, others) if beside else ()),
    )
    sizes = table((*curve, *others), conditions)
    drawn = picture(bench, sizes, founders[judged], wiring, None if kept is None else best, judged)
    terms = controls.TERMS | coding.TERMS | _TERMS | columns(bench, conditions)
    section = Section("size", _TITLE, said, terms, {"sizes": sizes}, {"size": drawn})
    effective = (np.nan, np.nan) if kept is None else (best.size.fixed, best.size.coded)
    return Size(whole.size.fixed, whole.size.coded, *effective, wiring, decoder, section)


def fewest(scores: Float64[ndarray, " K"], founders: float) -> int | None:
    """Returns the index of the last genome before the first one that loses the score; None if there is none to keep.

    Still coarser genomes are ignored: if births differ, one of them may reach the score again by chance.

    Args:
        scores: scores of K genomes, the finest first; nan (no score) counts as lost.
        founders: score of random genomes.
    """
    if not scores[0] > founders:
        return None
    return int(np.argmin([*(scores >= scores[0] - KEPT * (scores[0] - founders)), False])) - 1


def _curve(bench: Design, split: Split, conditions: Sequence[Condition]) -> tuple[list[Point], dict[str, float]]:
    """Scores the genome with fewer and fewer bits, at the same births, and takes the median of random founders."""
    spec, levels, births = bench.experiment.genome.spec, bench.subject.levels[0], bench.births
    finest = max((field.bits for field in spec.fields if field.choices is None), default=1)
    coded = {f"{bits}-bit": coding.requantised(spec, levels, bits) for bits in range(finest, 0, -1)}
    random, own = bench.founders(), np.repeat([edits for edits, _ in coded.values()], births, axis=0)
    lives = np.tile(np.arange(births), len(coded))
    everybody = np.concatenate([np.repeat(levels[None], len(own), axis=0), random.levels])
    rows = Rows(everybody, np.concatenate([lives, random.lives]))
    edits = np.concatenate([own, np.full(random.levels.shape, np.nan)])
    found = _lived(bench, "bits of the genome", split, conditions, rows, edits)
    points = [
        Point(GENOME, setting, size, _part(found, slice(place * births, (place + 1) * births)))
        for place, (setting, (_, size)) in enumerate(coded.items())
    ]
    founders = _part(found, slice(len(own), None))
    return points, {condition: float(np.nanmedian(scores.values)) for condition, scores in founders.items()}


def _controls(bench: Design, genome: Scores) -> list[Point]:
    """Scores the networks without a genome, in the selected condition at birth; one birth each if births are equal."""
    found, births = [], bench.births if bench.stochastic else 1
    condition, own = bench.condition, _rows(genome, slice(births))
    for each in controls.controls(bench.experiment, bench.subject.levels[0]):
        rows = [replace(bench, births=births).newborns(network) for network in each.networks]
        lived = [_lived(bench, "networks without a genome", "test", (condition,), one)[condition] for one in rows]
        away = _of_networks([scores.less(own) for scores in lived]).estimate
        found.append(Point(each.method, each.setting, each.size, {condition: _of_networks(lived)}, away))
    return found


def _of_networks(each: Sequence[Scores]) -> Scores:
    """Combines networks with the same births into one row a network; births and samples are resampled together.

    With a single network the rows are its births.
    """
    if len(each) == 1:
        return each[0]
    births, again = len(each[0].values), each[0].resampled
    count = _RESAMPLES if again is None else again.shape[1]
    drawn = derive(0, "births of networks").integers(births, count, births)[0].numpy()
    columns = [np.repeat(s.values[:, None], count, axis=1) if s.resampled is None else s.resampled for s in each]
    resampled = [column[drawn, np.arange(count)[:, None]].mean(1) for column in columns]
    return replace(each[0], values=np.array([scores.values.mean() for scores in each]), resampled=np.stack(resampled))


def _lived(
    bench: Design,
    what: str,
    split: Split,
    conditions: Sequence[Condition],
    rows: Rows,
    edits: Float64[ndarray, "N G"] | None = None,
) -> dict[str, Scores]:
    """Measures the main score of every row in each condition."""
    cohort = max(2, min(bench.experiment.cohort, len(rows.levels)))
    home = replace(bench.experiment, held_out=(), cohort=cohort)
    assay = assay_of(home, split, conditions, _RESAMPLES, rows.done)
    found = bench.examiner.examine(what, rows.levels, assay, rows.lives, edits, home)
    return main_scores(found, home, conditions)


def _part(found: Mapping[str, Scores], rows: slice) -> dict[str, Scores]:
    return {name: _rows(scores, rows) for name, scores in found.items()}


def _rows(scores: Scores, rows: slice) -> Scores:
    resampled = None if scores.resampled is None else scores.resampled[rows]
    return replace(scores, values=scores.values[rows], resampled=resampled)


def _kept(
    bench: Design, judged: Condition, curve: Sequence[Point], kept: int | None, chosen: Sequence[Point], founders: float
) -> list[str]:
    """Describes the bits that keep the score; `chosen` and `founders` are scores on the selection split."""
    whole, best, score = curve[0], curve[kept or 0], f"{bench.main.replace('_', ' ')} {CONDITIONS[judged][0]}"
    bits = f"{whole.size.fixed:,.0f}"
    at_all = f"{number(chosen[0].mean(judged))} with all bits, {number(founders)} of random founders, selection split"
    if kept is None:
        return [f"The genome's {bits} bits give no score above random founders to be kept: {score} is {at_all}."]
    first = f"All of the genome's {bits} bits are needed: {score} is {_said(whole, judged)} with them"
    if kept:
        first = f"Of the genome's {bits} bits {best.size.fixed:,.0f} keep the score: {score} is {_said(best, judged)} "
        first += f"with {best.setting} numbers, {_said(whole, judged)} with all"
    coarse = ", ".join(f"{number(p.mean(judged))} with {p.setting} numbers" for p in curve[kept + 1 :])
    lost = _interval(chosen[kept].scores[judged].less(chosen[0].scores[judged]).estimate, "+")
    rule = f"A genome keeps the score if it and all finer ones lose at most {100 * KEPT:.0f} % of the difference "
    rule += f"between all bits and founders ({at_all})"
    rule += f"; the kept genome differs from all bits by {lost} on that split" if kept else ""
    said = [f"{first} (test split).", f"{rule}; coarser genomes have {coarse} (test)." if coarse else f"{rule}."]
    if "learned" in best.scores and judged != "learned":
        three = {"all bits": whole, "the kept bits": best, "the fewest bits": curve[-1]}
        lived = ", ".join(f"{_said(point, 'learned')} with {which}" for which, point in three.items())
        said.append(f"After a life it is {lived}.")
    return said


def _unfolded(bench: Design, whole: coding.Bits, best: coding.Bits, wiring: float) -> str:
    """Describes the entropy-coded size, and the sizes in relation to the wiring."""
    synapses, kept = bench.experiment.topology.synapses, f", and those that keep the score {best.coded:,.0f}"
    genes, bits = (f"{float(f'{to_one:.2g}'):,g}" for to_one in (synapses / whole.numbers, wiring / best.coded))
    return (
        f"Entropy coded, all bits take {whole.coded:,.0f}{kept if best is not whole else ''}. {whole.numbers:,} genes "
        f"unfold into {synapses:,} weights ({genes} to 1) of {wiring:,.0f} bits, {coding.FLOAT} "
        f"each ({bits} to 1)."
    )


def _compared(bench: Design, best: Point, others: Sequence[Point]) -> list[str]:
    """Compares the genome with the largest network of each method that takes no more coded bits.

    The choice by size and not by score avoids a selection bias.
    """
    budget, said, aways, condition = best.size.coded, [], [], bench.condition
    for method in controls.METHODS if others else ():
        fits = (point for point in others if point.method == method and point.size.coded <= budget)
        largest = max(fits, key=lambda point: point.size.coded, default=None)
        if largest is None or largest.away is None:
            said.append(f"{method} none of that size")
            continue
        aways.append(largest.away)
        said.append(f"{method} {_said(largest, condition)} ({_interval(largest.away, '+')})")
    better, worse = (sum(clear(away) and sign * away.mean > 0 for away in aways) for sign in (1, -1))
    neither = len(aways) - better - worse
    verdict = f"{better} of them score clearly higher than the genome, {worse} lower, {neither} neither"
    unseen = f"With its {budget:,.0f} coded bits the genome has {_said(best, condition)} {CONDITIONS[condition][0]}"
    without = f"networks without a genome, with at most as many bits, have {'; '.join(said)}; in round brackets: "
    without += "difference to the genome"
    return [*([f"{unseen}; {without}. {verdict}."] if others else []), controls.origin(bench.experiment)]


def _interval(found: Estimate, sign: str = "") -> str:
    return f"{number(found.mean, sign)}{interval(found.low, found.high, sign)}"


def _said(point: Point, condition: str) -> str:
    return _interval(point.scores[condition].estimate)
