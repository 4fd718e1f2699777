"""What each verb of the command does: takes the options, prints for people, gives what `--json` prints."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from genomes.expect import Unexpected, nearest

DONE, FAILED, WRONG = 0, 1, 2

Verb = Callable[[argparse.Namespace, Console], dict[str, Any]]
"""Takes the options, prints for people, gives what `--json` prints."""


def evolve_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct evolve CONFIG [KEY=VALUE ...]."""
    from evo.config import load
    from evo.session import new_run

    overrides = list(options.overrides)
    if options.seed is not None:
        overrides.append(f"seed={options.seed}")
    experiment = load(options.config, overrides, allow_code=options.allow_code)
    path = new_run(experiment, options.run, Path(options.config).stem, ["evolve", options.config, *overrides])
    # whatever code it names was allowed when it was loaded
    return _session(path, options, console, allow_code=True)


def resume_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct resume RUN."""
    from evo.session import extend

    if options.generations is not None:
        extend(options.run, options.generations, options.allow_code)
    return _session(options.run, options, console, options.allow_code)


def _session(path: Path, options: argparse.Namespace, console: Console, allow_code: bool) -> dict[str, Any]:
    from evo.command import drive

    return drive(path, options.workers, options.address, options.serial, allow_code, console)


def list_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct list [WHAT]."""
    from evo.config import shipped
    from evo.registry import REGISTRY

    plurals = {"goals": "goals", "search": "searches"}
    kinds = {plurals.get(seam, f"{seam}s"): classes for seam, classes in REGISTRY.items()}
    names = [*kinds, "configs"]
    if options.what is not None and options.what not in names:
        raise Unexpected(f"list: nothing called '{options.what}'; {nearest(options.what, names)}")
    answer: dict[str, Any] = {}
    for kind in names if options.what is None else [options.what]:
        if kind == "configs":
            answer[kind] = {name: _first_line(path.read_text()).lstrip("# ") for name, path in shipped().items()}
        else:
            answer[kind] = {c.__name__: _first_line(sys.modules[c.__module__].__doc__) for c in kinds[kind]}
        console.print(f"[bold]{kind}[/bold]")
        for name, line in answer[kind].items():
            console.print(f"  {name:20} {line}", markup=False)
    return answer


def _first_line(text: str | None) -> str:
    return (text or "").strip().splitlines()[0]


def doctor_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct doctor."""
    from evo.doctor import findings

    seen = {}
    for finding in findings(options.address):
        seen[finding.what] = {"well": finding.well, "seen": finding.seen}
        console.print(f"{'ok ' if finding.well else 'NO '} {finding.what:14} {finding.seen}", markup=False)
    well = all(finding["well"] for finding in seen.values())
    console.print("this machine works" if well else "something is missing: see the lines that begin with NO")
    return {"well": well, "findings": seen, "exit": DONE if well else FAILED}


def export_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct export RUN --to FORMAT."""
    from evo.export import EXPORTS, export
    from evo.run import Run

    if options.to not in EXPORTS:
        raise Unexpected(f"--to: no format '{options.to}'; {nearest(options.to, EXPORTS)}")
    written = export(Run(options.run, options.allow_code), options.to, options.out)
    console.print(f"wrote {written}", markup=False)
    return {"run": str(options.run), "to": options.to, "file": str(written)}


def check_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct check MODULE:CLASS."""
    from evo.check import check

    kept = check(options.component)
    for sentence in kept:
        console.print(f"ok  {sentence}", markup=False)
    return {"component": options.component, "holds": kept}
