"""The command line in words: verbs, arguments, options, and what is said of a word that no verb knows."""

from __future__ import annotations

import argparse
from argparse import SUPPRESS
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, final

from evo.verbs import (
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


@final
class _Parser(argparse.ArgumentParser):
    """Takes options by their whole names: `--worker` is no `--workers`."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise Unexpected(f"{message}; see {self.prog} --help")


@final
class _Version(argparse.Action):
    """Prints the version, which is looked up only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        import evo

        print(f"instinct {evo.__version__}")
        parser.exit()


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """What a command line says; options and overrides may stand in any order.

    Raises:
        Unexpected: it says something that no verb understands.
        SystemExit: it asks for help or for the version, which is printed.
    """
    parser, verbs = _parser()
    if not arguments or arguments[0] == "help":
        arguments = [*arguments[1:2], "--help"]
    if not arguments[0].startswith("-") and arguments[0] not in verbs:
        raise Unexpected(f"no verb '{arguments[0]}'; {nearest(arguments[0], verbs)}")
    options, rest = parser.parse_known_args(arguments)
    strange = [word for word in rest if word.startswith("-") or not hasattr(options, "overrides")]
    if strange:
        raise Unexpected(_unknown(strange[0], verbs[arguments[0]]))
    if rest:
        options.overrides = [*options.overrides, *rest]
    return options


def _unknown(word: str, verb: argparse.ArgumentParser) -> str:
    """What is said of a word that a verb does not take: the option that is meant, if one is near."""
    near = nearest(word.partition("=")[0], verb._option_string_actions) if word.startswith("--") else ""
    return f"unknown argument '{word}'; {near if near.startswith('did') else f'see {verb.prog} --help'}"


def _parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Of the command, and of each verb."""
    parser = _Parser(prog="instinct", description="Evolution plus learning.")
    parser.add_argument(
        "--version", action=_Version, nargs=0, dest=SUPPRESS, default=SUPPRESS, help="print the version"
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)

    def add(name: str, verb: Verb, text: str) -> Any:
        made = verbs.add_parser(name, help=text, description=text)
        made.add_argument("--json", action="store_true", help="print one JSON object as the last line of stdout")
        made.set_defaults(verb=verb)
        return made

    driving = _add_runs(add)
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
    for made in (*driving, exporting, *examining):
        made.add_argument("--allow-code", action="store_true", help="run module:Class components that the file names")
    return parser, dict(verbs.choices)


def _add_runs(add: Callable[[str, Verb, str], Any]) -> tuple[Any, ...]:
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
    # nothing can be changed; they are taken so that what differs can be named
    resume.add_argument("overrides", metavar="KEY=VALUE", nargs="*", help=SUPPRESS)
    resume.add_argument("--generations", type=_count, help="the new total")
    _add_executor(resume)
    return evolve, resume


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
    innate.add_argument("--births", type=_count, help="of each genome (default: 16, in a world 32)")
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
