"""How many bits the innate takes: the genome with fewer and fewer bits, beside networks written down without one.

Bits, not parameters, are what a genome is compared by: a ratio of parameters says nothing of how finely each of them
has to be known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from evo.cohort import Assay
from evo.examiner import Examiner
from evo.experiment import assemble
from evo.figures import CONDITIONS, QUIET
from evo.innate import coding, controls
from evo.innate.bench import Bench, Rows, Scores
from evo.report.section import Picture, Section, bottomless, canvas
from evo.statistics import Estimate, clear
from evo.subject import Subject
from inner_loop.environment import Split
from inner_loop.episodic import Condition

if TYPE_CHECKING:
    import pandas

GENOME, KEPT = "genome", 0.01  # of the way from random founders to the genome with all its bits: what may be lost

_FOUNDERS, _RESAMPLES, _BIRTHS, _BIRTHS_THAT_DIFFER = 64, 400, 8, 32
_GREYS = dict(zip(controls.METHODS, (("s", "0.2"), ("^", "0.4"), ("D", "0.55"), ("v", "0.7")), strict=True))
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


@final
@dataclass(frozen=True, eq=False)
class Point:
    """Something written down in so many bits, and its main score by condition."""

    method: str
    setting: str
    size: coding.Bits
    scores: Mapping[str, Scores]

    def mean(self, condition: str) -> float:
        """Over births."""
        return self.scores[condition].estimate.mean


def genome_size(subject: Subject, examiner: Examiner, births: int | None = None) -> Size:
    """Rate and distortion of the subject's first genome, and of four controls, in bits.

    Args:
        births: of each, the same ones for all; 8, and 32 where births differ.
    """
    wiring = float(coding.FLOAT * examiner.experiment.topology.synapses)
    if subject.interventions:
        nothing = "A network that is given weight by weight has no genome, and no size of one."
        return Size(np.nan, np.nan, np.nan, np.nan, wiring, None, Section("size", _TITLE, (nothing,), {}))
    bench = Bench(subject, examiner, births or _BIRTHS, _FOUNDERS)
    bench = replace(bench, births=births or (_BIRTHS_THAT_DIFFER if bench.luck else _BIRTHS))
    judged = next((c for c in bench.measured if c in bench.judged), bench.condition)
    conditions = tuple(c for c in bench.measured if c in ("innate", "learned", judged))
    curve, founders = _curve(bench, "test", conditions)
    chosen, random = _curve(bench, "selection", (judged,))
    kept = fewest(np.array([point.mean(judged) for point in chosen]), random[judged])
    others = _controls(bench)
    decoder = coding.decoder(bench.experiment.encoding, bench.experiment.topology)
    whole, best = curve[0], curve[kept or 0]
    said = (
        *_kept(bench, judged, curve, kept, chosen, random[judged]),
        _unfolded(bench, whole.size, best.size, wiring),
        decoder.sentence,
        *_compared(bench, best, others),
    )
    table = _table((*curve, *others), conditions)
    picture = _picture(bench, table, founders[judged], wiring, None if kept is None else best, judged)
    terms = controls.TERMS | coding.TERMS | _TERMS | _columns(bench, conditions)
    section = Section("size", _TITLE, said, terms, {"sizes": table}, {"size": picture})
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


def _curve(bench: Bench, split: Split, conditions: Sequence[Condition]) -> tuple[list[Point], dict[str, float]]:
    """The genome with fewer and fewer bits, the same births of each, and the median score of random founders."""
    spec, levels, births = assemble(bench.experiment), bench.subject.levels[0], bench.births
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


def _controls(bench: Bench) -> list[Point]:
    """At birth, in the condition by which the genome was chosen, with the births of the genome."""
    found = []
    for each in controls.controls(bench.experiment, bench.subject.levels[0]):
        scores = _lived(bench, "networks without a genome", "test", (bench.condition,), bench.newborns(each.network))
        found.append(Point(each.method, each.setting, each.size, scores))
    return found


def _lived(
    bench: Bench,
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
    parts = {name: s.resampled if s.resampled is None else s.resampled[rows] for name, s in found.items()}
    return {name: replace(s, values=s.values[rows], resampled=parts[name]) for name, s in found.items()}


def _kept(
    bench: Bench, judged: Condition, curve: Sequence[Point], kept: int | None, chosen: Sequence[Point], founders: float
) -> list[str]:
    """How many bits of the genome count; `chosen` and random founders are of the split where it was decided."""
    whole, best, score = curve[0], curve[kept or 0], f"{bench.main.replace('_', ' ')} {CONDITIONS[judged][0]}"
    bits = f"{whole.size.fixed:,.0f}"
    at_all = f"{_number(chosen[0].mean(judged))} with all bits, {_number(founders)} of random founders, selection split"
    if kept is None:
        return [f"The genome's {bits} bits carry nothing that could be kept with fewer: {score} is {at_all}."]
    first = f"All of the genome's {bits} bits count: {score} is {_said(whole, judged)} with them"
    if kept:
        first = f"Of the genome's {bits} bits {best.size.fixed:,.0f} keep the score: {score} is {_said(best, judged)} "
        first += f"with {best.setting} numbers, {_said(whole, judged)} with all"
    coarse = ", ".join(f"{_number(p.mean(judged))} with {p.setting} numbers" for p in curve[kept + 1 :])
    lost = _interval(chosen[kept].scores[judged].less(chosen[0].scores[judged]).estimate, "+")
    rule = f"To keep is to lose at most {100 * KEPT:.0f} % of the way between founders and all bits ({at_all})"
    rule += f", as every finer genome does; the one kept is {lost} from all bits there" if kept else ""
    said = [f"{first} (test split).", f"{rule}; coarser genomes have {coarse} (test)." if coarse else f"{rule}."]
    if "learned" in best.scores and judged != "learned":
        three = {"all bits": whole, "those kept": best, "the fewest": curve[-1]}
        lived = ", ".join(f"{_said(point, 'learned')} with {which}" for which, point in three.items())
        said.append(f"After a life it is {lived}.")
    return said


def _unfolded(bench: Bench, whole: coding.Bits, best: coding.Bits, wiring: float) -> str:
    """Entropy coded, and against the wiring."""
    synapses, kept = bench.experiment.topology.synapses, f", those that keep the score {best.coded:,.0f}"
    genes, bits = (f"{float(f'{to_one:.2g}'):,g}" for to_one in (synapses / whole.numbers, wiring / best.coded))
    return (
        f"Entropy coded all bits take {whole.coded:,.0f}{kept if best is not whole else ''}. {whole.numbers:,} genes "
        f"stand for {synapses:,} weights ({genes} to 1) of {wiring:,.0f} bits, {coding.FLOAT} "
        f"each ({bits} to 1)."
    )


def _compared(bench: Bench, best: Point, others: Sequence[Point]) -> list[str]:
    """The largest of each control that takes no more coded bits than the genome; nobody chose it by its score."""
    budget, said, aways, condition = best.size.coded, [], [], bench.condition
    for method in controls.METHODS if others else ():
        fits = (point for point in others if point.method == method and point.size.coded <= budget)
        if (largest := max(fits, key=lambda point: point.size.coded, default=None)) is None:
            said.append(f"{method} none that is so small")
            continue
        aways.append(largest.scores[condition].less(best.scores[condition]).estimate)
        said.append(f"{method} {_number(largest.mean(condition))} ({_interval(aways[-1], '+')})")
    better, worse = (sum(clear(away) and sign * away.mean > 0 for away in aways) for sign in (1, -1))
    verdict = f"{better} do better than the genome, {worse} worse, {len(aways) - better - worse} neither"
    unseen = f"With no more than its {budget:,.0f} coded bits networks without a genome have {CONDITIONS[condition][0]}"
    beside = [f"{unseen}: {', '.join(said)}; in brackets: less the genome. {verdict}."] if others else []
    return [*beside, controls.origin(bench.experiment)]


def _number(value: float, sign: str = "") -> str:
    return "no score" if np.isnan(value) else f"{round(value, 4) + 0.0:{sign}.3g}"


def _interval(found: Estimate, sign: str = "") -> str:
    ends = "" if np.isnan(found.low) else f" [{_number(found.low, sign)}, {_number(found.high, sign)}]"
    return f"{_number(found.mean, sign)}{ends}"


def _said(point: Point, condition: str) -> str:
    return _interval(point.scores[condition].estimate)


def _table(points: Sequence[Point], conditions: Sequence[Condition]) -> pandas.DataFrame:
    """A row a point."""
    import pandas

    rows = []
    for point in points:
        size = {"numbers": point.size.numbers, "fixed bits": point.size.fixed, "coded bits": point.size.coded}
        row: dict[str, Any] = {"method": point.method, "setting": point.setting} | size
        for condition in conditions:
            found = point.scores[condition].estimate if condition in point.scores else Estimate(*[np.nan] * 3)
            row |= {condition: found.mean, f"{condition} low": found.low, f"{condition} high": found.high}
        rows.append(row)
    return pandas.DataFrame(rows)


def _columns(bench: Bench, conditions: Sequence[Condition]) -> dict[str, str]:
    """What the scores in the table mean."""
    means = {c: f"{bench.main.replace('_', ' ')} {CONDITIONS[c][0]}, test split, mean over births" for c in conditions}
    ends = {f"{c} {end}": f"{end} end of its 95 % interval (bootstrap)" for c in conditions for end in ("low", "high")}
    return means | ends


def _picture(
    bench: Bench, table: pandas.DataFrame, founders: float, wiring: float, best: Point | None, judged: Condition
) -> Picture:
    """Score against coded bits: `best` is encircled."""
    from matplotlib.ticker import LogLocator

    figure, axes = canvas(7.2, 4.4)
    lines: list[Any] = [(method, bench.condition, method, grey, mark, 1.0) for method, (mark, grey) in _GREYS.items()]
    lived = [c for c in CONDITIONS if c in table]
    lines += [(GENOME, c, f"genome, {CONDITIONS[c][0]}", CONDITIONS[c][1], "o", 2.0) for c in lived]
    tips: dict[str, list[str]] = {}
    for place, (method, condition, label, colour, mark, width) in enumerate(lines):
        if (rows := table[table["method"] == method].sort_values("coded bits")).empty:
            continue
        bits, low, high = rows["coded bits"], rows[f"{condition} low"], rows[f"{condition} high"]
        axes.fill_between(bits, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(bits, rows[condition], color=colour, linewidth=width)
        axes.scatter(bits, rows[condition], s=20, color=colour, marker=mark, label=label, gid=f"size-{place}", zorder=3)
        seen = zip(rows["setting"], bits, rows[condition], strict=True)
        tips[f"size-{place}"] = [f"{label}, {how}: {size:,.0f} coded bits, {_number(y)}" for how, size, y in seen]
    axes.axhline(founders, color=QUIET, linewidth=1, linestyle=":", label=f"random founders, {CONDITIONS[judged][0]}")
    axes.axvline(wiring, color=QUIET, linewidth=1, linestyle="--", label=f"wiring, {coding.FLOAT} bits a weight")
    if best is not None:
        at, colour = (best.size.coded, best.mean(judged)), CONDITIONS[judged][1]
        axes.scatter(*at, s=150, facecolors="none", edgecolors=colour, linewidths=1.5, label="effective size")
    axes.set_xscale("log", subs=[])
    axes.xaxis.set(major_locator=LogLocator(subs=(1, 2, 5)), major_formatter="{x:,.0f}")
    axes.set(xlabel="coded bits", ylabel=f"{bench.main.replace('_', ' ')}, test split")
    bottomless(axes, table[[*lived]])
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    beside = f", and networks without one {CONDITIONS[bench.condition][0]}" if len(tips) > len(lived) else ""
    caption = f"The genome with fewer and fewer bits{beside}. Circle: the coarsest that keeps the score; bands: 95 %."
    return Picture(figure, caption, tips)
