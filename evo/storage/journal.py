"""The journal of the current generation, which limits the cost of a crash to a few cohorts."""

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
_AT_MOST = 0.2  # seconds of cohorts that a power failure may lose


@final
class Journal:
    """An append-only file of records, each with its own checksum.

    The death of the driver loses no record. A failure of the machine may lose the records of the last 0.2 seconds;
    their cohorts are then run again with bit-identical results. Waiting for the disk at every cohort would take longer
    than distributing the cohort.

    A record is a head (magic, length, generation, cohort), the SHA-256 of head and payload, and the payload. Reading
    ends at the first incomplete or damaged record; the next append overwrites it.

    Args:
        path: the file; the first append makes it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._end = -1  # bytes of the readable part, once known
        self._waited = -_AT_MOST

    def append(self, generation: int, number: int, arrays: Arrays) -> None:
        """Appends a finished cohort.

        Raises:
            InputError: the disk cannot be written; the earlier records are unchanged.
        """
        payload = pack(arrays)
        head = _HEAD.pack(_MAGIC, len(payload), generation, number)
        self._add(head + _digest(head, payload) + payload)

    def read(self, generation: int) -> dict[int, Arrays]:
        """Reads the cohorts of a generation by number; of several records with the same number, the first counts."""
        found: dict[int, Arrays] = {}
        for of_generation, number, record in self.records():
            if of_generation == generation and number not in found:
                try:
                    found[number] = unpack(record[_HEAD.size + _DIGEST :], str(self.path))
                except CorruptFile:
                    continue  # the record's checksum is right but its payload is no archive: run the cohort again
        return found

    def clear(self) -> None:
        """Deletes all records atomically.

        Raises:
            InputError: the disk cannot be written.
        """
        remove(self.path)
        self._end = -1

    def records(self) -> Iterator[tuple[int, int, bytes]]:
        """Yields generation, cohort and bytes of every record before the first incomplete or damaged one."""
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
        """Appends complete records from another journal of the same run if they are missing here."""
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
    """True if the bytes are exactly one complete, undamaged record of a journal."""
    start = _HEAD.size + _DIGEST
    if len(record) < start or record[: len(_MAGIC)] != _MAGIC:
        return False
    head, payload = record[: _HEAD.size], record[start:]
    return len(payload) == _HEAD.unpack(head)[1] and _digest(head, payload) == record[_HEAD.size : start]


def _digest(head: bytes, payload: bytes) -> bytes:
    return hashlib.sha256(head + payload).digest()
