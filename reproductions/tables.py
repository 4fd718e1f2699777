"""Writes the figures of README.md and docs/results.md from what reproductions/headlines.py stored.

    python reproductions/tables.py            writes them
    python reproductions/tables.py --check    exit code 1 where a document says something else

Two kinds of marks stand in the documents; what is between them is written, never typed:

    <!-- table NAME --> ... <!-- end -->      a whole table, by its name in TABLES
    <!--of NAME KEY HOW FORMAT-->...<!---->   one figure: `<!--of digits best.innate median .3f-->0.930<!---->`

HOW is median, mean, low, high, range (low - high), count, stopped (runs that stopped) or below:X (runs under X).
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
STORED = ROOT / "reproductions" / "results"
DOCUMENTS = ("README.md", "docs/results.md")
_BLOCK = re.compile(r"(<!-- table (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
_FIGURE = re.compile(r"(<!--of (\S+) (\S+) (\S+) (\S+)-->).*?(<!---->)", re.DOTALL)


def runs(name: str) -> list[dict[str, Any]]:
    """The stored runs of a headline, those that stopped too."""
    return list(json.loads((STORED / f"{name}.json").read_text())["runs"])


def values(name: str, key: str) -> list[float]:
    """One number of each run that reached its end; dotted, a space in a name is an underscore in the key."""
    found = []
    for run in runs(name):
        if "stopped" not in run:
            inner: Any = run
            for part in key.split("."):
                inner = {each.replace(" ", "_"): value for each, value in inner.items()}[part]
            found.append(float(inner))
    return found


def said(name: str, key: str, how: str, form: str) -> str:
    """One figure as a document says it."""
    if how == "stopped":
        return str(sum("stopped" in run for run in runs(name)))
    found = values(name, key)
    if how == "count":
        return str(len(found))
    if how.startswith("below:"):
        return str(sum(value < float(how[6:]) for value in found))
    if how == "range":
        return f"{min(found):{form}} - {max(found):{form}}"
    one = {"median": statistics.median, "mean": statistics.mean, "low": min, "high": max}[how](found)
    return f"{one:{form}}"


def cell(name: str, key: str, form: str) -> str:
    """Median and range over the runs."""
    return f"{said(name, key, 'median', form)} ({said(name, key, 'range', form)})"


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; the first column is text."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def by_config(*names: str, key: str = "best.innate", form: str = ".3f") -> str:
    """A row an experiment: its size in bits, its lifetimes, one score."""
    head = ("config", "bits", "lifetimes", "random genomes", "median of ten seeds", "range")
    return grid(head, [_row(name, key, form) for name in names])


def _row(name: str, key: str, form: str) -> tuple[str, ...]:
    sizes = (said(name, "genome_bits", "median", ",.0f"), said(name, "lifetimes", "median", ",.0f"))
    founders = said(name, key.replace("best", "founders"), "median", form)
    return f"`{name}`", *sizes, founders, f"**{said(name, key, 'median', form)}**", said(name, key, "range", form)


def conditions(name: str, rows: Sequence[tuple[str, str]], form: str) -> str:
    """A row a score of one experiment."""
    named = [(what, said(name, key, "median", form), said(name, key, "range", form)) for what, key in rows]
    return grid(("", f"median of {said(name, rows[0][1], 'count', '')} seeds", "range"), named)


def seeds(name: str, columns: Sequence[tuple[str, str]], form: str) -> str:
    """A row a seed, those that stopped too."""
    rows = []
    for run, place in zip(runs(name), _places(name), strict=True):
        cells = [run["stopped"]] if place is None else [f"{values(name, key)[place]:{form}}" for _, key in columns]
        rows.append((str(run["seed"]), *cells, *[""] * (len(columns) - len(cells))))
    return grid(("seed", *(what for what, _ in columns)), rows)


def _places(name: str) -> list[int | None]:
    """Of each run its place among those that reached their end."""
    ended = ["stopped" not in run for run in runs(name)]
    return [sum(ended[:place]) if there else None for place, there in enumerate(ended)]


_DIGITS = (
    ("random genomes, at birth", "founders_innate"),
    ("best genome, **innate**", "innate"),
    ("best genome, **learned**", "learned"),
)
_RULES = ("cartpole-hebbian-synapse", "cartpole-hebbian", "cartpole-hebbian-one")
_AWAY = ("standard", "long_pole", "short_pole", "strong_force", "weak_force", "reversed")


def hebbian(key: str) -> str:
    """A row a number of rules, a column a world, in one condition."""
    head = ("", *(name.replace("_", " ") for name in _AWAY))
    return grid(
        head, [(f"`{n}`", *(cell(n, f"held_out.{a}.{key}", ".0f") for a in _AWAY)) for n in _RULES if stored(n)]
    )


def stored(name: str) -> bool:
    """Whether there are runs of it."""
    return (STORED / f"{name}.json").exists()


TABLES: dict[str, Callable[[], str]] = {
    "digits": lambda: conditions("digits", _DIGITS, ".3f"),
    "digits-seeds": lambda: seeds("digits", _DIGITS, ".3f"),
}


def written(text: str) -> str:
    """A document with its tables and figures as the stored runs have them."""
    text = _BLOCK.sub(lambda m: f"{m[1]}{TABLES[m[2]]()}{m[3]}", text)
    return _FIGURE.sub(lambda m: f"{m[1]}{said(*m.groups()[1:5])}{m[6]}", text)


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    given, wrong = parser.parse_args(), []
    for document in DOCUMENTS:
        text = (ROOT / document).read_text()
        if (new := written(text)) != text:
            wrong.append(document)
            if not given.check:
                (ROOT / document).write_text(new)
    print("\n".join(f"{name}: {'differs' if given.check else 'written'}" for name in wrong) or "nothing to write")
    return 1 if given.check and wrong else 0


if __name__ == "__main__":
    sys.exit(main())
