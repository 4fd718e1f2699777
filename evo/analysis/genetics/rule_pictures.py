"""Pictures of the rules of a genome: strengths of connections, and effects of the strongest units on sheets."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from evo.analysis.genetics.units import Units
from evo.analysis.report.section import Picture, canvas
from evo.analysis.report.style import INNATE, LEARNED, QUIET
from evo.experiment.experiment import Experiment
from genomes.topology import Group

if TYPE_CHECKING:
    from evo.analysis.genetics.reading import Reading

_PANELS, _BARS, _TRIED, _MAPS = 6, 16, 16, 4


def strengths(units: Units, found: Sequence[Reading]) -> Picture:
    """Draws the strengths of rules that connect neurons as matrices, one a projection, or else of all units as bars."""
    joining: dict[str, list[int]] = {}
    for kind in ("rule", "gene"):
        for k, unit in enumerate(units.each):
            if unit.kind == kind and unit.pre and unit.post and found[k].acts_on in ("weights", "nothing"):
                joining.setdefault(unit.projection, []).append(k)
        joining = {name: members for name, members in joining.items() if len(members) > 1}
        if joining:
            break
    return _matrices(units, found, dict(list(joining.items())[:_PANELS])) if joining else _bars(units, found)


def maps(
    experiment: Experiment,
    units: Units,
    found: Sequence[Reading],
    contributions: Callable[[Sequence[int]], list[dict[str, Float64[ndarray, "post pre"]]]],
) -> Picture | None:
    """Draws how much the strongest units add to the weights of each neuron of a sheet; None if they add nothing."""
    sheets = [group for group in experiment.topology.groups if group.grid is not None][:2]
    acting = [k for k, reading in enumerate(found) if reading.acts_on == "weights"]
    strongest = sorted(acting, key=lambda k: -found[k].share)[:_TRIED]
    if not sheets or not strongest:
        return None
    added = [[_on_sheet(experiment, group, by) for group in sheets] for by in contributions(strongest)]
    there = [place for place, own in enumerate(added) if any(sheet.any() for sheet in own)][:_MAPS]
    if not there:
        return None
    chosen = [strongest[place] for place in there]
    figure, axes = canvas(1.9 * len(chosen) + 0.4, 2.1 * len(sheets), len(sheets), len(chosen))
    for number, (row, group) in enumerate(zip(np.reshape(axes, (len(sheets), -1)), sheets, strict=True)):
        shown = [added[place][number] for place in there]
        largest = max(float(sheet.max()) for sheet in shown) or 1.0
        for axis, unit, sheet in zip(row, chosen, shown, strict=True):
            axis.imshow(sheet, cmap="Greys", vmin=0.0, vmax=largest, interpolation="nearest", aspect="equal")
            axis.set(xticks=[], yticks=[])
            axis.set_title(f"{units.each[unit].name}\n{group.name}", fontsize=8)
    return Picture(figure, "Root mean square of what the strongest units add to the weights of each neuron of a sheet.")


def _on_sheet(
    experiment: Experiment, group: Group, by: Mapping[str, Float64[ndarray, "post pre"]]
) -> Float64[ndarray, "rows columns"]:
    squares, synapses = np.zeros(group.size), 0
    for edge in experiment.topology.edges:
        for end, axis in ((edge.post, 1), (edge.pre, 0)):
            if end == group.name:
                squares += np.square(by[edge.name]).sum(axis)
                synapses += by[edge.name].shape[axis]
    assert group.grid is not None, "it is a sheet"
    rows = group.grid[0] if len(group.grid) > 1 else 1
    return np.sqrt(squares / max(synapses, 1)).reshape(rows, -1)


def _matrices(units: Units, found: Sequence[Reading], joining: Mapping[str, Sequence[int]]) -> Picture:
    from matplotlib.colors import LinearSegmentedColormap

    columns = min(3, len(joining))
    rows = -(-len(joining) // columns)
    figure, axes = canvas(7.2 if columns > 1 else 4.6, 3.0 * rows, rows, columns)
    colours = LinearSegmentedColormap.from_list("sign", [INNATE, "white", LEARNED])
    for axis in np.ravel(axes)[len(joining) :]:
        axis.set_visible(False)
    largest = max(abs(_signed(units, found, k)) for members in joining.values() for k in members) or 1.0
    drawn: Any = None
    for axis, (projection, members) in zip(np.ravel(axes), joining.items(), strict=False):
        ends = [list(dict.fromkeys(getattr(units.each[k], end) for k in members)) for end in ("post", "pre")]
        shown = np.full([len(names) for names in ends], np.nan)
        for k in members:
            place = tuple(
                names.index(getattr(units.each[k], end)) for names, end in zip(ends, ("post", "pre"), strict=True)
            )
            shown[place] = _signed(units, found, k)
        drawn = axis.imshow(shown, colours, vmin=-largest, vmax=largest, interpolation="nearest", aspect="auto")
        for names, name, ticks in ((ends[1], "x", axis.set_xticks), (ends[0], "y", axis.set_yticks)):
            common = _common(names) if len(names) > 1 else ""
            every = -(-len(names) // 16)
            ticks(range(0, len(names), every), [text.removeprefix(common) for text in names[::every]])
            axis.set(**{f"{name}label": f"{common.removeprefix('neurons of ')}..." if common else ""})
            getattr(axis, f"{name}axis").label.set_fontsize(8)
        axis.set_title(projection or "all projections", fontsize=9)
    figure.colorbar(drawn, ax=axes, shrink=0.8, label="strength").ax.tick_params(labelsize=8)
    return Picture(
        figure,
        "Each square is a rule, from column to row; orange excites, teal inhibits. Strength is the root of the rule's "
        "share of the sum of squares of the weights.",
    )


def _common(names: Sequence[str]) -> str:
    """Returns the common prefix of the names."""
    return "".join(
        letters[0] for letters in itertools.takewhile(lambda at: len(set(at)) == 1, zip(*names, strict=False))
    )


def _signed(units: Units, found: Sequence[Reading], k: int) -> float:
    """Returns the root of the share, with the sign of the rule's single number or of its balance."""
    single = len(units.places[k]) == 1 and units.each[k].silent == 0.0
    sign = np.sign(units.values[units.places[k][0]] if single else found[k].balance)
    return float(sign * min(1.0, found[k].share ** 0.5))


def _bars(units: Units, found: Sequence[Reading]) -> Picture:
    order = sorted(range(len(found)), key=lambda k: (found[k].acts_on != "weights", -found[k].share))[:_BARS][::-1]
    figure, axes = canvas(7.2, 0.8 + 0.26 * len(order))
    colours = {"excites": LEARNED, "inhibits": INNATE}
    shares = [min(found[k].share, 1.0) for k in order]
    axes.barh(range(len(order)), shares, color=[colours.get(found[k].sign, QUIET) for k in order])
    axes.set_yticks(range(len(order)), [units.each[k].name for k in order], fontsize=8)
    axes.set(xlabel="share of the sum of squares of the numbers it acts on")
    return Picture(figure, "The strongest units; orange excites, teal inhibits, grey: both or neither.")
