"""What is at a URL: a run's files as whole objects, the list of their sums, and the cohorts of its journal.

An object store can neither append nor rename, but it replaces an object as a whole. Whatever is read counts only if it
fits its sum in the list, or the checksum that it carries: a list is written after what it names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, final

from evo.storage.checksum_list import SUMS, content, safe, sums_of, sums_text
from evo.storage.checksums import LIMIT, CorruptFile, in_a_comment, in_an_object, verified
from evo.storage.journal import whole
from evo.storage.locks import StoreLock
from genomes.errors import InputError

LAST = ("experiment.yaml", "manifest.json", "set.json")
"""Files that make a run or a set of what was written before them, in this order."""

_STATES = 3  # that a run folder keeps


@final
class Remote:
    """A place at a URL of any kind that fsspec knows; its methods raise what the store's client raises.

    Raises:
        InputError: nobody here speaks to such a URL; the sentence says what to install.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._store, self._base = _store(url)

    def lock(self, folder: Path) -> StoreLock:
        """Of whoever drives the run from a folder."""
        return StoreLock(self._store, f"{self._base}/lock", self.url, folder)

    def put(self, name: str, data: bytes) -> None:
        """Replaces an object as a whole."""
        path = f"{self._base}/{name}"
        try:
            self._store.pipe_file(path, data)
        except FileNotFoundError:  # a store that has folders
            self._store.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._store.pipe_file(path, data)

    def put_list(self, sums: dict[str, str]) -> None:
        """Replaces the list of what is there."""
        self.put(SUMS, sums_text(sums))

    def remove(self, name: str) -> None:
        """Deletes an object, if there is one."""
        with suppress(FileNotFoundError):
            self._store.rm_file(f"{self._base}/{name}")

    def go_back(self, run: Path, names: Sequence[str], left: dict[str, str]) -> set[str]:
        """Forgets the cohorts in hand of a run and deletes objects; after that only `left` is there. Gives the cohorts.

        Args:
            run: its path in the set, or none.
        """
        journal = (run / "journal").as_posix()
        cohorts = {name for name in self._names() if name.rpartition("/")[0] == journal}
        for name in cohorts:
            self.remove(name)
        self.put_list(left)  # what is not in the list is not fetched, should this end here
        for name in names:
            self.remove(name)
        return cohorts

    def listed(self) -> dict[str, str]:
        """The sums of what is there by name; empty ones of files that carry their own, where there is no good list.

        There is none of one run of a set, whose list is the set's.
        """
        with suppress(FileNotFoundError, ValueError):
            return sums_of(self._store.cat_file(f"{self._base}/{SUMS}"))
        return {name: "" for name in self._names() if _carries(name)}

    def read(self, name: str, digest: str) -> bytes | None:
        """An object, if it is what it should be."""
        with suppress(FileNotFoundError):
            if (self._store.size(f"{self._base}/{name}") or 0) <= LIMIT:
                data: bytes = self._store.cat_file(f"{self._base}/{name}")
                return data if hashlib.sha256(data).hexdigest() == digest or _closed(name, data) else None
        return None

    def cohorts(self) -> dict[str, bytes]:
        """Records of journals by name, FOLDER/journal/GENERATION-COHORT; empty where a record is not whole."""
        found: dict[str, bytes] = {}
        for name in filter(_is_cohort, self._names()):
            with suppress(FileNotFoundError):  # its generation has ended meanwhile
                record = self._store.cat_file(f"{self._base}/{name}")
                found[name] = record if whole(record) else b""
        return found

    def _names(self) -> list[str]:
        self._store.invalidate_cache()
        try:
            found = self._store.find(self._base)
        except FileNotFoundError:
            return []
        return [name for path in found if safe(name := path.removeprefix(f"{self._base}/"))]


def kept(root: Path) -> list[str]:
    """Of the files in a folder those that are kept at its URL, in the order in which they are put.

    A state is left out unless its generation is there: subfolders are listed one after the other, and a driver that
    writes both meanwhile leaves the generation to the next look. Without it the state would be of no use there.
    """

    def early(name: str) -> bool:
        path = PurePosixPath(name)
        return path.parent.name == "state" and str(path.parent.with_name("generations") / path.name) not in names

    def rank(name: str) -> tuple[int, bool, str]:
        last = name.rpartition("/")[2]
        return LAST.index(last) + 1 if last in LAST else 0, "generations" not in name.split("/"), name

    names = {name for name in content(root) if safe(name) and name.rpartition("/")[2] != "journal"}
    return sorted((name for name in names if not (early(name) or (root / name).is_symlink())), key=rank)


def outlived(sums: Mapping[str, str], names: Sequence[str]) -> list[str]:
    """States of one side after which the other side has enough others; nothing else is ever deleted."""

    def newer(name: str) -> int:
        folder = name.rpartition("/")[0]
        return sum(other > name for other in names if other.rpartition("/")[0] == folder)

    states = (name for name in sums if name not in names and "state" in name.split("/")[:-1])
    return [name for name in states if newer(name) >= _STATES]


def beyond(sums: Mapping[str, str], run: Path, first: int) -> list[str]:
    """States from generation `first` on, and the generations after it, which itself is replaced as soon as it lived."""

    def number(part: str, name: str) -> int:
        digits = name.removeprefix((run / part).as_posix() + "/").removesuffix(".npz")
        return int(digits) if digits.isdecimal() else -1

    return [name for name in sorted(sums) if number("state", name) >= first or number("generations", name) > first]


def sound(name: str, data: bytes) -> bool:
    """False for a file that carries a checksum and is not what it names."""
    return not _carries(name) or _closed(name, data)


def same_experiment(one: bytes, other: bytes) -> bool:
    """Whether two texts differ in how long an experiment goes on, at most."""
    ours, theirs = (
        [line for line in text.splitlines() if not line.startswith((b"generations:", b"#"))] for text in (one, other)
    )
    return ours == theirs


def why(error: BaseException) -> str:
    """An error of a store's client in one line."""
    return (str(error) or type(error).__name__).splitlines()[0][:200]


def _is_cohort(name: str) -> bool:
    return name.split("/")[-2:-1] == ["journal"]


def _carries(name: str) -> bool:
    """Whether a file of this name has a checksum in it."""
    return name.split("/")[-2:-1] in (["generations"], ["state"]) or name.rpartition("/")[2] in LAST[:2]


def _closed(name: str, data: bytes) -> bool:
    """Whether a file carries its own checksum, and a right one."""
    if not _carries(name):
        return False
    last = name.rpartition("/")[2]
    if last in LAST[:2]:
        closing = in_a_comment if last == LAST[0] else in_an_object
        body = data[: -len(closing(b""))]
        return data == body + closing(body)
    with suppress(CorruptFile):
        return bool(verified(data))
    return False


def _store(url: str) -> tuple[Any, str]:
    """The filesystem of a URL, and the path there."""
    import fsspec  # type: ignore[import-untyped]
    from fsspec.registry import known_implementations  # type: ignore[import-untyped]

    scheme = url.partition("://")[0].rpartition("::")[2]
    try:
        store, path = fsspec.url_to_fs(url)
    except ImportError as error:
        package = known_implementations.get(scheme, {}).get("class", scheme).partition(".")[0]
        how = f"pip install {package}" if package != "fsspec" else why(error)
        raise InputError(f"{url}: nothing that is installed speaks {scheme}://; {how}") from error
    except ValueError as error:
        raise InputError(f"{url}: expected a URL that fsspec knows, such as s3://bucket/run ({why(error)})") from error
    return store, path.rstrip("/")
