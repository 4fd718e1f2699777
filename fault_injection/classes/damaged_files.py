"""CorruptFile and bit-flipped files of a run, at every file and at random offsets."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from evo.distribution.executor import Serial
from evo.evolution.evolve import continued
from evo.evolution.run import Run
from evo.storage.arrays import unpack
from fault_injection.classes.trial import Attempt, Stopped, Stopping, bytes_of, lived, refused, same
from genomes.errors import InputError

NAME, TRIED, SECONDS = "damaged-files", 1000, 30
HOLDS = "detected and named; the last good generation is gone on from, to the undisturbed run's bytes"
_COHORTS = 22  # evaluated before the damaged run stops: four generations of five, and two in the journal
_DAMAGES = (*["flip"] * 6, "cut", "empty", "zeros", "noise", "longer", "gone")


@contextmanager
def attempts(place: Path) -> Iterator[Attempt]:
    """Damages a run that stopped in the middle, or a finished one; resumes it."""
    undisturbed = lived(place / "finished")
    with suppress(Stopped):
        lived(place / "stopped", executor=Stopping(_COHORTS))
    assert (place / "stopped" / "journal").exists(), "the stopped run has cohorts in its journal"

    def attempt(number: int, own: Path, rng: np.random.Generator) -> None:
        run = own / "run"
        shutil.copytree(place / ("finished" if rng.random() < 0.3 else "stopped"), run)
        files = sorted(path for path in run.rglob("*") if path.is_file() and path.name != "lock")
        path = files[int(rng.integers(len(files)))]
        newest = path == sorted((run / path.parent).glob("*"))[-1]
        how = _damage(path, rng)
        at = path.relative_to(run).as_posix()
        try:
            _check_read(run, at, how)
            said = _gone_on(run, at)
            if said is not None:
                same(bytes_of(run), undisturbed)
                # a missing newest state looks like a crash before it was written, an older one is not needed, and
                # every crash may cut the ends of journal and log
                needed = (newest and how != "gone") if at.startswith("state/") else at not in ("journal", "log.jsonl")
                assert path.name in said or not needed, f"it is not named, only '{said}'"
        except AssertionError as error:
            raise AssertionError(f"{at} ({how}): {error}") from error

    yield attempt


def _damage(path: Path, rng: np.random.Generator) -> str:
    """Damages a file in one of the ways of disks and crashes; returns the name of the way."""
    data, how = bytearray(path.read_bytes()), str(rng.choice(_DAMAGES))
    before, at = bytes(data), int(rng.integers(len(data)))
    if how == "gone":
        path.unlink()
        return how
    if how == "flip":
        data[at] ^= 1 << int(rng.integers(8))
    elif how == "cut":
        del data[at:]
    elif how == "empty":
        data.clear()
    elif how == "longer":
        data += rng.bytes(int(rng.integers(1, 600)))
    else:  # a sector that never reached the disk, or one of another file
        length = len(data[at : at + 512])
        data[at : at + 512] = bytes(length) if how == "zeros" else rng.bytes(length)
    path.write_bytes(before[:-1] if data == before else data)  # if nothing changed, cut the last byte
    return how


def _check_read(run: Path, at: str, how: str) -> None:
    """Checks that reading a damaged generation or state fails with a message that names it."""
    path = run / at
    if path.suffix == ".npz":
        sentence = refused(lambda: unpack(path), "it is read as if it were whole")
        assert path.name in sentence, f"the sentence does not name it: {sentence}"


def _gone_on(run: Path, at: str) -> str | None:
    """Resumes to the end, and returns the warnings; None if a message says that the run cannot be resumed."""
    words = _Words()
    logging.getLogger("evo").addHandler(words)
    try:
        for _ in continued(Run(run), Serial()):
            pass
    except InputError as error:
        # derived data must be computed again; a lost experiment cannot be
        if at in ("experiment.yaml", "manifest.json") and at in str(error):
            return None
        raise
    finally:
        logging.getLogger("evo").removeHandler(words)
    return words.said


class _Words(logging.Handler):
    """The text of the warnings."""

    def __init__(self) -> None:
        super().__init__()
        self.said = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps a message."""
        self.said += record.getMessage() + "\n"
