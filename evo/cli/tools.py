"""`instinct list`, `instinct doctor` and `instinct check`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from rich.console import Console

from evo.cli.exit_codes import DONE, FAILED, Verb
from genomes.errors import InputError, nearest


def add_tools(add: Callable[[str, Verb, str], Any]) -> None:
    """Adds the arguments of list, doctor and check."""
    listing = add("list", list_verb, "list the components of experiments, and the shipped configs")
    listing.add_argument(
        "what", metavar="WHAT", nargs="?", help="encodings, rules, objectives, tasks, worlds, searches, configs"
    )
    doctor = add("doctor", doctor_verb, "check whether this machine works, and name missing parts")
    doctor.add_argument("--address", help="address of a running Ray cluster to check")
    checking = add("check", check_verb, "test your own component against the contract of its interface")
    checking.add_argument("component", metavar="MODULE:CLASS", help="your component, or the name of a built-in one")


def list_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct list [WHAT]."""
    from evo.experiment.config import shipped
    from evo.experiment.engine import offers_twin
    from evo.experiment.registry import REGISTRY

    plurals = {"goals": "goals", "search": "searches"}
    kinds = {plurals.get(seam, f"{seam}s"): classes for seam, classes in REGISTRY.items()}
    names = [*kinds, "configs"]
    if options.what is not None and options.what not in names:
        raise InputError(f"list: nothing called '{options.what}'; {nearest(options.what, names)}")
    answer: dict[str, Any] = {}
    for kind in names if options.what is None else [options.what]:
        if kind == "configs":
            answer[kind] = {name: _first_line(path.read_text()).lstrip("# ") for name, path in shipped().items()}
        else:
            answer[kind] = {c.__name__: _first_line(sys.modules[c.__module__].__doc__) for c in kinds[kind]}
            answer["compiled"] = answer.get("compiled", []) + [c.__name__ for c in kinds[kind] if offers_twin(c)]
        console.print(f"[bold]{kind}[/bold]")
        for name, line in answer[kind].items():
            mark = "*" if name in answer.get("compiled", []) else " "
            console.print(f"{mark} {name:20} {line}", markup=False)
    if answer.get("compiled"):
        console.print("* has a compiled twin: lives in which every part has one run compiled (docs/reliability.md)")
    return answer


def _first_line(text: str | None) -> str:
    return (text or "").strip().splitlines()[0]


def doctor_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct doctor."""
    from evo.cli.doctor import findings

    seen = {}
    for finding in findings(options.address):
        seen[finding.what] = {"well": finding.well, "seen": finding.seen}
        console.print(f"{'ok ' if finding.well else 'NO '} {finding.what:14} {finding.seen}", markup=False)
    well = all(finding["well"] for finding in seen.values())
    console.print("this machine works" if well else "a check failed: see the lines that begin with NO")
    return {"well": well, "findings": seen, "exit": DONE if well else FAILED}


def check_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct check MODULE:CLASS."""
    from evo.experiment.contracts import check

    kept = check(options.component)
    for sentence in kept:
        console.print(f"ok  {sentence}", markup=False)
    return {"component": options.component, "holds": kept}
