"""Writes docs/logged-numbers.md from the explanations of the analyses: python scripts/logged_numbers.py.

Two runs of a few generations are evolved, inspected and compared for it; each section explains its own columns.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from evo.analysis.comparison.compare import compare
from evo.analysis.inspect import inspect
from evo.analysis.report.glossary import PROGRESS, RESULT
from evo.analysis.subject import subject
from evo.cli.analysis_progress import examining
from evo.cli.main import main
from evo.distribution.executor import Serial
from evo.evolution.run import Run

PAGE = Path(__file__).resolve().parents[1] / "docs" / "logged-numbers.md"

HEAD = """# Every number that a command prints

`python scripts/logged_numbers.py` writes this page from what the analyses say of their own columns, for a run on
digits; a report's own glossary has the same. What is measured of every individual in every generation,
`innate.accuracy` and the like, is in [measurements.md](measurements.md).
"""

COMMANDS = {
    **dict.fromkeys(("innate", "ladder", "hot-start", "robustness", "size"), "instinct innate RUN"),
    **dict.fromkeys(("rules", "knock-outs", "wiring", "evolution", "life"), "instinct inspect RUN"),
    "cross-fostering": "instinct inspect RUN --other RUN",
    "compare": "instinct compare RUN RUN",
}


def listed(title: str, meanings: Mapping[str, str]) -> str:
    """A heading, and one line for each number."""
    lines = "\n".join(f"- **{name}**: {' '.join(meaning.split()).rstrip('.')}." for name, meaning in meanings.items())
    return f"## {title}\n\n{lines}\n"


def page(folder: Path) -> str:
    """The page as Markdown; runs are made in the folder."""
    small = ["generations=3", "search.population=17", "lifetime.steps=20", "--serial"]
    assert main(["evolve", "digits", *small, "--seeds", "2", "--run", str(folder / "set")]) == 0
    runs = [folder / "set" / f"seed-{seed}" for seed in (0, 1)]
    with examining(Serial(), Console(file=io.StringIO())) as (executor, watch):
        _, sections = inspect(subject(runs[0]), executor, watch, 2, 19, Run(runs[1]))
    sections.append(compare([Run(run) for run in runs]))
    parts = [HEAD, listed("`instinct evolve`, `instinct resume`: the table of a run, and log.jsonl", PROGRESS)]
    parts.append(listed("result.json, innate.json, and the head of a report", RESULT))
    parts += [listed(f"`{COMMANDS[s.key]}`: {s.title.lower()}", s.terms) for s in sections]
    return "\n".join(parts)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        PAGE.write_text(page(Path(made)), encoding="utf-8")
    print(f"wrote {PAGE}", file=sys.stderr)
