"""Atomic writes, durable appends and durable deletions of files."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from threading import get_native_id

from genomes.errors import InputError

TEMPORARY = ".tmp"
"""Suffix of the name of an unfinished file; such a name begins with a dot."""


_SYNC_DATA = getattr(os, "fdatasync", os.fsync)  # macOS has only fsync


def unwritable(path: Path, error: OSError) -> InputError:
    """The error for a disk that cannot be written."""
    return InputError(f"{path}: cannot be written ({error.strerror or error}); make room or allow it, then go on")


def write_atomic(path: Path, data: bytes) -> None:
    """Replaces a file atomically and durably: after a crash it holds either the old bytes or the new ones.

    Raises:
        InputError: the disk cannot be written; the old file is unchanged, and no temporary file remains.
    """
    temporary = path.with_name(f".{path.name}.{get_native_id()}{TEMPORARY}")  # one name per thread
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
    """Writes data after the first `end` bytes of a file, replaces everything after them, and returns the new end.

    Args:
        wait: return only when the data are on the disk. If False, the death of the process loses nothing, but the
            failure of the machine may lose the data.

    Raises:
        InputError: the disk cannot be written; the first `end` bytes are unchanged.
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
    """Deletes a file durably; does nothing if there is none.

    Raises:
        InputError: the disk cannot be written.
    """
    try:
        path.unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error


def sync_folder(path: Path) -> None:
    """Makes additions and deletions of names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
        # a disk that becomes full writes only a part, without an error
        written = os.write(descriptor, rest)
        if not written:
            raise OSError("no more bytes are written")
        rest = rest[written:]
