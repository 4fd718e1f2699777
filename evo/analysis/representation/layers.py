"""Similarity of the codes of layers: at birth and after the life, between layers, and with targets or measurements."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from evo.analysis.report.numbers import two_digits
from evo.analysis.report.section import Picture, canvas
from evo.analysis.representation.recordings import Measured, distance
from evo.analysis.representation.similarity import (
    dissimilarities,
    halves,
    interval,
    kernel_cka,
    linear_kernel,
    noise_ceiling,
    rsa,
)
from genomes.streams import Streams
from inner_loop.recording import Observed

if TYPE_CHECKING:
    import pandas

_HALVES = 200

Row = dict[str, Any]
"""Row of a table, by column."""


def moments(seen: Observed) -> dict[str, dict[str, ndarray]]:
    """Returns the activities at birth and, if the life of the first individual has changed any, after learning."""
    return {"at birth": seen.birth} | ({"after learning": seen.after} if seen.changed() else {})


def layers(seen: Observed, streams: Streams) -> list[Row]:
    """Compares the codes at birth and after learning with each other, and both with the target.

    The code of the sensory group never changes, but it is compared with the target as a reference.
    """
    rows: list[Row] = []
    known = seen.part(np.flatnonzero(np.isfinite(seen.targets).all(1)))
    for place, group in enumerate(seen.birth):
        if place and seen.changed():
            for measure in ("CKA", "RSA"):
                born, lived = (_matrices(each[group], measure) for each in (seen.birth, seen.after))
                rows.append(_row(group, "birth and after", measure, born, lived, seen, streams))
        if len(known.stimuli):
            asked = [linear_kernel(known.targets)] * len(seen.birth[group])
            for when, activities in moments(known).items():
                if place or when == "at birth":
                    codes = _matrices(activities[group], "CKA")
                    rows.append(_row(group, f"{seen.asked} {when}", "CKA", codes, asked, known, streams))
    return rows


def beside(seen: Observed, measured: Measured, streams: Streams) -> list[Row]:
    """Compares every layer with the measured representation, as a mean over its repeats."""
    theirs = {"RSA": measured.matrices}
    if measured.responses is not None:
        theirs["CKA"] = np.stack([linear_kernel(each) for each in measured.responses])
    ceiling = dict(zip(("ceiling low", "ceiling high"), noise_ceiling(measured.matrices, seen.episodes), strict=True))
    rows: list[Row] = []
    for (place, group), (measure, target) in product(enumerate(seen.birth), theirs.items()):
        for when, activities in moments(seen).items():
            if place or when == "at birth":
                codes = _matrices(activities[group], measure)
                row = _row(group, f"measured {when}", measure, codes, [target] * len(codes), seen, streams)
                rows.append(row | (ceiling if measure == "RSA" else dict.fromkeys(ceiling, np.nan)))
    return rows


def between(seen: Observed) -> dict[str, Float[ndarray, "groups groups"]]:
    """Computes the CKA of all pairs of layers of the first individual, at birth and after learning."""
    codes = {when: [linear_kernel(each[0].T) for each in a.values()] for when, a in moments(seen).items()}
    return {
        when: np.array([[kernel_cka(one, other, seen.episodes) for other in own] for one in own])
        for when, own in codes.items()
    }


def pairs(groups: Sequence[str], alike: dict[str, Float[ndarray, "groups groups"]]) -> pandas.DataFrame:
    """Returns one row for each pair of groups."""
    import pandas

    two = np.triu_indices(len(groups), 1)
    names = dict(zip(("group", "other"), np.array(groups, dtype=object)[np.array(two)], strict=True))
    return pandas.DataFrame(names | {when: each[two] for when, each in alike.items()})


def heat_maps(groups: Sequence[str], alike: dict[str, Float[ndarray, "groups groups"]]) -> Picture:
    """Draws the CKA of all pairs of layers, one panel for birth and one for after learning, with the numbers."""
    figure, axes = canvas(3.6 * len(alike), 3.6, columns=len(alike))
    for panel, (when, each) in zip(np.atleast_1d(axes), alike.items(), strict=True):
        panel.imshow(each, vmin=0.0, vmax=1.0, cmap="viridis")
        panel.set_xticks(range(len(groups)), groups, rotation=45, ha="right", rotation_mode="anchor")
        panel.set_yticks(range(len(groups)), groups)
        panel.set_title(when, fontsize=10, loc="left")
        for (row, column), value in np.ndenumerate(each):
            text, colour = f"{value:.2f}" if np.isfinite(value) else "-", "white" if value <= 0.6 else "black"
            panel.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
    caption = "Similarity of the codes of two groups: debiased CKA, 0 for independent codes, 1 for equal codes."
    return Picture(figure, caption)


def spread(values: Sequence[float]) -> Row:
    """Returns mean and range over random founders; values that are not finite are left out."""
    finite = [float(value) for value in values if np.isfinite(value)] or [np.nan]
    return {"founders": float(np.mean(finite)), "founders low": min(finite), "founders high": max(finite)}


def in_words(row: Row) -> str:
    """Writes a similarity: `0.52 [0.48, 0.56], random founders 0.31 (0.02 to 0.50)`."""
    if not np.isfinite(row["similarity"]):
        return "not measurable"
    numbers = {name: two_digits(value) for name, value in row.items() if isinstance(value, float)}
    bounds = f" [{numbers['low']}, {numbers['high']}]" if np.isfinite(row["low"]) else ""
    others = f" ({numbers['founders low']} to {numbers['founders high']})" if np.isfinite(row["founders"]) else ""
    return f"{numbers['similarity']}{bounds}, random founders {numbers['founders']}{others}"


def _matrices(activities: Float[ndarray, "P units stimuli"], measure: str) -> list[ndarray]:
    """Returns the matrix that a measure compares, (stimuli, stimuli), for each individual."""
    if measure == "CKA":
        return [linear_kernel(each.T) for each in activities]
    return [dissimilarities(each.T, distance(len(each))) for each in activities]


def _row(
    group: str,
    comparison: str,
    measure: str,
    ones: list[ndarray],
    others: list[ndarray],
    seen: Observed,
    streams: Streams,
) -> Row:
    """Computes a table row: the similarity of the first pair of matrices, its interval, and the range of the others."""
    values = [_alike(measure, one, other, seen.episodes) for one, other in zip(ones, others, strict=True)]
    parts = [
        _alike(measure, ones[0][np.ix_(half, half)], others[0][..., half[:, None], half], seen.episodes[half])
        for half in halves(seen.episodes, _HALVES, streams.stream("halves"))
    ]
    low, high = interval(values[0], parts, len(np.unique(seen.episodes)))
    row = {"group": group, "comparison": comparison, "measure": measure, "similarity": values[0]}
    return row | {"low": low, "high": high} | spread(values[1:])


def _alike(
    measure: str, one: Float[ndarray, "n n"], other: Float[ndarray, "*repeats n n"], blocks: Int[ndarray, " n"]
) -> float:
    """Computes the similarity of two matrices, as a mean over the repeats of the other."""
    of_two = kernel_cka if measure == "CKA" else rsa
    return float(np.mean([of_two(one, each, blocks) for each in other.reshape(-1, *one.shape)]))
