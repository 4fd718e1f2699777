"""Renders sections as one self-contained HTML page that works offline, on phones and in print."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from evo.analysis.report.save import distinct, stems
from evo.analysis.report.section import Section
from evo.analysis.report.svg import svg
from genomes.errors import nearest, require

if TYPE_CHECKING:
    import pandas
    from jinja2 import Template
    from markupsafe import Markup

ROWS = 500
"""Maximum number of table rows on the page; the CSV file has all rows."""

SHORT = 12
"""Number of table rows that are visible before the button is pressed."""

MISSING = "–"

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

HUES = {r"\b(innate|birth)\b": "innate", r"\b(learned|learning)$": "learned"}


@final
@dataclass(frozen=True)
class Term:
    """An entry of the glossary.

    Attributes:
        name: the term.
        meaning: its meaning, as a sentence.
        anchor: id of the entry in the page.
        places: titles of the sections for which the meaning holds; empty if the term has one meaning only.
    """

    name: str
    meaning: str
    anchor: str
    places: str

    @property
    def hue(self) -> str:
        """CSS class of the colour for numbers at birth or after learning; empty for other numbers."""
        return next((hue for words, hue in HUES.items() if re.search(words, self.name)), "")


@final
@dataclass(frozen=True)
class Table:
    """A table as the page shows it.

    Attributes:
        name: readable name.
        file: name of the CSV file with all rows.
        total: number of all rows.
        columns: term of each column, and True if the column holds numbers.
        rows: cells as (displayed text, full value), at most ROWS rows.
    """

    name: str
    file: str
    total: int
    columns: Sequence[tuple[Term, bool]]
    rows: Sequence[Sequence[tuple[str, str]]]


def render(
    title: str,
    lead: str,
    facts: Sequence[tuple[str, object, str]],
    sections: Sequence[Section],
    terms: Mapping[str, str] | None = None,
) -> str:
    """Renders the page as HTML; every text is treated as untrusted and escaped.

    Args:
        title: title of the page.
        lead: one sentence that states the result.
        facts: tuples of label, value, and name of the term that explains the value.
        sections: the sections, in the order of the page.
        terms: meanings of the facts, in addition to the terms of the sections.

    Raises:
        InputError: two sections have the same key, or the term of a fact is unknown.
    """
    keys = [section.key for section in sections]
    require(len(set(keys)) == len(keys), "report", "sections of different keys", keys)
    glossary = _glossary(sections, terms or {})
    named = {name: term for (name, _), term in reversed(glossary.items())}
    for _, _, name in facts:
        require(name in named, "facts", f"the name of a term, {nearest(name, named)}", name)
    plain = [(label, _plain(value), name) for label, value, name in facts]
    return _template().render(
        title=title,
        lead=lead,
        facts=[(label, _written([value])(value), named[name]) for label, value, name in plain],
        parts=_parts(sections, glossary),
        glossary=sorted(glossary.values(), key=lambda term: (term.name.casefold(), term.anchor)),
        short=SHORT,
    )


def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    surroundings = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    surroundings.filters["sha256"] = _sha256
    return surroundings.get_template("page.html.jinja")


def _glossary(sections: Sequence[Section], more: Mapping[str, str]) -> dict[tuple[str, str], Term]:
    """Collects terms by name and meaning and writes meanings as sentences; a name with two meanings has two entries."""
    places: dict[tuple[str, str], list[str]] = {pair: [] for pair in more.items()}
    for part in sections:
        for pair in part.terms.items():
            places.setdefault(pair, []).append(part.title)
    anchors = distinct({pair: f"term-{pair[0]}" for pair in places})
    often = Counter(name for name, _ in places)
    return {
        (name, meaning): Term(
            name,
            meaning[:1].upper() + meaning[1:] + ("" if meaning.endswith((".", "?", "!")) else "."),
            anchors[name, meaning],
            ", ".join(titles) if often[name] > 1 else "",
        )
        for (name, meaning), titles in places.items()
    }


def _parts(sections: Sequence[Section], glossary: Mapping[tuple[str, str], Term]) -> list[dict[str, Any]]:
    """Prepares the content of each section for the template."""
    from markupsafe import Markup

    anchors = distinct({"": "glossary"} | {part.key: part.key for part in sections})
    files = {kind: stems(sections, kind) for kind in ("pictures", "tables", "graphs")}
    shown = []
    for part in sections:
        terms = {name: glossary[name, meaning] for name, meaning in part.terms.items()}
        stem = {kind: {key: files[kind][part.key, key] for key in getattr(part, kind)} for kind in files}
        shown.append(
            {
                "anchor": anchors[part.key],
                "title": part.title,
                "sentences": _linked(part.sentences, terms),
                "pictures": [
                    (Markup(svg(picture, f"figure-{stem['pictures'][key]}")), picture.caption, stem["pictures"][key])
                    for key, picture in part.pictures.items()
                ],
                "tables": [_table(key, frame, stem["tables"][key], terms) for key, frame in part.tables.items()],
                "graphs": list(stem["graphs"].values()),
            }
        )
    return shown


def _linked(sentences: Sequence[str], terms: Mapping[str, Term]) -> list[Markup]:
    """Escapes sentences and links the first mention of each term to its meaning."""
    from markupsafe import Markup

    known = {name.casefold(): term for name, term in terms.items() if len(name) > 3}
    longest = sorted(known, key=len, reverse=True)
    mention = re.compile(r"(?<!\w)(" + "|".join(map(re.escape, longest)) + r")(?!\w)", re.IGNORECASE) if known else None
    linked = []
    for sentence in sentences:
        text = Markup()
        for index, piece in enumerate(mention.split(sentence) if mention else [sentence]):
            term = known.pop(piece.casefold(), None) if index % 2 else None
            link = Markup('<a class="term" href="#{}" title="{}">{}</a>')
            text += link.format(term.anchor, term.meaning, piece) if term else piece
        linked.append(text)
    return linked


def _table(name: str, frame: pandas.DataFrame, stem: str, terms: Mapping[str, Term]) -> Table:
    columns, cells = [], []
    for index, column in enumerate(frame.columns):
        values = [_plain(value) for value in frame.iloc[:, index]]
        write = _written(values)
        columns.append((terms[str(column)], all(_is_number(value) for value in values if value is not None)))
        cells.append([(write(value), "" if value is None else str(value)) for value in values[:ROWS]])
    readable = re.sub("[-_]+", " ", name)
    return Table(
        readable[:1].upper() + readable[1:], f"tables/{stem}.csv", len(frame), columns, list(zip(*cells, strict=True))
    )


def _plain(value: Any) -> Any:
    """Converts a value to a Python number, bool or text; missing values become None."""
    value = value.item() if isinstance(value, np.generic) else value
    missing = value is None or type(value).__name__ in ("NAType", "NaTType") or value != value
    return None if missing else value


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _written(values: Sequence[Any]) -> Callable[[Any], str]:
    """Returns the formatter of one column: all numbers have the same decimals, with three digits for the largest.

    If a quarter of the numbers are more than a hundred times smaller than the largest, as rates often are, each number
    has two significant digits.
    """
    numbers = [value for value in values if _is_number(value) and math.isfinite(value)]
    whole = all(float(value).is_integer() for value in numbers)
    largest = float(max(map(abs, numbers), default=0))
    steep = not whole and 0 < np.quantile(numbers, 0.25) < largest / 100
    common = 0 if whole else max(_decimals(largest, 3), 1)

    def write(value: Any) -> str:
        if value is None:
            return MISSING
        if not _is_number(value):
            return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
        size = abs(value)
        decimals = _decimals(float(size), 2) if steep else common
        if math.isinf(size):
            text = "∞"
        elif size >= 1e12 or (size and round(size, decimals) == 0):
            digits, power = f"{size:.1e}".split("e")
            text = f"{digits}×10{str(int(power)).translate(_RAISED)}"
        else:
            text = f"{size:,.{decimals}f}"
        return f"−{text}" if value < 0 else text

    return write


def _decimals(size: float, digits: int) -> int:
    """Returns the number of decimals, five at most, that show the given number of significant digits."""
    return min(max(digits - math.ceil(math.log10(size)), 0), 5) if 0 < size < math.inf else 0


def _sha256(text: str) -> str:
    """Returns the base64-coded SHA-256 of a script, as a content security policy requires it."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
