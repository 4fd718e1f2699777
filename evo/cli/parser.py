"""Parser of the command line: verbs, arguments, options, and the error messages for unknown words."""

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
    """Parser that accepts only full option names: `--worker` does not mean `--workers`."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see {self.prog} --help")


@final
class _Version(argparse.Action):
    """Prints the version; it is looked up only on request."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        import evo

        print(f"instinct {evo.__version__}")
        parser.exit()


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """Parses a command line; options and overrides may have any order.

    Raises:
        InputError: no verb accepts the command line.
        SystemExit: the help or the version was requested and printed.
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
    """The error message for an unknown word, with a similar option if there is one."""
    near = nearest(word.partition("=")[0], verb._option_string_actions) if word.startswith("--") else ""
    return f"unknown argument '{word}'; {near if near.startswith('did') else f'see {verb.prog} --help'}"


def _parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser of the command, and the parsers of its verbs by name."""
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
