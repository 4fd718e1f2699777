"""Writes the figures of README.md and docs/results.md from the stored runs of reproductions/headlines.py.

    python reproductions/tables.py            writes them
    python reproductions/tables.py --check    exit code 1 if a document differs from the stored runs

Two kinds of marks stand in the documents; the text between them is generated:

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
sys.path[:0] = [str(ROOT / "benchmarks")]

import speed_table

STORED = ROOT / "reproductions" / "results"
DOCUMENTS = ("README.md", "docs/results.md")
_BLOCK = re.compile(r"(<!-- table (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
_FIGURE = re.compile(r"(<!--of (\S+) (\S+) (\S+) (\S+?)-->).*?(<!---->)", re.DOTALL)


def runs(name: str) -> list[dict[str, Any]]:
    """The stored runs of a headline, including those that stopped; none if it has not been run."""
    return list(json.loads((STORED / f"{name}.json").read_text())["runs"]) if stored(name) else []


def values(name: str, key: str) -> list[float]:
    """One number of each complete run, by a dotted key; `_` stands for a space in a name, `-` changes the sign."""
    found, sign = [], -1.0 if key.startswith("-") else 1.0
    for run in runs(name):
        if "stopped" not in run:
            inner: Any = run
            for part in key.removeprefix("-").split("."):
                inner = {each.replace(" ", "_"): value for each, value in inner.items()}[part]
            found.append(sign * float(inner))
    return found


def said(name: str, key: str, how: str, form: str) -> str:
    """One figure as the documents show it."""
    if not stored(name):
        return "not run yet"
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
    if not stored(name):
        return "not run yet"
    return f"{said(name, key, 'median', form)} ({said(name, key, 'range', form)})"


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; the first column is text."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def stored(name: str) -> bool:
    """True if there are runs of it."""
    return (STORED / f"{name}.json").exists()


def rows(head: Sequence[str], form: str, *lines: tuple[str, str, Sequence[str]]) -> str:
    """A row of the table: its name, the runs, and the keys of its numbers; `-` leaves a cell empty."""
    return grid(head, [(what, *(cell(name, key, form) for key in keys)) for what, name, keys in lines])


def by_config(*names: str, key: str = "innate", form: str = ".3f") -> str:
    """One row for each experiment: its size in bits, its lifetimes, one score."""
    head = ("config", "bits", "lifetimes a run", "random genomes", "median", "range", "runs")
    return grid(head, [_row(name, key, form) for name in names])


def _row(name: str, key: str, form: str) -> tuple[str, ...]:
    sizes = (said(name, "genome_bits", "median", ",.0f"), said(name, "lifetimes", "median", ",.0f"))
    founders = said(name, f"founders.{key}", "median", form)
    scores = (f"**{said(name, f'best.{key}', 'median', form)}**", said(name, f"best.{key}", "range", form))
    return (f"`{name}`", *sizes, founders, *scores, _counted(name))


def _counted(name: str) -> str:
    """The number of runs, and of those that stopped."""
    if not stored(name):
        return "0"
    ended, halted = said(name, "seed", "count", ""), said(name, "seed", "stopped", "")
    return ended if halted == "0" else f"{ended}, and {halted} that stopped"


def seeds(name: str, columns: Sequence[tuple[str, str]], form: str) -> str:
    """One row for each seed, including those that stopped."""
    lines, ended = [], 0
    for run in runs(name):
        cells = [run["stopped"]] if "stopped" in run else [f"{values(name, key)[ended]:{form}}" for _, key in columns]
        ended += "stopped" not in run
        lines.append((str(run["seed"]), *cells, *[""] * (len(columns) - len(cells))))
    if not lines:
        return "*not run yet*\n"
    if ended:
        lines.append(("**median**", *(f"**{said(name, key, 'median', form)}**" for _, key in columns)))
    return grid(("seed", *(what for what, _ in columns)), lines)


def _lines(names: Sequence[tuple[str, str]], keys: Sequence[str]) -> list[tuple[str, str, Sequence[str]]]:
    return [(what, name, keys) for what, name in names]


_DIGITS = (
    ("random genomes, at birth", "founders_innate"),
    ("best genome, innate", "innate"),
    ("best genome, learned", "learned"),
)
_RULES = (
    ("a rule for each synapse, 480 numbers", "cartpole-hebbian-synapse"),
    ("8 rules, shared by lot, 40 numbers", "cartpole-hebbian"),
    ("1 rule for all, 5 numbers", "cartpole-hebbian-one"),
)
_AWAY = ("standard", "long_pole", "longer_pole", "short_pole", "strong_force", "weak_force", "reversed")
_WORLDS = (
    "standard pole",
    "twice as long",
    "three times",
    "half as long",
    "strong force",
    "weak force",
    "actions exchanged",
)
_MAZES = (
    ("evolved plasticity, feed-forward (`tmaze-plastic`)", "tmaze-plastic", "innate_plastic"),
    ("frozen, feed-forward (`tmaze-frozen`)", "tmaze-frozen", "innate"),
    ("frozen, recurrent, activity reset each trial", "tmaze-recurrent-innate", "innate"),
    ("frozen, recurrent, with its memory (`tmaze-recurrent`)", "tmaze-recurrent", "innate_memory"),
)
_STILL = (
    ("evolved plasticity", "tmaze-plastic-still", ["best.innate_plastic"]),
    ("frozen", "tmaze-frozen-still", ["best.innate"]),
)
_LESIONS = {
    "as evolved": "as evolved",
    "equal lags": "both kinds of bipolar cells with the same leak",
    "exchanged lags": "the leaks of the two kinds exchanged",
    "exchanged wiring": "the wiring of the two kinds exchanged",
    "shuffled wiring": "the same weights shuffled over the cells",
}
_OF_CARTS = ("random genomes, plastic", "**plastic, within one episode**", "plasticity off", "after it, plasticity off")
_CARTS = ["founders.innate_plastic", "held_out.standard.innate_plastic", "held_out.standard.innate"]
_LONGER = "held_out.longer_pole.innate_plastic"
_THERE = [f"held_out.{way}_reversed.learned_there" for way in ("never", "always")]
_REVERSED = (
    ("random genomes after such a life", "founders.learned"),
    ("at birth", "best.innate"),
    ("**after the life**", "best.learned"),
    ("at birth: never exchanged", "held_out.never_reversed.innate"),
    ("always", "held_out.always_reversed.innate"),
    ("after a life there: never exchanged", _THERE[0]),
    ("always", _THERE[1]),
)
_KINDS = (
    ("H = 10", "32x", 582, "32.5x"),
    ("H = 5", "61x", 312, "60.7x"),
    ("usual initialisation", "usual", 18944, "1x"),
)


def _kind(what: str, name: str, parameters: int, compression: str) -> tuple[str, ...]:
    """A row of the bottleneck's table."""
    given = [("birth", ".3f"), ("coarse", ".3f"), ("epoch1", ".3f"), ("last", ".3f"), ("gap", "+.4f")]
    has = (runs("genomic_bottleneck") or [{}])[0].get(name, {})
    cells = [cell("genomic_bottleneck", f"{name}.{key}", form) if key in has else "-" for key, form in given]
    return what, f"{parameters:,}", compression, *cells


TABLES: dict[str, Callable[[], str]] = {
    "digits": lambda: rows(("", "median (range) of ten seeds"), ".3f", *((w, "digits", [k]) for w, k in _DIGITS)),
    "digits-seeds": lambda: seeds("digits", _DIGITS, ".3f"),
    "bottleneck": lambda: grid(
        ("genome", "parameters", "compression", "at birth", "8 bits each", "1 epoch", "20 epochs", "aligned: gap"),
        [_kind(*kind) for kind in _KINDS],
    ),
    "bottleneck-evolved": lambda: by_config("digits-bottleneck"),
    "spatial": lambda: by_config("digits-spatial", "digits-expression-small"),
    "encodings": lambda: by_config(*(f"digits-innate-{name}" for name in ("expression", "bottleneck", "direct"))),
    "front": lambda: seeds("digits-front", [("innate", "innate"), ("learned", "learned")], ".3f"),
    "cartpole": lambda: grid(
        ("", "random genomes", "evolved"),
        [
            (what, *(cell("cartpole-hebbian", key, ".0f") if key else "" for key in keys))
            for what, keys in (
                ("at birth, plasticity off", ("founders.innate", "held_out.standard.innate")),
                ("**at birth, plasticity on, one episode**", (_CARTS[0], _CARTS[1])),
                ("a pole three times as long, half again as long as any in evolution", ("", _LONGER)),
                ("actions exchanged: these rules see no reward", ("", "held_out.reversed.innate_plastic")),
            )
        ],
    ),
    "hebbian": lambda: rows(("", *_OF_CARTS), ".0f", *_lines(_RULES, [*_CARTS, "held_out.standard.learned"])),
    "hebbian-plastic": lambda: rows(
        ("", *_WORLDS), ".0f", *_lines(_RULES, [f"held_out.{away}.innate_plastic" for away in _AWAY])
    ),
    "hebbian-off": lambda: rows(
        ("", *_WORLDS), ".0f", *_lines(_RULES[:2], [f"held_out.{away}.learned" for away in _AWAY])
    ),
    "reversed": lambda: seeds("cartpole-reversed", _REVERSED, ".0f"),
    "mazes": lambda: rows(
        ("", "return", "held out: four reversals", "held out: no reversal"),
        ".1f",
        *(
            (what, name, [f"best.{c}", f"held_out.four_reversals.{c}", f"held_out.no_reversal.{c}"])
            for what, name, c in _MAZES
        ),
    ),
    "mazes-still": lambda: rows(("", "return"), ".1f", *_STILL),
    "retina": lambda: rows(
        ("direction selectivity", "median (range)"),
        "+.3f",
        *((what, "retina-lesions", [f"{name.replace(' ', '_')}.dsi"]) for name, what in _LESIONS.items()),
        ("random genomes (means of 64)", "retina", ["founders.innate"]),
        ("moving bars, never met in evolution", "retina", ["held_out.bars.innate"]),
    ),
    "sinusoid": lambda: rows(
        ("mean squared error", "at birth", "after 10 steps"),
        ".3f",
        ("evolved (Baldwinian)", "sinusoid", ["-best.innate", "-best.learned"]),
        ("MAML by gradient", "maml", ["maml.0", "maml.10"]),
        ("random initial weights", "maml", ["random.0", "random.10"]),
    ),
    "chemotaxis": lambda: by_config("chemotaxis"),
    "foraging": lambda: by_config("foraging", form=".1f"),
    "decision": lambda: by_config("decision", key="learned"),
    "speed": speed_table.lives,
    "carts": speed_table.carts,
    "generation": speed_table.generation,
}


def written(text: str) -> str:
    """A document with its tables and figures from the stored runs."""
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
