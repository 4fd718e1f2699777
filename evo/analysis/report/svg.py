"""Converts pictures to inline SVG: one element of a page, reproducible byte by byte, with tooltips on its parts.

Text is drawn as paths, so that it looks the same and stays in place, independent of the fonts of a system.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any
from xml.etree.ElementTree import Element, fromstring, tostring

import numpy as np

from evo.analysis.report.section import Picture
from genomes.errors import require

LEAVES = ("path", "use", "image", "rect", "circle")
SMALLEST = 0.7
"""Smallest scale of a figure before it scrolls: ten-point labels stay legible on a phone."""

_RESIDUE = re.compile(r"(\.\d\d)\d+")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def svg(picture: Picture, name: str) -> str:
    """Returns an `<svg>` element without prolog, as wide as its column up to its natural size, labelled by its caption.

    Args:
        picture: the picture to convert.
        name: prefix of every id, so that one page can contain several pictures.

    Raises:
        InputError: no artist of the figure has the gid of a tip, or the number of texts differs from that of members.
    """
    root = fromstring(drawn(picture.figure, "svg"))
    _plain(root)
    for gid, texts in picture.tips.items():
        _tip(root, picture.figure, gid, texts)
    _rename(root, name)
    width = float(root.attrib["width"].removesuffix("pt")) * 4 / 3
    root.attrib |= {
        "xmlns": "http://www.w3.org/2000/svg",
        "role": "img",
        "aria-label": _printable(picture.caption),
        "style": f"min-width:{SMALLEST * width:.0f}px",
        "stroke-linejoin": "round",
    }
    return tostring(root, encoding="unicode")


def drawn(figure: Any, form: str) -> bytes:
    """Saves a figure as `svg`, `pdf` or `png`; the bytes depend on the figure alone, without dates or random names."""
    import matplotlib

    settings = {"svg.hashsalt": "instinct", "svg.fonttype": "path", "pdf.fonttype": 42}
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[form]
    buffer = io.BytesIO()
    with matplotlib.rc_context(settings):
        if figure.get_layout_engine() is not None:  # a layout depends on the one before and on dpi: compute it once
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
        figure.savefig(buffer, format=form, metadata=dates, dpi=200 if form == "png" else "figure")
    return buffer.getvalue()


def _plain(root: Element) -> None:
    """Removes parts that a page does not need or that would affect it: namespaces, metadata, styles, extra digits."""
    for parent in list(root.iter()):
        parent.tag = parent.tag.rpartition("}")[2]
        parent.attrib = {key.rpartition("}")[2]: value for key, value in parent.attrib.items()}
        parent.text = parent.tail = None
        for key in {"d", "x", "y"} & parent.attrib.keys():  # hundredths of a point
            parent.attrib[key] = " ".join(_RESIDUE.sub(r"\1", parent.attrib[key]).split())
        for child in list(parent):
            if child.tag.endswith(("}metadata", "}style")):
                parent.remove(child)


def _tip(root: Element, figure: Any, gid: str, texts: str | Sequence[str]) -> None:
    """Adds one text to all elements with a gid, or one text to each element or to each member of a single artist."""
    artists = figure.findobj(lambda artist: artist.get_gid() == gid)
    require(artists, "tips", "the gid of an artist in the figure", gid)
    groups = [element for element in root.iter() if element.get("id") == gid]
    if isinstance(texts, str):
        targets, said = groups, [texts] * len(groups)
    elif len(artists) > 1:
        targets, said = groups, list(texts)
        require(len(said) == len(artists), f"tips of {gid}", f"{len(artists)} texts", len(said))
    else:
        shown = _shown(artists[0])
        require(len(texts) == len(shown), f"tips of {gid}", f"{len(shown)} texts", len(texts))
        targets, said = list(_leaves(groups)), list(compress(texts, shown))
    if len(targets) == len(said):  # otherwise a part lies outside the picture, and tips could go to wrong parts
        for element, text in zip(targets, said, strict=True):
            title = Element("title")
            title.text = _printable(text)
            element.insert(0, title)


def _shown(artist: Any) -> list[bool]:
    """Returns True for each member that is drawn, that is, whose position is finite."""
    from matplotlib.collections import Collection
    from matplotlib.lines import Line2D

    if isinstance(artist, Collection):
        places: np.ndarray = np.ma.filled(np.ma.asarray(artist.get_offsets(), float), np.nan)
        finite = np.isfinite(places).all(axis=1)
        # a collection without positions, such as the dots of a silent group, still has the path of its marker
        return [
            bool(each) for each in np.resize(finite, max(len(artist.get_paths()), len(finite)) if len(finite) else 0)
        ]
    if isinstance(artist, Line2D) and artist.get_marker() not in ("None", "none", " ", "", None):
        return [bool(place.all()) for place in np.isfinite(artist.get_xydata())]
    return [True]


def _leaves(groups: Sequence[Element]) -> Iterator[Element]:
    """Yields the painted parts within elements: the marks if there are any, otherwise every path."""
    painted = []
    for group in groups:
        hidden = {id(inner) for defs in group.iter("defs") for inner in defs.iter()}
        painted += [leaf for leaf in group.iter() if leaf.tag in LEAVES and id(leaf) not in hidden]
    marks = [leaf for leaf in painted if leaf.tag == "use"]
    yield from marks or painted


def _rename(root: Element, name: str) -> None:
    """Renames ids that are referenced to name-0, name-1 ... and removes the others, which could collide."""
    used = [
        found for element in root.iter() for value in element.attrib.values() for found in _REFERENCE.findall(value)
    ]
    used += [link[1:] for element in root.iter() if (link := element.get("href", "")).startswith("#")]
    names = {old: f"{name}-{index}" for index, old in enumerate(dict.fromkeys(used))}
    for element in root.iter():
        if element.get("id") in names:
            element.attrib["id"] = names[element.attrib["id"]]
        else:
            element.attrib.pop("id", None)
        for key, value in element.attrib.items():
            element.attrib[key] = _REFERENCE.sub(lambda found: f"url(#{names[found[1]]})", value)
        if (link := element.get("href", "")).startswith("#"):
            element.attrib["href"] = f"#{names[link[1:]]}"


def _printable(text: str) -> str:
    """Removes control characters, which XML cannot represent."""
    return "".join(character for character in text if character.isprintable() or character in "\n\t")
