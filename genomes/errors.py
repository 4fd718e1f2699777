"""One clear sentence for whoever gave something wrong: where, what was expected, what was got."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_MOST = 40  # names that a sentence lists
_LONGEST = 60  # characters that it quotes of a name that cannot be


class InputError(ValueError):
    """The user's input is wrong; `str(error)` is one sentence without a traceback's help.

    What it quotes may be a stranger's, so whatever could steer a terminal is written out.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__("".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in sentence))


class ShapeError(ValueError):
    """A component gave back something of another size; no InputError, for one life that is wrong ends no run."""


def require(condition: object, where: str, expected: str, got: object) -> None:
    """Raises InputError with `where: expected ..., got ...` unless the condition holds."""
    if not condition:
        raise InputError(f"{where}: expected {expected}, got {got!r}")


def check_shape(component: object, what: str, tensor: Any, fitting: set[Any]) -> None:
    """Raises ShapeError unless the shape of what a component gave is one of those that fit."""
    shape = getattr(tensor, "shape", None)
    if shape not in fitting:
        wanted = " or ".join(str(tuple(shape)) for shape in sorted(fitting))
        got = type(tensor).__name__ if shape is None else tuple(shape)
        raise ShapeError(f"{type(component).__name__}: expected {what} of shape {wanted}, got {got}")


def nearest(word: str, choices: Iterable[str]) -> str:
    """The tail of a sentence that offers the nearest of the choices, or lists them when none is near."""
    choices = sorted(choices)
    matches = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    if matches:
        return f"did you mean '{matches[0]}'?"
    if not choices:
        return "none is known"
    more = f" and {len(choices) - _MOST} others" if len(choices) > _MOST else ""
    return f"choose from {', '.join(choices[:_MOST])}{more}"


def usable(path: str | os.PathLike[str]) -> Path:
    """The path, if the system can say whether there is something.

    `Path.exists`, `is_file` and `is_dir` raise where it cannot.

    Raises:
        InputError: the name is too long, links lead in a circle, a folder on the way may not be entered.
    """
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        pass  # there is nothing, which every verb has a sentence of its own for
    except (OSError, ValueError) as error:  # the second: a NUL in it
        text = str(path)
        quoted = text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}...{text[-_LONGEST // 2 :]}"
        why = getattr(error, "strerror", None) or error
        raise InputError(
            f"{quoted}: expected a name of a file or folder, got one that cannot be used ({why})"
        ) from None
    return Path(path)
