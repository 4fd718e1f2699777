"""What grows while a run goes on: the journal, so that a crash costs one cohort, and the log, a line a generation."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic
from typing import final

from evo.storage.arrays import Arrays, pack, unpack
from evo.storage.atomic import append_at, remove
from evo.storage.checksums import CorruptFile

_MAGIC = b"coho"
_HEAD = struct.Struct("<4sQQQ")  # magic, length of the payload, generation, cohort
_DIGEST = hashlib.sha256().digest_size
_AT_MOST = 0.2  # seconds of cohorts that a power cut may cost


@final
class Journal:
    """An append-only file of records, each with its own checksum.

    A driver that dies loses none that was appended; a machine that does may lose those of the last fifth of a second,
    which are lived again to the same bits: waiting for the disk at every cohort would cost more than sending it out.

    A record is a head (magic, length, generation, cohort), the SHA-256 of head and payload, and the payload. The first
    record that is not whole ends what can be read; the next append takes its place.

    Args:
        path: of the file; made by the first append.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._end = -1  # of the readable part, once it is known
        self._waited = -_AT_MOST

    def append(self, generation: int, number: int, arrays: Arrays) -> None:
        """Adds a finished cohort.

        Raises:
            InputError: the disk refuses; the records before are as they were.
        """
        payload = pack(arrays)
        head = _HEAD.pack(_MAGIC, len(payload), generation, number)
        self._add(head + _digest(head, payload) + payload)

    def read(self, generation: int) -> dict[int, Arrays]:
        """Cohorts of a generation by number; of records with the same number, the first."""
        found: dict[int, Arrays] = {}
        for of_generation, number, record in self.records():
            if of_generation == generation and number not in found:
                try:
                    found[number] = unpack(record[_HEAD.size + _DIGEST :], str(self.path))
                except CorruptFile:
                    continue  # not ours, though its checksum is right: the cohort is lived again
        return found

    def clear(self) -> None:
        """Forgets everything, at once or not at all.

        Raises:
            InputError: the disk refuses.
        """
        remove(self.path)
        self._end = -1

    def records(self) -> Iterator[tuple[int, int, bytes]]:
        """Generation, cohort and bytes of every record up to the first that is not whole."""
        if not self.path.is_file():
            return
        with self.path.open("rb") as file:
            left = os.fstat(file.fileno()).st_size
            while left >= _HEAD.size + _DIGEST:
                start = file.read(_HEAD.size + _DIGEST)
                magic, length, generation, number = _HEAD.unpack(start[: _HEAD.size])
                left -= len(start) + length
                if magic != _MAGIC or left < 0:
                    return
                record = start + file.read(length)
                if not whole(record):
                    return
                yield generation, number, record

    def adopt(self, records: Sequence[bytes]) -> None:
        """Adds whole records of another journal of the same run, those that are not here."""
        here = {(generation, number) for generation, number, _ in self.records()}
        for record in records:
            _, _, generation, number = _HEAD.unpack(record[: _HEAD.size])
            if (generation, number) not in here:
                self._add(record)

    def _add(self, record: bytes) -> None:
        size = self.path.stat().st_size if self.path.exists() else 0
        if size != self._end:
            self._end = sum(len(known) for *_, known in self.records())
        wait = monotonic() - self._waited >= _AT_MOST
        self._end = append_at(self.path, self._end, record, wait)
        if wait:
            self._waited = monotonic()


def whole(record: bytes) -> bool:
    """Whether these are the bytes of one record of a journal, all of them and as they were written."""
    start = _HEAD.size + _DIGEST
    if len(record) < start or record[: len(_MAGIC)] != _MAGIC:
        return False
    head, payload = record[: _HEAD.size], record[start:]
    return len(payload) == _HEAD.unpack(head)[1] and _digest(head, payload) == record[_HEAD.size : start]


def _digest(head: bytes, payload: bytes) -> bytes:
    return hashlib.sha256(head + payload).digest()
