"""The command line in words: verbs, arguments, options, and what is said of a word that no verb knows."""

from __future__ import annotations

import argparse
from argparse import SUPPRESS
from collections.abc import Sequence
from typing import Any, NoReturn, final

from evo.cli.analyses import add_analyses
from evo.cli.evolve import add_runs
from evo.cli.exit_codes import Verb
from evo.cli.files import add_files
from evo.cli.tools import add_tools
from genomes.errors import InputError, nearest


@final
class _Parser(argparse.ArgumentParser):
    """Takes options by their whole names: `--worker` is no `--workers`."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see {self.prog} --help")


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
        InputError: it says something that no verb understands.
        SystemExit: it asks for help or for the version, which is printed.
    """
    parser, verbs = _parser()
    if not arguments or arguments[0] == "help":
        arguments = [*arguments[1:2], "--help"]
    if not arguments[0].startswith("-") and arguments[0] not in verbs:
        raise InputError(f"no verb '{arguments[0]}'; {nearest(arguments[0], verbs)}")
    options, rest = parser.parse_known_args(arguments)
    strange = [word for word in rest if word.startswith("-") or not hasattr(options, "overrides")]
    if strange:
        raise InputError(_unknown(strange[0], verbs[arguments[0]]))
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

    running = add_runs(add)
    add_tools(add)
    examining = add_analyses(add)
    exporting = add_files(add)
    for made in (*running, exporting, *examining):
        made.add_argument("--allow-code", action="store_true", help="run module:Class components that the file names")
    return parser, dict(verbs.choices)
