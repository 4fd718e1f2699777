"""`instinct innate`, `instinct inspect` and `instinct compare`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from evo.cli.arguments import add_executor, is_override, run_path, whole_number
from evo.cli.exit_codes import Verb
from evo.storage.user_paths import folder_to_write
from genomes.errors import InputError

if TYPE_CHECKING:
    from evo.analysis.report.section import Section


def innate_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct innate RUN ... [KEY=VALUE ...]."""
    from evo.analysis.inspect import innate
    from evo.analysis.subject import subject
    from evo.cli.analysis_output import printed, write
    from evo.cli.analysis_progress import examining, executor_of
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
    from evo.analysis.inspect import inspect, report
    from evo.analysis.subject import subject
    from evo.cli.analysis_output import write
    from evo.cli.analysis_progress import examining, executor_of
    from evo.evolution.run import Run

    if (options.run / "set.json").is_file():
        raise InputError(f"{options.run}: expected a run, got a set; name one of its runs, or use instinct compare")
    if options.run.is_file():
        raise InputError(f"{options.run}: expected a run, got a file, which has no evolution; use instinct innate")
    folder = folder_to_write(options.out or options.run)
    inspected = subject(options.run, "best", None, (), options.allow_code)
    other = Run(options.other, options.allow_code) if options.other else None
    with examining(executor_of(options.workers, options.address, options.serial), console) as (executor, watch):
        tested, sections = inspect(inspected, executor, watch, options.births, options.draws, other, options.measured)
    for section in sections:
        console.print(f"\n[bold]{section.title}[/bold]")
        console.print("\n".join(section.sentences[:3]), markup=False)
    write(folder, "innate", tested.as_dict(), [])
    written = write(folder, "report", _found(sections), sections, report(inspected, tested, sections))
    console.print(f"\nreport: {written[1]}  figures: {folder / 'figures'}  tables: {folder / 'tables'}", markup=False)
    return tested.as_dict() | {"report": str(written[1])}


def compare_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct compare RUN RUN ..."""
    from evo.analysis.comparison.compare import compare
    from evo.analysis.report.page import render
    from evo.cli.analysis_output import printed, write
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
    """The results of sections, for JSON."""
    return {
        section.key: {
            "sentences": list(section.sentences),
            **{name: table.to_dict("records") for name, table in section.tables.items()},
        }
        for section in sections
    }


def _apart(words: Sequence[Path | str]) -> tuple[list[str], list[Path]]:
    """Separates KEY=VALUE overrides from paths."""
    overrides = [str(word) for word in words if is_override(word)]
    return overrides, [Path(word) for word in words if str(word) not in overrides]


def _beside(paths: Sequence[Path], name: str) -> Path:
    """Output folder of an analysis: the run or set itself; else a folder beside the file, or the first of several."""
    first = Path(paths[0])
    if len(paths) == 1 and first.is_dir():
        return first
    first = first if first.name else first.absolute()
    return first.parent / f"{first.stem}-{name}"


def add_analyses(add: Callable[[str, Verb, str], Any]) -> tuple[Any, ...]:
    """Adds the arguments of innate, inspect and compare; returns their parsers."""
    innate = add("innate", innate_verb, "scores of the best genomes without learning, and null models")
    innate.add_argument("runs", metavar="RUN", type=run_path, nargs="+", help="runs, a set, or an exported .npz")
    innate.add_argument("--config", help="config of the tests; required for a file (default: the run's own)")
    innate.add_argument("--genomes", default="best", help="best, front, or a number of different genomes")
    innate.add_argument("--births", type=whole_number, help="births per genome (default: 16, or 32 if births differ)")
    innate.add_argument("--episodes", type=whole_number, help="episodes per test in a world (default: the config's)")
    innate.set_defaults(overrides=[])
    inspect = add("inspect", inspect_verb, "read out the wiring rules as sentences, numbers and figures: report.html")
    inspect.add_argument("run", metavar="RUN", type=run_path)
    inspect.add_argument("--births", type=whole_number, help="births of each variant (default: as each analysis needs)")
    inspect.add_argument("--other", metavar="RUN", type=run_path, help="a run to exchange chromosomes with")
    inspect.add_argument("--measured", metavar="FILE", type=Path, help=".npz of your own responses or dissimilarities")
    compare = add("compare", compare_verb, "compare runs over seeds and conditions")
    compare.add_argument("runs", metavar="RUN", type=run_path, nargs="+", help="runs, or sets of runs")
    for made in (innate, inspect, compare):
        made.add_argument("--out", type=Path, help="folder to write to (default: the run's own)")
    for made in (innate, inspect):
        made.add_argument("--draws", type=whole_number, default=200, help="draws of each null model (default: 200)")
        add_executor(made)
    return innate, inspect, compare
