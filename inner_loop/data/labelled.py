"""Finite labelled data in three splits, streamed in shuffled epochs; shared by the classification tasks."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from numpy import ndarray
from torch import Tensor

from genomes.errors import require
from genomes.streams import Streams
from inner_loop.task import (
    CLASSIFICATION,
    SPLITS,
    Samples,
    Split,
    Task,
    classification_scores,
    classified,
    right_choice,
)


@final
@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled samples by split.

    Attributes:
        inputs: by split, (n, input units).
        labels: by split, (n,) from 0 to classes - 1.
        classes: output units.
        names: of the classes; empty for classes that have only a number.
        doubts: properties of the data that a user should know, a sentence each.
    """

    inputs: dict[Split, Float32[ndarray, "n input"]]
    labels: dict[Split, Int64[ndarray, " n"]]
    classes: int
    names: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    def size(self, split: Split) -> int:
        """The number of samples in a split."""
        return len(self.labels[split])

    def draw(self, split: Split, samples: int, streams: Streams, start: int = 0) -> Samples:
        """Samples of each stream, epoch after epoch, every epoch in its own random order."""
        order = epochs(self.size(split), samples, streams.stream(split), start)
        device = streams.keys.device
        inputs = torch.as_tensor(self.inputs[split], device=device)[order]
        labels = torch.as_tensor(self.labels[split], device=device)[order]
        targets = torch.nn.functional.one_hot(labels, self.classes).to(inputs.dtype)
        return Samples(inputs.mT.contiguous(), targets.mT.contiguous())


class LabelledTask(Task):
    """Classifies the samples of a finite data set."""

    @abstractmethod
    def dataset(self) -> Dataset:
        """The data; read once, and the same object for equal tasks."""

    @property
    def score_names(self) -> tuple[str, ...]:
        """Accuracy, log-likelihood."""
        return CLASSIFICATION

    def size(self, split: Split) -> int:
        """All samples of the split."""
        return self.dataset().size(split)

    def draw(self, split: Split, samples: int, streams: Streams, start: int = 0) -> Samples:
        """Shuffled epochs of the split."""
        return self.dataset().draw(split, samples, streams, start)

    def scores(self, outputs: Float[Tensor, "P output n"], targets: Float[Tensor, "K output n"]) -> dict[str, Tensor]:
        """Accuracy and log-likelihood, (P,)."""
        return classification_scores(outputs, targets)

    def pay(self, choices: Int64[Tensor, "P n"], targets: Float[Tensor, "K output n"]) -> Tensor:
        """1 for the right class."""
        return right_choice(choices, targets)

    def sample_scores(self, outputs: Float[Tensor, "P output n"], targets: Float[Tensor, "K output n"]) -> Tensor:
        """Accuracy of each sample, (P, n)."""
        return classified(outputs, targets)


def epochs(size: int, samples: int, streams: Streams, start: int) -> Int64[Tensor, "K samples"]:
    """Indices `start` to `start + samples` of endless shuffled epochs over `size` items, (K, samples)."""
    first, last = start // size, (start + samples - 1) // size
    orders = [streams.stream(f"epoch {epoch}").permutation(size) for epoch in range(first, last + 1)]
    return torch.cat(orders, dim=1)[:, start - first * size :][:, :samples]


def stratified(labels: Int64[ndarray, " n"], sizes: tuple[int, ...], seed: int) -> list[Int64[ndarray, " m"]]:
    """Disjoint index sets of the given sizes that keep the proportions of the classes, as nearly as possible.

    Raises:
        InputError: the sizes sum to more than the number of samples.
    """
    require(sum(sizes) <= len(labels), "split", f"at most {len(labels)} samples in all", list(sizes))
    generator = np.random.Generator(np.random.Philox(seed))
    shuffled = generator.permutation(len(labels))
    # position of a sample within its class, as a fraction: sorting by it interleaves the classes evenly
    fraction = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels[shuffled] == label)
        fraction[members] = (np.arange(len(members)) + 0.5) / len(members)
    ordered = shuffled[np.argsort(fraction, kind="stable")]
    ends = np.cumsum((0, *sizes))
    return [np.sort(ordered[ends[i] : ends[i + 1]]) for i in range(len(sizes))]


def divided(
    inputs: Float32[ndarray, "n input"],
    labels: Int64[ndarray, " n"],
    classes: int,
    sizes: tuple[int, int, int],
    seed: int,
) -> Dataset:
    """Divides samples into disjoint stratified splits of the given sizes: train, selection, test."""
    members = dict(zip(SPLITS, stratified(labels, sizes, seed), strict=True))
    return Dataset({s: inputs[m] for s, m in members.items()}, {s: labels[m] for s, m in members.items()}, classes)
