"""The pipes between a driver and the parent that supervises it (evo/cli/supervisor.py); without a parent, nothing.

The driver reports its state to the parent, and stops when the parent is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from functools import lru_cache
from pathlib import Path

PARENT = "INSTINCT_PARENT"
"""Environment variable: the descriptors of two pipes, to speak into and to listen at."""

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
"""Signals that stop a run; SIGUSR1 is what Slurm can send before it takes a machine away."""

RESTARTED = "INSTINCT_RESTARTED"
"""Environment variable: this driver goes on for one that died."""

_GRACE = 8.0  # seconds that an orphan has to stop in an orderly way


def code_of(number: int) -> int:
    """The exit code of a run that one of `STOPPING` stopped: 130 or 143."""
    return 128 + (signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)


def meet_parent() -> None:
    """Says that signals are welcome from now on, and stops this process when its parent dies, however it dies."""
    pipes = _pipes()
    if pipes is not None:
        threading.Thread(target=_follow, args=(pipes[1],), name="parent", daemon=True).start()
        announce(ready=True)


def announce(**news: object) -> None:
    """Says something, as one line of JSON."""
    pipes = _pipes()
    if pipes is not None:
        with contextlib.suppress(BrokenPipeError):  # it is gone: `_follow` sees to that
            os.write(pipes[0], f"{json.dumps(news)}\n".encode())


def announce_folder(path: Path) -> None:
    """Says which folder of a run or a set is about to be made; one that is in use will be refused, and is not ours."""
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        announce(folder=str(path))


def ended(code: int, again: bool = False) -> int:
    """Says that this process ends on purpose, with an exit code, which it gives back.

    Args:
        again: trying again later may help.
    """
    sys.stdout.flush()  # once the end is announced nobody says it a second time
    announce(exit=code, again=again)
    return code


@lru_cache(maxsize=1)
def _pipes() -> tuple[int, int] | None:
    given = os.environ.pop(PARENT, None)  # Ray's processes have another parent
    if given is None:
        return None
    speak, listen = map(int, given.split(","))
    for descriptor in (speak, listen):
        os.set_inheritable(descriptor, False)
    return speak, listen


def _follow(listen: int) -> None:
    os.read(listen, 1)  # nothing is ever written: this returns when the other end is closed
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    time.sleep(_GRACE)
    os._exit(128 + signal.SIGTERM)
