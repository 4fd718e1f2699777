"""Storage at a URL of any kind that fsspec knows: files as whole objects, and the list of their sums.

An object store can neither append nor rename, but it replaces an object as a whole. The list is written after the
objects that it names, so it tells which objects belong together; objects that are not in the list do not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, final

from evo.storage.checksum_list import SUMS, safe, sums_of, sums_text
from evo.storage.checksums import LIMIT
from genomes.errors import InputError


class Unreachable(Exception):
    """A store failed to do an operation; the text is its client's message, in one line."""


@contextmanager
def _asking() -> Iterator[None]:
    """Wraps every call of a store, whose client may raise any error."""
    try:
        yield
    except Exception as error:
        raise Unreachable(_line(error)) from error


@final
class Remote:
    """The storage at a URL; its methods raise `Unreachable`.

    Raises:
        InputError: no installed package supports such a URL; the message says which one to install.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._store, self._base = _store(url)

    @_asking()
    def read(self, name: str) -> bytes | None:
        """An object; None if it does not exist or is too large."""
        self._store.invalidate_cache()  # an older listing would hide it
        with suppress(FileNotFoundError):
            if (self._store.size(f"{self._base}/{name}") or 0) <= LIMIT:
                data: bytes = self._store.cat_file(f"{self._base}/{name}")
                return data
        return None

    @_asking()
    def put(self, name: str, data: bytes) -> None:
        """Replaces an object as a whole."""
        path = f"{self._base}/{name}"
        try:
            self._store.pipe_file(path, data)
        except FileNotFoundError:  # a store with folders
            self._store.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._store.pipe_file(path, data)

    @_asking()
    def remove(self, names: Iterable[str]) -> None:
        """Deletes objects that exist."""
        for name in names:
            with suppress(FileNotFoundError):
                self._store.rm_file(f"{self._base}/{name}")

    @_asking()
    def sums(self) -> dict[str, str]:
        """The list, by name; without a valid list, all existing objects with empty sums.

        A single run of a set has no list, since the set has it.
        """
        with suppress(FileNotFoundError, ValueError):
            return sums_of(self._store.cat_file(f"{self._base}/{SUMS}"))
        self._store.invalidate_cache()
        with suppress(FileNotFoundError):
            names = (path.removeprefix(f"{self._base}/") for path in self._store.find(self._base))
            return {name: "" for name in names if safe(name)}
        return {}

    def put_sums(self, sums: dict[str, str]) -> None:
        """Replaces the list."""
        self.put(SUMS, sums_text(sums))


def _line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]


def _store(url: str) -> tuple[Any, str]:
    """The filesystem of a URL, and the path in it."""
    import fsspec  # type: ignore[import-untyped]
    from fsspec.registry import known_implementations  # type: ignore[import-untyped]

    scheme = url.partition("://")[0].rpartition("::")[2]
    try:
        store, path = fsspec.url_to_fs(url)
    except ImportError as error:
        package = known_implementations.get(scheme, {}).get("class", scheme).partition(".")[0]
        how = f"pip install {package}" if package != "fsspec" else _line(error)
        raise InputError(f"{url}: no installed package supports {scheme}://; {how}") from error
    except ValueError as error:
        expected = f"expected a URL that fsspec knows, such as s3://bucket/run ({_line(error)})"
        raise InputError(f"{url}: {expected}") from error
    return store, path.rstrip("/")
