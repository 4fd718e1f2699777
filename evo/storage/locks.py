"""Locks that allow one driver at a time: the kernel's lock on a file, or, in a store, an object with a heartbeat."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, final

from evo.storage.atomic import unwritable
from evo.storage.cache import machine
from genomes.errors import InputError

STALE = 600.0
"""Seconds without a heartbeat after which another driver may take over a lock at a URL."""

_BEAT = 30.0
_ADVICE = "wait for it, stop it, or choose another --run"


@contextmanager
def locked(path: Path, shared: bool = False) -> Iterator[None]:
    """Holds the lock file of a folder until the end of the block or the death of this process.

    Args:
        path: the lock file.
        shared: take a shared lock, which keeps drivers out and writes nothing.

    Raises:
        InputError: another driver holds the lock, and the message names it; or the disk cannot be written.
    """
    try:
        # never unlinked: a lock on a file without a name would keep no other process out
        how = os.O_RDONLY if shared else os.O_RDWR | os.O_CREAT
        descriptor = os.open(path, how | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            if not shared:
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, _me().encode(), 0)
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
    """Holds an exclusive lock on a folder, where its filesystem can lock folders; writes nothing."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@final
class StoreLock:
    """An object that is created exclusively, where the store can do that, and rewritten every half minute.

    Args:
        store: an fsspec filesystem.
        path: the path of the object.
        called: the name of the run in error messages.
        folder: the working folder of the driver. A driver there also holds that folder's own lock, so it may take over
            at once a lock that an earlier driver in that folder left.

    Raises:
        InputError: the cache cannot be written.
    """

    def __init__(self, store: Any, path: str, called: str, folder: Path) -> None:
        self._store, self._path, self._called = store, path, called
        try:
            self._home = f"{os.uname().nodename}:{machine()}:{folder.absolute()}"
        except OSError as error:
            raise unwritable(folder, error) from error
        self._had, self._beaten = False, 0.0

    def acquire(self) -> None:
        """Takes the lock if it is free, already ours, or without a heartbeat for `STALE` seconds.

        Raises:
            InputError: another driver holds the lock.
        """
        try:
            self._create()
        except FileExistsError:
            held = self._read() or {}
            age = time.time() - float(held.get("beat", 0.0))
            if held.get("home") != self._home and age < STALE:
                got = f"one driven by {held['holder']}, last heard of {max(age, 0):.0f} s ago"
                void = f"(if it is dead, its lock ends {STALE:.0f} s after that)"
                expected = "expected a run without a driver"
                raise InputError(f"{self._called}: {expected}, got {got}; {_ADVICE} {void}") from None
            self._store.pipe_file(self._path, self._text())
        self._had, self._beaten = True, time.monotonic()

    def beat(self) -> None:
        """Renews the heartbeat from time to time; takes the lock if the store could not be reached before.

        Raises:
            InputError: another driver holds the lock now.
        """
        if not self._had:
            self.acquire()
        elif time.monotonic() - self._beaten > _BEAT:
            held = self._read()
            if held and held.get("home") != self._home:
                self._had = False
                taken = f"was taken over by {held['holder']} because the heartbeat of this driver stopped"
                raise InputError(f"{self._called}: the run {taken}; it goes on there")
            self._store.pipe_file(self._path, self._text())
            self._beaten = time.monotonic()

    def release(self) -> None:
        """Releases the lock, if it is ours."""
        if self._had and (self._read() or {}).get("home") == self._home:
            self._had = False
            with suppress(FileNotFoundError):
                self._store.rm_file(self._path)

    def _create(self) -> None:
        try:
            self._made()
        except FileNotFoundError:  # a store with real folders
            self._store.makedirs(self._path.rpartition("/")[0], exist_ok=True)
            self._made()

    def _made(self) -> None:
        try:
            with self._store.open(self._path, "xb") as file:
                file.write(self._text())
        except (ValueError, NotImplementedError, TypeError):  # a store without exclusive creation: check, then write
            if self._store.exists(self._path):
                raise FileExistsError(self._path) from None
            self._store.pipe_file(self._path, self._text())

    def _read(self) -> dict[str, Any] | None:
        """Holder, home and time of the lock; None if there is no lock, or its content stays unreadable."""
        for _ in range(3):
            with suppress(FileNotFoundError, ValueError, TypeError, KeyError):
                held = json.loads(self._store.cat_file(self._path))
                return {"holder": str(held["holder"])[:300], "home": str(held["home"]), "beat": float(held["beat"])}
            time.sleep(0.2)  # another driver may be writing it
        return None

    def _text(self) -> bytes:
        return json.dumps({"holder": _me(), "home": self._home, "beat": time.time()}).encode()


def _me() -> str:
    return f"process {os.getpid()} on {os.uname().nodename}"


def _holder(descriptor: int) -> str:
    for _ in range(20):
        if written := os.pread(descriptor, 300, 0).decode(errors="replace"):
            return written
        time.sleep(0.01)  # the holder has the lock and is about to write its name
    return "a process that has just begun"
