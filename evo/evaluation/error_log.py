"""Log of the exceptions that individuals raise, each logged once, so that a user-defined component fails visibly.

The record of such an individual says only `raised`. The driver logs the message of the exception for the author of the
component; the message is no part of a result.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import final

from evo.evaluation.outcome import Outcome

_MOST = 3  # messages per run and per cohort: a faulty component gives the same message for all individuals
_log = logging.getLogger(__name__)


@final
class ErrorLog:
    """The messages of a run, or of the attempts to evaluate one cohort: different ones, a few at most."""

    def __init__(self) -> None:
        self._messages: list[str] = []

    @property
    def messages(self) -> tuple[str, ...]:
        """In the order of their arrival."""
        return tuple(self._messages)

    def add(self, message: str) -> bool:
        """Returns True if the message is new and there is room for it."""
        new = message not in self._messages and len(self._messages) < _MOST
        self._messages += [message] * new
        return new

    def watched(self, arriving: Iterable[tuple[int, Outcome]]) -> Iterator[tuple[int, Outcome]]:
        """Yields outcomes as they arrive, and logs their new messages."""
        for place, outcome in arriving:
            for message in filter(self.add, outcome.messages):
                _log.warning("an individual raised %s; it is recorded as `raised`", message)
            yield place, outcome
