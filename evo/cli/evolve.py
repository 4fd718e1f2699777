"""`instinct evolve` and `instinct resume`."""

from __future__ import annotations

import argparse
import shlex
from argparse import SUPPRESS
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from evo.cli.arguments import add_executor, run_path, whole_number
from evo.cli.driver_link import announce, announce_folder
from evo.cli.exit_codes import Verb
from evo.storage.user_paths import folder_to_write


@contextmanager
def _resumable(place: Path) -> Iterator[None]:
    """Adds to any error a note with the command that continues the run or set."""
    from evo.cli.drive import shown

    words = f"finished work is saved, `{shlex.join(['instinct', 'resume', shown(place)])}` continues from there"
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
    # allow_code: the user already allowed the code when the config was loaded
    if len(every) == 1 and options.seeds is None:
        path = new_run(every[0].experiment, place, name, [*command, *overrides])
        with _resumable(place):
            return _session(path, options, console, allow_code=True)
    runs = new_set(every, place, command)
    with _resumable(place):
        return _set(place, runs, options, console, allow_code=True)


def resume_verb(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """instinct resume RUN; KEY=VALUE overrides may only repeat the experiment of the run."""
    from evo.evolution.evolve import extend, require_unchanged
    from evo.storage.run_set import runs_of

    announce(folder=str(options.run))
    runs = runs_of(options.run) if (options.run / "set.json").is_file() else [options.run]
    for run in runs if options.overrides else []:
        require_unchanged(run, options.overrides, options.allow_code)
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
    """Evolves the runs of a set one after the other."""
    from evo.cli.drive import shown

    results = {}
    for number, run in enumerate(runs):
        console.print(f"\n[bold]{number + 1} of {len(runs)}[/bold]")
        results[run.name] = _session(run, options, console, allow_code)
    console.print(f"\nthe set: {shown(place)}; instinct compare {shown(place)} compares its runs", markup=False)
    return {"set": str(place), "runs": results}


def _session(path: Path, options: argparse.Namespace, console: Console, allow_code: bool) -> dict[str, Any]:
    from evo.cli.drive import drive

    return drive(path, options.workers, options.address, options.serial, allow_code, console)


def add_runs(add: Callable[[str, Verb, str], Any]) -> tuple[Any, ...]:
    """Adds the arguments of evolve and resume; returns their parsers."""
    evolve = add("evolve", evolve_verb, "evolve the experiment of a config")
    evolve.add_argument(
        "config", metavar="CONFIG", help="a path, or the name of a shipped config (instinct list configs)"
    )
    evolve.add_argument("overrides", metavar="KEY=VALUE", nargs="*", help="such as search.population=64")
    evolve.add_argument("--run", type=run_path, help="folder or URL to write (default: runs/CONFIG-001, -002 ...)")
    evolve.add_argument("--seed", type=int, help="seed of all random numbers (default: the config's)")
    evolve.add_argument("--seeds", type=whole_number, help="number of runs of a set, with this seed and the next ones")
    evolve.add_argument(
        "--portable", action="store_true", help="use kernels that every x86-64 processor has, for mixed machines"
    )
    add_executor(evolve)
    resume = add("resume", resume_verb, "continue a stopped run, or add generations to it")
    resume.add_argument("run", metavar="RUN", type=run_path, help="a folder, or a URL such as s3://bucket/run")
    # overrides cannot change a run; they are accepted so that an error message can name the difference
    resume.add_argument("overrides", metavar="KEY=VALUE", nargs="*", help=SUPPRESS)
    resume.add_argument("--generations", type=whole_number, help="new total number of generations")
    add_executor(resume)
    return evolve, resume
