"""Readers of labelled data in three layouts: Keras' mnist.npz, MNIST's four IDX files, and CSV with a header."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import struct
import time
import zipfile
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import final

import numpy as np
from numpy import ndarray

from genomes.errors import InputError, nearest, require, usable

IDX_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
_DAMAGE = (OSError, EOFError, ValueError, RuntimeError, MemoryError, zlib.error, struct.error, zipfile.BadZipFile)
_UNSIGNED_BYTES = 0x08  # type code in an IDX file's magic number


_UNNAMED = re.compile(r"|Unnamed: \d+")  # pandas writes an index without a name, and reads it back as the second
_GRAIN = 2 * 10**9  # ns; the coarsest clock among the file systems in use

Stamp = tuple[tuple[int, ...], ...]
"""The state of files, as a file system reports it; it differs after every change."""


@final
@dataclass(frozen=True, eq=False)
class Files:
    """The contents of files at the time of reading; all data are made from these bytes.

    Attributes:
        path: the path that the user gave.
        contents: the bytes of each, by name; one file, or four in the order of IDX_FILES.
        digest: SHA-256 of the file; of a folder, of the SHA-256 of its four files.
    """

    path: str
    contents: dict[str, bytes]
    digest: str


@final
@dataclass(frozen=True, eq=False)
class Source:
    """Arrays as they were read.

    Attributes:
        arrays: x_train and y_train; x_test and y_test if the source has its own test split. Labels may be text.
        where: the name of each array in messages.
        doubts: properties of a readable source that a user should know, a sentence each.
    """

    arrays: dict[str, ndarray]
    where: dict[str, str]
    doubts: tuple[str, ...] = ()

    @property
    def has_test(self) -> bool:
        """True if the source has its own test split."""
        return "x_test" in self.arrays


def fetch(path: str) -> Files:
    """Reads the bytes of a folder's four IDX files, or of one file.

    Raises:
        InputError: there is no such file, or it cannot be read.
    """
    try:
        contents = {file.name: file.read_bytes() for file in _files(path)}
    except OSError as error:
        raise InputError(f"{path}: expected a readable file, got '{_line(error)}'") from error
    digests = [hashlib.sha256(content) for content in contents.values()]
    whole = digests[0] if len(digests) == 1 else hashlib.sha256(b"".join(digest.digest() for digest in digests))
    return Files(path, contents, whole.hexdigest())


def stamp(path: str) -> Stamp | None:
    """The state of the files, to detect changes; None right after a change, when a second one could look the same.

    Raises:
        InputError: there is no such file.
    """
    states = [file.stat() for file in _files(path)]
    if any(abs(time.time_ns() - max(s.st_mtime_ns, s.st_ctime_ns)) < _GRAIN for s in states):
        return None
    return tuple((s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for s in states)


def read(files: Files, label: str) -> Source:
    """Reads the arrays of IDX files, an .npz or a .csv.

    Args:
        label: the column of a CSV that holds the labels.

    Raises:
        InputError: a file is damaged, or something in it is missing.
    """
    path, contents = files.path, files.contents
    if len(contents) > 1:
        arrays = {
            name: _read_idx(file, content, dims=3 if name[0] == "x" else 1)
            for name, (file, content) in zip(IDX_FILES, contents.items(), strict=True)
        }
        return Source(arrays, {name: f"{path}/{file}" for name, file in IDX_FILES.items()})
    ((name, content),) = contents.items()
    kind = Path(name).suffix.lower()
    if kind == ".npz":
        return Source(_read_npz(content, path), {name: f"{path}: {name}" for name in IDX_FILES})
    require(kind == ".csv", path, "a folder of IDX files, an .npz or a .csv", name)
    return _read_csv(content, path, label)


def _files(path: str) -> list[Path]:
    place = _existing(path)
    return [_member(place, path, file) for file in IDX_FILES.values()] if place.is_dir() else [place]


def _existing(path: str) -> Path:
    place = usable(Path(path).expanduser())
    if not place.exists():
        beside = [p.name for p in place.parent.iterdir()] if place.parent.is_dir() else []
        near = nearest(place.name, beside)
        raise InputError(f"{path}: no such file or folder" + (f"; {near}" if near.startswith("did") else ""))
    return place


def _member(folder: Path, path: str, file: str) -> Path:
    for name in (f"{file}.gz", file):
        if (folder / name).is_file():
            return folder / name
    near = nearest(f"{file}.gz", [p.name for p in folder.iterdir()])
    raise InputError(f"{path}: no file '{file}.gz'" + (f"; {near}" if near.startswith("did") else ""))


def _read_npz(content: bytes, path: str) -> dict[str, ndarray]:
    try:
        with io.BytesIO(content) as stream:
            archive = np.load(stream, allow_pickle=False)
            require(isinstance(archive, np.lib.npyio.NpzFile), path, "an .npz of named arrays", "a single array")
            for name in IDX_FILES:
                if name not in archive.files:
                    others = [other for other in archive.files if other not in IDX_FILES] or archive.files
                    raise InputError(f"{path}: no array '{name}'; {nearest(name, others)}")
            return {name: archive[name] for name in IDX_FILES}
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(f"{path}: expected a whole .npz of plain arrays, got '{_line(error)}'") from error


def _read_idx(name: str, content: bytes, dims: int) -> ndarray:
    try:
        content = gzip.decompress(content) if name.endswith(".gz") else content
    except _DAMAGE as error:
        raise InputError(f"{name}: expected a whole gzip file, got '{_line(error)}'") from error
    start = 4 + 4 * dims
    require(len(content) >= start, name, f"an IDX header of {start} bytes", f"{len(content)} bytes")
    magic, wanted = int.from_bytes(content[:4], "big"), _UNSIGNED_BYTES << 8 | dims
    require(magic == wanted, name, f"the magic number {wanted}", magic)
    shape = struct.unpack(f">{dims}I", content[4:start])
    declared = 1
    for length in shape:
        declared *= length
    text = f"{declared} bytes, as its header declares {' x '.join(map(str, shape))}"
    require(len(content) - start == declared, name, text, len(content) - start)
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _read_csv(content: bytes, path: str, label: str) -> Source:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: expected text in UTF-8, got '{_line(error)}'") from error
    columns = [name.strip() for _, row in islice(_fields(text, path), 1) for name in row]
    require(columns, path, "a header", "an empty file")
    if label not in columns:
        raise InputError(f"{path}: no column '{label}'; {nearest(label, columns)}")
    place = columns.index(label)
    inputs = [i for i, name in enumerate(columns) if i != place and not _UNNAMED.fullmatch(name)]
    once = columns.count(label) == 1 and bool(inputs)
    require(once, path, f"one column '{label}' and others beside it, with names", columns)
    rows = [line for line in io.StringIO(text, newline="") if line.strip()][1:]
    require(rows, path, "at least one row below the header", "none")
    x, y = _numbers(rows, columns, place, inputs) or _words(text, path, columns, place, inputs)
    doubts = [
        f"{path}: column {i + 1} has no name, as an index has none, and is left out"
        for i in range(len(columns))
        if i != place and i not in inputs
    ]
    counts = [columns[i] for column, i in enumerate(inputs) if len(x) > 2 and (np.diff(x[:, column]) == 1.0).all()]
    doubts += [f"{path}: column '{name}' counts the rows: an input like that can only be memorised" for name in counts]
    return Source({"x_train": x, "y_train": y}, {"x_train": path, "y_train": f"{path}: {label}"}, tuple(doubts))


def _numbers(rows: list[str], columns: list[str], place: int, inputs: list[int]) -> tuple[ndarray, ndarray] | None:
    """Inputs and labels of rows of numbers; None if a row holds anything else."""
    try:
        table = np.loadtxt(rows, delimiter=",", comments=None, quotechar='"', ndmin=2)
    except ValueError:
        return None
    return (table[:, inputs], table[:, place]) if table.shape == (len(rows), len(columns)) else None


def _words(text: str, path: str, columns: list[str], place: int, inputs: list[int]) -> tuple[ndarray, ndarray]:
    """Inputs, and labels as text: field by field, so that a message can name the first wrong one."""
    numbers, labels = array("d"), list[str]()
    for line, row in islice(_fields(text, path), 1, None):
        where = f"{path}, line {line}"
        require(len(row) == len(columns), where, f"{len(columns)} fields", len(row))
        labels.append(row[place].strip())
        alike = is_number(labels[-1]) == is_number(labels[0])
        what = f"{'a number' if is_number(labels[0]) else 'text'}, as the first label is"
        require(alike and labels[-1], f"{where}, column '{columns[place]}'", what, labels[-1])
        for i in inputs:
            require(is_number(row[i]), f"{where}, column '{columns[i]}'", "a number", row[i])
            numbers.append(float(row[i]))
    return np.array(numbers).reshape(len(labels), len(inputs)), np.array(labels)


def _fields(text: str, path: str) -> Iterator[tuple[int, list[str]]]:
    """Yields every row that is not blank, with the number of the line at which it ends."""
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        for row in reader:
            if len(row) > 1 or "".join(row).strip():
                yield reader.line_num, row
    except csv.Error as error:
        raise InputError(f"{path}: expected a readable CSV, got '{_line(error)}'") from error


def is_number(text: str) -> bool:
    """True if the text is a number; 1_000 is text, although Python reads it as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
