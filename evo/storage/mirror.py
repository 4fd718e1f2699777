"""A run at a URL: a working folder here, with all that it guarantees, and one thread that keeps the URL equal to it.

Every file that is complete is put there, data before the list of their sums; of the generation in hand, every cohort.
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
"""Seconds that the end of a run waits for uploads that do not come forward; when it is interrupted."""

_LOOK, _LONGEST = 1.0, 60.0  # seconds between looks at the folder, and at most between tries while a store is away
_TRIES = 3  # of a reader, while somebody may be writing
_KNOWN = ".sums"  # beside the working folder: the list that is known to be there
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
            return Mirror(Remote(url), home / path.absolute().relative_to(home).parts[0])
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
        mirror.push()


def mirrored(path: Path) -> AbstractContextManager[Mirror | None]:
    """Around a driver, who is to call its `check` now and then."""
    mirror = mirror_of(path)
    return mirror.keeping() if mirror else nullcontext()


@final
class Mirror:
    """A working folder and the URL that it is kept at.

    Args:
        root: the folder, a run or a set.
    """

    def __init__(self, remote: Remote, root: Path) -> None:
        self._remote, self.root, self.url = remote, root, remote.url
        self._lock = remote.lock(root)
        self._sums: dict[str, str] = self._known()  # of what is there
        self._cohorts: set[str] = set()
        self._seen: dict[str, tuple[int, int, int]] = {}  # what a file was like when it was put
        self._stop, self._moved, self._refused = Event(), 0.0, ""
        self._putting = Lock()

    def fetch(self) -> None:
        """Brings here what is missing here or newer there; what is newer here stays, and goes there with the next put.

        Raises:
            InputError: another run lies there; or the store is away, and nothing is here.
        """
        missed: list[str] = []
        for attempt in range(_TRIES):
            try:
                if not (missed := self._fetch()):
                    return
            except InputError:
                raise
            except Exception as error:  # whatever the client of a store raises
                if attempt + 1 == _TRIES:
                    if not self.root.is_dir():
                        raise InputError(f"{self.url}: cannot be reached ({why(error)})") from error
                    _log.warning("%s: cannot be reached (%s); what is in %s is used", self.url, why(error), self.root)
                    return
            time.sleep(_LOOK / 2)
        _log.warning("passed over: %s: %s, with other bytes than their checksums name", self.url, ", ".join(missed))

    @contextmanager
    def keeping(self) -> Iterator[Mirror]:
        """Has the URL alone, and keeps it equal to the folder until the end; then waits for what is on its way.

        Raises:
            InputError: a driver has it, or it may not be written.
        """
        try:
            self._lock.acquire()
            self.fetch()
        except PermissionError as error:
            raise InputError(f"{self.url}: cannot be written ({why(error)})") from error
        except InputError:
            raise
        except Exception as error:  # whatever the client of a store raises
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
            if not thread.is_alive():  # otherwise the store holds it up, and would us; and what it puts needs the lock
                with suppress(Exception):
                    self._lock.release()

    def push(self) -> None:
        """Puts what was written here and is not there; where that may not be, says so."""
        if self._missing():
            try:
                with self.keeping():
                    pass
            except InputError as error:
                _log.warning("%s; what was written is in %s", error, self.root)

    def check(self) -> None:
        """Raises InputError once somebody else has the run."""
        if self._refused:
            raise InputError(self._refused)

    def go_back(self, run: Path, first: int) -> None:
        """Removes there what is beyond where a run goes on, and is gone here: the next fetch would mix two courses.

        Raises:
            InputError: the store is away; a later try may even find there what is damaged here.
        """
        with self._putting:
            if not (names := beyond(self._sums, run.relative_to(self.root), first)):
                return
            left = {name: digest for name, digest in self._sums.items() if name not in names}
            try:
                self._lock.beat()
                self._cohorts -= self._remote.go_back(run.relative_to(self.root), names, left)
            except Exception as error:  # whatever the client of a store raises
                holds = f"which holds {names[-1]}, beyond what is whole in {self.root}"
                raise InputError(
                    f"{self.url}: cannot be written ({why(error)}), {holds}; resume once it can"
                ) from error
            self._sums = left

    def _work(self) -> None:
        """Looks, puts, looks again; after a clean look that began when the run had ended, it is done."""
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
            except Exception as error:  # whatever the client of a store raises
                failures += 1
                if failures == 1:
                    later = f"the run goes on in {self.root}, and what it writes is put there later"
                    _log.warning("%s: cannot be written (%s); %s", self.url, why(error), later)
            pause = min(_LOOK * 2**failures, _LONGEST) if failures else _LOOK
            if ending:
                time.sleep(min(pause, _LOOK))
            else:
                self._stop.wait(pause)

    def _put_all(self) -> None:
        cohorts = dict(self._journalled())  # first: once it is cleared, the state that came after is among the names
        names = kept(self.root)
        for name in names:
            if (changed := self._changed(name)) is not None:
                stamp, data = changed
                if not sound(name, data):
                    continue  # what is damaged here must not replace what is good there
                if self._sums.get(name) != (digest := hashlib.sha256(data).hexdigest()):
                    self._put(name, data)
                self._sums[name], self._seen[name] = digest, stamp
        old = outlived(self._sums, names)
        left = {name: digest for name, digest in self._sums.items() if name not in old}
        if left != self._known():  # what was put before a look failed is in no list yet
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
        """When, how large and which it is, and the bytes: of a file that is not as it was when it was put."""
        path = self.root / name
        with suppress(FileNotFoundError):
            now = path.stat()
            stamp = now.st_mtime_ns, now.st_size, now.st_ino
            return None if self._seen.get(name) == stamp else (stamp, path.read_bytes())
        return None

    def _missing(self) -> list[str]:
        """Files that are not there as they are here."""
        changed = ((name, self._changed(name)) for name in kept(self.root))
        return [n for n, new in changed if new and self._sums.get(n) != hashlib.sha256(new[1]).hexdigest()]

    def _say_missing(self) -> None:
        if missing := self._missing():
            what = f"{len(missing)} files, such as {missing[0]}, are not there yet: they are in {self.root}"
            _log.warning("%s: %s, and `instinct resume %s` puts them there", self.url, what, self.url)

    def _journalled(self) -> Iterator[tuple[str, bytes]]:
        """Every cohort of a generation in hand: the name of its object, and its record."""
        for path in self.root.rglob("journal"):
            folder = path.relative_to(self.root).as_posix()
            for generation, number, record in Journal(path).records():
                yield f"{folder}/{generation:05d}-{number:05d}", record

    def _fetch(self) -> list[str]:
        """One try; gives the names of what is there with other bytes than it should have."""
        listed, known, missed = self._remote.listed(), self._known(), []
        wanted = listed.keys() - set(outlived(listed, kept(self.root)))
        for name in sorted(wanted, key=lambda name: (name.rpartition("/")[2] in LAST, name)):
            path, digest = self.root / name, listed[name]
            ours = path.read_bytes() if path.is_file() else None
            same = ours is not None and digest in ("", hashlib.sha256(ours).hexdigest(), known.get(name))
            if same and sound(name, ours or b""):
                continue  # as it is there, or changed here alone
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
        """Refuses to mix two runs."""
        if path.name == LAST[0] and path.is_file() and not same_experiment(path.read_bytes(), theirs):
            got = f"another one; to take that one, move {self.root.parent} away"
            raise InputError(f"{self.url}: expected the run that is worked on in {self.root}, got {got}")

    def _known(self) -> dict[str, str]:
        """The list that was there when it was last looked at or written."""
        with suppress(OSError, ValueError):
            return sums_of((self.root.parent / _KNOWN).read_bytes())
        return {}


def _keep(path: Path, data: bytes) -> None:
    make_folder(path.parent)
    write_atomic(path, data)
