"""What individuals raised, said once: a component of one's own does not fail in silence.

An individual that raises is recorded as no more than that. Why it raised is for whoever wrote the component: it is
logged by the driver, and is no part of a result.
"""

from __future__ import annotations

import logging

_MOST = 3  # sentences, of a run and of a cohort: the individuals of a component that is wrong say all the same
_log = logging.getLogger(__name__)
_said, _heard = list[str](), list[str]()


def say(sentence: str) -> None:
    """Logs it, unless it was, or enough was."""
    _note(_heard, sentence)
    if _note(_said, sentence):
        _log.warning("an individual raised %s; it is recorded as `raised`", sentence)


def heard() -> tuple[str, ...]:
    """What was said in this process since this was last asked."""
    found = tuple(_heard)
    _heard.clear()
    return found


def begin() -> None:
    """Forgets what was said: of a new run it is said again."""
    _said.clear()


def _note(sentences: list[str], sentence: str) -> bool:
    new = sentence not in sentences and len(sentences) < _MOST
    sentences += [sentence] * new
    return new
