"""The log of a run: one line of JSON per generation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

from evo.storage.atomic import append_at, write_atomic
from evo.storage.strict_json import to_json


@final
class Log:
    """A file with one JSON object per line and one line per generation; other complete lines are ignored.

    Args:
        path: the file; the first append makes it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._end = -1  # bytes of the complete lines, once known

    def append(self, record: dict[str, Any]) -> None:
        """Appends a line durably and overwrites an incomplete last line.

        Raises:
            InputError: the disk cannot be written; the earlier lines are unchanged.
        """
        size = self.path.stat().st_size if self.path.exists() else 0
        if size != self._end:
            self._end = sum(map(len, self._lines()))
        self._end = append_at(self.path, self._end, _line(record))

    def read(self) -> list[dict[str, Any]]:
        """Reads every record; numbers that were not finite are None."""
        records = (json_object(line) for line in self._lines())
        return [record for record in records if record is not None]

    def replace(self, records: Sequence[dict[str, Any]]) -> None:
        """Replaces the whole log atomically; writes nothing if the log already holds these records.

        Raises:
            InputError: the disk cannot be written.
        """
        lines = b"".join(map(_line, records))
        if lines != (self.path.read_bytes() if self.path.is_file() else b""):
            write_atomic(self.path, lines)

    def cut(self, newest: int) -> None:
        """Removes the records of generations after `newest`, and records without a generation.

        Raises:
            InputError: the disk cannot be written.
        """
        logged = ((record, record.get("generation")) for record in self.read())
        self.replace([record for record, index in logged if isinstance(index, int) and index <= newest])

    def _lines(self) -> list[bytes]:
        if not self.path.is_file():
            return []
        return [line + b"\n" for line in self.path.read_bytes().split(b"\n")[:-1]]


def json_object(text: bytes) -> dict[str, Any] | None:
    """Parses a JSON object; returns None for any other text."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _line(record: dict[str, Any]) -> bytes:
    return f"{to_json(record)}\n".encode()
