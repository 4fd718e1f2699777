"""Changes that our Ray makes in the process that starts it, and their reversal when that Ray has stopped."""

from __future__ import annotations

import logging
import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from evo.evaluation.numerics import SETTLED

_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_task_events_report_interval_ms": "0",
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",  # errors of attempts whose result is no longer needed
}


def quiet() -> None:
    """Switches off Ray's telemetry, its messages, and its history of tasks, which would grow without limit."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    logging.getLogger("ray").setLevel(logging.ERROR)


@contextmanager
def borrowed() -> Iterator[None]:
    """Surrounds our use of Ray; restores environment variables, the level of Ray's logger and the SIGTERM handler.

    A token stays in the environment, because Ray keeps it as long as the process lives and reads it again.
    """
    before = {name: value for name, value in os.environ.items() if _given_back(name)}
    level, handler = logging.getLogger("ray").level, signal.getsignal(signal.SIGTERM)
    quiet()
    for name, value in SETTLED.items():
        os.environ.setdefault(name, value)  # the workers of a Ray that is started here inherit them
    try:
        yield
    finally:
        for name in filter(_given_back, list(os.environ)):
            del os.environ[name]
        os.environ.update(before)
        logging.getLogger("ray").setLevel(level)
        if handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def _given_back(name: str) -> bool:
    own = name in SETTLED or name == "PYTHONBREAKPOINT"  # Ray sets PYTHONBREAKPOINT to its debugger
    return own or (name.startswith("RAY_") and not name.startswith("RAY_AUTH_"))


@contextmanager
def undrawn() -> Iterator[None]:
    """Surrounds Ray's start and its end, which draw from Python's global generator; restores the generator's state."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


@contextmanager
def own_handler() -> Iterator[None]:
    """Surrounds Ray's start, which installs its own SIGTERM handler; restores our handler, if we have one."""
    ours = signal.getsignal(signal.SIGTERM)
    yield
    if callable(ours) and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, ours)
