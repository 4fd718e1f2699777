"""Runs the verbs of the command `instinct` in this process; the command itself is evo/cli/supervisor.py."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from types import FrameType
from typing import Any, NoReturn

from rich.console import Console

from evo.cli.arguments import is_override
from evo.cli.driver_link import STOPPING, announce, code_of, ended, meet_parent
from evo.cli.evolve import evolve_verb
from evo.cli.exit_codes import DONE, FAILED, WRONG
from evo.cli.files import unpack_verb
from evo.cli.kernels import use_kernels_of
from evo.cli.output import spared
from evo.cli.parser import options_of
from evo.cli.tools import check_verb, doctor_verb, list_verb
from evo.evaluation.numerics import use_portable_kernels
from genomes.errors import InputError

_SPEAKING = (list_verb, doctor_verb, check_verb)
"""Verbs whose only result is their output."""


class Interrupted(BaseException):
    """The first signal of `STOPPING`: finished cohorts are on disk. A second signal ends the process at once."""

    def __init__(self, number: int) -> None:
        self.number = number


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb in this process.

    Returns:
        The exit code: 0 done, 1 the run failed, 2 wrong input; after a signal: 130 SIGINT, 143 SIGTERM or SIGUSR1.
    """
    with spared():
        return _main(sys.argv[1:] if arguments is None else arguments)


def _main(arguments: Sequence[str]) -> int:
    before = {number: signal.getsignal(number) for number in STOPPING}
    try:
        for number in STOPPING:
            signal.signal(number, _stop)
        meet_parent()
        return ended(_run(arguments))
    except InputError as error:
        print(f"instinct: {error}", file=sys.stderr)
        return ended(WRONG, again=_may_come_back(error))
    except Interrupted as interruption:
        return _interrupted(interruption, interruption)
    except SystemExit:
        announce(exit=FAILED, again=False)
        raise
    except _failures() as error:
        print(f"instinct: {error}", file=sys.stderr)
        return ended(FAILED)
    except Exception as error:
        for reason in _reasons(error):
            if isinstance(reason, Interrupted):  # Ray's compiled code, or an import, turns it into another error
                return _interrupted(reason, error)
        announce(exit=FAILED, again=True)  # for example, a broken cluster may be repaired
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def _reasons(error: BaseException) -> Iterator[BaseException]:
    """The causes of an error, the latest first."""
    reason = error.__cause__ or error.__context__
    if reason is not None:
        yield reason
        yield from _reasons(reason)


def _interrupted(interruption: Interrupted, seen: BaseException) -> int:
    print("; ".join(["instinct: interrupted", *getattr(seen, "__notes__", ())]), file=sys.stderr)
    return ended(code_of(interruption.number))


def _brought(options: argparse.Namespace) -> AbstractContextManager[None]:
    """Downloads runs at URLs to local folders before a verb, and uploads them after it."""
    given = vars(options)
    if not (given.get("run") or given.get("runs")):
        return nullcontext()
    from evo.storage.cache import place
    from evo.storage.mirror import brought

    given |= {name: place(given[name]) for name in ("run", "other") if given.get(name)}
    words = given.get("runs", ())
    others = [word for word in words if "overrides" in given and is_override(word)]
    runs = [place(word) for word in words if word not in others]
    given |= {"runs": [*runs, *others]} if words else {}
    new = options.verb in (evolve_verb, unpack_verb)
    return brought([run for run in (given.get("run"), given.get("other"), *runs) if run], new)


def _run(arguments: Sequence[str]) -> int:
    _choose_kernels(arguments)
    options = options_of(arguments)
    output: Any = sys.stdout  # an `Output`
    output.goes_on = works = options.verb not in _SPEAKING
    console = Console(file=sys.stderr if options.json else sys.stdout, highlight=False, soft_wrap=True)
    with redirect_stdout(sys.stderr), _brought(options):  # Ray writes messages about dead workers to standard output
        answer = options.verb(options, console)
    output.goes_on = False
    if options.json:
        from evo.storage.strict_json import to_json

        print(to_json(answer, ascii_only=True))
    sys.stdout.flush()
    code = int(answer.get("exit", DONE))
    # a run or an analysis is on disk; the other verbs have only their output
    unsaid = output.lost and (options.json or not works)
    return FAILED if unsaid and code == DONE else code


def _choose_kernels(arguments: Sequence[str]) -> None:
    """Chooses kernels before numpy is imported: those that the user requests, or those of an existing run."""
    if "--portable" in arguments:
        use_portable_kernels()
    for word in arguments:
        use_kernels_of(word)


def _failures() -> tuple[type[Exception], ...]:
    from evo.distribution.worker import ResultMismatch
    from evo.evolution.offspring import RunFailed

    return (RunFailed, ResultMismatch)


def _may_come_back(error: InputError) -> bool:
    from evo.distribution.cluster import ClusterUnreachable

    return isinstance(error, ClusterUnreachable)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    for each in STOPPING:
        signal.signal(each, _stop_at_once)
    raise Interrupted(number)


def _stop_at_once(number: int, frame: FrameType | None) -> NoReturn:
    os._exit(code_of(number))  # no recorded data are lost, because every write is atomic


if __name__ == "__main__":
    sys.exit(main())
