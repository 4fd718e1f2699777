"""The user's own labelled data: an .npz like Keras' mnist.npz, a folder with MNIST's IDX files, or a CSV."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import final

import numpy as np
from numpy import ndarray

from genomes.expect import Unexpected, expect
from inner_loop.task import SPLITS
from inner_loop.tasks.dataset import Dataset, LabelledTask, divided
from inner_loop.tasks.formats import Source, fingerprint, read


@final
@dataclass(frozen=True)
class Arrays(LabelledTask):
    """Samples, each with a whole-number label from 0. Bytes (uint8) are scaled to [0, 1], other numbers are kept.

    Three layouts: an .npz with x_train (n, ...), y_train (n,), x_test and y_test; a folder with MNIST's four files
    (train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz and the two of t10k), compressed or not; a CSV whose header
    names a column of labels, all its other columns being inputs. Inputs of more than one axis are flattened.

    Attributes:
        path: of the file or folder, as seen from the current folder.
        label: the column of labels in a CSV.
        selection: share of the training data on which what is selected for is measured.
        test: share of a CSV that is held out from both; the other layouts have a test split of their own.
        split_seed: of the division into splits; the same for every run, so that results compare.
        classes: output units; None: as many as there are labels, every one of which must occur.
    """

    path: str
    label: str = "label"
    selection: float = 0.2
    test: float = 0.2
    split_seed: int = 0
    classes: int | None = None

    def __post_init__(self) -> None:
        for name in ("selection", "test"):
            share = getattr(self, name)
            expect(0.0 < share < 1.0, f"Arrays.{name}", "a share between 0 and 1", share)
        expect(self.split_seed >= 0, "Arrays.split_seed", "at least 0", self.split_seed)
        expect(self.classes is None or self.classes >= 2, "Arrays.classes", "at least 2", self.classes)

    @property
    def inputs(self) -> int:
        """Numbers in a sample."""
        return self.dataset().inputs["train"].shape[1]

    @property
    def outputs(self) -> int:
        """Classes."""
        return self.dataset().classes

    def dataset(self) -> Dataset:
        """What the file or files hold."""
        return _load(self)

    def fingerprint(self) -> str:
        """SHA-256 of the file or files."""
        return fingerprint(self.path)


@lru_cache(maxsize=4)
def _load(task: Arrays) -> Dataset:
    """Reads, checks and divides.

    Raises:
        Unexpected: whatever is wrong with the data, in one sentence.
    """
    source = read(task.path, task.label)
    parts = ("train", "test") if source.has_test else ("train",)
    inputs = {part: _inputs(source, part) for part in parts}
    labels = {part: _labels(source, part, len(inputs[part])) for part in parts}
    classes = _classes(task, source, labels)
    kept = len(labels["train"])
    test = 0 if source.has_test else round(task.test * kept)
    selection = round(task.selection * (kept - test))
    sizes = (kept - test - selection, selection, test)
    dataset = divided(inputs["train"], labels["train"], classes, sizes, task.split_seed)
    if source.has_test:
        widths = inputs["train"].shape[1], inputs["test"].shape[1]
        expect(
            widths[0] == widths[1], source.where["x_test"], f"samples of {widths[0]} numbers, as in training", widths[1]
        )
        whole = {**dataset.inputs, "test": inputs["test"]}, {**dataset.labels, "test": labels["test"]}
        dataset = Dataset(*whole, classes)
    for split in SPLITS:
        expect(dataset.size(split) > 0, task.path, f"at least one sample in the {split} split", f"none of {kept}")
    return dataset


def _inputs(source: Source, part: str) -> ndarray:
    """(n, input units) float32."""
    raw, where = source.arrays[f"x_{part}"], source.where[f"x_{part}"]
    expect(raw.dtype.kind in "buif", where, "numbers", str(raw.dtype))
    expect(raw.ndim >= 2 and raw.size > 0, where, "samples of at least one number each, (n, ...)", raw.shape)
    flat = raw.reshape(len(raw), -1)
    if raw.dtype == np.uint8:
        return flat.astype(np.float32) / np.float32(255.0)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite and is refused below
        flat = flat.astype(np.float32)
    bad = ~np.isfinite(flat)
    if bad.any():
        sample, column = np.argwhere(bad)[0].tolist()
        raise Unexpected(f"{where}: expected finite numbers, got {flat[sample, column]} in sample {sample}")
    return flat


def _labels(source: Source, part: str, samples: int) -> ndarray:
    """(n,) int64."""
    raw, where = source.arrays[f"y_{part}"], source.where[f"y_{part}"]
    expect(raw.dtype.kind in "buif", where, "whole numbers", str(raw.dtype))
    if raw.ndim == 2 and raw.shape[1] == 1:
        raw = raw[:, 0]
    expect(raw.ndim == 1, where, "one label a sample, (n,)", raw.shape)
    expect(len(raw) == samples, where, f"{samples} labels, one for each sample", len(raw))
    for fits, expected in (
        (lambda y: np.isfinite(y) & (y == np.floor(y)), "whole numbers from 0"),
        (lambda y: y >= 0, "labels of at least 0"),
        (lambda y: y < 2**31, "labels below 2147483648"),
    ):
        bad = np.flatnonzero(~fits(raw))
        if len(bad):
            raise Unexpected(f"{where}: expected {expected}, got {raw[bad[0]]} in sample {bad[0]}")
    return raw.astype(np.int64)


def _classes(task: Arrays, source: Source, labels: dict[str, ndarray]) -> int:
    """How many classes; a label outside of them, or a gap where they were not declared, is refused."""
    if task.classes is not None:
        for part, values in labels.items():
            fits = f"labels from 0 to {task.classes - 1}"
            expect(values.max() < task.classes, source.where[f"y_{part}"], fits, int(values.max()))
        return task.classes
    seen = np.unique(np.concatenate(list(labels.values())))
    gaps = np.flatnonzero(seen != np.arange(len(seen)))
    if len(gaps):
        every = f"every label from 0 to {seen[-1]}, or their number as `classes`"
        raise Unexpected(f"{source.where['y_train']}: expected {every}, got no sample of label {gaps[0]}")
    expect(len(seen) >= 2, source.where["y_train"], "at least two classes", len(seen))
    return len(seen)
