"""The journal: cohorts that are finished while their generation is not, so that a crash costs one cohort."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import final

from evo.files import Arrays, Torn, append_at, pack, sync_folder, unpack, unwritable

_MAGIC = b"coho"
_HEAD = struct.Struct("<4sQQQ")  # magic, length of the payload, generation, cohort
_DIGEST = hashlib.sha256().digest_size


@final
class Journal:
    """An append-only file of records, each with its own checksum, each on disk before `append` returns.

    A record is a head (magic, length, generation, cohort), the SHA-256 of head and payload, and the payload. The first
    record that is not whole ends what can be read; the next append takes its place.

    Args:
        path: of the file; made by the first append.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._end = -1  # of the readable part, once it is known

    def append(self, generation: int, number: int, arrays: Arrays) -> None:
        """Adds a finished cohort, durably.

        Raises:
            Unexpected: the disk refuses; the records before are as they were.
        """
        payload = pack(arrays)
        head = _HEAD.pack(_MAGIC, len(payload), generation, number)
        size = self.path.stat().st_size if self.path.exists() else 0
        if size != self._end:
            self._end = max((end for *_, end in self._records()), default=0)
        self._end = append_at(self.path, self._end, head + _digest(head, payload) + payload)

    def read(self, generation: int) -> dict[int, Arrays]:
        """Cohorts of a generation by number; of records with the same number, the first."""
        found: dict[int, Arrays] = {}
        for of_generation, number, payload, _ in self._records():
            if of_generation == generation and number not in found:
                try:
                    found[number] = unpack(payload, str(self.path))
                except Torn:
                    continue  # not ours, though its checksum is right: the cohort is lived again
        return found

    def clear(self) -> None:
        """Forgets everything, at once or not at all.

        Raises:
            Unexpected: the disk refuses.
        """
        try:
            self.path.unlink(missing_ok=True)
            sync_folder(self.path.parent)
        except OSError as error:
            raise unwritable(self.path, error) from error
        self._end = -1

    def _records(self) -> Iterator[tuple[int, int, bytes, int]]:
        """Generation, cohort, payload and end of every record up to the first that is not whole."""
        if not self.path.is_file():
            return
        with self.path.open("rb") as file:
            left = os.fstat(file.fileno()).st_size
            while left >= _HEAD.size + _DIGEST:
                head, digest = file.read(_HEAD.size), file.read(_DIGEST)
                magic, length, generation, number = _HEAD.unpack(head)
                left -= _HEAD.size + _DIGEST + length
                if magic != _MAGIC or left < 0:
                    return
                payload = file.read(length)
                if _digest(head, payload) != digest:
                    return
                yield generation, number, payload, file.tell()


def _digest(head: bytes, payload: bytes) -> bytes:
    return hashlib.sha256(head + payload).digest()
