"""Modules that are not part of instinct: finds their names in configurations and imports them safely."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TextIO, cast, final

from genomes.errors import InputError

HOUSE = ("evo", "genomes", "inner_loop", "builtins")
"""Packages whose classes are available in every process."""


CODE: Mapping[str, Any] = {"code": True}
"""Metadata of a field whose text may name a module: `module:Name` there imports it, which runs its code."""


def is_house(module: str) -> bool:
    """True if the module is available in every process."""
    return module.partition(".")[0] in HOUSE


def parts(value: object) -> Iterator[object]:
    """Yields a value and everything inside it."""
    yield value
    if is_dataclass(value):
        value = [getattr(value, field.name) for field in fields(value)]
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    for each in inside:
        yield from parts(each)


def modules_in(value: object) -> Iterator[str]:
    """The modules of the classes of a value and of everything inside it, and the modules that their text names."""
    for each in parts(value):
        yield type(each).__module__
        if is_dataclass(each):
            named = [getattr(each, field.name) for field in fields(each) if "code" in field.metadata]
            yield from (text.rpartition(":")[0] for text in named if ":" in str(text))


def imported(name: str, where: str) -> Any:
    """A module by its name, from an installed package or the current folder.

    Args:
        where: the beginning of the message about a module that cannot be imported.

    Raises:
        InputError: there is no such module, it raises, or it ends the process; of a module that ends the process only
            the last line that it printed is shown.
    """
    if name.endswith(".py") or "/" in name:
        dotted = name.removesuffix(".py").strip("./").replace("/", ".")
        raise InputError(f"{where}: expected the name of a module, such as '{dotted}', got '{name}'")
    folder = os.getcwd()
    if folder not in sys.path:
        sys.path.append(folder)  # the command's own path lacks the user's folder; last, so as to shadow nothing
    try:
        with _held_back():
            return importlib.import_module(name)
    except SystemExit as error:
        said = f", and said: {error.__notes__[-1]}" if hasattr(error, "__notes__") else ""
        reason = f"it ended the process (SystemExit: {error.code}){said}"
        raise InputError(f"{where}: '{name}' cannot be imported: {reason}") from error
    except Exception as error:  # a user's module can fail in any way
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"{where}: '{name}' cannot be imported: {reason}") from error


@contextmanager
def _held_back() -> Iterator[None]:
    """Delays what is printed inside until the end; if the process ends, only the last line is kept, as a note."""
    out, err = _Held(sys.stdout), _Held(sys.stderr)
    try:
        with redirect_stdout(cast(TextIO, out)), redirect_stderr(cast(TextIO, err)):
            yield
    except SystemExit as error:
        lines = "".join((*out.held, *err.held)).split("\n")
        said = [line.strip() for line in lines if line.strip()]
        if said:
            error.add_note(said[-1][:200])
        out.held.clear()
        err.held.clear()
        raise
    finally:
        out.release()
        err.release()


@final
class _Held:
    """A stream that keeps the text written to it until it is released.

    Afterwards it writes at once: a logger that was made during an import keeps writing to it.
    """

    def __init__(self, stream: Any) -> None:
        self.held = list[str]()
        self._stream, self._holding = stream, True

    def write(self, text: str) -> int:
        """Keeps the text, or writes it once the stream is released."""
        self.held.append(text)
        if not self._holding:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Writes the kept text: a question must be seen before it is answered."""
        if self._stream is not None:  # standard output may be closed
            self._stream.write("".join(self.held))
            self._stream.flush()
        self.held.clear()

    def release(self) -> None:
        """Writes the kept text, and from now on everything at once."""
        self._holding = False
        if self.held:
            self.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def complaint(error: Exception) -> str:
    """The error that was raised and its place, in a sentence."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}{where}"


@contextmanager
def asking(component: object) -> Iterator[None]:
    """Turns any error that a user-defined component raises here into one sentence; for calls by the driver.

    Raises:
        InputError: the component raised an error; another try would raise it again.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if is_house(type(component).__module__):
            raise
        raise InputError(f"{type(component).__name__}: {complaint(error)}") from error
