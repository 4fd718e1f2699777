"""Limits of time and memory for the lives of a cohort."""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import NoReturn

from evo.experiment.limits import Limits


class TimeLimitExceeded(Exception):
    """The lives of a cohort exceed the limit of time."""


@contextmanager
def within(limits: Limits, backstop: bool = False) -> Iterator[None]:
    """Applies the limits of time and memory to the code in the block.

    A process has only one alarm, so time is limited only in the main thread. Memory is limited only if the kernel tells
    how much memory the process has.

    Args:
        backstop: end the process after twice the time, for code that never returns to Python, where no alarm is
            handled.

    Raises:
        TimeLimitExceeded: the time is over.
        MemoryError: the code requested too much memory; torch raises a RuntimeError instead.
    """
    with _backstop(limits.seconds if backstop else None), _alarm(limits.seconds), _ceiling(limits.memory):
        yield


@contextmanager
def _alarm(seconds: float | None) -> Iterator[None]:
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def over(number: int, frame: FrameType | None) -> NoReturn:
        raise TimeLimitExceeded

    theirs = signal.signal(signal.SIGALRM, over)
    began, (left, again) = monotonic(), signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, theirs)
        if left:  # an alarm that was set before continues
            signal.setitimer(signal.ITIMER_REAL, max(left - (monotonic() - began), 1e-3), again)


@contextmanager
def _backstop(seconds: float | None) -> Iterator[None]:
    if seconds is None:
        yield
        return
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(2 * seconds + 1, exit=True, file=nowhere)  # its thread needs no GIL
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


@contextmanager
def _ceiling(memory: float | None) -> Iterator[None]:
    statistics = Path("/proc/self/statm")
    if memory is None or not statistics.exists():
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    has = int(statistics.read_text().split()[0]) * resource.getpagesize()
    most = has + int(memory * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
