"""What individuals raised, said once: a component of one's own does not fail in silence.

An individual that raises is recorded as no more than that. Why it raised is for whoever wrote the component: it is
logged by the driver, and is no part of a result.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genomes.expect import Unexpected
from genomes.foreign import is_house

_MOST = 3  # sentences, of a run and of a cohort: the individuals of a component that is wrong say all the same
_log = logging.getLogger(__name__)
_said, _heard = list[str](), list[str]()


def complaint(error: Exception) -> str:
    """What was raised and where, in a sentence."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}{where}"


@contextmanager
def asking(component: object) -> Iterator[None]:
    """Around what the driver asks of a component: whatever a stranger's raises there is one sentence.

    Raises:
        Unexpected: it raised something; no further try would come to another end.
    """
    try:
        yield
    except Unexpected:
        raise
    except Exception as error:
        if is_house(type(component).__module__):
            raise
        raise Unexpected(f"{type(component).__name__}: {complaint(error)}") from error


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
