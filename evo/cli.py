"""The verbs of the command `instinct`, each in this process; the command itself is evo/supervisor.py."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from rich.console import Console

from evo.announce import STOPPING, announce, code_of, ended, meet_parent
from evo.numerics import use_kernels_of, use_portable_kernels
from evo.verbs import (
    DONE,
    FAILED,
    WRONG,
    Verb,
    check_verb,
    compare_verb,
    doctor_verb,
    evolve_verb,
    export_verb,
    innate_verb,
    inspect_verb,
    list_verb,
    pack_verb,
    resume_verb,
    unpack_verb,
)
from genomes.expect import Unexpected, nearest


class Interrupted(BaseException):
    """The first signal of `STOPPING`: what is finished is on disk. The second one ends the process at once."""

    def __init__(self, number: int) -> None:
        self.number = number


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb in this process.

    Returns 0 done, 1 the run failed, 2 the input is wrong; stopped by a signal: 130 SIGINT, 143 SIGTERM or SIGUSR1.
    """
    before = {number: signal.getsignal(number) for number in STOPPING}
    try:
        for number in STOPPING:
            signal.signal(number, _stop)
        meet_parent()
        return ended(_run(sys.argv[1:] if arguments is None else arguments))
    except Unexpected as error:
        print(f"instinct: {error}", file=sys.stderr)
        return ended(WRONG, again=_may_come_back(error))
    except Interrupted as interruption:
        return _interrupted(interruption, interruption)
    except (SystemExit, BrokenPipeError):  # the second: whoever read our output has left, and does not come back
        announce(exit=FAILED, again=False)
        raise
    except _failures() as error:
        print(f"instinct: {error}", file=sys.stderr)
        return ended(FAILED)
    except Exception as error:
        if isinstance(error.__cause__, Interrupted):  # Ray's compiled waiting makes a SystemError of it
            return _interrupted(error.__cause__, error)
        announce(exit=FAILED, again=True)  # a cluster that broke, say, can be whole again
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def _interrupted(interruption: Interrupted, seen: BaseException) -> int:
    print("; ".join(["instinct: interrupted", *getattr(seen, "__notes__", ())]), file=sys.stderr)
    return ended(code_of(interruption.number))


def _brought(options: argparse.Namespace) -> AbstractContextManager[None]:
    """Runs at URLs come into folders here before a verb, and go back after it."""
    given = vars(options)
    if not (given.get("run") or given.get("runs")):
        return nullcontext()
    from evo.cache import place
    from evo.mirror import brought

    given |= {name: place(given[name]) for name in ("run", "other") if given.get(name)}
    given |= {"runs": [place(run) for run in given["runs"]]} if "runs" in given else {}
    new = options.verb in (evolve_verb, unpack_verb)
    return brought([run for run in (given.get("run"), given.get("other"), *given.get("runs", ())) if run], new)


def _run(arguments: Sequence[str]) -> int:
    _choose_kernels(arguments)
    options = options_of(arguments)
    console = Console(file=sys.stderr if options.json else sys.stdout, highlight=False, soft_wrap=True)
    with redirect_stdout(sys.stderr), _brought(options):  # Ray's own words about dead workers go to standard output
        answer = options.verb(options, console)
    if options.json:
        print(json.dumps(answer))
    return int(answer.get("exit", DONE))


def _choose_kernels(arguments: Sequence[str]) -> None:
    """Before anything imports numpy: those that are asked for, or that a run began with."""
    if "--portable" in arguments:
        use_portable_kernels()
    for word in arguments:
        use_kernels_of(word)


def _failures() -> tuple[type[Exception], ...]:
    from evo.answers import Disagreement
    from evo.bred import RunFailed

    return (RunFailed, Disagreement)


def _may_come_back(error: Unexpected) -> bool:
    from evo.cluster import Unreachable

    return isinstance(error, Unreachable)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    for each in STOPPING:
        signal.signal(each, _stop_at_once)
    raise Interrupted(number)


def _stop_at_once(number: int, frame: FrameType | None) -> NoReturn:
    os._exit(code_of(number))  # loses nothing that was recorded: every write is whole or not there


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Unexpected(f"{message}; see {self.prog} --help")


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """What a command line says; options and overrides may stand in any order.

    Raises:
        Unexpected: it says something that no verb understands.
    """
    parser, verbs = _parser()
    if arguments and not arguments[0].startswith("-") and arguments[0] not in verbs:
        raise Unexpected(f"no verb '{arguments[0]}'; {nearest(arguments[0], verbs)}")
    options, rest = parser.parse_known_args(arguments)
    strange = [word for word in rest if word.startswith("-") or not hasattr(options, "overrides")]
    if strange:
        raise Unexpected(f"unknown argument '{strange[0]}'; see instinct {arguments[0]} --help")
    if rest:
        options.overrides = [*options.overrides, *rest]
    return options


def _parser() -> tuple[argparse.ArgumentParser, list[str]]:
    parser = _Parser(prog="instinct", description="Evolution plus learning.")
    verbs = parser.add_subparsers(metavar="VERB", required=True)

    def add(name: str, verb: Verb, text: str) -> Any:
        made = verbs.add_parser(name, help=text, description=text)
        made.add_argument("--json", action="store_true", help="print one JSON object as the last line of stdout")
        made.set_defaults(verb=verb)
        return made

    evolve = add("evolve", evolve_verb, "evolve what a config describes")
    evolve.add_argument(
        "config", metavar="CONFIG", help="a path, or the name of a shipped config (instinct list configs)"
    )
    evolve.add_argument("overrides", metavar="KEY=VALUE", nargs="*", help="such as search.population=64")
    evolve.add_argument("--run", type=_place, help="folder or URL to write (default: runs/CONFIG-001, -002 ...)")
    evolve.add_argument("--seed", type=int, help="of all randomness (default: the config's)")
    evolve.add_argument("--seeds", type=_count, help="a set of so many runs, of this seed and those that follow")
    evolve.add_argument(
        "--portable", action="store_true", help="kernels that every x86-64 processor has: for mixed machines"
    )
    _add_executor(evolve)
    resume = add("resume", resume_verb, "go on with a run that was stopped, or add generations to it")
    resume.add_argument("run", metavar="RUN", type=_place, help="a folder, or a URL such as s3://bucket/run")
    resume.add_argument("--generations", type=_count, help="the new total")
    _add_executor(resume)
    listing = add("list", list_verb, "what there is to build an experiment from")
    listing.add_argument(
        "what", metavar="WHAT", nargs="?", help="encodings, rules, objectives, tasks, worlds, searches, configs"
    )
    doctor = add("doctor", doctor_verb, "does this machine work, and what is missing")
    doctor.add_argument("--address", help="of a running Ray cluster to try")
    examining = _add_analyses(add)
    exporting = _add_files(add)
    checking = add("check", check_verb, "try the contract of a seam on your own component")
    checking.add_argument("component", metavar="MODULE:CLASS", help="or the name of one that comes with the house")
    for made in (evolve, resume, exporting, *examining):
        made.add_argument("--allow-code", action="store_true", help="run module:Class components that the file names")
    return parser, list(verbs.choices)


def _add_files(add: Callable[[str, Verb, str], Any]) -> Any:
    exporting = add("export", export_verb, "write the best genome's network in another format")
    exporting.add_argument("run", metavar="RUN", type=_place)
    exporting.add_argument("--to", required=True, help="npz, graphml, torch or csv")
    exporting.add_argument("--out", type=Path, help="file to write (default: RUN/export/best.*)")
    packing = add("pack", pack_verb, "put a run or a set into one archive, with checksums")
    packing.add_argument("run", metavar="RUN", type=_place)
    packing.add_argument("--out", type=Path, help="file to write (default: RUN.zip in this folder)")
    unpacking = add("unpack", unpack_verb, "make the folder of an archive, once every byte of it is verified")
    unpacking.add_argument("archive", metavar="ARCHIVE", type=Path)
    unpacking.add_argument("--run", type=_place, help="folder to make (default: the archive's name, beside it)")
    return exporting


def _add_analyses(add: Callable[[str, Verb, str], Any]) -> tuple[Any, ...]:
    innate = add("innate", innate_verb, "what the best genomes can do without learning, against null models")
    innate.add_argument("runs", metavar="RUN", type=_place, nargs="+", help="runs, a set, or an exported .npz")
    innate.add_argument("--config", help="what to examine in; needed with a file (default: the run's own)")
    innate.add_argument("--genomes", default="best", help="best, front, or a number: so many that differ")
    innate.add_argument("--births", type=_count, help="of each genome (default: 16, or 32 where births differ)")
    innate.add_argument("--episodes", type=_count, help="of an examination in a world (default: the config's)")
    innate.set_defaults(overrides=[])
    inspect = add("inspect", inspect_verb, "read out the wiring rules, in words, numbers and pictures: report.html")
    inspect.add_argument("run", metavar="RUN", type=_place)
    inspect.add_argument("--births", type=_count, help="of each variant (default: as each analysis needs)")
    inspect.add_argument("--other", metavar="RUN", type=_place, help="a run to exchange chromosomes with")
    inspect.add_argument("--measured", metavar="FILE", type=Path, help=".npz of your own responses or dissimilarities")
    compare = add("compare", compare_verb, "runs side by side over seeds and conditions")
    compare.add_argument("runs", metavar="RUN", type=_place, nargs="+", help="runs, or sets of runs")
    for made in (innate, inspect, compare):
        made.add_argument("--out", type=Path, help="folder to write to (default: the run's own)")
    for made in (innate, inspect):
        made.add_argument("--draws", type=_count, default=200, help="of each null model (default: 200)")
        _add_executor(made)
    return innate, inspect, compare


def _add_executor(made: argparse.ArgumentParser) -> None:
    where = made.add_mutually_exclusive_group()
    where.add_argument("--workers", type=_count, help="processes of a local Ray (default: one a core)")
    where.add_argument("--address", help="of a running Ray cluster: auto, HOST:PORT or ray://HOST:PORT")
    where.add_argument("--serial", action="store_true", help="in this process, without Ray")


def _place(text: str) -> Path | str:
    """Of a run; what finds the folder of a URL loads numpy, so that waits until the verb runs."""
    return text if "://" in text else Path(text)


def _count(text: str) -> int:
    if not (text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got '{text}'")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
