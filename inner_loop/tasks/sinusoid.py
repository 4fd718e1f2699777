"""A sinusoid to be learned from a few of its points: Finn, Abbeel & Levine 2017 (MAML, ICML), section 5.1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from genomes.errors import require
from genomes.streams import Streams
from inner_loop.task import REGRESSION, Samples, Split, Task, regression_scores

_REACH = 5.0


@final
@dataclass(frozen=True)
class Sinusoid(Task):
    """y = A sin(x - phase), x uniform in [-5, 5]; each random stream is one sinusoid, the same in all its splits.

    The phase is subtracted, as in the authors' code. Also the first task of Fernando et al. 2018 (arXiv:1806.07917),
    where evolution finds initial weights that can learn any of them. `train` is K points of the stream's sinusoid in a
    fixed order, repeated without end: sample i is shot i modulo K, and a batch of K has all of them at every step.
    `selection` and `test` are other points of that sinusoid, without end. New sinusoids come from other streams.

    Attributes:
        shots: K, points that a life learns from.
        amplitude: (lowest, highest) A, uniform; above 0, since a flat line has no variance to explain.
        phase: (lowest, highest), uniform, in radians.
        measured: points that measure selection and test.
    """

    shots: int = 10
    amplitude: tuple[float, float] = (0.1, 5.0)
    phase: tuple[float, float] = (0.0, math.pi)
    measured: int = 100

    def __post_init__(self) -> None:
        require(self.shots >= 1, "Sinusoid.shots", "at least 1", self.shots)
        require(self.measured >= 2, "Sinusoid.measured", "at least 2", self.measured)
        for name in ("amplitude", "phase"):
            low, high = getattr(self, name)
            ordered = -math.inf < low <= high < math.inf
            require(ordered, f"Sinusoid.{name}", "lowest <= highest, both finite", (low, high))
        require(self.amplitude[0] > 0, "Sinusoid.amplitude", "a lowest above 0", self.amplitude)

    @property
    def inputs(self) -> int:
        """x."""
        return 1

    @property
    def outputs(self) -> int:
        """y."""
        return 1

    @property
    def score_names(self) -> tuple[str, ...]:
        """Negative squared error (the papers' MSE with its sign turned), explained variance."""
        return REGRESSION[::-1]

    @property
    def varies(self) -> bool:
        """Every stream is another sinusoid."""
        return True

    def size(self, split: Split) -> int:
        """The number of shots; for selection and test, which have no end, the configured number."""
        return self.shots if split == "train" else self.measured

    def draw(self, split: Split, samples: int, streams: Streams, start: int = 0) -> Samples:
        """The shots over and over, or new points."""
        if split != "train":
            return self._points(split, samples, streams, start)
        shots = self._points(split, self.shots, streams, 0)
        turn = torch.arange(start, start + samples, device=streams.keys.device) % self.shots
        return Samples(shots.inputs[:, :, turn], shots.targets[:, :, turn])

    def answers(self, inputs: Float[Tensor, "K 1 n"], streams: Streams) -> Float[Tensor, "K 1 n"]:
        """A sin(x - phase) of the sinusoids of these streams, (K, 1, n)."""
        drawn = streams.stream("sinusoid").uniform(2, 1, 1)
        ranges = enumerate((self.amplitude, self.phase))
        amplitude, phase = (low + (high - low) * drawn[:, i] for i, (low, high) in ranges)
        return (amplitude * torch.sin(inputs.double() - phase)).to(inputs)

    def scores(self, outputs: Float[Tensor, "P output n"], targets: Float[Tensor, "K output n"]) -> dict[str, Tensor]:
        """Negative squared error and explained variance, (P,)."""
        return regression_scores(outputs, targets)

    def _points(self, split: Split, count: int, streams: Streams, start: int) -> Samples:
        inputs = (streams.stream(split).uniform(1, count, start=start) * 2.0 - 1.0).mul(_REACH).float()
        return Samples(inputs, self.answers(inputs, streams))
