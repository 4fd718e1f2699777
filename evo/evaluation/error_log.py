"""Log of the exceptions that individuals raise, each logged once, so that a user-defined component fails visibly.

The record of such an individual says only `raised`. The driver logs the message of the exception for the author of the
component; the message is no part of a result.
"""

from __future__ import annotations

import logging

_MOST = 3  # messages per run and per cohort: a faulty component gives the same message for all individuals
_log = logging.getLogger(__name__)
_said, _heard = list[str](), list[str]()


def say(sentence: str) -> None:
    """Logs a message unless it was logged before, or the run has reached the maximum number of messages."""
    _note(_heard, sentence)
    if _note(_said, sentence):
        _log.warning("an individual raised %s; it is recorded as `raised`", sentence)


def heard() -> tuple[str, ...]:
    """Messages of this process since the last call."""
    found = tuple(_heard)
    _heard.clear()
    return found


def begin() -> None:
    """Clears the log at the start of a run, so that messages of the new run are logged again."""
    _said.clear()


def _note(sentences: list[str], sentence: str) -> bool:
    new = sentence not in sentences and len(sentences) < _MOST
    sentences += [sentence] * new
    return new
