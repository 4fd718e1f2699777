"""Errors that tell a user in one clear sentence where the input is wrong, what was expected and what was given."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_MOST = 40  # names that a sentence lists
_LONGEST = 60  # characters that a message quotes of a path that cannot be used


class InputError(ValueError):
    """The user's input is wrong; `str(error)` is one sentence that needs no traceback.

    It may quote text from a user's file, so characters that could control a terminal are escaped.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__("".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in sentence))


class ShapeError(ValueError):
    """A component returned a tensor of another shape. No InputError: one faulty individual does not end a run."""


def require(condition: object, where: str, expected: str, got: object) -> None:
    """Raises InputError with `where: expected ..., got ...` unless the condition holds."""
    if not condition:
        raise InputError(f"{where}: expected {expected}, got {got!r}")


def check_shape(component: object, what: str, tensor: Any, fitting: set[Any]) -> None:
    """Raises ShapeError unless the shape of the tensor that a component returned is one of those in `fitting`."""
    shape = getattr(tensor, "shape", None)
    if shape not in fitting:
        wanted = " or ".join(str(tuple(shape)) for shape in sorted(fitting))
        got = type(tensor).__name__ if shape is None else tuple(shape)
        raise ShapeError(f"{type(component).__name__}: expected {what} of shape {wanted}, got {got}")


def nearest(word: str, choices: Iterable[str]) -> str:
    """The end of an error message: the nearest of the choices, or a list of them when none is near."""
    choices = sorted(choices)
    matches = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    if matches:
        return f"did you mean '{matches[0]}'?"
    if not choices:
        return "none is known"
    more = f" and {len(choices) - _MOST} others" if len(choices) > _MOST else ""
    return f"choose from {', '.join(choices[:_MOST])}{more}"


def usable(path: str | os.PathLike[str]) -> Path:
    """Returns the path if the system can tell whether it exists.

    `Path.exists`, `is_file` and `is_dir` raise where it cannot.

    Raises:
        InputError: the name is too long, links lead in a circle, or a folder on the way is not accessible.
    """
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        pass  # nothing is there; every command has an error message of its own for that
    except (OSError, ValueError) as error:  # ValueError: the path contains a NUL character
        text = str(path)
        quoted = text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}...{text[-_LONGEST // 2 :]}"
        why = getattr(error, "strerror", None) or error
        raise InputError(
            f"{quoted}: expected a name of a file or folder, got one that cannot be used ({why})"
        ) from None
    return Path(path)
