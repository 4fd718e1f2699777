"""The run folder: everything that a run leaves on disk, whole or not at all, nothing pickled."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

from evo.files import (
    TEMPORARY,
    Arrays,
    Torn,
    append_at,
    pack,
    sync_folder,
    to_json,
    unpack,
    unwritable,
    verified,
    write_atomic,
)
from evo.journal import Journal
from genomes.expect import Unexpected, nearest

FORMAT = 1
"""Of the folder's layout; a folder of another one is refused."""

_STATES_KEPT = 3
_MANIFEST, _EXPERIMENT = "manifest.json", "experiment.yaml"
_NUMBERED = re.compile(r"(\d{5,})\.npz")
_log = logging.getLogger(__name__)


@final
class RunFolder:
    """A run on disk. Reading needs nothing; whoever writes does so inside `with folder.driving():`.

    Attributes:
        path: of the folder.
        journal: finished cohorts of the generation in hand.
        passed_over: sentences about the torn files that the last `latest()` met.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal = Journal(path / "journal")
        self.passed_over: tuple[str, ...] = ()
        self._log_end = -1  # of the log's whole lines, once it is known

    @classmethod
    def create(cls, path: Path, experiment_yaml: str, manifest: dict[str, Any]) -> RunFolder:
        """Makes the folder of a new run; the manifest comes last, so a folder that has one is complete.

        Raises:
            Unexpected: something is there already, or the disk refuses.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            if any(path.iterdir()):
                raise _taken(path)
            (path / "generations").mkdir()  # of two that make the same folder at once, one fails here
            (path / "state").mkdir()
            sync_folder(path.absolute().parent)
        except FileExistsError as error:
            raise _taken(path) from error
        except OSError as error:
            raise unwritable(path, error) from error
        folder = cls(path)
        folder.write_experiment(experiment_yaml)
        folder.write_json(_MANIFEST, {"format": FORMAT} | manifest)
        return folder

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """A folder that is there; writes nothing.

        Raises:
            Unexpected: there is none, it holds no run, or a run in another format.
        """
        if not path.is_dir():
            runs = [found.parent.name for found in path.absolute().parent.glob(f"*/{_MANIFEST}")]
            raise Unexpected(f"{path}: expected a run folder, got nothing there; {nearest(path.name, runs)}")
        if not (path / _MANIFEST).is_file():
            raise Unexpected(f"{path}: expected a run folder, got a folder without {_MANIFEST}")
        folder = cls(path)
        made = folder._manifest().get("format")
        if made != FORMAT:
            raise Unexpected(f"{path}: expected a run in format {FORMAT}, got format {made}, of another instinct")
        return folder

    @property
    def manifest(self) -> dict[str, Any]:
        """Versions, platform, seed, command: as given to `create`, in JSON's terms."""
        return {key: value for key, value in self._manifest().items() if key != "format"}

    @property
    def experiment_yaml(self) -> str:
        """The resolved experiment."""
        return _text(self.path / _EXPERIMENT)

    def rewrite_experiment(self, experiment_yaml: str) -> None:
        """Replaces the experiment.

        Raises:
            Unexpected: a driver has the run, or the disk refuses.
        """
        with self._locked():
            self.write_experiment(experiment_yaml)

    def write_experiment(self, experiment_yaml: str) -> None:
        """Replaces the experiment of a run that nobody else can have."""
        write_atomic(self.path / _EXPERIMENT, experiment_yaml.encode())

    def write_json(self, name: str, value: Any) -> None:
        """Writes a JSON file of the folder, atomically; numbers that are not finite become null."""
        write_atomic(self.path / name, (to_json(value, indent=2) + "\n").encode())

    @contextmanager
    def driving(self) -> Iterator[RunFolder]:
        """Has the folder alone and clears what a crash left: unfinished files, log lines of generations to come.

        The kernel frees the lock when the process dies, however it dies.

        Raises:
            Unexpected: another driver has it, named with process and host; or the disk refuses.
        """
        with self._locked():
            self._clear_after_crash()
            yield self

    def write_generation(self, index: int, arrays: Arrays) -> None:
        """Writes a generation, atomically and under a checksum."""
        write_atomic(self._generation(index), pack(arrays))

    def read_generation(self, index: int) -> Arrays:
        """A generation's arrays.

        Raises:
            Torn: it is not there, or not what was written.
        """
        return unpack(self._generation(index))

    def generations(self) -> list[int]:
        """Indices of the generations on disk, ascending."""
        return _numbered(self.path / "generations")

    def write_state(self, index: int, arrays: Arrays) -> None:
        """Writes the state of the search after a generation; keeps the last three."""
        write_atomic(self._state(index), pack(arrays))
        for old in [kept for kept in _numbered(self.path / "state") if kept <= index][:-_STATES_KEPT]:
            self._state(old).unlink(missing_ok=True)

    def latest(self) -> tuple[int, Arrays] | None:
        """The newest generation whose state is good and before which every generation is; None before the first.

        Torn files are passed over, logged as warnings and kept in `passed_over`.
        """
        states, torn, found, good = _numbered(self.path / "state"), [], None, 0
        while (sentence := _torn(self._generation(good))) is None:
            good += 1
        if self._generation(good).exists() or any(index >= good for index in states):
            torn.append(sentence)
        for index in reversed([index for index in states if index < good]):
            try:
                found = index, unpack(self._state(index))
                break
            except Torn as error:
                torn.append(str(error))
        for sentence in [new for new in torn if new not in self.passed_over]:
            _log.warning("passed over: %s", sentence)
        self.passed_over = tuple(torn)
        return found

    def append_log(self, record: dict[str, Any]) -> None:
        """Adds a line to log.jsonl, durably."""
        path = self.path / "log.jsonl"
        size = path.stat().st_size if path.exists() else 0
        if size != self._log_end:
            self._log_end = sum(map(len, _lines(path)))
        self._log_end = append_at(path, self._log_end, f"{to_json(record)}\n".encode())

    def read_log(self) -> list[dict[str, Any]]:
        """Records of the log; a torn last line is ignored, and so is one that is no JSON object."""
        records = (_record(line) for line in _lines(self.path / "log.jsonl"))
        return [record for record in records if record is not None]

    def _manifest(self) -> dict[str, Any]:
        record = _record(_text(self.path / _MANIFEST).encode())
        if record is None:
            raise Torn(f"{self.path / _MANIFEST}: expected one JSON object, got something else")
        return record

    def _generation(self, index: int) -> Path:
        return self.path / "generations" / f"{index:05d}.npz"

    def _state(self, index: int) -> Path:
        return self.path / "state" / f"{index:05d}.npz"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        path = self.path / "lock"
        try:
            # never unlinked: a lock on a file that lost its name would keep nobody out
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise unwritable(path, error) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"process {os.getpid()} on {os.uname().nodename}".encode(), 0)
            except BlockingIOError as error:
                holder = _holder(descriptor)
                raise Unexpected(
                    f"{self.path}: expected a run that nobody drives, got one driven by {holder}; "
                    "wait for it, stop it, or choose another --run"
                ) from error
            except OSError as error:
                raise unwritable(path, error) from error
            yield
        finally:
            os.close(descriptor)

    def _clear_after_crash(self) -> None:
        for folder in (self.path, self.path / "generations", self.path / "state"):
            for unfinished in folder.glob(f".*{TEMPORARY}"):
                unfinished.unlink(missing_ok=True)
        latest, path = self.latest(), self.path / "log.jsonl"
        done = latest[0] if latest else -1
        records = ((line, _record(line)) for line in _lines(path))
        kept = b"".join(line for line, record in records if record and record.get("generation", done) <= done)
        if path.exists() and path.read_bytes() != kept:
            write_atomic(path, kept)


def _taken(path: Path) -> Unexpected:
    if not path.is_dir():
        return Unexpected(f"{path}: expected a new folder, got a file; choose another --run")
    if (path / _MANIFEST).exists():
        got = f"one that holds a run; go on with `instinct resume {path}`"
        return Unexpected(f"{path}: expected a new folder, got {got}, or choose another --run")
    return Unexpected(f"{path}: expected a new folder, got one that holds other files; choose another --run")


def _numbered(folder: Path) -> list[int]:
    names = (_NUMBERED.fullmatch(path.name) for path in folder.glob("*.npz"))
    return sorted(int(match[1]) for match in names if match)


def _torn(path: Path) -> str | None:
    """What is wrong with a file, or None."""
    try:
        verified(path)
    except Torn as error:
        return str(error)
    return None


def _holder(descriptor: int) -> str:
    for _ in range(20):
        if written := os.pread(descriptor, 300, 0).decode(errors="replace"):
            return written
        time.sleep(0.01)  # it has the lock, and is about to say who it is
    return "a process that has just begun"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Torn(f"{path}: expected a file of text, got one that cannot be read ({error})") from error


def _lines(path: Path) -> list[bytes]:
    """The whole lines of a file, each with its end."""
    if not path.is_file():
        return []
    return [line + b"\n" for line in path.read_bytes().split(b"\n")[:-1]]


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
