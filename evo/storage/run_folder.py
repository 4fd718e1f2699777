"""The run folder: all files of a run, each written atomically, none of them pickled."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

from evo.storage.arrays import Arrays, pack, unpack
from evo.storage.atomic import TEMPORARY, remove, sync_folder, unwritable, write_atomic
from evo.storage.checksums import CorruptFile, in_a_comment, in_an_object, unclosed, verified
from evo.storage.folder_checks import EXPERIMENT, MANIFEST, check_own, clear_begun, taken
from evo.storage.journal import Journal
from evo.storage.locks import alone, locked
from evo.storage.log import Log, json_object
from evo.storage.strict_json import to_json
from genomes.errors import InputError, nearest

FORMAT = 2
"""Version of the folder's layout. Format 1, also readable, has no thinned generations and no checksums in texts."""

_STATES_KEPT = 3
_NUMBERED = re.compile(r"(\d{5,9})\.npz")
_log = logging.getLogger(__name__)


@final
class RunFolder:
    """A run on disk. Reading needs no lock; writing happens inside `with folder.driving():`.

    Attributes:
        path: the folder.
        journal: finished cohorts of the current generation.
        log: the log, one line per generation.
        passed_over: sentences about the damaged files that the last `latest()` skipped.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal = Journal(path / "journal")
        self.log = Log(path / "log.jsonl")
        self.passed_over: tuple[str, ...] = ()

    @classmethod
    def create(cls, path: Path, experiment_yaml: str, manifest: dict[str, Any]) -> RunFolder:
        """Makes the folder of a new run; the manifest is written last, so a folder with a manifest is complete.

        If an earlier process died in this function, its remains (empty folders, an experiment) are replaced.

        Raises:
            InputError: the folder already holds something else, or the disk cannot be written.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            with alone(path):
                clear_begun(path)
                if any(path.iterdir()):
                    raise taken(path)
                (path / "generations").mkdir()  # if two processes make the same folder at once, one fails here
                (path / "state").mkdir()
                sync_folder(path.absolute().parent)
                folder = cls(path)
                folder.write_experiment(experiment_yaml)
                folder.write_manifest(manifest)
                return folder
        except FileExistsError as error:
            raise taken(path) from error
        except OSError as error:
            raise unwritable(path, error) from error

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Opens the folder of an existing run; writes nothing.

        Raises:
            InputError: there is no folder, or it holds no run, or a run in another format.
        """
        if not path.is_dir():
            runs = [found.parent.name for found in path.absolute().parent.glob(f"*/{MANIFEST}")]
            raise InputError(f"{path}: expected a run folder, got nothing there; {nearest(path.name, runs)}")
        if not (path / MANIFEST).is_file():
            raise InputError(f"{path}: expected a run folder, got a folder without {MANIFEST}")
        check_own(path)
        folder = cls(path)
        folder._manifest()
        return folder

    @property
    def manifest(self) -> dict[str, Any]:
        """Versions, platform, seed, command: the manifest given to `create`, in JSON types."""
        return {key: value for key, value in self._manifest().items() if key not in ("format", "seal")}

    @property
    def experiment_yaml(self) -> str:
        """The resolved experiment as YAML.

        Raises:
            CorruptFile: the text was changed after it was written.
        """
        path, old = self.path / EXPERIMENT, self._manifest()["format"] == 1
        advice = f"; a run keeps its experiment: put the old text back, or begin a new run: instinct evolve {path}"
        return _decoded(path, _bytes(path) if old else unclosed(path, in_a_comment, advice))

    def rewrite_experiment(self, experiment_yaml: str) -> None:
        """Takes the lock and replaces the experiment.

        Raises:
            InputError: a driver holds the lock, or the disk cannot be written.
        """
        with locked(self.path / "lock"):
            self.write_experiment(experiment_yaml)

    def write_experiment(self, experiment_yaml: str) -> None:
        """Replaces the experiment; the caller holds the lock, or the run is new."""
        body = experiment_yaml.encode()
        write_atomic(self.path / EXPERIMENT, body + in_a_comment(body))

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Replaces the manifest; the caller holds the lock, or the run is new."""
        body = to_json({"format": FORMAT} | manifest, indent=2).removesuffix("\n}").encode()
        write_atomic(self.path / MANIFEST, body + in_an_object(body))

    def write_json(self, name: str, value: Any) -> None:
        """Writes a JSON file of the folder, atomically; numbers that are not finite become null."""
        write_atomic(self.path / name, (to_json(value, indent=2) + "\n").encode())

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Keeps drivers out of the run until the end of the block; writes nothing.

        Raises:
            InputError: a driver holds the lock; the message names its process and host.
        """
        if not (self.path / "lock").exists():  # the run never had a driver; the folder may be read-only
            yield
            return
        with locked(self.path / "lock", shared=True):
            yield

    @contextmanager
    def driving(self) -> Iterator[RunFolder]:
        """Locks the folder and removes the remains of a crash: unfinished files, log lines of later generations.

        The kernel frees the lock when the process dies, for any reason.

        Raises:
            InputError: another driver holds the lock (the message names its process and host); or the disk cannot be
                written.
        """
        with locked(self.path / "lock"):
            self._clear_after_crash()
            yield self

    def write_generation(self, index: int, arrays: Arrays) -> None:
        """Writes a generation atomically and with a checksum."""
        write_atomic(self._generation(index), pack(arrays))

    def read_generation(self, index: int) -> Arrays:
        """Reads the arrays of a generation.

        Raises:
            CorruptFile: the file does not exist or is damaged.
        """
        return unpack(self._generation(index))

    def generations(self) -> list[int]:
        """Indices of the generations on disk, ascending."""
        return _numbered(self.path / "generations")

    def write_state(self, index: int, arrays: Arrays) -> None:
        """Writes the state of the search after a generation; keeps the last three."""
        write_atomic(self._state(index), pack(arrays))
        for old in [kept for kept in _numbered(self.path / "state") if kept <= index][:-_STATES_KEPT]:
            remove(self._state(old))

    def go_back(self, first: int) -> None:
        """Deletes every state and every generation from `first` on, where `first` is the next generation to run.

        Such files exist if an earlier file was damaged. A run that continues from before the damage may have another
        history; if it died, the states of the old history would be the newest. If a state is deleted, the journal is
        cleared as well, because it belongs to the old history. A generation without a state remains after any crash.

        Raises:
            InputError: the disk cannot be written; the remaining files still count as damaged.
        """
        states = [index for index in _numbered(self.path / "state") if index >= first]
        if states:
            self.journal.clear()
        for index in reversed(states):
            remove(self._state(index))
        for index in reversed([index for index in self.generations() if index >= first]):
            remove(self._generation(index))

    def latest(self) -> tuple[int, Arrays] | None:
        """The newest generation with a good state and no damaged generation up to it, and the state; None if none.

        Damaged files are skipped, logged as warnings and listed in `passed_over`.
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
            except CorruptFile as error:
                torn.append(str(error))
        for sentence in [new for new in torn if new not in self.passed_over]:
            _log.warning("passed over: %s", sentence)
        self.passed_over = tuple(torn)
        return found

    def _manifest(self) -> dict[str, Any]:
        path = self.path / MANIFEST
        if (record := json_object(_bytes(path))) is None:
            raise CorruptFile(f"{path}: expected one JSON object, got something else")
        if (made := record.get("format")) not in (1, FORMAT):
            got = f"format {made}, of another version of instinct"
            raise InputError(f"{self.path}: expected a run in format {FORMAT}, got {got}")
        if made != 1 or "seal" in record:
            unclosed(path, in_an_object)
        return record

    def _generation(self, index: int) -> Path:
        return self.path / "generations" / f"{index:05d}.npz"

    def _state(self, index: int) -> Path:
        return self.path / "state" / f"{index:05d}.npz"

    def _clear_after_crash(self) -> None:
        for folder in (self.path, self.path / "generations", self.path / "state"):
            for unfinished in folder.glob(f".*{TEMPORARY}"):
                remove(unfinished)
        latest = self.latest()
        self.log.cut(latest[0] if latest else -1)


def _numbered(folder: Path) -> list[int]:
    names = (_NUMBERED.fullmatch(path.name) for path in folder.glob("*.npz"))
    return sorted(int(match[1]) for match in names if match and match[1] == f"{int(match[1]):05d}")


def _torn(path: Path) -> str | None:
    """The error message for a damaged or missing file; None for a good file."""
    try:
        verified(path)
    except CorruptFile as error:
        return str(error)
    return None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CorruptFile(f"{path}: cannot be read ({error.strerror or error})") from error


def _decoded(path: Path, text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise CorruptFile(f"{path}: expected text, got something else ({error})") from error
