"""Epistasis: deviation of double knock-outs from the sum of the single ones (Phillips 2008, Nat. Rev. Genet. 9:855)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evo.analysis.genetics.units import Units
from evo.analysis.genetics.variants import Part, Scored, Variants
from evo.analysis.report.section import Picture, canvas
from evo.analysis.report.style import INNATE, LEARNED
from evo.analysis.report.wording import moment, number, signed
from evo.analysis.statistics import holm, nothing

if TYPE_CHECKING:
    import pandas
from inner_loop.environment import Score

_STRONGEST = 8
_CERTAIN = 0.05


def epistasis(variants: Variants, singles: Scored, order: Sequence[int], said: Sequence[str]) -> Part:
    """Knocks out the strongest units in pairs, in the conditions that were selected for.

    Args:
        variants: examines the variants of the genome.
        singles: scores of the genome, then without every single unit, on the test split.
        order: units to choose from, the strongest first; units that share numbers are never a pair.
        said: every unit in words.
    """
    chosen = apart(variants.units, order)[:_STRONGEST]
    pairs = list(itertools.combinations(chosen, 2))
    if not pairs:
        return Part(("Epistasis is not defined: this genome has no two units that share no number.",))
    scores = singles.beside(variants.tested("pairs", variants.units.without(pairs), judged=True))
    table = pairs_table(variants.units, scores, pairs, variants.judged)
    said_of_it, picture = _sentence(variants.experiment.score, table), _picture(variants, chosen, table)
    return Part((said_of_it,), {"epistasis": table}, {"epistasis": picture})


def apart(units: Units, order: Sequence[int]) -> list[int]:
    """Chooses units in order, skipping those that share numbers with units chosen before."""
    chosen: list[int] = []
    taken: set[int] = set()
    for k in order:
        if not taken & set(units.places[k].tolist()):
            chosen.append(k)
            taken |= set(units.places[k].tolist())
    return chosen


def pairs_table(
    units: Units, scores: Scored, pairs: Sequence[tuple[int, int]], conditions: Sequence[str]
) -> pandas.DataFrame:
    """Returns one row a pair and condition.

    Args:
        units: the units of the genome.
        scores: scores of the genome, without every single unit, and without every pair, in this order.
        pairs: the pairs of units.
        conditions: the conditions of measurement.
    """
    import pandas

    rows, first = [], 1 + len(units.each)
    for condition in conditions:
        for place, (a, b) in enumerate(pairs, first):
            one, other = (scores.contrast(condition, {0: 1, k + 1: -1}).mean for k in (a, b))
            both = scores.contrast(condition, {0: 1, place: -1}).mean
            # (full - both) - (full - a) - (full - b)
            found = scores.contrast(condition, {0: -1, a + 1: 1, b + 1: 1, place: -1})
            row: dict[str, Any] = {
                "one": units.each[a].name,
                "other": units.each[b].name,
                "condition": moment(condition),
            }
            row |= {"one alone": one, "other alone": other, "both": both, "epistasis": found.mean}
            rows.append(row | {"low": found.low, "high": found.high, "p": nothing(found)})
    return pandas.DataFrame(rows).assign(p=holm([float(row["p"]) for row in rows]))


def _sentence(main: Score, table: pandas.DataFrame) -> str:
    sure = table[table["p"] <= _CERTAIN]
    tried = f"{len(table) // table['condition'].nunique()} pairs of the strongest units"
    if sure.empty:
        return f"Epistasis: no clear interaction in any of {tried} (Holm's correction)."
    row = sure.loc[sure["epistasis"].abs().idxmax()]
    unit = " points" if main.share else ""
    how = "compensate for each other" if row["epistasis"] > 0 else "depend on each other"
    together, apart_cost = (signed(main, cost) for cost in (row["both"], row["one alone"] + row["other alone"]))
    ends = ", ".join(number(main, end) for end in sorted((row["low"], row["high"]), key=abs))
    return (
        f"Epistasis: {len(sure)} of {len(table)} tests on {tried} are significant (Holm's correction). The strongest "
        f"interaction, {row['condition']}, is that of {row['one']} and {row['other']}, which {how}: the loss of both "
        f"costs {together}{unit}, the sum of the single losses is {apart_cost}, a difference of "
        f"{number(main, row['epistasis'])} [{ends}]."
    )


def _picture(variants: Variants, chosen: Sequence[int], table: pandas.DataFrame) -> Picture:
    from matplotlib.colors import LinearSegmentedColormap

    names = [variants.units.each[k].name for k in chosen]
    size, panels = len(names), len(variants.judged)
    figure, axes = canvas(3.0 + 2.6 * panels, 4.2, 1, panels)
    colours = LinearSegmentedColormap.from_list("sign", [INNATE, "white", LEARNED])
    largest = float(table["epistasis"].abs().max()) or 1.0
    for axis, condition in zip(np.ravel(axes), variants.judged, strict=True):
        shown = np.full((size, size), np.nan)
        for row in table[table["condition"] == moment(condition)].to_dict("records"):
            a, b = names.index(row["one"]), names.index(row["other"])
            shown[a, b] = shown[b, a] = row["epistasis"]
        drawn = axis.imshow(shown, colours, vmin=-largest, vmax=largest, interpolation="nearest")
        axis.set_xticks(range(size), names, rotation=90, fontsize=7)
        axis.set_yticks(range(size), names if axis is np.ravel(axes)[0] else [""] * size, fontsize=7)
        axis.set_title(moment(condition), fontsize=9)
    figure.colorbar(drawn, ax=axes, shrink=0.7).ax.tick_params(labelsize=8)
    return Picture(
        figure,
        "Effect of a double knock-out minus the sum of the single effects: orange, the units compensate for each "
        "other; teal, they depend on each other.",
    )
