"""One driver at a URL: an object that names it, rewritten every half minute and void when no longer rewritten."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any, final

from evo.storage.atomic import write_atomic
from evo.storage.cache import DRIVER
from evo.storage.locks import me
from evo.storage.remote import Remote, Unreachable
from genomes.errors import InputError

STALE = 600.0
"""Seconds without a heartbeat after which the lock is void."""

_BEAT = 30.0  # seconds between heartbeats
_NAME = "lock"


@final
class RemoteLock:
    """The lock of a driver.

    Args:
        folder: the folder of the driver. It has its own lock against a second driver, so the lock of a dead driver of
            the same folder is taken over at once; a random word distinguishes folders with the same path.

    Raises:
        InputError: the folder cannot be written.
    """

    def __init__(self, remote: Remote, folder: Path) -> None:
        self._remote = remote
        if not (folder / DRIVER).exists():
            write_atomic(folder / DRIVER, os.urandom(16).hex().encode())
        self._home = f"{os.uname().nodename}:{(folder / DRIVER).read_text(encoding='utf-8')}"

    def beat(self) -> None:
        """Takes the lock, or renews it.

        If two drivers take it at the same moment, the next beat decides: the last one to write holds it.

        Raises:
            InputError: another driver holds it.
            Unreachable: the store did not answer.
        """
        held = self._read()
        age = max(time.time() - held["beat"], 0.0) if held else STALE
        if held and held["home"] != self._home and age < STALE:
            got = f"one driven by {held['holder']}, last heard of {age:.0f} s ago"
            void = f"(if it is dead, its lock is void {STALE:.0f} s after that)"
            advice = f"wait for it, stop it, or choose another --run {void}"
            raise InputError(f"{self._remote.url}: expected a run without a driver, got {got}; {advice}")
        beat = {"holder": me(), "home": self._home, "beat": time.time()}
        self._remote.put(_NAME, json.dumps(beat).encode())

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Beats until the end, for any length of a generation; then releases the lock, if it still holds it."""
        done = Event()
        thread = Thread(target=self._beat_until, args=(done,), name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(_BEAT)  # with a limit: a store that hangs would delay the end
            with suppress(Unreachable):  # the lock will become void, or this folder takes it over
                if (self._read() or {}).get("home") == self._home:
                    self._remote.remove([_NAME])

    def _beat_until(self, done: Event) -> None:
        while not done.wait(_BEAT):
            with suppress(Unreachable, InputError):  # the driver's own beat, before its next write, raises it
                self.beat()

    def _read(self) -> dict[str, Any] | None:
        """The lock; None if there is none, or its object is damaged."""
        with suppress(ValueError, TypeError, KeyError):
            held = json.loads(self._remote.read(_NAME) or b"")
            return {"holder": str(held["holder"])[:300], "home": str(held["home"]), "beat": float(held["beat"])}
        return None
