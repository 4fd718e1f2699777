"""The objects at a URL: the files of a run, the list of their checksums, and the cohorts of the journal.

An object store can neither append nor rename, but it replaces an object atomically. An object is accepted only if it
matches its checksum in the list, or the checksum inside it; the list is written after the objects that it names.
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
"""Files that are written last, in this order; they make a folder a complete run or set."""

_STATES = 3  # number of states that a run folder keeps


@final
class Remote:
    """A place at a URL of any kind that fsspec knows; its methods raise the errors of the store's client.

    Raises:
        InputError: no installed package supports the URL; the message names the package to install.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._store, self._base = _store(url)

    def lock(self, folder: Path) -> StoreLock:
        """The lock of a driver that works in `folder`."""
        return StoreLock(self._store, f"{self._base}/lock", self.url, folder)

    def put(self, name: str, data: bytes) -> None:
        """Replaces an object atomically."""
        path = f"{self._base}/{name}"
        try:
            self._store.pipe_file(path, data)
        except FileNotFoundError:  # a store with real folders
            self._store.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._store.pipe_file(path, data)

    def put_list(self, sums: dict[str, str]) -> None:
        """Replaces the list of checksums."""
        self.put(SUMS, sums_text(sums))

    def remove(self, name: str) -> None:
        """Deletes an object, if there is one."""
        with suppress(FileNotFoundError):
            self._store.rm_file(f"{self._base}/{name}")

    def go_back(self, run: Path, names: Sequence[str], left: dict[str, str]) -> set[str]:
        """Deletes the journal's cohorts of a run and other objects; returns the names of the cohorts.

        Args:
            run: the path of the run in the set; `.` for a single run.
            names: the objects to delete.
            left: the checksums of the remaining objects, by name.
        """
        journal = (run / "journal").as_posix()
        cohorts = {name for name in self._names() if name.rpartition("/")[0] == journal}
        for name in cohorts:
            self.remove(name)
        self.put_list(left)  # first: if we die here, objects that are not in the list are not fetched
        for name in names:
            self.remove(name)
        return cohorts

    def listed(self) -> dict[str, str]:
        """The checksums of the objects by name.

        Without a good list (a run of a set has none; the list is the set's), the files that carry their own checksum,
        each with an empty checksum.
        """
        with suppress(FileNotFoundError, ValueError):
            return sums_of(self._store.cat_file(f"{self._base}/{SUMS}"))
        return {name: "" for name in self._names() if _carries(name)}

    def read(self, name: str, digest: str) -> bytes | None:
        """Reads an object; None if it is missing or matches neither `digest` nor the checksum inside it."""
        with suppress(FileNotFoundError):
            if (self._store.size(f"{self._base}/{name}") or 0) <= LIMIT:
                data: bytes = self._store.cat_file(f"{self._base}/{name}")
                return data if hashlib.sha256(data).hexdigest() == digest or _closed(name, data) else None
        return None

    def cohorts(self) -> dict[str, bytes]:
        """Records of journals by name, FOLDER/journal/GENERATION-COHORT; an incomplete record is empty."""
        found: dict[str, bytes] = {}
        for name in filter(_is_cohort, self._names()):
            with suppress(FileNotFoundError):  # deleted in the meantime, because its generation has ended
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
    """Names of the files in a folder that are uploaded, in the order of upload.

    A state without its generation is left out. The subfolders are listed one after the other, so a driver that writes
    both files in the meantime may give a list with the state only; the next scan then finds both.
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
    """States in `sums` but not in `names`, if `names` has at least three newer ones. No other files are deleted."""

    def newer(name: str) -> int:
        folder = name.rpartition("/")[0]
        return sum(other > name for other in names if other.rpartition("/")[0] == folder)

    states = (name for name in sums if name not in names and "state" in name.split("/")[:-1])
    return [name for name in states if newer(name) >= _STATES]


def beyond(sums: Mapping[str, str], run: Path, first: int) -> list[str]:
    """States from generation `first` on, and generations after `first`; the run soon replaces generation `first`."""

    def number(part: str, name: str) -> int:
        digits = name.removeprefix((run / part).as_posix() + "/").removesuffix(".npz")
        return int(digits) if digits.isdecimal() else -1

    return [name for name in sorted(sums) if number("state", name) >= first or number("generations", name) > first]


def sound(name: str, data: bytes) -> bool:
    """False for a file whose own checksum does not match; True for files without their own checksum."""
    return not _carries(name) or _closed(name, data)


def same_experiment(one: bytes, other: bytes) -> bool:
    """True if two experiment texts are equal except for the number of generations and comments."""
    ours, theirs = (
        [line for line in text.splitlines() if not line.startswith((b"generations:", b"#"))] for text in (one, other)
    )
    return ours == theirs


def why(error: BaseException) -> str:
    """The message of a store client's error in one line."""
    return (str(error) or type(error).__name__).splitlines()[0][:200]


def _is_cohort(name: str) -> bool:
    return name.split("/")[-2:-1] == ["journal"]


def _carries(name: str) -> bool:
    """True if files of this name hold their own checksum."""
    return name.split("/")[-2:-1] in (["generations"], ["state"]) or name.rpartition("/")[2] in LAST[:2]


def _closed(name: str, data: bytes) -> bool:
    """True if a file holds its own checksum and matches it."""
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
    """The fsspec filesystem of a URL, and the path in it."""
    import fsspec  # type: ignore[import-untyped]
    from fsspec.registry import known_implementations  # type: ignore[import-untyped]

    scheme = url.partition("://")[0].rpartition("::")[2]
    try:
        store, path = fsspec.url_to_fs(url)
    except ImportError as error:
        package = known_implementations.get(scheme, {}).get("class", scheme).partition(".")[0]
        how = f"pip install {package}" if package != "fsspec" else why(error)
        raise InputError(f"{url}: no installed package supports {scheme}://; {how}") from error
    except ValueError as error:
        raise InputError(f"{url}: expected a URL that fsspec knows, such as s3://bucket/run ({why(error)})") from error
    return store, path.rstrip("/")
