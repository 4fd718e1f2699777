"""What each verb of the command does: takes the options, prints for people, gives what `--json` prints."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from evo.announce import announce, announce_folder
from evo.storage.user_paths import folder_to_write, is_override
from genomes.expect import Unexpected, nearest

if TYPE_CHECKING:
    from evo.analysis.report.section import Section

DONE, FAILED, WRONG = 0, 1, 2

Verb = Callable[[argparse.Namespace, Console], dict[str, Any]]
"""Takes the options, prints for people, gives what `--json` prints."""


@contextmanager
def _resumable(place: Path) -> Iterator[None]:
    """Whatever ends the work on a run or a set carries the words that go on with it."""
    from evo.command import shown

    words = f"what is finished is safe, `{shlex.join(['instinct', 'resume', shown(place)])}` goes on from there"
    try:
        yield
    except BaseException as error:
        error.add_note(words)
        raise


def evolve_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct evolve CONFIG [KEY=VALUE ...]."""
    from evo.distribution.cluster import Cluster
    from evo.evolution.evolve import new_run, next_free
    from evo.evolution.run_set import new_set
    from evo.experiment.sweep import members

    overrides = list(options.overrides)
    if options.seed is not None:
        overrides.append(f"seed={options.seed}")
    name, command = Path(options.config).stem, ["evolve", options.config]
    every = members(options.config, overrides, options.seeds, options.allow_code)
    place = options.run or next_free(name)
    folder_to_write(place.absolute().parent)
    if not options.serial:
        Cluster(options.workers, options.address).preflight()  # before a folder is made
    announce_folder(place)
    # whatever code it names was allowed when it was loaded
    if len(every) == 1 and options.seeds is None:
        path = new_run(every[0].experiment, place, name, [*command, *overrides])
        with _resumable(place):
            return _session(path, options, console, allow_code=True)
    runs = new_set(every, place, command)
    with _resumable(place):
        return _set(place, runs, options, console, allow_code=True)


def resume_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct resume RUN; KEY=VALUE may say again what the run began with."""
    from evo.evolution.evolve import expect_unchanged, extend
    from evo.storage.run_set import runs_of

    announce(folder=str(options.run))
    runs = runs_of(options.run) if (options.run / "set.json").is_file() else [options.run]
    for run in runs if options.overrides else []:
        expect_unchanged(run, options.overrides, options.allow_code)
    if options.generations is not None:
        for run in runs:
            extend(run, options.generations, options.allow_code)
    with _resumable(options.run):
        if runs == [options.run]:
            return _session(options.run, options, console, options.allow_code)
        return _set(options.run, runs, options, console, options.allow_code)


def _set(
    place: Path, runs: Sequence[Path], options: argparse.Namespace, console: Console, allow_code: bool
) -> dict[str, Any]:
    """One run of a set after the other; then they are compared."""
    from evo.command import shown

    results = {}
    for number, run in enumerate(runs):
        console.print(f"\n[bold]{number + 1} of {len(runs)}[/bold]")
        results[run.name] = _session(run, options, console, allow_code)
    console.print(
        f"\nthe set: {shown(place)}; instinct compare {shown(place)} sets its runs side by side", markup=False
    )
    return {"set": str(place), "runs": results}


def _session(path: Path, options: argparse.Namespace, console: Console, allow_code: bool) -> dict[str, Any]:
    from evo.command import drive

    return drive(path, options.workers, options.address, options.serial, allow_code, console)


def list_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct list [WHAT]."""
    from evo.experiment.config import shipped
    from evo.experiment.registry import REGISTRY

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
    from evo.analysis.export import EXPORTS, export
    from evo.evolution.run import Run

    if options.to not in EXPORTS:
        raise Unexpected(f"--to: no format '{options.to}'; {nearest(options.to, EXPORTS)}")
    written = export(Run(options.run, options.allow_code), options.to, options.out)
    console.print(f"wrote {written}", markup=False)
    return {"run": str(options.run), "to": options.to, "file": str(written)}


def pack_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct pack RUN."""
    from evo.storage.archive import pack_run

    written = pack_run(options.run, options.out or Path(f"{options.run.absolute().name}.zip"))
    console.print(f"wrote {written}, {written.stat().st_size:,} bytes", markup=False)
    return {"run": str(options.run), "file": str(written)}


def unpack_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct unpack ARCHIVE."""
    from evo.storage.archive import unpack_run

    made = unpack_run(options.archive, options.run or options.archive.parent / options.archive.stem)
    console.print(f"every file is verified: {made}", markup=False)
    return {"archive": str(options.archive), "run": str(made)}


def check_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct check MODULE:CLASS."""
    from evo.experiment.contracts import check

    kept = check(options.component)
    for sentence in kept:
        console.print(f"ok  {sentence}", markup=False)
    return {"component": options.component, "holds": kept}


def innate_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct innate RUN ... [KEY=VALUE ...]."""
    from evo.analysis.inspect import examining, executor_of, innate, printed, write
    from evo.analysis.subject import subject
    from evo.storage.run_set import runs_of

    overrides, given = _apart(options.runs + options.overrides)
    paths = [run for path in given for run in ([path] if path.is_file() else runs_of(path))]
    folder = folder_to_write(options.out or _beside(given, "innate"))
    subjects = [subject(p, options.genomes, options.config, overrides, options.allow_code) for p in paths]
    with examining(executor_of(options.workers, options.address, options.serial), console) as (executor, watch):
        tested = innate(subjects, executor, watch, options.births, options.episodes, options.draws)
    main, *others = tested.sections
    console.print()
    printed(console, main, ["scores", "genomes"])
    for section in others:
        console.print(f"\n[bold]{section.title}[/bold]")
        printed(console, section, [])
    name = "innate" if all(each.bred for each in subjects) else "innate-elsewhere"
    written = write(folder, name, tested.as_dict(), tested.sections)
    console.print(f"\nnumbers: {written[0]}  figures: {folder / 'figures'}  tables: {folder / 'tables'}", markup=False)
    return tested.as_dict()


def inspect_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct inspect RUN."""
    from evo.analysis.inspect import examining, executor_of, inspect, report, write
    from evo.analysis.subject import subject
    from evo.evolution.run import Run

    if (options.run / "set.json").is_file():
        raise Unexpected(f"{options.run}: expected a run, got a set of runs; give one of them, or see instinct compare")
    if options.run.is_file():
        raise Unexpected(f"{options.run}: expected a run, got a file, which has no evolution; see instinct innate")
    folder = folder_to_write(options.out or options.run)
    whom = subject(options.run, "best", None, (), options.allow_code)
    other = Run(options.other, options.allow_code) if options.other else None
    with examining(executor_of(options.workers, options.address, options.serial), console) as (executor, watch):
        tested, sections = inspect(whom, executor, watch, options.births, options.draws, other, options.measured)
    for section in sections:
        console.print(f"\n[bold]{section.title}[/bold]")
        console.print("\n".join(section.sentences[:3]), markup=False)
    write(folder, "innate", tested.as_dict(), [])
    written = write(folder, "report", _found(sections), sections, report(whom, tested, sections))
    console.print(f"\nreport: {written[1]}  figures: {folder / 'figures'}  tables: {folder / 'tables'}", markup=False)
    return tested.as_dict() | {"report": str(written[1])}


def compare_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct compare RUN RUN ..."""
    from evo.analysis.comparison.compare import compare
    from evo.analysis.inspect import printed, write
    from evo.analysis.report.page import render
    from evo.evolution.run import Run
    from evo.storage.run_set import runs_of

    folder = folder_to_write(options.out or _beside(options.runs, "comparison"))
    section = compare([Run(run, options.allow_code) for path in options.runs for run in runs_of(path)])
    printed(console, section, ["conditions", "differences", "keys"])
    answer = _found([section])
    page = render(section.title, section.sentences[0], [], [section])
    written = write(folder, "compare", answer, [section], page)
    console.print(f"\nnumbers: {written[0]}  page: {written[1]}  figures: {folder / 'figures'}", markup=False)
    return answer


def _found(sections: Sequence[Section]) -> dict[str, Any]:
    """What sections found, for JSON."""
    return {
        section.key: {
            "sentences": list(section.sentences),
            **{name: table.to_dict("records") for name, table in section.tables.items()},
        }
        for section in sections
    }


def _apart(words: Sequence[Path | str]) -> tuple[list[str], list[Path]]:
    """KEY=VALUE, and what is not."""
    overrides = [str(word) for word in words if is_override(word)]
    return overrides, [Path(word) for word in words if str(word) not in overrides]


def _beside(paths: Sequence[Path], name: str) -> Path:
    """Where an analysis is written: a run or a set itself; beside a file; beside the first of several."""
    first = Path(paths[0])
    if len(paths) == 1 and first.is_dir():
        return first
    first = first if first.name else first.absolute()
    return first.parent / f"{first.stem}-{name}"
