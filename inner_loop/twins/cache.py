"""Compiled code on disk, so that each process of a user does not compile it again.

A file is named by the digest of everything that the code depends on: the text of every source file that it reaches, the
types of its arguments, the processor, and the versions of Numba and Python. Code of other sources is therefore never
loaded; files that have not been read for a month are removed. Numba's own cache looks at one source file only: after a
change in a function that another file calls, it would load the old code.

The files hold machine code, as Python's own `__pycache__` holds byte code: the folder belongs to the user alone, and no
run folder ever holds such a file.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
import os
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, final
from uuid import uuid4

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.dispatcher import Dispatcher
from numba.extending import _Intrinsic

from inner_loop.twins.seam import functions_of
from inner_loop.twins.vector import CHECKED

_KEPT = 30 * 24 * 3600.0  # s without use
_DIGEST = 32  # bytes

_log = logging.getLogger(__name__)


def folder() -> Path:
    """The user's folder of compiled code: $INSTINCT_COMPILED, or `instinct/compiled` in the user's cache folder."""
    given = os.environ.get("INSTINCT_COMPILED")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(given) if given else base / "instinct" / "compiled"


def cached(function: Any) -> Any:
    """Decorator of an `njit` function: its compiled code is kept on disk."""
    function._cache = DigestCache(function.py_func)
    return function


def digest_of(function: Callable[..., Any], kinds: tuple[Any, ...]) -> str:
    """SHA-256 of the source files, functions and constants that a function reaches, called with these types."""
    files, parts = set[str](), set[str]()
    for reached in _reached(function, kinds):
        if isinstance(reached, str):
            parts.add(reached)
            continue
        if place := getattr(sys.modules.get(reached.__module__), "__file__", None):
            files.add(place)
        # a file may make several functions of one name
        constants = [value for value in reached.__code__.co_consts if not isinstance(value, CodeType)]
        cells = [cell.cell_contents for cell in reached.__closure__ or ()]
        parts.add(f"{reached.__qualname__} {reached.__code__.co_code.hex()} {constants} {list(map(_plain, cells))}")
    texts = sorted((Path(name).name, _text(name, os.stat(name).st_mtime_ns)) for name in files)
    return hashlib.sha256(repr((texts, sorted(parts))).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """The value of a constant; the name of anything else, whose text may hold an address."""
    return value if isinstance(value, (int, float, str, tuple)) else type(value).__name__


def _reached(function: Callable[..., Any], kinds: tuple[Any, ...]) -> Iterator[Any]:
    """The Python functions that compiled code reaches by name, the twins' functions, and constants as text."""
    open_, known = [function], set[Any]()
    for kind in kinds:
        open_ += functions_of(getattr(kind, "instance_class", None)).values()
    while open_:
        now = open_.pop()
        if now in known:
            continue
        known.add(now)
        yield now
        for name in _names(now.__code__):
            value = now.__globals__.get(name)
            if (python := _python(value)) is not None:
                open_.append(python)
            elif isinstance(value, (int, float, str, tuple)):
                yield f"{now.__module__}.{name} = {value!r}"


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _python(value: Any) -> Any:
    """The Python function of something that compiled code can call; None for other things."""
    if isinstance(value, Dispatcher):
        value = value.py_func
    elif isinstance(value, _Intrinsic):
        value = value._defn
    return inspect.unwrap(value) if isinstance(value, FunctionType) else None


@lru_cache(maxsize=256)
def _text(name: str, changed: int) -> str:
    return hashlib.sha256(Path(name).read_bytes()).hexdigest()


@final
class DigestCache(FunctionCache):
    """Numba's cache of one function, with a file for each combination of types and sources."""

    _impl_class = CompileResultCacheImpl

    def __init__(self, function: Callable[..., Any]) -> None:
        self._name, self._py_func, self._cache_path = repr(function), function, str(folder())
        self._impl = _Form()
        self._cache_file = _Files(function.__name__)
        self.enable()

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        versions = numba.__version__, sys.version_info[:3], CHECKED
        return repr((sig, codegen.magic_tuple(), versions, digest_of(self._py_func, tuple(sig))))

    def _save_overload(self, sig: Any, data: Any) -> None:
        if self._enabled:
            self._cache_file.save(self._index_key(sig, data.codegen), self._impl.reduce(data))


@final
class _Form(CompileResultCacheImpl):
    """Numba's way of compiled code into plain values and back."""

    def __init__(self) -> None:  # Numba's own asks for a place beside the source
        pass


@final
class _Files:
    """A file for each key: the digest of its content, then the content. Damaged or missing files are no error."""

    def __init__(self, name: str) -> None:
        self._name = name

    def _path(self, key: str) -> Path:
        return folder() / f"{self._name}-{hashlib.sha256(key.encode()).hexdigest()}"

    def load(self, key: str) -> Any:
        path = self._path(key)
        try:
            if not _own(path.parent):
                return None
            held = path.read_bytes()
            if hashlib.sha256(held[_DIGEST:]).digest() != held[:_DIGEST]:
                return None
            os.utime(path)
        except OSError:
            return None
        return pickle.loads(held[_DIGEST:])  # noqa: S301 - the user's own folder, as __pycache__

    def save(self, key: str, data: Any) -> None:
        path = self._path(key)
        try:
            body = pickle.dumps(data)
        except (pickle.PicklingError, AttributeError, TypeError) as error:  # a class that no module names
            _log.info("compiled code is not kept: %s", error)
            return
        fresh = path.with_suffix(f".{uuid4().hex}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _own(path.parent):
                return
            fresh.write_bytes(hashlib.sha256(body).digest() + body)
            fresh.replace(path)
        except OSError as error:
            _log.info("compiled code is not kept: %s", error)
            return
        _remove_old(path.parent)


def _own(place: Path) -> bool:
    """True if the folder belongs to the user, and no other user can write into it."""
    found = place.stat()
    return os.name == "nt" or (found.st_uid == os.getuid() and not found.st_mode & 0o022)


def _remove_old(place: Path) -> None:
    with suppress(OSError):
        for path in place.iterdir():
            if time.time() - path.stat().st_mtime > _KEPT:
                path.unlink(missing_ok=True)
