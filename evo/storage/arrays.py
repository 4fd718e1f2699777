"""Named arrays as one .npz archive: its bytes depend on names and values alone. Archives of users are checked first."""

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
    """An .npz archive that numpy.load opens, its bytes a function of names, dtypes and values alone.

    Uncompressed, sorted by name, little-endian, C order, no times. The archive's comment is the SHA-256 of everything
    before it.

    Raises:
        InputError: an array of objects or records, a name that an archive cannot hold, more than 4 GiB.
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
            member.create_system, member.external_attr = 3, 0o644 << 16  # alike on every system
            archive.writestr(member, stored.getbuffer())
            require(buffer.tell() < LIMIT, name, f"at most {LIMIT} bytes of arrays", buffer.tell())
        archive.comment = bytes(SEAL_LENGTH)
    body = buffer.getbuffer()[:-SEAL_LENGTH]
    return b"".join((body, seal_of(body)))


def unpack(source: Path | bytes, name: str = "") -> Arrays:
    """The inverse of pack. Nothing is parsed before the checksum is right; names are keys and never paths.

    Args:
        name: what an error calls the bytes.

    Raises:
        CorruptFile: other bytes than pack's, or an archive that would unfold to more than it holds.
    """
    name = name or (str(source) if isinstance(source, Path) else "archive")
    data = verified(source, name)
    try:
        _check_members(data)
        with np.load(io.BytesIO(data), allow_pickle=False) as members:
            return {key: members[key] for key in members.files}
    except Exception as error:  # whatever a crafted archive provokes, in zipfile or in numpy
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CorruptFile(f"{name}: expected named arrays, got an archive that is refused: {reason}") from error


def unpack_foreign(path: Path) -> Arrays:
    """The arrays of an `.npz` that somebody made with numpy, compressed or not, at most 1 GiB of them.

    Raises:
        CorruptFile: no such file, no archive of plain arrays, or one that unfolds to more.
    """
    usable(path)
    try:
        data = read_whole(path)
        _check_members(data, _FOREIGN)
        with np.load(io.BytesIO(data), allow_pickle=False) as members:
            return {key: members[key] for key in members.files}
    except Exception as error:  # whatever a crafted archive provokes, in zipfile or in numpy
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CorruptFile(f"{path}: expected an .npz of named arrays, got one that is refused: {reason}") from error


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
