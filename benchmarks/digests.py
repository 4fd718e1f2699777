"""SHA-256 of the final weights of W1 to W4, compiled for processors with AVX-512, with AVX2, and for any x86-64.

    python benchmarks/digests.py W1 W2 W3 W4

prints the digest of these lives as this process compiles them. `by_processor` runs it once for each processor that this
machine can stand in for; all digests must be the same.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import one_core

if __name__ == "__main__":
    one_core.take()

from rivals import hebbian_ours, hebbian_workload, ours, recurrent_ours, recurrent_workload, workload
from rivals.workload import Life

PROCESSORS = {"avx512": ("avx512f", ""), "avx2": ("avx2", "haswell"), "x86_64": ("sse2", "x86-64")}
"""By name: what this machine must have, and the processor for which Numba compiles; empty: this one."""

_LIVES: dict[str, Callable[[], Life]] = {
    "W1": lambda: ours.prepare(workload.born(workload.Workload((64, 64, 10), steps=200, cohort=4, masked=True))),
    "W2": lambda: ours.prepare(workload.born(workload.Workload((784, 128, 10), steps=25, cohort=2, masked=False))),
    "W3": lambda: recurrent_ours.prepare(recurrent_workload.born(recurrent_workload.Workload(cohort=4))),
    "W4": lambda: hebbian_ours.prepare(hebbian_workload.born(hebbian_workload.Workload(cohort=32))),
}
"""A few lives of each: how many live side by side does not change their bits."""


def digest(names: Sequence[str]) -> str:
    """Of the final weights of some workloads."""
    found = hashlib.sha256()
    for name in names:
        for layer in _LIVES[name]()():
            found.update(layer.contiguous().numpy().tobytes())
    return found.hexdigest()


def by_processor(names: Sequence[str]) -> dict[str, str | None]:
    """The digest for each of PROCESSORS; None where this machine lacks what it needs, or Numba is missing."""
    return {f"digest_{name}": _digest_for(names, *needs) for name, needs in PROCESSORS.items()}


def said(digests: dict[str, str | None]) -> str:
    """The digests in words, for a results file."""
    found = {name.removeprefix("digest_"): text for name, text in digests.items() if text is not None}
    if not found:
        return "Final weights were not compared between processors."
    same = "the same" if len(set(found.values())) == 1 else "NOT the same"
    each = ", ".join(f"{name} {text[:16]}" for name, text in found.items())
    return f"Final weights compiled for several processors are {same}: SHA-256 {each}."


def _digest_for(names: Sequence[str], needed: str, processor: str) -> str | None:
    try:
        from llvmlite.binding import get_host_cpu_features
    except ImportError:
        return None
    if not get_host_cpu_features().get(needed, False):
        return None
    chosen = {"NUMBA_CPU_NAME": processor} if processor else {}
    others = {name: value for name, value in os.environ.items() if name != "NUMBA_CPU_NAME"}
    command = [sys.executable, str(HERE / "digests.py"), *names]
    return subprocess.run(command, env=others | chosen, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    print(digest(sys.argv[1:]))
