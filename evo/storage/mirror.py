"""A run at a URL: a local working folder, with its usual guarantees, and one thread that keeps the URL equal to it.

The thread uploads complete files, data before the list of checksums, and the finished cohorts of the generation.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import final

from evo.storage.atomic import remove, write_atomic
from evo.storage.cache import place, url_of
from evo.storage.checksum_list import sums_of, sums_text
from evo.storage.folder_checks import make_folder
from evo.storage.journal import Journal
from evo.storage.remote import LAST, Remote, beyond, kept, outlived, same_experiment, sound, why
from genomes.errors import InputError

PATIENCE, _HURRY = 60.0, 10.0
"""Seconds that the end of a run waits for uploads that make no progress: after a normal end, after an interruption."""

_LOOK, _LONGEST = 1.0, 60.0  # seconds between scans of the folder; longest pause between tries while a store is away
_TRIES = 3  # of a reader, because a driver may be writing at the same time
_KNOWN = ".sums"  # beside the working folder: the last known list of checksums at the URL
_log = logging.getLogger(__name__)


def fetched(run: str | Path) -> Path:
    """The local folder of a run; for a URL, its working folder after a download."""
    path = place(run)
    if "://" in str(run) and (mirror := mirror_of(path)):
        mirror.fetch()
    return path


def mirror_of(path: Path) -> Mirror | None:
    """The mirror that keeps a run, or the set that contains it, at a URL; None for a plain local folder."""
    for home in path.absolute().parents[:2]:
        if (url := url_of(home)) is not None:
            return Mirror(Remote(url), home / path.absolute().relative_to(home).parts[0])
    return None


@contextmanager
def brought(paths: Sequence[Path], new: bool = False) -> Iterator[None]:
    """Surrounds a command: downloads the runs at URLs before it, unless they are `new`; uploads new files after it."""
    mirrors = [mirror for mirror in map(mirror_of, paths) if mirror]
    for mirror in mirrors:
        mirror.fetch()
        if not (new or mirror.root.is_dir()):
            raise InputError(f"{mirror.url}: expected a run folder, got nothing there")
    yield
    for mirror in mirrors:
        mirror.push()


def mirrored(path: Path) -> AbstractContextManager[Mirror | None]:
    """Surrounds a driver, which must call the mirror's `check` from time to time."""
    mirror = mirror_of(path)
    return mirror.keeping() if mirror else nullcontext()


@final
class Mirror:
    """A working folder and the URL that is kept equal to it.

    Args:
        root: the working folder of a run or of a set.
    """

    def __init__(self, remote: Remote, root: Path) -> None:
        self._remote, self.root, self.url = remote, root, remote.url
        self._lock = remote.lock(root)
        self._sums: dict[str, str] = self._known()  # of the files at the URL
        self._cohorts: set[str] = set()
        self._seen: dict[str, tuple[int, int, int]] = {}  # time, size and inode of a file when it was put
        self._stop, self._moved, self._refused = Event(), 0.0, ""
        self._putting = Lock()

    def fetch(self) -> None:
        """Downloads files that are missing here or newer at the URL; files that are newer here are uploaded later.

        Raises:
            InputError: the URL holds another run; or the store cannot be reached and there is no local copy.
        """
        missed: list[str] = []
        for attempt in range(_TRIES):
            try:
                if not (missed := self._fetch()):
                    return
            except InputError:
                raise
            except Exception as error:  # clients of stores raise errors of many types
                if attempt + 1 == _TRIES:
                    if not self.root.is_dir():
                        raise InputError(f"{self.url}: cannot be reached ({why(error)})") from error
                    _log.warning("%s: cannot be reached (%s); the copy in %s is used", self.url, why(error), self.root)
                    return
            time.sleep(_LOOK / 2)
        _log.warning("passed over: %s: %s, whose bytes do not match their checksums", self.url, ", ".join(missed))

    @contextmanager
    def keeping(self) -> Iterator[Mirror]:
        """Holds the lock at the URL and keeps the URL equal to the folder; at the end, waits for uploads in progress.

        Raises:
            InputError: another driver holds the lock, or the URL may not be written.
        """
        try:
            self._lock.acquire()
            self.fetch()
        except PermissionError as error:
            raise InputError(f"{self.url}: cannot be written ({why(error)})") from error
        except InputError:
            raise
        except Exception as error:  # clients of stores raise errors of many types
            _log.warning("%s: cannot be reached (%s); the run goes on in %s", self.url, why(error), self.root)
        self._stop.clear()
        thread, patience = Thread(target=self._work, name="mirror", daemon=True), PATIENCE
        thread.start()
        try:
            yield self
        except BaseException:
            patience = _HURRY
            raise
        finally:
            self._stop.set()
            self._moved = time.monotonic()
            while thread.is_alive() and time.monotonic() - self._moved < patience:
                thread.join(0.05)
            self._say_missing()
            if not thread.is_alive():  # a thread that still waits for the store needs the lock
                with suppress(Exception):
                    self._lock.release()

    def push(self) -> None:
        """Uploads files that are not at the URL yet; logs a warning where the URL cannot be written."""
        if self._missing():
            try:
                with self.keeping():
                    pass
            except InputError as error:
                _log.warning("%s; the new files are in %s", error, self.root)

    def check(self) -> None:
        """Raises InputError once another driver has taken over the run."""
        if self._refused:
            raise InputError(self._refused)

    def go_back(self, run: Path, first: int) -> None:
        """Deletes states and generations at the URL that are later than `first`: a fetch would mix two histories.

        Raises:
            InputError: the store cannot be reached. The URL may hold good copies of files that are damaged here.
        """
        with self._putting:
            if not (names := beyond(self._sums, run.relative_to(self.root), first)):
                return
            left = {name: digest for name, digest in self._sums.items() if name not in names}
            try:
                self._lock.beat()
                self._cohorts -= self._remote.go_back(run.relative_to(self.root), names, left)
            except Exception as error:  # clients of stores raise errors of many types
                holds = f"which holds {names[-1]}, later than the last whole file in {self.root}"
                raise InputError(
                    f"{self.url}: cannot be written ({why(error)}), {holds}; resume once it can"
                ) from error
            self._sums = left

    def _work(self) -> None:
        """Scans and uploads repeatedly; ends after a scan without errors that began after the end of the run."""
        failures = 0
        while not self._refused:
            ending = self._stop.is_set()
            try:
                with self._putting:
                    self._lock.beat()
                    self._put_all()
                failures = 0
                if ending:
                    return
            except InputError as error:
                self._refused = str(error)
            except Exception as error:  # clients of stores raise errors of many types
                failures += 1
                if failures == 1:
                    later = f"the run goes on in {self.root}, and its files are uploaded later"
                    _log.warning("%s: cannot be written (%s); %s", self.url, why(error), later)
            pause = min(_LOOK * 2**failures, _LONGEST) if failures else _LOOK
            if ending:
                time.sleep(min(pause, _LOOK))
            else:
                self._stop.wait(pause)

    def _put_all(self) -> None:
        cohorts = dict(self._journalled())  # read first: if the driver clears it later, `names` holds the new state
        names = kept(self.root)
        for name in names:
            if (changed := self._changed(name)) is not None:
                stamp, data = changed
                if not sound(name, data):
                    continue  # a damaged local file must not replace a good one at the URL
                if self._sums.get(name) != (digest := hashlib.sha256(data).hexdigest()):
                    self._put(name, data)
                self._sums[name], self._seen[name] = digest, stamp
        old = outlived(self._sums, names)
        left = {name: digest for name, digest in self._sums.items() if name not in old}
        if left != self._known():  # files uploaded before a scan failed are in no list yet
            self._remote.put_list(left)
            write_atomic(self.root.parent / _KNOWN, sums_text(left))
        for name, record in cohorts.items():
            if name not in self._cohorts:
                self._put(name, record)
                self._cohorts.add(name)
        for name in [*old, *(self._cohorts - cohorts.keys())]:
            self._remote.remove(name)
            self._sums.pop(name, None)
            self._cohorts.discard(name)

    def _put(self, name: str, data: bytes) -> None:
        self._remote.put(name, data)
        self._moved = time.monotonic()

    def _changed(self, name: str) -> tuple[tuple[int, int, int], bytes] | None:
        """Stamp (time, size, inode) and bytes of a file that differs from its last upload; None if it is the same."""
        path = self.root / name
        with suppress(FileNotFoundError):
            now = path.stat()
            stamp = now.st_mtime_ns, now.st_size, now.st_ino
            return None if self._seen.get(name) == stamp else (stamp, path.read_bytes())
        return None

    def _missing(self) -> list[str]:
        """Names of files that the URL lacks or holds with other bytes."""
        changed = ((name, self._changed(name)) for name in kept(self.root))
        return [n for n, new in changed if new and self._sums.get(n) != hashlib.sha256(new[1]).hexdigest()]

    def _say_missing(self) -> None:
        if missing := self._missing():
            what = f"{len(missing)} files, such as {missing[0]}, are not uploaded yet: they are in {self.root}"
            _log.warning("%s: %s, and `instinct resume %s` uploads them", self.url, what, self.url)

    def _journalled(self) -> Iterator[tuple[str, bytes]]:
        """The object name and the journal record of every finished cohort of the current generation."""
        for path in self.root.rglob("journal"):
            folder = path.relative_to(self.root).as_posix()
            for generation, number, record in Journal(path).records():
                yield f"{folder}/{generation:05d}-{number:05d}", record

    def _fetch(self) -> list[str]:
        """Tries once to download; returns the names of objects whose bytes do not match their checksums."""
        listed, known, missed = self._remote.listed(), self._known(), []
        wanted = listed.keys() - set(outlived(listed, kept(self.root)))
        for name in sorted(wanted, key=lambda name: (name.rpartition("/")[2] in LAST, name)):
            path, digest = self.root / name, listed[name]
            ours = path.read_bytes() if path.is_file() else None
            same = ours is not None and digest in ("", hashlib.sha256(ours).hexdigest(), known.get(name))
            if same and sound(name, ours or b""):
                continue  # the same at the URL, or changed only here
            if (data := self._remote.read(name, digest)) is None:
                missed.append(name)
            else:
                self._check_same(path, data)
                _keep(path, data)
        for name in outlived(known, [*listed]):
            if (path := self.root / name).is_file():
                remove(path)
        cohorts = self._remote.cohorts()
        for folder in {name.rpartition("/")[0] for name in cohorts if (self.root / name).parent.parent.is_dir()}:
            records = [record for name, record in cohorts.items() if record and name.startswith(f"{folder}/")]
            Journal(self.root / folder).adopt(records)
        self._cohorts = set(cohorts)
        self._sums = {name: digest for name, digest in listed.items() if digest and name not in missed}
        write_atomic(self.root.parent / _KNOWN, sums_text(self._sums))
        return missed

    def _check_same(self, path: Path, theirs: bytes) -> None:
        """Raises InputError if the URL holds another experiment than the folder."""
        if path.name == LAST[0] and path.is_file() and not same_experiment(path.read_bytes(), theirs):
            got = f"another run; to use the run at the URL, move {self.root.parent} away"
            raise InputError(f"{self.url}: expected the run whose working folder is {self.root}, got {got}")

    def _known(self) -> dict[str, str]:
        """The list of checksums at the URL, as last read or written from here."""
        with suppress(OSError, ValueError):
            return sums_of((self.root.parent / _KNOWN).read_bytes())
        return {}


def _keep(path: Path, data: bytes) -> None:
    make_folder(path.parent)
    write_atomic(path, data)
