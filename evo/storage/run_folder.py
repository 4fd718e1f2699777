"""The run folder: everything that a run leaves on disk, whole or not at all, nothing pickled."""

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
"""Of the folder's layout. In format 1, which is read as well, nothing was thinned, and texts had no checksums."""

_STATES_KEPT = 3
_NUMBERED = re.compile(r"(\d{5,9})\.npz")
_log = logging.getLogger(__name__)


@final
class RunFolder:
    """A run on disk. Reading needs nothing; whoever writes does so inside `with folder.driving():`.

    Attributes:
        path: of the folder.
        journal: finished cohorts of the generation in hand.
        log: a line a generation.
        passed_over: sentences about the torn files that the last `latest()` met.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal = Journal(path / "journal")
        self.log = Log(path / "log.jsonl")
        self.passed_over: tuple[str, ...] = ()

    @classmethod
    def create(cls, path: Path, experiment_yaml: str, manifest: dict[str, Any]) -> RunFolder:
        """Makes the folder of a new run; the manifest comes last, so a folder that has one is complete.

        What a death in here left, no more than empty folders and an experiment, is made anew.

        Raises:
            InputError: something is there already, or the disk refuses.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            with alone(path):
                clear_begun(path)
                if any(path.iterdir()):
                    raise taken(path)
                (path / "generations").mkdir()  # of two that make the same folder at once, one fails here
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
        """A folder that is there; writes nothing.

        Raises:
            InputError: there is none, it holds no run, or a run in another format.
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
        """Versions, platform, seed, command: as given to `create`, in JSON's terms."""
        return {key: value for key, value in self._manifest().items() if key not in ("format", "seal")}

    @property
    def experiment_yaml(self) -> str:
        """The resolved experiment.

        Raises:
            CorruptFile: it was changed since it was written, by whatever or whomever.
        """
        path, old = self.path / EXPERIMENT, self._manifest()["format"] == 1
        advice = f"; a run goes on as it began: put the old text back, or begin a new run: instinct evolve {path}"
        return _decoded(path, _bytes(path) if old else unclosed(path, in_a_comment, advice))

    def rewrite_experiment(self, experiment_yaml: str) -> None:
        """Replaces the experiment.

        Raises:
            InputError: a driver has the run, or the disk refuses.
        """
        with locked(self.path / "lock"):
            self.write_experiment(experiment_yaml)

    def write_experiment(self, experiment_yaml: str) -> None:
        """Replaces the experiment of a run that nobody else can have."""
        body = experiment_yaml.encode()
        write_atomic(self.path / EXPERIMENT, body + in_a_comment(body))

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Replaces the manifest of a run that nobody else can have."""
        body = to_json({"format": FORMAT} | manifest, indent=2).removesuffix("\n}").encode()
        write_atomic(self.path / MANIFEST, body + in_an_object(body))

    def write_json(self, name: str, value: Any) -> None:
        """Writes a JSON file of the folder, atomically; numbers that are not finite become null."""
        write_atomic(self.path / name, (to_json(value, indent=2) + "\n").encode())

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Nobody can drive it meanwhile; writes nothing.

        Raises:
            InputError: a driver has it, named with process and host.
        """
        if not (self.path / "lock").exists():  # nobody ever had it, and perhaps nobody can: a folder to read
            yield
            return
        with locked(self.path / "lock", shared=True):
            yield

    @contextmanager
    def driving(self) -> Iterator[RunFolder]:
        """Has the folder alone and clears what a crash left: unfinished files, log lines of generations to come.

        The kernel frees the lock when the process dies, however it dies.

        Raises:
            InputError: another driver has it, named with process and host; or the disk refuses.
        """
        with locked(self.path / "lock"):
            self._clear_after_crash()
            yield self

    def write_generation(self, index: int, arrays: Arrays) -> None:
        """Writes a generation, atomically and under a checksum."""
        write_atomic(self._generation(index), pack(arrays))

    def read_generation(self, index: int) -> Arrays:
        """A generation's arrays.

        Raises:
            CorruptFile: it is not there, or not what was written.
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
        """Removes every state and every generation from `first` on, which is to be lived next.

        They lie there when a file before them was damaged. A run that goes on from before it may take another course,
        and were it to die, the states of the old one would be the newest. The journal, which is of that old course,
        goes as well where a state does; a generation without its state is what any death leaves.

        Raises:
            InputError: the disk refuses; what is left is still taken for damaged.
        """
        states = [index for index in _numbered(self.path / "state") if index >= first]
        if states:
            self.journal.clear()
        for index in reversed(states):
            remove(self._state(index))
        for index in reversed([index for index in self.generations() if index >= first]):
            remove(self._generation(index))

    def latest(self) -> tuple[int, Arrays] | None:
        """The newest generation whose state is good and before which every generation is; None before the first.

        CorruptFile files are passed over, logged as warnings and kept in `passed_over`.
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
            raise InputError(f"{self.path}: expected a run in format {FORMAT}, got format {made}, of another instinct")
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
    """What is wrong with a file, or None."""
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
