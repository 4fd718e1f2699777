"""The tables of README's section `Speed`, from the results of lifetimes.py, worlds.py and generation.py in results/.

python benchmarks/speed_table.py        prints them
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"
LIVES = {
    "W1": "W1: 64-64-10, half the synapses masked, 200 steps",
    "W1, tanh": "W1 with tanh, which torch takes from a slower library",
    "W2": "W2: 784-128-10, 25 steps",
    "W3": "W3: 8-32-4 recurrent, through time, 40 updates",
    "W4, cohort 32": "W4: Hebbian lives on CartPole, 32 side by side",
    "W4, cohort 512": "W4, 512 side by side",
}
"""Rows of the comparison with the naive loop and JAX that README shows, and their names there."""

Cells = list[str]


def rows(text: str, heading: str) -> list[Cells]:
    """Cells of the first table below a heading, without the table's head."""
    _, found, below = text.partition(f"\n{heading}\n")
    if not found:
        raise ValueError(f"results: expected a section `{heading}`, got none; the benchmark writes one")
    lines = [line for line in below.partition("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in lines[2:]]


def grid(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; the first column is text."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def lives(results: Path = RESULTS) -> str:
    """Ours over the naive loop and over JAX, W1 to W4."""
    found = {}
    for name in ("lifetimes.md", "worlds.md"):
        for first, *rest in rows((results / name).read_text(), "## Ours over the naive loop and over JAX"):
            found[first] = rest
    head = ("lives on one core", "naive, lives/s", "**instinct**, lives/s", "JAX, lives/s", "over naive", "over JAX")
    return grid(head, [[called, *found[name]] for name, called in LIVES.items()])


def carts(results: Path = RESULTS) -> str:
    """Our CartPole, alone, beside Gymnasium's."""
    head = ("CartPole alone, 256 carts", "steps/s", "over Gymnasium's NumPy version")
    found = rows((results / "worlds.md").read_text(), "## CartPole alone")
    return grid(head, [[name.replace("ours", "**instinct**"), rate, ratio] for name, rate, ratio, *_ in found])


def generation(results: Path = RESULTS) -> str:
    """The share of two workers that the outer loop takes."""
    head = ("network", "taken by the outer loop", "growth of the head, kB a generation")
    found = [line.strip("|").split("|") for line in (results / "generation.md").read_text().splitlines() if "|" in line]
    return grid(head, [[cell.strip() for cell in line[:3]] for line in found[2:]])


if __name__ == "__main__":
    print("\n".join(table() for table in (lives, carts, generation)))
