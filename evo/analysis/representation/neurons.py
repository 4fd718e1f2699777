"""Tuning of each neuron at birth and after the life: selectivity for classes, or for directions of motion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from evo.analysis.report.section import Picture, canvas
from evo.analysis.report.style import CONDITIONS, QUIET
from evo.analysis.representation.layers import Row, moments, spread
from evo.analysis.representation.similarity import selectivity, shuffled
from genomes.streams import Streams
from inner_loop.recording import Observed

_ORDERS, _ORDERS_OF_FOUNDERS = 999, 99
_DISCOVERIES = 0.05
_COLOURS = (QUIET, *(colour for _, colour in CONDITIONS.values()))


@final
@dataclass(frozen=True, eq=False)
class Tuning:
    """Tuning of the neurons of one group, at birth or after learning.

    Attributes:
        index: selectivity of each neuron; nan for a neuron with constant activity.
        tuned: True for neurons with a selectivity above chance.
        best: class to which each neuron responds most.
        founders: mean index of the neurons of each random founder.
    """

    index: Float[ndarray, " units"]
    tuned: Bool[ndarray, " units"]
    best: Int[ndarray, " units"]
    founders: list[float]


Tunings = Mapping[tuple[str, str], Tuning]
"""Tuning by group and by `at birth` or `after learning`."""


def tuning(observed: Observed, streams: Streams) -> Tunings:
    """Computes the tuning of every group of the first individual, with the others as random founders.

    The stimuli must have classes.
    """
    from scipy.stats import false_discovery_control

    assert observed.classes is not None, "asked for where there are some"
    seen = observed.part(np.flatnonzero(observed.classes >= 0))
    assert seen.classes is not None, "a part has them too"
    names, classes = np.unique(seen.classes, return_inverse=True)
    others = shuffled(classes, seen.episodes, _ORDERS, streams.stream("orders"))
    found = {}
    for when, activities in moments(seen).items():
        for group, (own, *rest) in activities.items():
            index, p = selectivity(own, classes, others, seen.angles)
            strength = own if seen.angles is None else np.square(np.maximum(own, 0.0))
            means = np.stack([strength[:, classes == c].mean(1) for c in range(len(names))])
            few = others[:_ORDERS_OF_FOUNDERS]
            random = [mean(selectivity(each, classes, few, seen.angles)[0]) for each in rest]
            tuned = false_discovery_control(p) <= _DISCOVERIES
            found[group, when] = Tuning(index, tuned, names[means.argmax(0)], random)
    return found


def rows(tunings: Tunings) -> list[Row]:
    """Returns one row for each group, at birth and after learning."""
    from scipy.stats import t

    table = []
    for (group, when), each in tunings.items():
        known = each.index[np.isfinite(each.index)]
        wide = t.ppf(0.975, len(known) - 1) * known.std(ddof=1) / np.sqrt(len(known)) if len(known) > 1 else np.nan
        row = {"group": group, "when": when, "neurons": len(each.index), "selectivity": mean(known)}
        row |= {"low": mean(known) - wide, "high": mean(known) + wide, "tuned": float(each.tuned.mean())}
        table.append(row | spread(each.founders))
    return table


def scatter(tunings: Tunings, observed: Observed) -> Picture:
    """Draws selectivity after learning against birth; without learning, one column of neurons for each group."""
    figure, axes = canvas(5.2, 4.4)
    groups, learns, what = list(observed.birth), observed.changed(), index_name(observed)
    tips: dict[str, list[str]] = {}
    for place, group in enumerate(groups):
        born, lived = tunings[group, "at birth"], tunings.get((group, "after learning"))
        column = place + (np.arange(len(born.index)) + 0.5) / len(born.index) * 0.6 - 0.3
        x, y = (column, born.index) if lived is None else (born.index, lived.index)
        drawn = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        colour = _COLOURS[place % len(_COLOURS)]
        dots = axes.scatter(x[drawn], y[drawn], s=22, color=colour, alpha=0.8, linewidths=0, label=group)
        dots.set_gid(f"tuning-{place}")
        tips[f"tuning-{place}"] = [_tip(group, unit, born, lived, observed) for unit in drawn.tolist()]
    if learns:
        axes.axline((0.0, 0.0), slope=1.0, color=QUIET, linewidth=0.8, linestyle=":")
        axes.set(xlabel=f"{what}, at birth", ylabel=f"{what}, after learning")
        axes.legend(frameon=False, fontsize=9)
    else:
        axes.set_xticks(range(len(groups)), groups)
        axes.set_ylabel(f"{what}, at birth")
    return Picture(figure, f"Each dot is a neuron: {what}" + (", before and after the life." if learns else "."), tips)


def index_name(observed: Observed) -> str:
    """Returns the name of the selectivity index."""
    return "direction selectivity (gDSI)" if observed.angles is not None else f"variance explained by {observed.asked}"


def mean(values: Float[ndarray, " n"]) -> float:
    """Returns the mean of the finite values; nan if there is none."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _tip(group: str, unit: int, born: Tuning, lived: Tuning | None, observed: Observed) -> str:
    both = [("at birth", born)] + ([("after learning", lived)] if lived is not None else [])
    degrees = None if observed.angles is None else np.rad2deg(observed.angles)
    said = []
    for when, each in both:
        best = each.best[unit]
        called = observed.names[best] if observed.names else best
        named = f"{observed.asked} {called}" if degrees is None else f"{degrees[best]:.0f} degrees"
        chance = "" if each.tuned[unit] else ", which is no more than chance"
        said.append(f"{when} {each.index[unit]:.2f}, most active for {named}{chance}")
    return f"{group} {unit}: " + "; ".join(said)
