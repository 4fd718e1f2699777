"""One driver at a time: the kernel's lock on a file."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from evo.storage.atomic import unwritable
from genomes.errors import InputError

_ADVICE = "wait for it, stop it, or choose another --run"


@contextmanager
def locked(path: Path, shared: bool = False) -> Iterator[None]:
    """Holds the lock file of a folder, until the end or the death of this process.

    Args:
        shared: True excludes drivers and writes nothing.

    Raises:
        InputError: another driver holds it (the message names process and host), or the disk refuses.
    """
    try:
        # never unlinked: after that, a lock on the file would no longer exclude other processes
        how = os.O_RDONLY if shared else os.O_RDWR | os.O_CREAT
        descriptor = os.open(path, how | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            if not shared:
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, me().encode(), 0)
        except BlockingIOError as error:
            got = f"one driven by {_holder(descriptor)}"
            raise InputError(f"{path.parent}: expected a run without a driver, got {got}; {_ADVICE}") from error
        except OSError as error:
            raise unwritable(path, error) from error
        yield
    finally:
        os.close(descriptor)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds a folder exclusively for a moment, if its filesystem can lock folders; writes nothing."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def me() -> str:
    """The name of this process in messages about locks."""
    return f"process {os.getpid()} on {os.uname().nodename}"


def _holder(descriptor: int) -> str:
    for _ in range(20):
        if written := os.pread(descriptor, 300, 0).decode(errors="replace"):
            return written
        time.sleep(0.01)  # the holder has the lock, and will soon write its name
    return "a process that has just begun"
