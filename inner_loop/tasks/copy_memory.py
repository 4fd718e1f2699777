"""Symbols to be repeated after a delay: Hochreiter & Schmidhuber 1997; Arjovsky, Shah & Bengio 2016, section 4.1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from genomes.errors import require
from genomes.streams import Streams
from inner_loop.task import CLASSIFICATION, Samples, Split, Task, classification_scores, classified, right_choice


@final
@dataclass(frozen=True)
class CopyMemory(Task):
    """The network sees `length` random symbols, then blanks, and has to repeat the symbols in their order at the end.

    Each symbol has an input unit; two more are the blank and the cue, which is shown in place of the last blank before
    the answer. In the papers a blank is the target at all other steps; here no target is set there.

    Attributes:
        symbols: K, the number of symbols; each is drawn with probability 1 / K.
        length: symbols of a sequence.
        delay: steps between the last symbol and the first answer, the last of them with the cue.
        measured: sequences that measure a split; they have no end.
    """

    symbols: int = 8
    length: int = 3
    delay: int = 5
    measured: int = 256

    def __post_init__(self) -> None:
        for name, least in (("symbols", 2), ("length", 1), ("delay", 1), ("measured", 1)):
            require(getattr(self, name) >= least, f"CopyMemory.{name}", f"at least {least}", getattr(self, name))

    @property
    def inputs(self) -> int:
        """Symbols, blank, cue."""
        return self.symbols + 2

    @property
    def outputs(self) -> int:
        """Symbols."""
        return self.symbols

    @property
    def steps(self) -> int:
        """Symbols, delay, answers."""
        return 2 * self.length + self.delay

    @property
    def answered(self) -> tuple[int, ...]:
        """The last steps."""
        return tuple(range(self.length + self.delay, self.steps))

    def pay(self, choices: Tensor, targets: Tensor) -> Tensor:
        """1 for the right symbol."""
        return right_choice(choices, targets)

    @property
    def score_names(self) -> tuple[str, ...]:
        """Accuracy, log-likelihood: means over all answers."""
        return CLASSIFICATION

    @property
    def varies(self) -> bool:
        """Every stream has other sequences."""
        return True

    def size(self, split: Split) -> int:
        """The configured number."""
        return self.measured

    def draw(self, split: Split, samples: int, streams: Streams, start: int = 0) -> Samples:
        """New sequences."""
        drawn = streams.stream(split).integers(self.symbols, samples, self.length, start=start * self.length)
        symbols = torch.nn.functional.one_hot(drawn, self.symbols).float().permute(0, 2, 3, 1)
        inputs = symbols.new_zeros(len(symbols), self.steps, self.inputs, samples)
        inputs[:, : self.length, : self.symbols] = symbols
        inputs[:, self.length :, self.symbols] = 1.0
        inputs[:, self.length + self.delay - 1, self.symbols :] = inputs.new_tensor([[0.0], [1.0]])
        targets = symbols.new_zeros(len(symbols), self.steps, self.outputs, samples)
        targets[:, self.length + self.delay :] = symbols
        return Samples(inputs, targets)

    def scores(self, outputs: Float[Tensor, "P output n"], targets: Float[Tensor, "K output n"]) -> dict[str, Tensor]:
        """Accuracy and log-likelihood, (P,)."""
        return classification_scores(outputs, targets)

    def sample_scores(self, outputs: Float[Tensor, "P output n"], targets: Float[Tensor, "K output n"]) -> Tensor:
        """1 for each right answer, (P, n)."""
        return classified(outputs, targets)
