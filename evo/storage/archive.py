"""A run, or a set of runs, in one file: a plain zip of its files and of their SHA-256 checksums.

`unzip` extracts it, and `sha256sum -c SHA256SUMS` checks the extracted files. Its bytes depend only on the files.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import struct
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from evo.storage.atomic import TEMPORARY, sync_folder, unwritable
from evo.storage.checksum_list import SUMS, check_names, content, safe, sums_of, sums_text
from evo.storage.checksums import CorruptFile, verified
from evo.storage.run_folder import RunFolder
from evo.storage.user_paths import file_to_write, folder_to_write
from genomes.errors import InputError, require, usable

MOST_FILES, MOST_BYTES = 200_000, 64 * 2**30
"""Limits of an archive."""

_DIRECTORY = 400 * MOST_FILES  # most bytes of the directory at the end of a zip, which is read before any other check
_END, _LOCATOR, _END_64 = struct.Struct("<4s4H2LH"), struct.Struct("<4sLQL"), struct.Struct("<4sQ2H2L4Q")


def pack_run(root: Path, out: Path) -> Path:
    """Writes the archive of a run or a set atomically.

    Raises:
        InputError: there is no run, a driver holds its lock, the file exists already, or the disk cannot be written.
        CorruptFile: a file of the run is damaged.
    """
    from evo.storage.run_set import runs_of

    if usable(out).exists():
        raise InputError(f"{out}: expected a new file, got an existing file; choose another --out")
    file_to_write(out)
    with ExitStack() as held:
        for run in runs_of(usable(root)):
            held.enter_context(RunFolder.open(run).resting())
        temporary = out.with_name(f".{out.name}.{os.getpid()}{TEMPORARY}")
        try:
            with temporary.open("wb") as file:
                _write(root, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, out)
            sync_folder(out.absolute().parent)
        except OSError as error:
            raise unwritable(out, error) from error
        finally:
            with suppress(OSError):
                temporary.unlink()
    return out


def unpack_run(archive: Path, target: Path) -> Path:
    """Makes the folder of a packed run; the folder appears after every byte has been verified. Executes no code.

    Raises:
        InputError: the target exists already, or the disk cannot be written.
        CorruptFile: the file is no archive of `pack_run`, or it is damaged or malicious.
    """
    there = usable(target).exists() and not (target.is_dir() and not any(target.iterdir()))
    if there:
        raise InputError(f"{target}: expected a new or empty folder, got an existing one; choose another --run")
    folder_to_write(target)
    usable(archive)
    place = target.absolute().parent / f".{target.name}.{os.getpid()}{TEMPORARY}"
    try:
        with archive.open("rb") as file:
            _check_directory(file)
            with _reading():
                members = zipfile.ZipFile(file)
                sums = _check_members(members, os.fstat(file.fileno()).st_size)
            place.mkdir(parents=True)
            for name, digest in sums.items():
                _extract(members, name, digest, place)
        for folder in (place, *(path for path in place.rglob("*") if path.is_dir())):
            sync_folder(folder)
        os.replace(place, target)
        sync_folder(place.parent)
    except OSError as error:
        at = archive if error.filename == str(archive) else target
        raise InputError(f"{at}: cannot be unpacked ({error.strerror or error})") from error
    except Exception as error:  # a malicious archive can cause any error in zipfile
        raise CorruptFile(f"{archive}: expected an archive of `instinct pack`, got {error}") from error
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return target


def _write(root: Path, file: IO[bytes]) -> None:
    sums = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in content(root):
            path = root / name
            plain = safe(name) and not path.is_symlink()
            require(plain, str(root), "files whose names every system can hold, and no links", name)
            data = path.read_bytes()
            if path.parent.name in ("generations", "state"):
                verified(data, str(path))
            sums[name] = hashlib.sha256(data).hexdigest()
            archive.writestr(_member(name), data)
        archive.writestr(_member(SUMS), sums_text(sums))


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)  # dated 1980: an archive of the same files has the same bytes on every day
    member.create_system, member.external_attr = 3, (stat.S_IFREG | 0o644) << 16
    return member


def _check_directory(file: IO[bytes]) -> None:
    """Raises ValueError if there is no zip directory at the end of the file, or it is too large to read."""
    size = file.seek(0, os.SEEK_END)
    file.seek(-min(size, _END.size + _LOCATOR.size + _END_64.size), os.SEEK_END)
    tail = file.read()
    if len(tail) < _END.size or tail[-_END.size :][:4] != b"PK\5\6" or tail[-2:] != b"\0\0":
        raise ValueError("no zip, or an incomplete one")
    files, directory = _END.unpack(tail[-_END.size :])[4:6]
    if tail[-_END.size - _LOCATOR.size :][:4] == b"PK\6\7":
        if len(tail) < _END.size + _LOCATOR.size + _END_64.size or tail[:4] != b"PK\6\6":
            raise ValueError("no zip, or an incomplete one")
        files, directory = _END_64.unpack(tail[: _END_64.size])[7:9]
    if files > MOST_FILES or directory > _DIRECTORY:
        raise ValueError(f"{files:,} files, more than {MOST_FILES:,}")
    file.seek(0)


def _check_members(archive: zipfile.ZipFile, size: int) -> dict[str, str]:
    """The checksums of an archive, after checks that its members are plain files and exactly those of the list."""
    members = archive.infolist()
    if (declared := sum(member.file_size for member in members)) > min(MOST_BYTES, size):
        raise ValueError(f"{size:,} bytes that expand to {declared:,}")
    for member in members:
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
            raise ValueError(f"a link or another member that is no plain file, {member.filename!r}")
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise ValueError(f"a compressed or encrypted member, {member.filename!r}")
    names = [member.orig_filename for member in members]
    if len(set(names)) < len(names):
        raise ValueError("two files with the same name")
    if SUMS not in names:
        raise ValueError(f"no {SUMS}")
    check_names(names)
    sums = sums_of(archive.read(SUMS))
    if odd := set(names) - {SUMS} ^ sums.keys():
        raise ValueError(f"{sorted(odd)[0]!r}, which is only in the archive or only in its {SUMS}")
    if not {"manifest.json", "set.json"} & sums.keys():
        raise ValueError("neither a run nor a set")
    return sums


@contextmanager
def _reading() -> Iterator[None]:
    """Turns an OSError into a ValueError: a damaged directory can point outside the file, which is no disk error."""
    try:
        yield
    except OSError as error:
        raise ValueError(error.strerror or error) from error


def _extract(archive: zipfile.ZipFile, name: str, digest: str, place: Path) -> None:
    path, found = place / name, hashlib.sha256()
    path.parent.mkdir(parents=True, exist_ok=True)
    with _reading():
        source = archive.open(name)
    with source, path.open("xb") as file:
        while part := source.read(2**20):
            found.update(part)
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
    if found.hexdigest() != digest:
        raise ValueError(f"{name!r}, whose bytes do not match its checksum in {SUMS}")
