"""What one analysis found: the one thing that every analysis gives and every report, table and figure is made from."""

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
    """A figure that is drawn and not yet saved.

    Attributes:
        figure: a matplotlib Figure, made by `canvas`.
        caption: a sentence: what is seen, and how to read it.
        tips: what appears over a part of it, by the gid that the artist was given; a list of texts goes to the members
            of a collection (the dots of a scatter, the bars of a container drawn as patches) in their order.
    """

    figure: Any
    caption: str
    tips: Mapping[str, str | Sequence[str]] = field(default_factory=dict)


@final
@dataclass(frozen=True, eq=False)
class Section:
    """A part of a report.

    Attributes:
        key: anchor and beginning of file names, such as `knock-outs`.
        title: as people read it.
        sentences: what was found, in words; the first says most.
        tables: frames by key, a row an item; every column has its meaning in `terms`, no index that matters.
        pictures: by key.
        graphs: by key, for Gephi and Cytoscape.
        terms: what every column and every named number means, by its name.
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
    """A matplotlib Figure in the style of the house and its axes, (rows, columns) of them or one; inches.

    It belongs to nobody's global state: nothing has to be closed.
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
    """Logarithmic far below 0, linear near it, where a few scores fell so low that no other could be told apart.

    Args:
        scores: all that are drawn.
        which: axis, x or y.
    """
    known = np.asarray(scores, dtype=np.float64).ravel()
    known = known[np.isfinite(known)]
    near = float(np.quantile(np.abs(known), 0.25)) if len(known) else 0.0
    if near > 0 and known.min() < -100 * near:
        decades = float(np.log10(-known.min() / near))
        # room for the ticks around 0, however far down it goes
        getattr(axes, f"set_{which}scale")("symlog", linthresh=near, linscale=max(1.0, decades / 8))
