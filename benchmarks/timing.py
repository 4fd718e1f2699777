"""CPU time of rivals that run in turns on one thread, and whether they did the same work."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

TOLERANCE = 1e-4  # largest relative distance of what rivals come to, float32


def one_thread() -> None:
    """One thread each for torch and JAX, and torch's products as `evo` sets them.

    To be called before torch's first operation and before JAX is imported: they read the environment then.
    """
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["MKL_CBWR"] = "AUTO,STRICT"
    torch.set_num_threads(1)


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of this process, all threads."""
    start = time.process_time()
    work()
    return time.process_time() - start


def in_turns(works: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median CPU seconds of each, all of them once in every repeat."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            seconds[name].append(cpu_seconds(work))
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def apart(finals: Sequence[Tensor], reference: Sequence[Tensor]) -> Tensor:
    """For each life that both have, the relative distance of what it came to, the largest of its layers; (lives,)."""
    pairs = [(f.flatten(1), r[: len(f)].flatten(1)) for f, r in zip(finals, reference, strict=True)]
    return torch.stack([(f - r).norm(dim=1) / r.norm(dim=1) for f, r in pairs]).amax(0)


def distance(finals: Sequence[Tensor], reference: Sequence[Tensor], astray: float = 0.0) -> float:
    """The largest distance of a life (see `apart`).

    Args:
        finals, reference: by layer, (lives, ...).
        astray: share of the lives that are left out if they are beyond the tolerance: where a life chooses between two
            actions of nearly the same worth, rounding decides, and then it goes another way.

    Raises:
        ValueError: more lives beyond the tolerance, or not a number: then the rivals did not do the same work.
    """
    distances = apart(finals, reference)
    near = distances[distances <= TOLERANCE]
    if len(near) < (1.0 - astray) * len(distances):
        raise ValueError(f"lives: expected within {TOLERANCE:g} of ours, got {distances.max().item():g}")
    return near.max().item()
