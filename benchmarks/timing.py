"""CPU time of rivals that run in turns on one core, and a check that they did the same work."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

TOLERANCE = 1e-4  # largest relative distance between the results of rivals, float32

Seconds = Sequence[float]
"""Of one rival, CPU seconds a life in each repeat."""


@final
@dataclass(frozen=True)
class Ratio:
    """The speed ratio of two rivals: the median, lowest and highest of the ratios within a repeat."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, one: Seconds, other: Seconds) -> Ratio:
        """The ratio of two rivals that ran in the same repeats."""
        ratios = [b / a for a, b in zip(one, other, strict=True)]
        return cls(statistics.median(ratios), min(ratios), max(ratios))

    def __str__(self) -> str:
        digits = 1 if self.median >= 10 else 2 if self.median >= 0.1 else 3
        return f"{self.median:.{digits}f}x ({self.lowest:.{digits}f}-{self.highest:.{digits}f})"


def against_jax(rows: Mapping[str, tuple[Seconds, Seconds, Seconds | None]]) -> list[str]:
    """Lines of Markdown, a workload each.

    Args:
        rows: by the name of the workload: the naive loop, ours, and the quicker JAX where there is one.
    """
    lines = [
        "## Ours over the naive loop and over JAX",
        "",
        "The middle of the ratios within a repeat, and the lowest and the highest of them. Below 1 ours is slower. Of "
        "two programs in JAX the quicker counts.",
        "",
        "| workload | naive, lives/s | ours, lives/s | JAX, lives/s | ours over naive | ours over JAX |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, (naive, ours, jax) in rows.items():
        rates = [f"{1 / statistics.median(each):,.1f}" if each else "-" for each in (naive, ours, jax)]
        ratios = [f"{Ratio.of(ours, other)}" if other else "-" for other in (naive, jax)]
        lines.append(f"| {' | '.join([name, *rates, *ratios])} |")
    return [*lines, ""]


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of this process, all threads."""
    start = time.process_time()
    work()
    return time.process_time() - start


def in_turns(works: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """CPU seconds of each rival in every repeat; the order is reversed from one repeat to the next."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for repeat in range(repeats):
        for name in [*works][:: -1 if repeat % 2 else 1]:
            seconds[name].append(cpu_seconds(works[name]))
    return seconds


def apart(finals: Sequence[Tensor], reference: Sequence[Tensor]) -> Tensor:
    """For each life that both have, the relative distance of its results, the largest of its layers; (lives,)."""
    lives = min(len(finals[0]), len(reference[0]))
    pairs = [(f[:lives].flatten(1), r[:lives].flatten(1)) for f, r in zip(finals, reference, strict=True)]
    return torch.stack([(f - r).norm(dim=1) / r.norm(dim=1) for f, r in pairs]).amax(0)


def distance(finals: Sequence[Tensor], reference: Sequence[Tensor], astray: float = 0.0) -> float:
    """The largest distance of a life (see `apart`).

    Args:
        finals, reference: by layer, (lives, ...).
        astray: share of the lives beyond the tolerance that is left out: where a life chooses between two actions of
            nearly equal value, rounding decides, and the lives then differ.

    Raises:
        ValueError: more lives are beyond the tolerance, or a result is nan: then the rivals did not do the same work.
    """
    distances = apart(finals, reference)
    near = distances[distances <= TOLERANCE]
    if len(near) < (1.0 - astray) * len(distances):
        raise ValueError(f"lives: expected within {TOLERANCE:g} of ours, got {distances.max().item():g}")
    return near.max().item()
