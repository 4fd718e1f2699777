"""Section of a report: the common result type of all analyses, from which pages, tables and figures are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

import numpy as np

from genomes.errors import require

if TYPE_CHECKING:
    import networkx
    import pandas


@final
@dataclass(frozen=True, eq=False)
class Picture:
    """A drawn figure that is not yet saved.

    Attributes:
        figure: a matplotlib Figure, made by `canvas`.
        caption: a sentence that says what the figure shows and how to read it.
        tips: tooltips by the gid of an artist; a list of texts is assigned, in order, to the members of a collection
            (the dots of a scatter, the bars of a container drawn as patches).
    """

    figure: Any
    caption: str
    tips: Mapping[str, str | Sequence[str]] = field(default_factory=dict)


@final
@dataclass(frozen=True, eq=False)
class Section:
    """A part of a report.

    Attributes:
        key: anchor in the page and prefix of file names, such as `knock-outs`.
        title: readable title.
        sentences: the results in words; the first sentence states the main result.
        tables: frames by key, one row an item; `terms` explains every column, and the index has no meaning.
        pictures: pictures by key.
        graphs: graphs by key, for Gephi and Cytoscape.
        terms: meaning of every column and of every named number, by its name.
    """

    key: str
    title: str
    sentences: tuple[str, ...]
    terms: Mapping[str, str]
    tables: Mapping[str, pandas.DataFrame] = field(default_factory=dict)
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    graphs: Mapping[str, networkx.DiGraph] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, table in self.tables.items():
            lost = [str(column) for column in table.columns if str(column) not in self.terms]
            require(not lost, f"section {self.key}", f"a meaning for every column of {name}", lost)


def canvas(width: float = 7.2, height: float = 3.8, rows: int = 1, columns: int = 1) -> tuple[Any, Any]:
    """Makes a matplotlib Figure in the common style and its axes, one or (rows, columns); sizes are in inches.

    The figure does not use the global state of pyplot, so it need not be closed.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns)
    for each in figure.axes:
        each.spines[["top", "right"]].set_visible(False)
        each.tick_params(labelsize=9)
    return figure, axes


def bottomless(axes: Any, scores: Any, which: str = "y") -> None:
    """Makes an axis logarithmic far below 0 and linear near 0 if a few very low scores would hide the differences.

    Args:
        axes: the axes to change.
        scores: all scores in the figure.
        which: the axis, x or y.
    """
    known = np.asarray(scores, dtype=np.float64).ravel()
    known = known[np.isfinite(known)]
    near = float(np.quantile(np.abs(known), 0.25)) if len(known) else 0.0
    if near > 0 and known.min() < -100 * near:
        decades = float(np.log10(-known.min() / near))
        # keeps enough room for the ticks around 0, independent of the lowest score
        getattr(axes, f"set_{which}scale")("symlog", linthresh=near, linscale=max(1.0, decades / 8))
