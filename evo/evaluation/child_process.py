"""Evaluation of a cohort in a child of this process: the death of the child is detected and kills no other process."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import NoReturn

import numpy as np

from evo.evaluation.error_log import ErrorLog
from evo.evaluation.outcome import FAILURES, Failure, Outcome, outcome_arrays, outcome_of
from evo.experiment.limits import Limits
from evo.storage.arrays import pack, unpack
from genomes.errors import InputError

_SHARE = 0.8  # of free memory, for a child without a limit: otherwise the kernel may kill another process
_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def guarded(evaluate: Callable[[], Outcome | Failure], seconds: float | None, errors: ErrorLog) -> Outcome | Failure:
    """Runs `evaluate` in a fork of this process.

    Args:
        seconds: time after which the child is killed.
        errors: receives the messages that `evaluate` adds to it in the child.

    Returns:
        The result of `evaluate`; `timeout` when its time is over; `lost` when it was killed or ended without a result.

    Raises:
        InputError: `evaluate` raised it.
    """
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Ray's threads are not needed in the child
        child = os.fork()
    if child == 0:
        _live(evaluate, writing, errors)
    os.close(writing)
    try:
        said = _read(reading, None if seconds is None else monotonic() + seconds)
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return "timeout" if said is None else _understood(said, errors)


def bounded(limits: Limits) -> Limits:
    """The limits with a limit of memory: their own, or most of the free memory."""
    return limits if limits.memory is not None else replace(limits, memory=_free())


def _live(evaluate: Callable[[], Outcome | Failure], writing: int, errors: ErrorLog) -> NoReturn:
    """Runs in the child; even after an error, the child never returns into the parent's code."""
    try:
        with contextlib.suppress(AttributeError, OSError):
            ctypes.CDLL(None).prctl(_WITH_PARENT, signal.SIGKILL)
        try:
            result = evaluate()
            arrays = outcome_arrays(result) if isinstance(result, Outcome) else {"failure": _coded(result)}
            arrays["messages"] = np.array(errors.messages, dtype=np.str_)
        except InputError as error:
            arrays = {"unexpected": np.array(str(error))}
        rest = memoryview(pack(arrays))
        while rest:
            rest = rest[os.write(writing, rest) :]
    finally:
        os._exit(0)


def _read(reading: int, deadline: float | None) -> bytes | None:
    """Reads bytes until the other end is closed; None if the deadline passes first."""
    said = b""
    while True:
        left = None if deadline is None else max(0.0, deadline - monotonic())
        ready, _, _ = select.select([reading], [], [], left)
        if not ready:
            return None
        part = os.read(reading, 2**20)
        if not part:
            return said
        said += part


def _understood(said: bytes, errors: ErrorLog) -> Outcome | Failure:
    if not said:
        return "lost"
    try:
        arrays = unpack(said)
    except InputError:
        return "lost"  # it was killed while it wrote
    if "unexpected" in arrays:
        raise InputError(str(arrays["unexpected"]))
    for message in arrays["messages"].tolist():
        errors.add(message)
    return FAILURES[int(arrays["failure"])] if "failure" in arrays else outcome_of(arrays)


def _coded(failure: Failure) -> np.ndarray:
    return np.array(FAILURES.index(failure))


def _free() -> float | None:
    """GiB that a child may use; None if the kernel does not tell. In a container, the container's limit counts."""
    path = Path("/proc/meminfo")
    if not path.exists():
        return None
    available = next(line for line in path.read_text().splitlines() if line.startswith("MemAvailable"))
    free = int(available.split()[1]) * 2**10
    group = Path("/sys/fs/cgroup")
    with contextlib.suppress(OSError, ValueError):  # no limit, or an unreadable one
        free = min(free, int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    return _SHARE * max(free, 0) / 2**30
