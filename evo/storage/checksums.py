"""Checksums at the end of files: bytes are parsed only after their SHA-256 is right."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from genomes.errors import InputError

LIMIT = 4 * 2**30
"""Bytes that an archive may hold, in memory or on disk."""

Closing = Callable[[bytes], bytes]
"""The last bytes of a text that people read, made from all the others: where they fit, nothing was changed."""

_SEAL = b"sha256:"

SEAL_LENGTH = len(_SEAL) + 2 * hashlib.sha256().digest_size


class CorruptFile(InputError):
    """A file is not what was written: cut off, damaged, or made to do harm."""


def verified(source: Path | bytes, name: str = "") -> bytes:
    """Bytes whose checksum is right; cheaper than unpacking them.

    Raises:
        CorruptFile: it is not, or there is nothing to read.
    """
    name = name or (str(source) if isinstance(source, Path) else "archive")
    try:
        data = source if isinstance(source, bytes) else read_whole(source)
    except OSError as error:
        raise CorruptFile(f"{name}: cannot be read ({error.strerror or error})") from error
    body, seal = memoryview(data)[:-SEAL_LENGTH], data[-SEAL_LENGTH:]
    if seal != seal_of(body):
        raise CorruptFile(f"{name}: expected the bytes that its checksum names, got {len(data)} others")
    return data


def in_a_comment(body: bytes) -> bytes:
    """The closing of a text in which # begins a comment, such as YAML: a last line with the checksum of the others."""
    return b"# " + seal_of(memoryview(body)) + b"\n"


def in_an_object(body: bytes) -> bytes:
    """The closing of an indented JSON object of which all but the end is there: a last member with its checksum."""
    return b',\n  "seal": "' + seal_of(memoryview(body)) + b'"\n}\n'


def unclosed(path: Path, closing: Closing, advice: str = "") -> bytes:
    """What stands before the closing of a text.

    Args:
        advice: what to do, for whoever changed it on purpose.

    Raises:
        CorruptFile: it cannot be read, or it was changed.
    """
    try:
        data = read_whole(path)
    except OSError as error:
        raise CorruptFile(f"{path}: cannot be read ({error.strerror or error})") from error
    body = data[: -len(closing(b""))]
    if data != body + closing(body):
        raise CorruptFile(f"{path}: expected the text that the checksum at its end names, got another{advice}")
    return body


def read_whole(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        OSError: there is no such file, or it is larger than `LIMIT`.
    """
    if not path.is_file():
        raise OSError("there is no such file")
    if path.stat().st_size > LIMIT:
        raise OSError(f"it is larger than {LIMIT} bytes")
    return path.read_bytes()


def seal_of(body: memoryview) -> bytes:
    """The checksum of some bytes as it stands at the end of a file."""
    return _SEAL + hashlib.sha256(body).hexdigest().encode()
