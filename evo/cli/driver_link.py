"""The pipes between a driver and its supervising parent (evo/cli/supervisor.py).

The driver reports its state to the parent, and stops when the parent dies. Without a parent, these functions do
nothing.
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
"""Environment variable with the descriptors of two pipes, one to write to and one to read from."""

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
"""Signals that stop a run; Slurm can send SIGUSR1 before it takes a machine away."""

RESTARTED = "INSTINCT_RESTARTED"
"""Environment variable of a driver that continues the work of a dead driver."""

_GRACE = 8.0  # seconds in which a driver without a parent must stop


def code_of(number: int) -> int:
    """The exit code of a run that one of `STOPPING` stopped: 130 or 143."""
    return 128 + (signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)


def meet_parent() -> None:
    """Announces that this process now handles signals, and stops it when its parent dies for any reason."""
    pipes = _pipes()
    if pipes is not None:
        threading.Thread(target=_follow, args=(pipes[1],), name="parent", daemon=True).start()
        announce(ready=True)


def announce(**news: object) -> None:
    """Sends a message to the parent, as one line of JSON."""
    pipes = _pipes()
    if pipes is not None:
        with contextlib.suppress(BrokenPipeError):  # the parent is dead: `_follow` handles that
            os.write(pipes[0], f"{json.dumps(news)}\n".encode())


def announce_folder(path: Path) -> None:
    """Announces the folder of a run or a set before it is made; a folder in use is not ours and is not announced."""
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        announce(folder=str(path))


def ended(code: int, again: bool = False) -> int:
    """Announces that this process ends on purpose; returns its exit code.

    Args:
        again: True if a later try may succeed.
    """
    sys.stdout.flush()  # before the announcement, because nothing is printed again after it
    announce(exit=code, again=again)
    return code


@lru_cache(maxsize=1)
def _pipes() -> tuple[int, int] | None:
    given = os.environ.pop(PARENT, None)  # removed, because Ray's processes have another parent
    if given is None:
        return None
    speak, listen = map(int, given.split(","))
    for descriptor in (speak, listen):
        os.set_inheritable(descriptor, False)
    return speak, listen


def _follow(listen: int) -> None:
    os.read(listen, 1)  # no data is ever written: this returns when the other end is closed
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    time.sleep(_GRACE)
    os._exit(128 + signal.SIGTERM)
