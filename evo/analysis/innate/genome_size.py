"""How many bits the innate takes: the genome with fewer and fewer bits, beside networks written down without one.

Bits, not parameters, are what a genome is compared by: a ratio of parameters says nothing of how finely each of them
has to be known.
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
from evo.analysis.innate.size_points import GENOME, Point, columns, number, picture, table
from evo.analysis.report.section import Section
from evo.analysis.report.style import CONDITIONS
from evo.analysis.scores import Rows, Scores
from evo.analysis.statistics import Estimate, clear
from evo.analysis.subject import Subject
from evo.evaluation.cohort import Assay
from genomes.streams import derive
from inner_loop.environment import Split
from inner_loop.life import Condition

KEPT = 0.01  # of the way from random founders to the genome with all its bits: what may be lost

_FOUNDERS, _RESAMPLES, _BIRTHS, _BIRTHS_THAT_DIFFER = 64, 400, 8, 32
_TITLE = "Genome size"
_TERMS = {
    "effective bits": "fixed bits of the coarsest genome that keeps the score, as every finer one does: that loses no "
    "more than 1 % of the way from random founders to the genome with all its bits; chosen on the selection split",
    "random founders": "median of random genomes of the distribution that the search began from: where lives can go "
    "wrong without bound, a mean says nothing",
}


@final
@dataclass(frozen=True, eq=False)
class Size:
    """How large a genome is.

    Attributes:
        bits, coded_bits: of the genome, every number with all its levels; the same, entropy coded.
        effective_bits, effective_coded_bits: of the coarsest genome that keeps the score; nan where there is none.
        wiring_bits: of the weights that it unfolds into, 32 each.
        decoder: what unfolds it; None where there is no genome.
        section: the same for people.
    """

    bits: float
    coded_bits: float
    effective_bits: float
    effective_coded_bits: float
    wiring_bits: float
    decoder: coding.Decoder | None
    section: Section


def genome_size(subject: Subject, examiner: AssayRunner, births: int | None = None, beside: bool = True) -> Size:
    """Rate and distortion of the subject's first genome, and of four controls, in bits.

    Args:
        births: of each, the same ones for all; 8, and 32 where births differ.
        beside: whether networks without a genome are trained, which takes most of the time.
    """
    wiring = float(coding.FLOAT * examiner.experiment.topology.synapses)
    if subject.interventions:
        nothing = "A network that is given weight by weight has no genome, and no size of one."
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
    """Which of K genomes, the finest first, is the last before one loses the score; None: there is none to be kept.

    Where births differ a coarser one may seem to have it again, by luck. A genome without a score, nan, has lost it;
    `founders` is the score of random genomes.
    """
    if not scores[0] > founders:
        return None
    return int(np.argmin([*(scores >= scores[0] - KEPT * (scores[0] - founders)), False])) - 1


def _curve(bench: Design, split: Split, conditions: Sequence[Condition]) -> tuple[list[Point], dict[str, float]]:
    """The genome with fewer and fewer bits, the same births of each, and the median score of random founders."""
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
    """At birth, in the condition by which the genome was chosen, with its births: one, where all births are alike."""
    found, births = [], bench.births if bench.stochastic else 1
    condition, own = bench.condition, _rows(genome, slice(births))
    for each in controls.controls(bench.experiment, bench.subject.levels[0]):
        rows = [replace(bench, births=births).newborns(network) for network in each.networks]
        lived = [_lived(bench, "networks without a genome", "test", (condition,), one)[condition] for one in rows]
        away = _of_networks([scores.less(own) for scores in lived]).estimate
        found.append(Point(each.method, each.setting, each.size, {condition: _of_networks(lived)}, away))
    return found


def _of_networks(each: Sequence[Scores]) -> Scores:
    """A row a network, of networks with the same births: these are resampled together with the samples.

    One network alone is counted by its births.
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
    """The main score of every row in each condition."""
    cohort = max(2, min(bench.experiment.cohort, len(rows.levels)))
    home = replace(bench.experiment, held_out=(), cohort=cohort)
    learn = any(condition.startswith("learned") for condition in conditions)
    assay = Assay(split, learn, tuple(conditions), rows.done, _RESAMPLES if home.same_exam else 0)
    found = bench.examiner.examine(what, rows.levels, assay, rows.lives, edits, home)
    names = {condition: f"{condition}.{home.main}" for condition in conditions}
    return {c: Scores(found[name], found.get(f"{name}.resampled"), home.bounds) for c, name in names.items()}


def _part(found: Mapping[str, Scores], rows: slice) -> dict[str, Scores]:
    return {name: _rows(scores, rows) for name, scores in found.items()}


def _rows(scores: Scores, rows: slice) -> Scores:
    resampled = None if scores.resampled is None else scores.resampled[rows]
    return replace(scores, values=scores.values[rows], resampled=resampled)


def _kept(
    bench: Design, judged: Condition, curve: Sequence[Point], kept: int | None, chosen: Sequence[Point], founders: float
) -> list[str]:
    """How many bits of the genome count; `chosen` and random founders are of the split where it was decided."""
    whole, best, score = curve[0], curve[kept or 0], f"{bench.main.replace('_', ' ')} {CONDITIONS[judged][0]}"
    bits = f"{whole.size.fixed:,.0f}"
    at_all = f"{number(chosen[0].mean(judged))} with all bits, {number(founders)} of random founders, selection split"
    if kept is None:
        return [f"The genome's {bits} bits carry nothing that could be kept with fewer: {score} is {at_all}."]
    first = f"All of the genome's {bits} bits count: {score} is {_said(whole, judged)} with them"
    if kept:
        first = f"Of the genome's {bits} bits {best.size.fixed:,.0f} keep the score: {score} is {_said(best, judged)} "
        first += f"with {best.setting} numbers, {_said(whole, judged)} with all"
    coarse = ", ".join(f"{number(p.mean(judged))} with {p.setting} numbers" for p in curve[kept + 1 :])
    lost = _interval(chosen[kept].scores[judged].less(chosen[0].scores[judged]).estimate, "+")
    rule = f"To keep is to lose at most {100 * KEPT:.0f} % of the way between founders and all bits ({at_all})"
    rule += f", as every finer genome does; the one kept is {lost} from all bits there" if kept else ""
    said = [f"{first} (test split).", f"{rule}; coarser genomes have {coarse} (test)." if coarse else f"{rule}."]
    if "learned" in best.scores and judged != "learned":
        three = {"all bits": whole, "those kept": best, "the fewest": curve[-1]}
        lived = ", ".join(f"{_said(point, 'learned')} with {which}" for which, point in three.items())
        said.append(f"After a life it is {lived}.")
    return said


def _unfolded(bench: Design, whole: coding.Bits, best: coding.Bits, wiring: float) -> str:
    """Entropy coded, and against the wiring."""
    synapses, kept = bench.experiment.topology.synapses, f", those that keep the score {best.coded:,.0f}"
    genes, bits = (f"{float(f'{to_one:.2g}'):,g}" for to_one in (synapses / whole.numbers, wiring / best.coded))
    return (
        f"Entropy coded all bits take {whole.coded:,.0f}{kept if best is not whole else ''}. {whole.numbers:,} genes "
        f"stand for {synapses:,} weights ({genes} to 1) of {wiring:,.0f} bits, {coding.FLOAT} "
        f"each ({bits} to 1)."
    )


def _compared(bench: Design, best: Point, others: Sequence[Point]) -> list[str]:
    """The largest of each control that takes no more coded bits than the genome: not one was chosen by its score."""
    budget, said, aways, condition = best.size.coded, [], [], bench.condition
    for method in controls.METHODS if others else ():
        fits = (point for point in others if point.method == method and point.size.coded <= budget)
        largest = max(fits, key=lambda point: point.size.coded, default=None)
        if largest is None or largest.away is None:
            said.append(f"{method} none that is so small")
            continue
        aways.append(largest.away)
        said.append(f"{method} {_said(largest, condition)} ({_interval(largest.away, '+')})")
    better, worse = (sum(clear(away) and sign * away.mean > 0 for away in aways) for sign in (1, -1))
    verdict = f"{better} do better than the genome, {worse} worse, {len(aways) - better - worse} neither"
    unseen = f"With its {budget:,.0f} coded bits the genome has {_said(best, condition)} {CONDITIONS[condition][0]}"
    without = f"networks without a genome, with no more, have {'; '.join(said)}; in round brackets: less the genome"
    return [*([f"{unseen}; {without}. {verdict}."] if others else []), controls.origin(bench.experiment)]


def _interval(found: Estimate, sign: str = "") -> str:
    ends = "" if np.isnan(found.low) else f" [{number(found.low, sign)}, {number(found.high, sign)}]"
    return f"{number(found.mean, sign)}{ends}"


def _said(point: Point, condition: str) -> str:
    return _interval(point.scores[condition].estimate)
