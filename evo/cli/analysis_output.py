"""Output of the sections of an analysis to the terminal and to files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from evo.analysis.report.save import save
from evo.analysis.report.section import Section
from evo.storage.atomic import write_atomic
from evo.storage.folder_checks import make_folder
from evo.storage.strict_json import to_json

if TYPE_CHECKING:
    import pandas


def write(folder: Path, name: str, answer: Any, sections: Sequence[Section], page: str | None = None) -> list[Path]:
    """Writes NAME.json, NAME.html if there is a page, figures, tables and graphs, each atomically."""
    make_folder(folder)
    written = [folder / f"{name}.json"]
    write_atomic(written[0], (to_json(answer, indent=2) + "\n").encode())
    if page is not None:
        written.append(folder / f"{name}.html")
        write_atomic(written[1], page.encode())
    return [*written, *save(sections, folder)]


def printed(console: Console, section: Section, tables: Sequence[str]) -> None:
    """Prints a section: its sentences, then the named tables."""
    for sentence in section.sentences:
        console.print(sentence, markup=False)
    for name in tables:
        if len(section.tables.get(name, ())):
            console.print("\n" + plain(section.tables[name]), markup=False)


def plain(table: pandas.DataFrame) -> str:
    """A table as text in columns, with numbers of four digits."""
    return table.to_string(index=False, na_rep="-", float_format=lambda number: f"{number:.4g}")
