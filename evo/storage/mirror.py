"""A run at a URL: a working folder here, with all that it guarantees, put there after every generation.

The list of sums that was there last is kept beside the folder: what differs from it was changed here, or there.
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

_AGAIN = 0.5  # seconds after which what does not fit its sum is read again: a driver may be putting it
_LAST = (EXPERIMENT, MANIFEST, SET)  # make a run or a set of what was written before them, in this order
_log = logging.getLogger(__name__)


def fetched(run: str | Path) -> Path:
    """The folder of a run, which for a URL holds what is there."""
    path = place(run)
    if "://" in str(run) and (mirror := mirror_of(path)):
        mirror.fetch()
    return path


def mirror_of(path: Path) -> Mirror | None:
    """What keeps a run, or the set that it belongs to, at a URL; None for a folder that is nothing but a folder."""
    for home in path.absolute().parents[:2]:
        if (url := url_of(home)) is not None:
            return Mirror(url, home / path.absolute().relative_to(home).parts[0])
    return None


@contextmanager
def brought(paths: Sequence[Path], new: bool = False) -> Iterator[None]:
    """Around a verb: what is at a URL, unless it is `new`, comes here before; what was written goes there after."""
    mirrors = [mirror for mirror in map(mirror_of, paths) if mirror]
    for mirror in mirrors:
        mirror.fetch()
        if not (new or mirror.root.is_dir()):
            raise InputError(f"{mirror.url}: expected a run folder, got nothing there")
    yield
    for mirror in mirrors:
        mirror.settle()


def mirrored(path: Path) -> AbstractContextManager[Mirror | None]:
    """Around a driver, which is to `push` after every generation."""
    mirror = mirror_of(path)
    return mirror.driven() if mirror else nullcontext()


@final
class Mirror:
    """A working folder and the URL that it is kept at.

    Args:
        root: the folder, a run or a set.
    """

    def __init__(self, url: str, root: Path) -> None:
        self.url, self.root = url, root
        self._remote = Remote(url)
        self._lock = RemoteLock(self._remote, root.parent)
        self._behind = False
        self._seen: dict[str, tuple[tuple[int, int, int], str]] = {}  # what a file was like, and its sum then

    def fetch(self) -> None:
        """Brings here what is missing here or was changed there; what was changed here alone stays.

        Raises:
            InputError: another run lies there; or the store is away, and nothing is here.
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
        """Has the URL alone; what is there comes here before, and what is here goes there after.

        Raises:
            InputError: another driver has it, or it may not be written.
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
        """Puts there what is new here; what the store refuses goes there with the next push.

        Raises:
            InputError: another driver has the URL now.
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
        """Removes there what is beyond where a run goes on, and is gone here: the next fetch would mix two courses.

        Args:
            run: the root, or a run of the set.
            first: generation from which the run goes on.

        Raises:
            InputError: the store is away; a later try may even find there what is damaged here.
        """
        if beyond := _beyond(self._known(), run.absolute().relative_to(self.root.absolute()), first):
            try:
                self._push(beyond)
            except Unreachable as error:
                holds = f"which holds {beyond[-1]}, beyond what is whole in {self.root}"
                raise InputError(f"{self.url}: cannot be written ({error}), {holds}; resume once it can") from error

    def settle(self) -> None:
        """Puts there what a verb wrote; where that may not be, says so."""
        if self._new():
            try:
                with self.driven():
                    pass
            except InputError as error:
                _log.warning("%s; what was written is in %s", error, self.root)

    def _fetch(self) -> list[str]:
        """One try; gives the names of what is there with other bytes than it should have."""
        there, known, missed = self._remote.sums(), self._known(), []
        for name in _ordered(there.keys() - _outlived(there, content(self.root))):
            path, digest, ours = self.root / name, there[name], self._ours(name)
            if ours is not None and digest in ("", _sum(ours), known.get(name)) and fits(name, ours) is not False:
                continue  # as it is there, or changed here alone
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
        """What is not there as it is here; what is damaged here must not replace what is good there."""
        known, new = self._known(), []
        for name in content(self.root):
            path = self.root / name
            if not safe(name) or path.name == "journal" or path.is_symlink():
                continue
            with suppress(OSError):  # it is gone again, or cannot be read
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
        """Refuses to mix two runs."""
        if PurePosixPath(name).name == EXPERIMENT and ours is not None and not _same_experiment(ours, theirs):
            got = f"another one; to take that one, move {self.root.parent} away"
            raise InputError(f"{self.url}: expected the run that is worked on in {self.root}, got {got}")

    def _known(self) -> dict[str, str]:
        """The list that was there when it was last read or written."""
        with suppress(OSError, ValueError):
            return sums_of((self.root.parent / KNOWN).read_bytes())
        return {}

    def _know(self, sums: dict[str, str]) -> None:
        write_atomic(self.root.parent / KNOWN, sums_text(sums))


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _ordered(names: Iterable[str]) -> list[str]:
    """As they are put and brought: data before what makes a run of them, generations before states."""

    def rank(name: str) -> tuple[int, str]:
        last = PurePosixPath(name).name
        return _LAST.index(last) + 1 if last in _LAST else 0, name

    return sorted(names, key=rank)


def _outlived(names: Iterable[str], others: Iterable[str]) -> set[str]:
    """States of one side that are older than all of the other side, which needs them no more."""
    oldest: dict[PurePosixPath, str] = {}
    for name in others:
        folder = PurePosixPath(name).parent
        oldest[folder] = min(oldest.get(folder, name), name)
    folders = {name: PurePosixPath(name).parent for name in names}
    return {name for name, folder in folders.items() if folder.name == "state" and name < oldest.get(folder, "")}


def _beyond(names: Iterable[str], run: Path, first: int) -> list[str]:
    """States from generation `first` on, and the generations after it, which itself is replaced as soon as it lived."""

    def number(name: str, part: str) -> int:
        path = Path(name)
        return int(path.stem) if path.parent == run / part and path.stem.isdecimal() else -1

    return sorted(name for name in names if number(name, "state") >= first or number(name, "generations") > first)


def _same_experiment(one: bytes, other: bytes) -> bool:
    """Whether two texts differ in how long an experiment goes on, at most."""
    ours, theirs = (
        [line for line in text.splitlines() if not line.startswith((b"generations:", b"#"))] for text in (one, other)
    )
    return ours == theirs
