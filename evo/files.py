"""Files that are whole or not there: atomic writes, durable appends, named arrays under one checksum."""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from threading import get_native_id

import numpy as np

from genomes.expect import Unexpected, expect, usable

LIMIT = 4 * 2**30
"""Bytes that an archive may hold, in memory or on disk."""

_FOREIGN = 2**30
TEMPORARY = ".tmp"
"""How the name of an unfinished file ends; it begins with a dot."""

Arrays = dict[str, np.ndarray]

Closing = Callable[[bytes], bytes]
"""The last bytes of a text that people read, made from all the others: where they fit, nothing was changed."""

_SEAL = b"sha256:"
_SEAL_LENGTH = len(_SEAL) + 2 * hashlib.sha256().digest_size
_SYNC_DATA = getattr(os, "fdatasync", os.fsync)  # macOS has fsync alone


class Torn(Unexpected):
    """A file is not what was written: cut off, damaged, or made to do harm."""


def unwritable(path: Path, error: OSError) -> Unexpected:
    """The sentence for a disk that refuses."""
    return Unexpected(f"{path}: cannot be written ({error.strerror or error}); make room or allow it, then go on")


def write_atomic(path: Path, data: bytes) -> None:
    """Replaces a file as a whole and durably: after a crash it holds the old bytes or the new ones.

    Raises:
        Unexpected: the disk refuses; the old file is as it was, and nothing is left beside it.
    """
    temporary = path.with_name(f".{path.name}.{get_native_id()}{TEMPORARY}")  # a thread's own; the first has the pid
    try:
        try:
            _write_new(temporary, data)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error


def append_at(path: Path, end: int, data: bytes, wait: bool = True) -> int:
    """Writes data after the first `end` bytes of a file, in place of all that followed; returns the new end.

    Args:
        wait: until the disk has it. Without, a process that dies loses nothing, and a machine that does loses the data.

    Raises:
        Unexpected: the disk refuses; the first `end` bytes are as they were.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            os.ftruncate(descriptor, end)
            os.lseek(descriptor, end, os.SEEK_SET)
            _write_all(descriptor, data)
            if wait:
                _SYNC_DATA(descriptor)
        except BaseException:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, end)
            raise
        finally:
            os.close(descriptor)
        if end == 0:
            sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    return end + len(data)


def remove(path: Path) -> None:
    """Deletes a file, durably; nothing happens where there is none.

    Raises:
        Unexpected: the disk refuses.
    """
    try:
        path.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error


def sync_folder(path: Path) -> None:
    """Makes the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def pack(arrays: Arrays) -> bytes:
    """An .npz archive that numpy.load opens, its bytes a function of names, dtypes and values alone.

    Uncompressed, sorted by name, little-endian, C order, no times. The archive's comment is the SHA-256 of everything
    before it.

    Raises:
        Unexpected: an array of objects or records, a name that an archive cannot hold, more than 4 GiB.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            good = name.isprintable() and name and not name.endswith(".npy")
            expect(good, "pack", "printable names of arrays that do not end in .npy", name)
            array = np.asarray(arrays[name], order="C")
            expect(_plain(array.dtype), name, "an array of numbers, truth values or text", str(array.dtype))
            stored = io.BytesIO()
            array = array.astype(array.dtype.newbyteorder("<"), copy=False)
            np.lib.format.write_array(stored, array, version=(1, 0), allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy")
            member.create_system, member.external_attr = 3, 0o644 << 16  # alike on every system
            archive.writestr(member, stored.getbuffer())
            expect(buffer.tell() < LIMIT, name, f"at most {LIMIT} bytes of arrays", buffer.tell())
        archive.comment = bytes(_SEAL_LENGTH)
    body = buffer.getbuffer()[:-_SEAL_LENGTH]
    return b"".join((body, _seal(body)))


def unpack(source: Path | bytes, name: str = "") -> Arrays:
    """The inverse of pack. Nothing is parsed before the checksum is right; names are keys and never paths.

    Args:
        name: what an error calls the bytes.

    Raises:
        Torn: other bytes than pack's, or an archive that would unfold to more than it holds.
    """
    name = name or (str(source) if isinstance(source, Path) else "archive")
    data = verified(source, name)
    try:
        _check_members(data)
        with np.load(io.BytesIO(data), allow_pickle=False) as members:
            return {key: members[key] for key in members.files}
    except Exception as error:  # whatever a crafted archive provokes, in zipfile or in numpy
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise Torn(f"{name}: expected named arrays, got an archive that is refused: {reason}") from error


def unpack_foreign(path: Path) -> Arrays:
    """The arrays of an `.npz` that somebody made with numpy, compressed or not, at most 1 GiB of them.

    Raises:
        Torn: no such file, no archive of plain arrays, or one that unfolds to more.
    """
    usable(path)
    try:
        data = _read(path)
        _check_members(data, _FOREIGN)
        with np.load(io.BytesIO(data), allow_pickle=False) as members:
            return {key: members[key] for key in members.files}
    except Exception as error:  # whatever a crafted archive provokes, in zipfile or in numpy
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise Torn(f"{path}: expected an .npz of named arrays, got one that is refused: {reason}") from error


def verified(source: Path | bytes, name: str = "") -> bytes:
    """Bytes whose checksum is right; cheaper than unpacking them.

    Raises:
        Torn: it is not, or there is nothing to read.
    """
    name = name or (str(source) if isinstance(source, Path) else "archive")
    try:
        data = source if isinstance(source, bytes) else _read(source)
    except OSError as error:
        raise Torn(f"{name}: cannot be read ({error.strerror or error})") from error
    body, seal = memoryview(data)[:-_SEAL_LENGTH], data[-_SEAL_LENGTH:]
    if seal != _seal(body):
        raise Torn(f"{name}: expected the bytes that its checksum names, got {len(data)} others")
    return data


def in_a_comment(body: bytes) -> bytes:
    """The closing of a text in which # begins a comment, such as YAML: a last line with the checksum of the others."""
    return b"# " + _seal(memoryview(body)) + b"\n"


def in_an_object(body: bytes) -> bytes:
    """The closing of an indented JSON object of which all but the end is there: a last member with its checksum."""
    return b',\n  "seal": "' + _seal(memoryview(body)) + b'"\n}\n'


def unclosed(path: Path, closing: Closing, advice: str = "") -> bytes:
    """What stands before the closing of a text.

    Args:
        advice: what to do, for whoever changed it on purpose.

    Raises:
        Torn: it cannot be read, or it was changed.
    """
    try:
        data = _read(path)
    except OSError as error:
        raise Torn(f"{path}: cannot be read ({error.strerror or error})") from error
    body = data[: -len(closing(b""))]
    if data != body + closing(body):
        raise Torn(f"{path}: expected the text that the checksum at its end names, got another{advice}")
    return body


def _write_new(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        _write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        # a disk that fills up takes a part without an error
        written = os.write(descriptor, rest)
        if not written:
            raise OSError("nothing more is taken")
        rest = rest[written:]


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise OSError("there is no such file")
    if path.stat().st_size > LIMIT:
        raise OSError(f"it is larger than {LIMIT} bytes")
    return path.read_bytes()


def _seal(body: memoryview) -> bytes:
    return _SEAL + hashlib.sha256(body).hexdigest().encode()


def _plain(dtype: np.dtype) -> bool:
    # long doubles have padding of no fixed value; items of no bytes can claim any shape
    return dtype.kind in "biufcUS" and dtype.char not in "gG" and dtype.itemsize > 0


def _check_members(data: bytes, most: int | None = None) -> None:
    """Raises ValueError unless the members are plain arrays that declare no more than `most`, or the bytes there."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        declared = sum(member.file_size for member in members)
        if declared > (most or min(LIMIT, len(data))):
            raise ValueError(f"{len(data)} bytes that unfold to {declared}")
        if len({member.filename for member in members}) < len(members):
            raise ValueError("two arrays of one name")
        for member in members:
            with archive.open(member) as stream:
                if np.lib.format.read_magic(stream) != (1, 0):
                    raise ValueError(f"{member.filename!r} in another format")
                shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
                if not _plain(dtype):
                    raise ValueError(f"{member.filename!r} of dtype {dtype}")
                if stream.tell() + math.prod(shape) * dtype.itemsize != member.file_size:
                    raise ValueError(f"{member.filename!r} of another size than its shape {shape}")
