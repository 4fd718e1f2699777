"""Standard output and standard error that never raise, so that a full disk or a closed pipe stops no run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, final


@final
class Output:
    """A text stream around another stream: drops text that cannot be written, and prints the reason once on stderr.

    Args:
        stream: the text file; None: the process was started without it.
        called: name of the stream in the message; empty: no message.

    Attributes:
        lost: True if text was dropped for another reason than a closed pipe.
        goes_on: True if the command does more than write; a closed pipe then also gives a message.
    """

    def __init__(self, stream: Any, called: str = "") -> None:
        self._stream = stream or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  closed by `finish`
        self._ours, self._called, self._refused = stream is None, called, False
        self.lost, self.goes_on = False, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Writes text like a file; a character that the stream's encoding lacks is written as its number."""
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        self._attempt(lambda: self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding)))
        return len(text)

    def flush(self) -> None:
        """Flushes like a file."""
        self._attempt(self._stream.flush)

    def finish(self) -> None:
        """Flushes the last time and discards unwritable text; Python would try to write it again at exit."""
        self.flush()
        try:
            self._stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)
                self._stream.flush()
        if self._ours:
            self._stream.close()

    def _attempt(self, act: Callable[[], object]) -> None:
        try:
            act()
        except (OSError, ValueError) as error:  # ValueError: the file was closed
            left = isinstance(error, BrokenPipeError)
            self.lost = self.lost or not left
            first, self._refused = not self._refused, True
            if first and self._called and (self.goes_on or not left):
                why = getattr(error, "strerror", None) or error
                rest = "; the work continues without it" if self.goes_on else ""
                print(f"instinct: {self._called} cannot be written ({why}){rest}", file=sys.stderr)


@contextmanager
def spared() -> Iterator[None]:
    """Surrounds a command: `sys.stdout` and `sys.stderr` are each an `Output`."""
    if isinstance(sys.stdout, Output):
        yield
        return
    _hold_descriptors()
    before = sys.stdout, sys.stderr
    ours = Output(before[0], "standard output"), Output(before[1])
    sys.stdout, sys.stderr = ours  # type: ignore[assignment]
    try:
        yield
    finally:
        for stream in ours:
            stream.finish()
        sys.stdout, sys.stderr = before


def _hold_descriptors() -> None:
    """Opens closed standard descriptors to the null device; otherwise the next opened file would get their number.

    A driver and its workers inherit the descriptors.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # gets the lowest free number, which is this one
