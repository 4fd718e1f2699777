"""Readers of labelled data in three layouts: Keras' mnist.npz, MNIST's four IDX files, and CSV with a header."""

from __future__ import annotations

import csv
import gzip
import hashlib
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from numpy import ndarray

from genomes.expect import Unexpected, expect, nearest

IDX_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
_DAMAGE = (OSError, EOFError, ValueError, RuntimeError, MemoryError, zlib.error, struct.error, zipfile.BadZipFile)
_UNSIGNED_BYTES = 0x08  # type code in an IDX file's magic number


@final
@dataclass(frozen=True, eq=False)
class Source:
    """Arrays as they were read.

    Attributes:
        arrays: x_train and y_train; x_test and y_test where the source has a test split of its own.
        where: what a sentence about an array should call it, by array name.
    """

    arrays: dict[str, ndarray]
    where: dict[str, str]

    @property
    def has_test(self) -> bool:
        """Whether the source has a test split of its own."""
        return "x_test" in self.arrays


def read(path: str, label: str) -> Source:
    """A folder of IDX files, an .npz, or a .csv.

    Args:
        label: the column of a CSV that holds the labels.

    Raises:
        Unexpected: there is no such file, it is torn, or something in it is missing.
    """
    place = _existing(path)
    if place.is_dir():
        arrays = {
            name: _read_idx(_member(place, path, file), dims=3 if name[0] == "x" else 1)
            for name, file in IDX_FILES.items()
        }
        return Source(arrays, {name: f"{path}/{file}" for name, file in IDX_FILES.items()})
    if place.suffix == ".npz":
        return Source(_read_npz(place, path), {name: f"{path}: {name}" for name in IDX_FILES})
    expect(place.suffix == ".csv", path, "a folder of IDX files, an .npz or a .csv", place.name)
    x, y = _read_csv(place, path, label)
    return Source({"x_train": x, "y_train": y}, {"x_train": path, "y_train": f"{path}: {label}"})


def fingerprint(path: str) -> str:
    """SHA-256 of the file; of a folder, of the SHA-256 of its four files in the order of IDX_FILES."""
    place = _existing(path)
    if not place.is_dir():
        return _sha256(place).hexdigest()
    whole = hashlib.sha256()
    for file in IDX_FILES.values():
        whole.update(_sha256(_member(place, path, file)).digest())
    return whole.hexdigest()


def _sha256(file: Path) -> hashlib._Hash:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256")


def _existing(path: str) -> Path:
    place = Path(path).expanduser()
    if not place.exists():
        beside = [p.name for p in place.parent.iterdir()] if place.parent.is_dir() else []
        near = nearest(place.name, beside)
        raise Unexpected(f"{path}: no such file or folder" + (f"; {near}" if near.startswith("did") else ""))
    return place


def _member(folder: Path, path: str, file: str) -> Path:
    for name in (f"{file}.gz", file):
        if (folder / name).is_file():
            return folder / name
    near = nearest(f"{file}.gz", [p.name for p in folder.iterdir()])
    raise Unexpected(f"{path}: no file '{file}.gz'" + (f"; {near}" if near.startswith("did") else ""))


def _read_npz(file: Path, path: str) -> dict[str, ndarray]:
    try:
        with file.open("rb") as stream:  # opened here: numpy leaves a torn archive open
            archive = np.load(stream, allow_pickle=False)
            expect(isinstance(archive, np.lib.npyio.NpzFile), path, "an .npz of named arrays", "a single array")
            for name in IDX_FILES:
                if name not in archive.files:
                    others = [other for other in archive.files if other not in IDX_FILES] or archive.files
                    raise Unexpected(f"{path}: no array '{name}'; {nearest(name, others)}")
            return {name: archive[name] for name in IDX_FILES}
    except Unexpected:
        raise
    except _DAMAGE as error:
        raise Unexpected(f"{path}: expected a whole .npz of plain arrays, got '{_line(error)}'") from error


def _read_idx(file: Path, dims: int) -> ndarray:
    try:
        content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except _DAMAGE as error:
        raise Unexpected(f"{file.name}: expected a whole gzip file, got '{_line(error)}'") from error
    start = 4 + 4 * dims
    expect(len(content) >= start, file.name, f"an IDX header of {start} bytes", f"{len(content)} bytes")
    magic, wanted = int.from_bytes(content[:4], "big"), _UNSIGNED_BYTES << 8 | dims
    expect(magic == wanted, file.name, f"the magic number {wanted}", magic)
    shape = struct.unpack(f">{dims}I", content[4:start])
    declared = 1
    for length in shape:
        declared *= length
    text = f"{declared} bytes, as its header declares {' x '.join(map(str, shape))}"
    expect(len(content) - start == declared, file.name, text, len(content) - start)
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _read_csv(file: Path, path: str, label: str) -> tuple[ndarray, ndarray]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            columns = [name.strip() for name in next(csv.reader(stream), [])]
            expect(columns, path, "a header", "an empty file")
            if label not in columns:
                raise Unexpected(f"{path}: no column '{label}'; {nearest(label, columns)}")
            twice = columns.count(label) > 1
            expect(not twice and len(columns) > 1, path, f"one column '{label}' and others beside it", columns)
            rows = [line for line in stream if line.strip()]
    except UnicodeDecodeError as error:
        raise Unexpected(f"{path}: expected text in UTF-8, got '{_line(error)}'") from error
    except (OSError, csv.Error) as error:
        raise Unexpected(f"{path}: expected a readable CSV, got '{_line(error)}'") from error
    expect(rows, path, "at least one row below the header", "none")
    try:
        table = np.loadtxt(rows, delimiter=",", comments=None, quotechar='"', ndmin=2)
        if table.shape != (len(rows), len(columns)):
            raise ValueError("rows of another length than the header")
    except ValueError as error:
        _blame_line(file, path, columns)
        raise Unexpected(f"{path}: expected rows of numbers, got '{_line(error)}'") from error
    column = columns.index(label)
    return np.delete(table, column, axis=1), table[:, column]


def _blame_line(file: Path, path: str, columns: list[str]) -> None:
    """Raises Unexpected for the first row that is no row of numbers: only a file that cannot be read pays for it."""
    with file.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream)
        next(reader)
        for row in reader:
            if not "".join(row).strip() and len(row) <= 1:
                continue
            where = f"{path}, line {reader.line_num}"
            expect(len(row) == len(columns), where, f"{len(columns)} fields", len(row))
            for name, text in zip(columns, row, strict=True):
                try:
                    float(text)
                except ValueError:
                    raise Unexpected(f"{where}, column '{name}': expected a number, got {text!r}") from None


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
