"""Saves the content of a report: figures for papers, tables for spreadsheets, graphs for Gephi and Cytoscape."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from evo.analysis.report.section import Section
from evo.analysis.report.svg import drawn, svg
from evo.storage.atomic import write_atomic
from evo.storage.folder_checks import make_folder
from genomes.errors import require

if TYPE_CHECKING:
    import networkx

Key = TypeVar("Key", bound=Hashable)

_LONGEST = 80
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def save(sections: Sequence[Section], folder: Path) -> list[Path]:
    """Writes figures/*.svg, *.pdf and *.png, tables/*.csv and graphs/*.graphml, each file atomically.

    The same sections give the same bytes, since no file contains a date.

    Returns:
        The files, in the order of the sections.

    Raises:
        InputError: the disk cannot be written, the tips of a picture do not fit its figure, or a link leads out of the
            folder.
    """
    written = []
    for name, data in _files(sections):
        path = folder / name
        inside = path.parent.resolve().is_relative_to(folder.resolve())
        require(inside, str(path.parent), "a folder within the report", "a link that leads elsewhere")
        make_folder(path.parent)
        write_atomic(path, data)
        written.append(path)
    return written


def stems(sections: Sequence[Section], kind: str) -> dict[tuple[str, str], str]:
    """Returns the file names, without suffix and by (section, key), of the `tables`, `pictures` or `graphs`."""
    return distinct({(part.key, key): f"{part.key}-{key}" for part in sections for key in getattr(part, kind)})


def distinct(wishes: Mapping[Key, str]) -> dict[Key, str]:
    """Returns a unique name for each wish that is safe in file systems, URLs and ids."""
    given: dict[Key, str] = {}
    for key, wish in wishes.items():
        name = base = slug(wish)
        count = 1
        while name in given.values():
            count += 1
            name = f"{base}-{count}"
        given[key] = name
    return given


def slug(text: str) -> str:
    """Converts a text to lower-case letters, digits and single hyphens."""
    latin = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub("[^a-z0-9]+", "-", latin.lower()).strip("-")[:_LONGEST].strip("-") or "unnamed"


def _files(sections: Sequence[Section]) -> Iterator[tuple[str, bytes]]:
    names = {kind: stems(sections, kind) for kind in ("pictures", "tables", "graphs")}
    for part in sections:
        for key, picture in part.pictures.items():
            stem = names["pictures"][part.key, key]
            yield f"figures/{stem}.svg", svg(picture, stem).encode()
            yield f"figures/{stem}.pdf", drawn(picture.figure, "pdf")
            yield f"figures/{stem}.png", drawn(picture.figure, "png")
        for key, table in part.tables.items():
            yield (
                f"tables/{names['tables'][part.key, key]}.csv",
                table.to_csv(index=False, lineterminator="\n").encode(),
            )
        for key, graph in part.graphs.items():
            yield f"graphs/{names['graphs'][part.key, key]}.graphml", _graphml(graph)


def _graphml(graph: networkx.DiGraph) -> bytes:
    """Writes a graph with the attributes that GraphML supports: finite numbers, bools and text."""
    import networkx

    plain = graph.__class__()
    plain.graph.update(_attributes(graph.graph))
    plain.add_nodes_from((_text(node), _attributes(data)) for node, data in graph.nodes(data=True))
    plain.add_edges_from((_text(pre), _text(post), _attributes(data)) for pre, post, data in graph.edges(data=True))
    return "\n".join(networkx.generate_graphml(plain)).encode()


def _attributes(data: Mapping[Any, Any]) -> dict[str, Any]:
    held = {_text(key): value.item() if isinstance(value, np.generic) else value for key, value in data.items()}
    missing = (
        key for key, value in held.items() if value is None or (isinstance(value, float) and not np.isfinite(value))
    )
    for key in list(missing):
        del held[key]
    return {key: value if isinstance(value, (bool, int, float)) else _text(value) for key, value in held.items()}


def _text(value: object) -> str:
    return _NOT_XML.sub("", str(value))
