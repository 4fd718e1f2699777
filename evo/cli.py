"""The command `instinct` and its verbs."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from rich.console import Console

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
    resume_verb,
)
from genomes.expect import Unexpected, nearest


class Interrupted(BaseException):
    """SIGINT or SIGTERM: what is finished is on disk."""

    def __init__(self, number: int) -> None:
        self.number = number


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb; returns 0 done, 1 the run failed, 2 the input is wrong, 130 or 143 interrupted."""
    try:
        options = _options(sys.argv[1:] if arguments is None else arguments)
    except Unexpected as error:
        print(f"instinct: {error}", file=sys.stderr)
        return WRONG
    verb: Verb = options.verb
    console = Console(file=sys.stderr if options.json else sys.stdout, highlight=False, soft_wrap=True)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        with redirect_stdout(sys.stderr):  # Ray's own words about dead workers go to standard output
            answer = verb(options, console)
    except Unexpected as error:
        print(f"instinct: {error}", file=sys.stderr)
        return WRONG
    except Interrupted as interruption:
        print("instinct: interrupted; what is finished is safe, `instinct resume` goes on from there", file=sys.stderr)
        return 128 + interruption.number
    except _failures() as error:
        print(f"instinct: {error}", file=sys.stderr)
        return FAILED
    if options.json:
        print(json.dumps(answer))
    return int(answer.get("exit", DONE))


def _failures() -> tuple[type[Exception], ...]:
    from evo.loop import RunFailed

    return (RunFailed,)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise Interrupted(number)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Unexpected(f"{message}; see {self.prog} --help")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    """Options and overrides may stand in any order."""
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
    evolve.add_argument("--run", type=Path, help="folder to write (default: runs/CONFIG-001, -002 ...)")
    evolve.add_argument("--seed", type=int, help="of all randomness (default: the config's)")
    evolve.add_argument("--seeds", type=_count, help="a set of so many runs, of this seed and those that follow")
    _add_executor(evolve)
    resume = add("resume", resume_verb, "go on with a run that was stopped, or add generations to it")
    resume.add_argument("run", metavar="RUN", type=Path)
    resume.add_argument("--generations", type=_count, help="the new total")
    _add_executor(resume)
    listing = add("list", list_verb, "what there is to build an experiment from")
    listing.add_argument(
        "what", metavar="WHAT", nargs="?", help="encodings, rules, objectives, tasks, worlds, searches, configs"
    )
    doctor = add("doctor", doctor_verb, "does this machine work, and what is missing")
    doctor.add_argument("--address", help="of a running Ray cluster to try")
    examining = _add_analyses(add)
    exporting = add("export", export_verb, "write the best genome's network in another format")
    exporting.add_argument("run", metavar="RUN", type=Path)
    exporting.add_argument("--to", required=True, help="npz, graphml, torch or csv")
    exporting.add_argument("--out", type=Path, help="file to write (default: RUN/export/best.*)")
    checking = add("check", check_verb, "try the contract of a seam on your own component")
    checking.add_argument("component", metavar="MODULE:CLASS", help="or the name of one that comes with the house")
    for made in (evolve, resume, exporting, *examining):
        made.add_argument("--allow-code", action="store_true", help="run module:Class components that the file names")
    return parser, list(verbs.choices)


def _add_analyses(add: Callable[[str, Verb, str], Any]) -> tuple[Any, ...]:
    innate = add("innate", innate_verb, "what the best genomes can do without learning, against null models")
    innate.add_argument("runs", metavar="RUN", type=Path, nargs="+", help="runs, a set, or an exported .npz")
    innate.add_argument("--config", help="what to examine in; needed with a file (default: the run's own)")
    innate.add_argument("--genomes", default="best", help="best, front, or a number: so many that differ")
    innate.add_argument("--births", type=_count, help="of each genome (default: 16, in a world 32)")
    innate.add_argument("--episodes", type=_count, help="of an examination in a world (default: the config's)")
    innate.set_defaults(overrides=[])
    inspect = add("inspect", inspect_verb, "read out the wiring rules, in words, numbers and pictures: report.html")
    inspect.add_argument("run", metavar="RUN", type=Path)
    inspect.add_argument("--births", type=_count, help="of each variant (default: as each analysis needs)")
    inspect.add_argument("--other", metavar="RUN", type=Path, help="a run to exchange chromosomes with")
    inspect.add_argument("--measured", metavar="FILE", type=Path, help=".npz of your own responses or dissimilarities")
    compare = add("compare", compare_verb, "runs side by side over seeds and conditions")
    compare.add_argument("runs", metavar="RUN", type=Path, nargs="+", help="runs, or sets of runs")
    for made in (innate, inspect, compare):
        made.add_argument("--out", type=Path, help="folder to write to (default: the run's own)")
    for made in (innate, inspect):
        made.add_argument("--draws", type=_count, default=200, help="of each null model (default: 200)")
        _add_executor(made)
    return innate, inspect, compare


def _add_executor(made: argparse.ArgumentParser) -> None:
    where = made.add_mutually_exclusive_group()
    where.add_argument("--workers", type=_count, help="processes of a local Ray (default: one a core)")
    where.add_argument("--address", help="of a running Ray cluster: auto or HOST:PORT")
    where.add_argument("--serial", action="store_true", help="in this process, without Ray")


def _count(text: str) -> int:
    if not (text.isdecimal() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got '{text}'")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
