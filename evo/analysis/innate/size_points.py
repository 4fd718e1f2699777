"""Descriptions of networks with their sizes in bits and their scores, as table and picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from evo.analysis.innate import code_length as coding
from evo.analysis.innate import compressed_networks as controls
from evo.analysis.innate.design import Design
from evo.analysis.report.numbers import number
from evo.analysis.report.section import Picture, bottomless, canvas
from evo.analysis.report.style import CONDITIONS, QUIET
from evo.analysis.scores import Scores
from evo.analysis.statistics import Estimate
from inner_loop.life import Condition

if TYPE_CHECKING:
    import pandas

GENOME = "genome"

_GREYS = dict(zip(controls.METHODS, (("s", "0.2"), ("^", "0.4"), ("D", "0.55"), ("v", "0.7")), strict=True))


@final
@dataclass(frozen=True, eq=False)
class Point:
    """A description of networks, with its size in bits and its main score by condition.

    Attributes:
        method, setting: method of the description and its setting.
        size: size of the description.
        scores: scores by condition; a row is a birth of the genome, or a network without a genome.
        away: difference of networks without a genome to the genome, in the condition at birth.
    """

    method: str
    setting: str
    size: coding.Bits
    scores: Mapping[str, Scores]
    away: Estimate | None = None

    def mean(self, condition: str) -> float:
        """Returns the mean score over births or networks."""
        return self.scores[condition].estimate.mean


def table(points: Sequence[Point], conditions: Sequence[Condition]) -> pandas.DataFrame:
    """Returns one row a point."""
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


def columns(bench: Design, conditions: Sequence[Condition]) -> dict[str, str]:
    """Returns the meanings of the score columns."""
    over = f"mean over births, or, for trained networks, over the {controls.NETWORKS} networks of a setting"
    means = {c: f"{bench.main.replace('_', ' ')} {CONDITIONS[c][0]}, test split, {over}" for c in conditions}
    ends = {f"{c} {end}": f"{end} end of its 95 % interval (bootstrap)" for c in conditions for end in ("low", "high")}
    return means | ends


def picture(
    bench: Design, table: pandas.DataFrame, founders: float, wiring: float, best: Point | None, judged: Condition
) -> Picture:
    """Draws the score against coded bits, with a circle around `best`."""
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
        tips[f"size-{place}"] = [f"{label}, {how}: {size:,.0f} coded bits, {number(y)}" for how, size, y in seen]
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
    caption = (
        f"The genome with fewer and fewer bits{beside}. Circle: the coarsest genome that keeps the score; bands: 95 % "
    )
    caption += "intervals over births, or over trained networks, and over the samples of the examination."
    return Picture(figure, caption, tips)
