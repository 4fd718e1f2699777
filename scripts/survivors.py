"""The page about mutants: the number that die, and every survivor with its reason, which later runs keep."""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import final

PAGE = Path(__file__).parents[1] / "docs" / "mutants.md"
_LEAST = 0.95
_UNKNOWN = "?"


@final
@dataclass(frozen=True)
class Found:
    """The result for a mutant: its place, its change, whether a test noticed, and the number of tests that met it."""

    file: str
    function: str
    change: str
    line: int
    died: bool
    tests: int

    @property
    def key(self) -> str:
        """Its key on the page; without a line number, since lines move."""
        return f"| {self.file} `{self.function}` | `{self.change.replace('|', '∣')}` |"


def told(found: list[Found], whole: bool) -> int:
    """Prints the figures, writes those of the modules to the page, and returns the exit code.

    Args:
        whole: True if every mutant of these modules was made; otherwise the page stays the same.
    """
    text = PAGE.read_text(encoding="utf-8")
    reasons = _reasons(text)
    rows = [f"{each.key} {reasons.get(each.key, _UNKNOWN)} |" for each in found if not each.died]
    made, dead = Counter(each.file for each in found), Counter(each.file for each in found if each.died)
    counts = {name: (made[name], dead[name]) for name in made}
    print("\n".join(["", *_table(counts), "", *rows]))
    if whole:
        counts = {**_counts(text), **counts}
        kept = [f"{key} {reason} |" for key, reason in reasons.items() if key.split()[1] not in made]
        head = ["| where | change | why no test can notice |", "|---|---|---|"]
        text = _between(text, "figures", _table(counts))
        PAGE.write_text(_between(text, "survivors", [*head, *sorted([*kept, *rows])]), encoding="utf-8")
    unnamed = [row for row in rows if row.endswith(f" {_UNKNOWN} |")]
    share = sum(died for _, died in counts.values()) / max(1, sum(count for count, _ in counts.values()))
    if share < _LEAST or unnamed:
        print(f"{100 * share:.1f} % die, {len(unnamed)} survivors have no reason in {PAGE.name}", file=sys.stderr)
        return 1
    return 0


def _table(counts: dict[str, tuple[int, int]]) -> list[str]:
    rows = ["| module | mutants | die | survive | % |", "|---|---|---|---|---|"]
    every = {**dict(sorted(counts.items())), "all": tuple(map(sum, zip(*counts.values(), strict=True)))}
    for name, (count, dead) in every.items():
        rows.append(f"| {name} | {count} | {dead} | {count - dead} | {100 * dead / max(1, count):.1f} |")
    return rows


def _counts(text: str) -> dict[str, tuple[int, int]]:
    """The figures on the page for each module: mutants, and the number of them that die."""
    rows = re.findall(r"^\| (\S+\.py) \| (\d+) \| (\d+) \|", text, re.MULTILINE)
    return {name: (int(count), int(dead)) for name, count, dead in rows}


def _between(text: str, mark: str, lines: list[str]) -> str:
    """The page with new lines between two of its marks."""
    start, end = f"<!-- {mark} -->\n", f"<!-- end of {mark} -->"
    before, _, rest = text.partition(start)
    return before + start + "\n".join(lines) + "\n" + rest[rest.index(end) :]


def _reasons(text: str) -> dict[str, str]:
    rows = (re.fullmatch(r"(\| \S+\.py `.*?` \| `.*` \|) (.+) \|", line) for line in text.splitlines())
    return {row[1]: row[2] for row in rows if row}
