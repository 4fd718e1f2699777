"""A run, or a set of runs, in one file: a plain zip of its files and of their SHA-256 sums.

`unzip` opens it, and `sha256sum -c SHA256SUMS` checks what comes out. The bytes are a function of the files alone.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO

from evo.files import TEMPORARY, Torn, in_a_comment, sync_folder, unwritable, verified
from evo.paths import file_to_write, folder_to_write
from evo.store import RunFolder
from genomes.expect import Unexpected, expect, usable

SUMS = "SHA256SUMS"
MOST_FILES, MOST_BYTES = 200_000, 64 * 2**30
"""What an archive may hold."""

_DIRECTORY = 400 * MOST_FILES  # bytes of the list at the end of a zip, read before anything else can be checked
_OF_THE_CACHE = (".url", ".sums")
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_END, _LOCATOR, _END_64 = struct.Struct("<4s4H2LH"), struct.Struct("<4sLQL"), struct.Struct("<4sQ2H2L4Q")


def pack_run(root: Path, out: Path) -> Path:
    """Writes the archive of a run or a set, whole or not at all.

    Raises:
        Unexpected: no run there, a driver has it, the file is there already, or the disk refuses.
        Torn: a file of the run is not what was written.
    """
    from evo.sets import runs_of

    if usable(out).exists():
        raise Unexpected(f"{out}: expected a new file, got one that is there; choose another --out")
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
    """Makes the folder that was packed; it appears once every byte in it was verified. Executes nothing.

    Raises:
        Unexpected: something is there already, or the disk refuses.
        Torn: no archive of `pack_run`, a damaged one, or one that was made to do harm.
    """
    there = usable(target).exists() and not (target.is_dir() and not any(target.iterdir()))
    if there:
        raise Unexpected(f"{target}: expected a new or empty folder, got something that is there; choose another --run")
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
        raise Unexpected(f"{at}: cannot be unpacked ({error.strerror or error})") from error
    except Exception as error:  # whatever a crafted archive provokes in zipfile
        raise Torn(f"{archive}: expected what `instinct pack` writes, got {error}") from error
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return target


def content(root: Path) -> list[str]:
    """Names of the files of a run or a set below its folder, in order; locks and unfinished files are none of it."""
    paths = (path for path in root.rglob("*") if path.is_symlink() or path.is_file())
    files = (path for path in paths if path.name not in ("lock", SUMS) and not path.name.endswith(TEMPORARY))
    return sorted(path.relative_to(root).as_posix() for path in files)


def safe(name: str) -> bool:
    """Whether a name can only mean a file below the folder that it is put into, on every system.

    What says beside a working folder where it is kept is no file of a run.
    """
    parts = name.split("/")
    good = name.isprintable() and len(name) < 1000 and not set('\\:*?"<>|') & set(name)
    return good and all(part.strip(". ") and part.casefold() not in _OF_THE_CACHE for part in parts)


def sums_text(sums: Mapping[str, str]) -> bytes:
    """What `sha256sum -c` reads, closed by a checksum of its own."""
    body = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode()
    return body + in_a_comment(body)


def sums_of(text: bytes) -> dict[str, str]:
    """The inverse of sums_text.

    Raises:
        ValueError: it is not what was written, or a name could leave the folder.
    """
    body = text[: -len(in_a_comment(b""))]
    if text != body + in_a_comment(body):
        raise ValueError(f"a {SUMS} that was changed")
    found = [_LINE.fullmatch(line) for line in body.decode().splitlines()]
    sums = {match[2]: match[1] for match in found if match}
    if len(sums) < len(found):
        raise ValueError(f"a {SUMS} with other lines than sums, or with a name twice")
    _check_names(sums)
    return sums


def _write(root: Path, file: IO[bytes]) -> None:
    sums = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in content(root):
            path = root / name
            plain = safe(name) and not path.is_symlink()
            expect(plain, str(root), "files whose names every system can hold, and no links", name)
            data = path.read_bytes()
            if path.parent.name in ("generations", "state"):
                verified(data, str(path))
            sums[name] = hashlib.sha256(data).hexdigest()
            archive.writestr(_member(name), data)
        archive.writestr(_member(SUMS), sums_text(sums))


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)  # of 1980: an archive of the same files has the same bytes on every day
    member.create_system, member.external_attr = 3, (stat.S_IFREG | 0o644) << 16
    return member


def _check_directory(file: IO[bytes]) -> None:
    """Raises ValueError where the list at the end of a zip would be too large to be read."""
    size = file.seek(0, os.SEEK_END)
    file.seek(-min(size, _END.size + _LOCATOR.size + _END_64.size), os.SEEK_END)
    tail = file.read()
    if len(tail) < _END.size or tail[-_END.size :][:4] != b"PK\5\6" or tail[-2:] != b"\0\0":
        raise ValueError("other bytes, or a part of them")
    files, directory = _END.unpack(tail[-_END.size :])[4:6]
    if tail[-_END.size - _LOCATOR.size :][:4] == b"PK\6\7":
        if len(tail) < _END.size + _LOCATOR.size + _END_64.size or tail[:4] != b"PK\6\6":
            raise ValueError("other bytes, or a part of them")
        files, directory = _END_64.unpack(tail[: _END_64.size])[7:9]
    if files > MOST_FILES or directory > _DIRECTORY:
        raise ValueError(f"{files:,} files, more than {MOST_FILES:,}")
    file.seek(0)


def _check_members(archive: zipfile.ZipFile, size: int) -> dict[str, str]:
    """The sums of an archive whose members are what they name, all of them, and nothing else."""
    members = archive.infolist()
    if (declared := sum(member.file_size for member in members)) > min(MOST_BYTES, size):
        raise ValueError(f"{size:,} bytes that unfold to {declared:,}")
    for member in members:
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
            raise ValueError(f"a link or another file that is none, {member.filename!r}")
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise ValueError(f"a compressed or encrypted member, {member.filename!r}")
    names = [member.orig_filename for member in members]
    if len(set(names)) < len(names):
        raise ValueError("two files of one name")
    if SUMS not in names:
        raise ValueError(f"no {SUMS}")
    _check_names(names)
    sums = sums_of(archive.read(SUMS))
    if odd := set(names) - {SUMS} ^ sums.keys():
        raise ValueError(f"{sorted(odd)[0]!r}, which is in the archive or in its {SUMS} alone")
    if not {"manifest.json", "set.json"} & sums.keys():
        raise ValueError("neither a run nor a set")
    return sums


def _check_names(names: Iterable[str]) -> None:
    """Raises ValueError unless all are files below one folder, which no system takes for one another."""
    names = list(names)
    if wrong := [name for name in names if not safe(name)]:
        raise ValueError(f"{wrong[0]!r}, a name that could leave the folder")
    folders = {str(folder).casefold() for name in names for folder in PurePosixPath(name).parents}
    alike = {name.casefold() for name in names}
    if len(alike) < len(names) or folders & alike:
        raise ValueError("names that some system takes for one another")


@contextmanager
def _reading() -> Iterator[None]:
    """Where a damaged list sends a reader, there may be nothing to read at: that is not the disk's fault."""
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
        raise ValueError(f"{name!r} with other bytes than its {SUMS} names")
