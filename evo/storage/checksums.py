"""Checksums at the end of files: bytes are parsed only after their SHA-256 is right."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from genomes.errors import InputError

LIMIT = 4 * 2**30
"""Most bytes that an archive may hold, in memory or on disk."""

Closing = Callable[[bytes], bytes]
"""Function from a human-readable text to its last bytes, a checksum; if they match, the text is unchanged."""

_SEAL = b"sha256:"

SEAL_LENGTH = len(_SEAL) + 2 * hashlib.sha256().digest_size


class CorruptFile(InputError):
    """A file does not hold the bytes that were written: it is truncated, damaged or malicious."""


def verified(source: Path | bytes, name: str = "") -> bytes:
    """Reads bytes and checks the checksum at their end; this is cheaper than unpacking them.

    Args:
        name: the name of the bytes in an error message.

    Raises:
        CorruptFile: the checksum does not match, or the file cannot be read.
    """
    name = name or (str(source) if isinstance(source, Path) else "archive")
    try:
        data = source if isinstance(source, bytes) else read_whole(source)
    except OSError as error:
        raise CorruptFile(f"{name}: cannot be read ({error.strerror or error})") from error
    body, seal = memoryview(data)[:-SEAL_LENGTH], data[-SEAL_LENGTH:]
    if seal != seal_of(body):
        raise CorruptFile(f"{name}: expected bytes that match the checksum, got {len(data)} other bytes")
    return data


def in_a_comment(body: bytes) -> bytes:
    """The closing of a text in which # begins a comment, such as YAML: a last line with the checksum of all others."""
    return b"# " + seal_of(memoryview(body)) + b"\n"


def in_an_object(body: bytes) -> bytes:
    """The closing of an indented JSON object that lacks its final brace: a last member with the checksum."""
    return b',\n  "seal": "' + seal_of(memoryview(body)) + b'"\n}\n'


def unclosed(path: Path, closing: Closing, advice: str = "") -> bytes:
    """Reads a text, checks its closing, and returns the part before the closing.

    Args:
        advice: the end of the error message, for a user who changed the text on purpose.

    Raises:
        CorruptFile: the file cannot be read, or the text was changed.
    """
    try:
        data = read_whole(path)
    except OSError as error:
        raise CorruptFile(f"{path}: cannot be read ({error.strerror or error})") from error
    body = data[: -len(closing(b""))]
    if data != body + closing(body):
        raise CorruptFile(f"{path}: expected a text that matches the checksum at its end, got a changed text{advice}")
    return body


def read_whole(path: Path) -> bytes:
    """Reads the bytes of a file.

    Raises:
        OSError: there is no such file, or it is larger than `LIMIT`.
    """
    if not path.is_file():
        raise OSError("there is no such file")
    if path.stat().st_size > LIMIT:
        raise OSError(f"it is larger than {LIMIT} bytes")
    return path.read_bytes()


def seal_of(body: memoryview) -> bytes:
    """The checksum of bytes in the form in which it ends a file."""
    return _SEAL + hashlib.sha256(body).hexdigest().encode()
