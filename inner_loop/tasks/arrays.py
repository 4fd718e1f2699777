"""The user's own labelled data: an .npz like Keras' mnist.npz, a folder with MNIST's IDX files, or a CSV."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import final

from numpy import ndarray

from genomes.errors import InputError, require
from inner_loop.data.labelled import Dataset, LabelledTask, stratified
from inner_loop.data.labels import coded
from inner_loop.data.readers import Source, Stamp, fetch, read, stamp
from inner_loop.data.scale import Scale, doubts_about, ranged, scaled
from inner_loop.task import SPLITS, Split

_KEPT = 4  # data sets in memory
_SHOWN = 12  # classes and characters of a hash that a message shows

_data: dict[Arrays, Dataset] = {}
"""The last data sets, by a task whose `sha256` identifies their bytes, so that a changed file gets another entry."""

_hashes: dict[str, tuple[Stamp, str]] = {}
"""By path: the state of the file when it was read, and the SHA-256 of its bytes."""


@final
@dataclass(frozen=True)
class Arrays(LabelledTask):
    """Samples, each with a label: text, or a whole number from 0 or from 1. The names of classes are kept.

    Three layouts: an .npz with x_train (n, ...), y_train (n,), x_test and y_test; a folder with MNIST's four files
    (train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz and the two of t10k), compressed or not; a CSV with a header
    and a column of labels, in which all other columns with a name are inputs. Inputs of more than one axis are
    flattened. A file that has changed is read again; a run refuses other data than those with which it began.

    Attributes:
        path: the file or folder, relative to the current folder.
        label: the column of labels in a CSV.
        selection: share of the training data on which the scores for selection are measured.
        test: share of a CSV that neither lives nor selection use; the other layouts have a test split of their own.
        split_seed: seed of the division into splits; the same for every run, so that results can be compared.
        classes: output units; None: the number of labels, which must all occur.
        scale: of the inputs, by the training split: `standard`, zero mean and unit variance of every feature; `unit`,
            to [0, 1]; `none`, as they are; None: bytes (uint8) to [0, 1], other numbers as they are.
        sha256: hash of the data, from `fingerprint`; other data are refused. A run stores that of its data. None: any.
    """

    path: str
    label: str = "label"
    selection: float = 0.2
    test: float = 0.2
    split_seed: int = 0
    classes: int | None = None
    scale: Scale | None = None
    sha256: str | None = None

    def __post_init__(self) -> None:
        for name in ("selection", "test"):
            share = getattr(self, name)
            require(0.0 < share < 1.0, f"Arrays.{name}", "a share between 0 and 1", share)
        require(self.split_seed >= 0, "Arrays.split_seed", "at least 0", self.split_seed)
        require(self.classes is None or self.classes >= 2, "Arrays.classes", "at least 2", self.classes)
        known = self.scale in (None, "standard", "unit", "none")
        require(known, "Arrays.scale", "standard, unit or none", self.scale)
        hashed = self.sha256 is None or re.fullmatch("[0-9a-f]{64}", self.sha256)
        require(hashed, "Arrays.sha256", "64 hexadecimal digits", self.sha256)

    @property
    def inputs(self) -> int:
        """The number of inputs of a sample."""
        return self._there().inputs["train"].shape[1]

    @property
    def outputs(self) -> int:
        """The number of classes."""
        return self._there().classes

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names in the data; none if the data have changed."""
        there, data = _load(replace(self, sha256=None)) if self not in _data else (self, _data[self])
        return data.names if self.sha256 in (None, there.sha256) else ()

    def dataset(self) -> Dataset:
        """The contents of the file or files.

        Raises:
            InputError: the data have an error, described in one sentence, or they are not those of `sha256`.
        """
        return _load(self)[1]

    def fingerprint(self) -> str:
        """SHA-256 of the bytes of the data file; for a folder, of the SHA-256 of its four files."""
        return str(_load(self)[0].sha256)

    def pinned(self, fingerprint: str) -> Arrays:
        """Returns a copy that accepts only data of this fingerprint."""
        return replace(self, sha256=self.sha256 or fingerprint or None)

    def summary(self) -> str:
        """The number of samples, the range of their inputs, and the names of the classes."""
        data = self._there()
        sizes = ", ".join(f"{data.size(split)} {split} ({ranged(data.inputs[split])})" for split in SPLITS)
        how = {"standard": "standardised inputs", "unit": "inputs scaled to 1"}.get(str(self.scale), "inputs")
        few = ", ".join(data.names[:_SHOWN]) + (", ..." if len(data.names) > _SHOWN else "")
        named = f": {few}" if few else ""
        return f"{self.path}: {self.inputs} {how}, samples {sizes}; {data.classes} classes{named}."

    def doubts(self) -> tuple[str, ...]:
        """Warnings about columns, scale, and classes without samples."""
        return self._there().doubts

    def _there(self) -> Dataset:
        """The present data, whether they fit `sha256` or not: a run whose data have changed can still be opened."""
        return _load(self if self in _data else replace(self, sha256=None))[1]


def _load(task: Arrays) -> tuple[Arrays, Dataset]:
    """The task with the hash of its data, and the data: those in memory, unless the file has changed since."""
    now = stamp(task.path) if task.sha256 is None else None
    before, digest = _hashes.get(task.path, (None, None))
    named = task if task.sha256 else replace(task, sha256=digest if now == before else None)
    if named not in _data:
        files = fetch(task.path)
        if task.sha256 not in (None, files.digest):
            began, found = task.sha256[:_SHOWN], files.digest[:_SHOWN]
            raise InputError(
                f"{task.path}: expected the data of SHA-256 {began}..., got data that have changed, {found}...; "
                "an analysis lives in these with task.sha256=null"
            )
        if now is not None:
            _hashes[task.path] = now, files.digest
        named = replace(task, sha256=files.digest)
        if named not in _data:
            _data[named] = _made(task, read(files, task.label))
    _data[named] = _data.pop(named)  # the least recently used data set is removed first
    while len(_data) > _KEPT:
        del _data[next(iter(_data))]
    return named, _data[named]


def _made(task: Arrays, source: Source) -> Dataset:
    """Checks, divides and scales."""
    parts = ("train", "test") if source.has_test else ("train",)
    of_inputs, of_labels = ({part: source.where[f"{axis}_{part}"] for part in parts} for axis in "xy")
    raw = {part: _inputs(source.arrays[f"x_{part}"], of_inputs[part]) for part in parts}
    labels = {part: _labels(source.arrays[f"y_{part}"], of_labels[part], len(raw[part])) for part in parts}
    codes, classes, names = coded(labels, of_labels, task.classes)
    require(classes >= 2, of_labels["train"], "at least two classes", classes)
    for part, width in ((part, numbers.shape[1]) for part, numbers in raw.items()):
        needed = raw["train"].shape[1]
        require(width == needed, of_inputs[part], f"samples of {needed} numbers, as in training", width)
    kept = len(raw["train"])
    test = 0 if source.has_test else round(task.test * kept)
    selection = round(task.selection * (kept - test))
    sizes = (kept - test - selection, selection, test)
    members = dict(zip(SPLITS, stratified(codes["train"], sizes, task.split_seed), strict=True))
    inputs = scaled(raw, members["train"], task.scale, of_inputs)

    def by_split(whole: dict[str, ndarray]) -> dict[Split, ndarray]:
        divided = {split: whole["train"][samples] for split, samples in members.items()}
        return {**divided, "test": whole["test"]} if source.has_test else divided

    doubts = [*source.doubts, *doubts_about(raw, inputs, task.scale, task.path)]
    dataset = Dataset(by_split(inputs), by_split(codes), classes, names)
    for split in SPLITS:
        require(dataset.size(split) > 0, task.path, f"at least one sample in the {split} split", f"none of {kept}")
    return replace(dataset, doubts=(*doubts, *_never(dataset, task.path)))


def _never(dataset: Dataset, path: str) -> list[str]:
    """Warnings about classes that no life can learn."""
    seen = set(dataset.labels["train"].tolist())
    absent = [dataset.names[c] if dataset.names else str(c) for c in range(dataset.classes) if c not in seen]
    few = ", ".join(absent[:_SHOWN]) + (", ..." if len(absent) > _SHOWN else "")
    return [f"{path}: no sample to learn from of label {few}: that output is never right"] if absent else []


def _inputs(raw: ndarray, where: str) -> ndarray:
    """Inputs as (n, input units), of their own type."""
    require(raw.dtype.kind in "buif", where, "numbers", str(raw.dtype))
    require(raw.ndim >= 2 and raw.size > 0, where, "samples of at least one number each, (n, ...)", raw.shape)
    return raw.reshape(len(raw), -1)


def _labels(raw: ndarray, where: str, samples: int) -> ndarray:
    """Labels as (n,) numbers or text."""
    require(raw.dtype.kind in "buifUS", where, "whole numbers or text", str(raw.dtype))
    if raw.ndim == 2 and raw.shape[1] == 1:
        raw = raw[:, 0]
    require(raw.ndim == 1, where, "one label a sample, (n,)", raw.shape)
    require(len(raw) == samples, where, f"{samples} labels, one for each sample", len(raw))
    return raw
