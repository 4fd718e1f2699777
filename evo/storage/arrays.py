"""Named arrays as one .npz archive whose bytes depend only on names and values; archives are checked before reading."""

from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path

import numpy as np

from evo.storage.checksums import LIMIT, SEAL_LENGTH, CorruptFile, read_whole, seal_of, verified
from genomes.errors import require, usable

_FOREIGN = 2**30

Arrays = dict[str, np.ndarray]


def pack(arrays: Arrays) -> bytes:
    """Makes an .npz archive that numpy.load opens; its bytes depend only on names, dtypes and values.

    The archive is uncompressed, sorted by name, little-endian, in C order and without times. Its comment is the SHA-256
    of all bytes before the comment.

    Raises:
        InputError: an array of objects or records, a name that an archive cannot hold, or more than 4 GiB.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            good = name.isprintable() and name and not name.endswith(".npy")
            require(good, "pack", "printable names of arrays that do not end in .npy", name)
            array = np.asarray(arrays[name], order="C")
            require(_plain(array.dtype), name, "an array of numbers, truth values or text", str(array.dtype))
            stored = io.BytesIO()
            array = array.astype(array.dtype.newbyteorder("<"), copy=False)
            np.lib.format.write_array(stored, array, version=(1, 0), allow_pickle=False)
            member = zipfile.ZipInfo(f"{name}.npy")
            member.create_system, member.external_attr = 3, 0o644 << 16  # the same on every system
            archive.writestr(member, stored.getbuffer())
            require(buffer.tell() < LIMIT, name, f"at most {LIMIT} bytes of arrays", buffer.tell())
        archive.comment = bytes(SEAL_LENGTH)
    body = buffer.getbuffer()[:-SEAL_LENGTH]
    return b"".join((body, seal_of(body)))


def unpack(source: Path | bytes, name: str = "") -> Arrays:
    """Reads an archive of `pack`. The checksum is checked before anything is parsed; names are keys and never paths.

    Args:
        source: the file, or its bytes.
        name: the name of the bytes in an error message.

    Raises:
        CorruptFile: the bytes are not from `pack`, or the archive would expand to more bytes than it has.
    """
    name = name or (str(source) if isinstance(source, Path) else "archive")
    data = verified(source, name)
    try:
        _check_members(data)
        with np.load(io.BytesIO(data), allow_pickle=False) as members:
            return {key: members[key] for key in members.files}
    except Exception as error:  # a malicious archive can cause any error in zipfile or numpy
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CorruptFile(f"{name}: expected named arrays, got an archive that is refused: {reason}") from error


def unpack_foreign(path: Path) -> Arrays:
    """Reads the arrays of a user's `.npz` file made with numpy, compressed or not, of at most 1 GiB in memory.

    Raises:
        CorruptFile: no such file, no archive of plain arrays, or more than 1 GiB of arrays.
    """
    usable(path)
    try:
        data = read_whole(path)
        _check_members(data, _FOREIGN)
        with np.load(io.BytesIO(data), allow_pickle=False) as members:
            return {key: members[key] for key in members.files}
    except Exception as error:  # a malicious archive can cause any error in zipfile or numpy
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CorruptFile(f"{path}: expected an .npz of named arrays, got one that is refused: {reason}") from error


def _plain(dtype: np.dtype) -> bool:
    # long doubles have padding bytes with undefined values; items of zero bytes can have any declared shape
    return dtype.kind in "biufcUS" and dtype.char not in "gG" and dtype.itemsize > 0


def _check_members(data: bytes, most: int | None = None) -> None:
    """Raises ValueError unless the members are plain arrays that declare at most `most` bytes, or `len(data)`."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        declared = sum(member.file_size for member in members)
        if declared > (most or min(LIMIT, len(data))):
            raise ValueError(f"{len(data)} bytes that expand to {declared}")
        if len({member.filename for member in members}) < len(members):
            raise ValueError("two arrays with the same name")
        for member in members:
            with archive.open(member) as stream:
                if np.lib.format.read_magic(stream) != (1, 0):
                    raise ValueError(f"{member.filename!r} in another format")
                shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
                if not _plain(dtype):
                    raise ValueError(f"{member.filename!r} of dtype {dtype}")
                if stream.tell() + math.prod(shape) * dtype.itemsize != member.file_size:
                    raise ValueError(f"{member.filename!r}, whose size does not fit its shape {shape}")
