"""Real handwritten digits: 1,797 images of 8 x 8 pixels (Alpaydin & Kaynak 1998, UCI; shipped with scikit-learn)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import final

import numpy as np

from genomes.errors import require
from inner_loop.data.labelled import Dataset, LabelledTask, divided
from inner_loop.task import SPLITS


@final
@dataclass(frozen=True)
class Digits(LabelledTask):
    """64 pixels scaled to [0, 1], ten classes, in three disjoint stratified splits.

    Attributes:
        train: samples that lives learn from.
        selection: samples on which the scores for selection are measured.
        test: samples that neither lives nor selection use.
        split_seed: seed of the division into splits; the same for every run, so that results can be compared.
    """

    train: int = 397
    selection: int = 1000
    test: int = 400
    split_seed: int = 0

    def __post_init__(self) -> None:
        for split in SPLITS:
            require(getattr(self, split) >= 10, f"Digits.{split}", "at least 10 samples", getattr(self, split))
        total = self.train + self.selection + self.test
        require(total <= 1797, "Digits", "splits of 1797 samples in all", total)

    @property
    def things(self) -> str | None:
        """Digits."""
        return "digits"

    @property
    def inputs(self) -> int:
        """64 pixels."""
        return 64

    @property
    def outputs(self) -> int:
        """Ten digits."""
        return 10

    def dataset(self) -> Dataset:
        """All 1,797 images."""
        return _load(self)


@lru_cache(maxsize=4)
def _load(task: Digits) -> Dataset:
    from sklearn.datasets import load_digits  # takes half a second: imported only when a life needs it

    digits = load_digits()
    pixels, labels = (digits.data / 16.0).astype(np.float32), digits.target.astype(np.int64)
    return divided(pixels, labels, 10, (task.train, task.selection, task.test), task.split_seed)
