"""What must be settled before torch's first operation so that results agree to the bit wherever they are computed."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from functools import lru_cache
from pathlib import Path

from genomes.expect import expect

_PORTABLE = {
    "MKL_CBWR": "COMPATIBLE",
    "ATEN_CPU_CAPABILITY": "default",
    "OPENBLAS_CORETYPE": "Prescott",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
}

_LARGEST = 2**20  # bytes of a manifest

VARIABLES = (*_PORTABLE, "MKL_ENABLE_INSTRUCTIONS", "OMP_NUM_THREADS")
"""Of the environment, which decide how numbers are rounded; a worker needs the driver's before it imports torch."""


def use_portable_kernels() -> None:
    """Only what every x86-64 processor computes in the same way, in this process and in the workers it starts.

    Raises:
        Unexpected: numpy or torch was imported before, and has chosen its kernels.
    """
    if kernels() != "portable":
        expect(not {"numpy", "torch"} & sys.modules.keys(), "portable", "to be asked before numpy and torch", "after")
        os.environ |= _PORTABLE


def use_kernels_of(run: Path) -> None:
    """The kernels that a run began with, if that can be read.

    Raises:
        Unexpected: they are portable, and numpy or torch was imported before.
    """
    path = run / "manifest.json"
    with contextlib.suppress(OSError, ValueError, AttributeError, RecursionError):
        plain = path.is_file() and not path.is_symlink() and path.stat().st_size < _LARGEST
        if plain and json.loads(path.read_bytes()).get("kernels") == "portable":
            use_portable_kernels()


def kernels() -> str:
    """`portable`, or `native`: the fastest that this processor has."""
    return "portable" if _PORTABLE.items() <= os.environ.items() else "native"


@lru_cache(maxsize=1)
def settle() -> None:
    """One thread, and kernels that do not depend on where a slice lies in memory; for every process that computes.

    Two threads lose more than they win on networks this small, and some sums differ by the number of threads.
    """
    os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    with contextlib.suppress(RuntimeError):  # it can be set once only, and not after parallel work has begun
        torch.set_num_interop_threads(1)
    threadpool_limits(1)
