"""A run at a URL: a local working folder with all its guarantees, copied to the URL after every generation.

The list of checksums at the URL is also kept beside the folder: differences from it show changes here or there.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path, PurePosixPath
from typing import final

from evo.storage.atomic import remove, write_atomic
from evo.storage.cache import KNOWN, place, url_of
from evo.storage.checksum_list import content, safe, sums_of, sums_text
from evo.storage.folder_checks import EXPERIMENT, MANIFEST, fits, make_folder
from evo.storage.remote import Remote, Unreachable
from evo.storage.remote_lock import RemoteLock
from evo.storage.run_set import SET
from genomes.errors import InputError

_AGAIN = 0.5  # seconds until files that do not fit their sums are read again: a driver may be writing them
_LAST = (EXPERIMENT, MANIFEST, SET)  # these make a run or a set of the files written before them, in this order
_log = logging.getLogger(__name__)


def fetched(run: str | Path) -> Path:
    """The folder of a run; for a URL, brought up to date first."""
    path = place(run)
    if "://" in str(run) and (mirror := mirror_of(path)):
        mirror.fetch()
    return path


def mirror_of(path: Path) -> Mirror | None:
    """The mirror of a run, or of its set, at a URL; None for a folder without a URL."""
    for home in path.absolute().parents[:2]:
        if (url := url_of(home)) is not None:
            return Mirror(url, home / path.absolute().relative_to(home).parts[0])
    return None


@contextmanager
def brought(paths: Sequence[Path], new: bool = False) -> Iterator[None]:
    """Around a command: fetches from the URL before it, unless `new`, and copies its changes there after."""
    mirrors = [mirror for mirror in map(mirror_of, paths) if mirror]
    for mirror in mirrors:
        mirror.fetch()
        if not (new or mirror.root.is_dir()):
            raise InputError(f"{mirror.url}: expected a run folder, got nothing there")
    yield
    for mirror in mirrors:
        mirror.settle()


def mirrored(path: Path) -> AbstractContextManager[Mirror | None]:
    """Around a driver, which must call `push` after every generation."""
    mirror = mirror_of(path)
    return mirror.driven() if mirror else nullcontext()


@final
class Mirror:
    """A working folder and its URL.

    Args:
        root: the folder, a run or a set.
    """

    def __init__(self, url: str, root: Path) -> None:
        self.url, self.root = url, root
        self._remote = Remote(url)
        self._lock = RemoteLock(self._remote, root.parent)
        self._behind = False
        self._seen: dict[str, tuple[tuple[int, int, int], str]] = {}  # by file: its state, and its sum at that state

    def fetch(self) -> None:
        """Fetches files that are missing here or were changed there; files that only changed here stay.

        Raises:
            InputError: another run is there; or the store cannot be reached, and nothing is here.
        """
        try:
            if self._fetch():
                time.sleep(_AGAIN)
                if missed := self._fetch():
                    others = f"{', '.join(missed)}, with other bytes than their checksums name"
                    _log.warning("passed over: %s: %s", self.url, others)
        except Unreachable as error:
            if not self.root.is_dir():
                raise InputError(f"{self.url}: cannot be reached ({error})") from error
            _log.warning("%s: cannot be reached (%s); what is in %s is used", self.url, error, self.root)

    @contextmanager
    def driven(self) -> Iterator[Mirror]:
        """Holds the URL exclusively; fetches before, and copies changes there after.

        Raises:
            InputError: another driver holds it, or it cannot be written.
        """
        try:
            self._lock.beat()
        except Unreachable as error:
            if isinstance(error.__cause__, PermissionError):
                raise InputError(f"{self.url}: cannot be written ({error})") from error
        self.fetch()
        with self._lock.kept():
            try:
                yield self
            finally:
                self.push()
                if self._behind:
                    where = f"it is in {self.root}, and `instinct resume {self.url}` puts it there"
                    _log.warning("%s: what was written last is not there: %s", self.url, where)

    def push(self) -> None:
        """Copies new files there; files that the store refuses are copied with the next push.

        Raises:
            InputError: another driver now holds the URL.
        """
        try:
            self._lock.beat()
            self._push()
            self._behind = False
        except Unreachable as error:
            if not self._behind:
                later = f"the run goes on in {self.root}, and what it writes is put there later"
                _log.warning("%s: cannot be written (%s); %s", self.url, error, later)
            self._behind = True

    def go_back(self, run: Path, first: int) -> None:
        """Removes files there that are beyond the resumed generation and gone here: a fetch would mix two histories.

        Args:
            run: the root, or a run of the set.
            first: generation from which the run goes on.

        Raises:
            InputError: the store cannot be reached; a later try could even find files there that are damaged here.
        """
        if beyond := _beyond(self._known(), run.absolute().relative_to(self.root.absolute()), first):
            try:
                self._push(beyond)
            except Unreachable as error:
                holds = f"which holds {beyond[-1]}, beyond what is whole in {self.root}"
                raise InputError(f"{self.url}: cannot be written ({error}), {holds}; resume once it can") from error

    def settle(self) -> None:
        """Copies the changes of a command there; logs a warning if that is not possible."""
        if self._new():
            try:
                with self.driven():
                    pass
            except InputError as error:
                _log.warning("%s; what was written is in %s", error, self.root)

    def _fetch(self) -> list[str]:
        """One try; returns the names of the files there whose bytes do not fit their sums."""
        there, known, missed = self._remote.sums(), self._known(), []
        for name in _ordered(there.keys() - _outlived(there, content(self.root))):
            path, digest, ours = self.root / name, there[name], self._ours(name)
            if ours is not None and digest in ("", _sum(ours), known.get(name)) and fits(name, ours) is not False:
                continue  # the same as there, or changed only here
            data = self._remote.read(name)
            if data is not None and (_sum(data) == digest or fits(name, data)):
                self._check_same(name, ours, data)
                make_folder(path.parent)
                write_atomic(path, data)
            elif digest or fits(name, data or b"") is not None:
                missed.append(name)
        for name in _outlived(known, there.keys() - missed):
            remove(self.root / name)
        self._know({name: digest for name, digest in there.items() if digest and name not in missed})
        return missed

    def _push(self, given_up: Sequence[str] = ()) -> None:
        known, new = self._known(), self._new()
        gone = {*_outlived(known, content(self.root)), *given_up}
        sums = {name: digest for name, digest in known.items() if name not in gone}
        for name in _ordered(new):
            if (data := self._ours(name)) is not None and fits(name, data) is not False:
                self._remote.put(name, data)
                sums[name] = _sum(data)
        if sums != known:
            self._remote.put_sums(sums)
            self._remote.remove(sorted(gone))
            self._know(sums)

    def _new(self) -> list[str]:
        """The files that differ from those there; damaged files here must not replace good ones there."""
        known, new = self._known(), []
        for name in content(self.root):
            path = self.root / name
            if not safe(name) or path.name == "journal" or path.is_symlink():
                continue
            with suppress(OSError):  # the file is gone again, or cannot be read
                now = path.stat()
                stamp = now.st_mtime_ns, now.st_size, now.st_ino
                if self._seen.get(name, ("", ""))[0] != stamp:
                    data = path.read_bytes()
                    self._seen[name] = stamp, "" if fits(name, data) is False else _sum(data)
                if self._seen[name][1] not in ("", known.get(name)):
                    new.append(name)
        return new

    def _ours(self, name: str) -> bytes | None:
        path = self.root / name
        return path.read_bytes() if path.is_file() else None

    def _check_same(self, name: str, ours: bytes | None, theirs: bytes) -> None:
        """Raises InputError rather than mix two runs."""
        if PurePosixPath(name).name == EXPERIMENT and ours is not None and not _same_experiment(ours, theirs):
            got = f"another one; to take that one, move {self.root.parent} away"
            raise InputError(f"{self.url}: expected the run that is worked on in {self.root}, got {got}")

    def _known(self) -> dict[str, str]:
        """The list of the URL when it was last read or written."""
        with suppress(OSError, ValueError):
            return sums_of((self.root.parent / KNOWN).read_bytes())
        return {}

    def _know(self, sums: dict[str, str]) -> None:
        write_atomic(self.root.parent / KNOWN, sums_text(sums))


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _ordered(names: Iterable[str]) -> list[str]:
    """The order of copying: data before the files that make them a run, generations before states."""

    def rank(name: str) -> tuple[int, str]:
        last = PurePosixPath(name).name
        return _LAST.index(last) + 1 if last in _LAST else 0, name

    return sorted(names, key=rank)


def _outlived(names: Iterable[str], others: Iterable[str]) -> set[str]:
    """States of one side that are older than all states of the other side, which no longer needs them."""
    oldest: dict[PurePosixPath, str] = {}
    for name in others:
        folder = PurePosixPath(name).parent
        oldest[folder] = min(oldest.get(folder, name), name)
    folders = {name: PurePosixPath(name).parent for name in names}
    return {name for name, folder in folders.items() if folder.name == "state" and name < oldest.get(folder, "")}


def _beyond(names: Iterable[str], run: Path, first: int) -> list[str]:
    """States from generation `first` on, and generations after it; that generation itself will soon be replaced."""

    def number(name: str, part: str) -> int:
        path = Path(name)
        return int(path.stem) if path.parent == run / part and path.stem.isdecimal() else -1

    return sorted(name for name in names if number(name, "state") >= first or number(name, "generations") > first)


def _same_experiment(one: bytes, other: bytes) -> bool:
    """True if two texts differ at most in the number of generations."""
    ours, theirs = (
        [line for line in text.splitlines() if not line.startswith((b"generations:", b"#"))] for text in (one, other)
    )
    return ours == theirs
