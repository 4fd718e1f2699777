"""The page about mutants: how many die, and every survivor with its reason, which is kept when it is written anew."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import final

PAGE = Path(__file__).parents[1] / "docs" / "mutants.md"
_LEAST = 0.95
_UNKNOWN = "?"


@final
@dataclass(frozen=True)
class Found:
    """What became of a mutant: where it was, what was changed, whether a test noticed, of how many that met it."""

    file: str
    function: str
    change: str
    line: int
    died: bool
    tests: int

    @property
    def key(self) -> str:
        """What it is known by on the page; no line number, for lines move."""
        return f"| {self.file} `{self.function}` | `{self.change.replace('|', '∣')}` |"


def told(found: list[Found], whole: bool, seconds: float) -> int:
    """Prints the figures, writes them to the page after a whole run, and returns the exit code."""
    reasons = _reasons()
    alive = [each for each in found if not each.died]
    rows = [f"{each.key} {reasons.get(each.key, _UNKNOWN)} |" for each in alive]
    table = _table(found)
    print("\n".join(["", *table, "", *rows, "", f"{seconds / 60:.0f} minutes"]))
    if whole:
        text = PAGE.read_text(encoding="utf-8")
        text = _between(text, "figures", [*table, "", f"Of one core: {seconds / 60:.0f} minutes."])
        head = ["| where | change | why no test can notice |", "|---|---|---|"]
        PAGE.write_text(_between(text, "survivors", [*head, *rows]), encoding="utf-8")
    unnamed = [row for row in rows if row.endswith(f" {_UNKNOWN} |")]
    share = 1 - len(alive) / max(1, len(found))
    if share < _LEAST or unnamed:
        print(f"{100 * share:.1f} % die, {len(unnamed)} survivors have no reason in {PAGE.name}", file=sys.stderr)
        return 1
    return 0


def _table(found: list[Found]) -> list[str]:
    rows = ["| module | mutants | die | survive | % |", "|---|---|---|---|---|"]
    for name in (*dict.fromkeys(each.file for each in found), "all"):
        of = [each for each in found if name in (each.file, "all")]
        dead = sum(each.died for each in of)
        rows.append(f"| {name} | {len(of)} | {dead} | {len(of) - dead} | {100 * dead / max(1, len(of)):.1f} |")
    return rows


def _between(text: str, mark: str, lines: list[str]) -> str:
    """The page with other lines between two of its marks."""
    start, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->"
    before, _, rest = text.partition(start)
    return before + start + "\n".join(lines) + "\n" + rest[rest.index(end) :]


def _reasons() -> dict[str, str]:
    found = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if row := re.fullmatch(r"(\| \S+\.py `.*?` \| `.*` \|) (.+) \|", line):
            found[row[1]] = row[2]
    return found
