"""Tables of measurements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Found = dict[str, object]
"""The results of a part: numbers, and lists of rows of them, as `--json` prints them."""


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """In Markdown, the first column to the left, the others to the right."""
    head, *lines = (f"| {' | '.join(map(str, line))} |" for line in [columns, *rows])
    return "\n".join([head, f"|---|{'--:|' * (len(columns) - 1)}", *lines])
