"""What must be settled before torch's first operation so that results agree to the bit wherever they are computed."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from genomes.errors import require

_PORTABLE = {
    "MKL_CBWR": "COMPATIBLE",
    "ATEN_CPU_CAPABILITY": "default",
    "OPENBLAS_CORETYPE": "Prescott",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
}


SETTLED = {"MKL_CBWR": "AUTO,STRICT", "OMP_NUM_THREADS": "1"}
"""Variables of the environment as they are where we compute, unless the user has set them."""

VARIABLES = (*_PORTABLE, "MKL_ENABLE_INSTRUCTIONS", "OMP_NUM_THREADS")
"""Of the environment, which decide how numbers are rounded; a worker needs the driver's before it imports torch."""

_thread = threading.local()


def use_portable_kernels() -> None:
    """Only what every x86-64 processor computes in the same way, in this process and in the workers it starts.

    Raises:
        InputError: numpy or torch was imported before, and has chosen its kernels.
    """
    if kernels() != "portable":
        require(not {"numpy", "torch"} & sys.modules.keys(), "portable", "to be asked before numpy and torch", "after")
        os.environ |= _PORTABLE


def kernels() -> str:
    """`portable`, or `native`: the fastest that this processor has."""
    return "portable" if _PORTABLE.items() <= os.environ.items() else "native"


@lru_cache(maxsize=1)
def settle() -> None:
    """One thread, and kernels that do not depend on where a slice lies in memory; for every process of our own.

    Two threads lose more than they win on networks this small, and some sums differ by the number of threads.
    """
    for name, value in SETTLED.items():
        os.environ.setdefault(name, value)
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    with contextlib.suppress(RuntimeError):  # it can be set once only, and not after parallel work has begun
        torch.set_num_interop_threads(1)
    threadpool_limits(1)


@contextlib.contextmanager
def settled() -> Iterator[None]:
    """Around what is computed in a process of the caller's: as in one of our own; afterwards all is as it was.

    The kernels stay those that MKL chose at its first operation in this process.
    """
    if settle.cache_info().currsize or getattr(_thread, "settled", False):
        yield
        return
    import torch

    threads, before = torch.get_num_threads(), {name: os.environ.get(name) for name in SETTLED}
    _thread.settled = True
    try:
        for name, value in SETTLED.items():
            os.environ.setdefault(name, value)
        torch.set_num_threads(1)
        with _pools(len(sys.modules)).limit(limits=1):
            yield
    finally:
        torch.set_num_threads(threads)
        for name, given in before.items():
            if given is None:
                os.environ.pop(name, None)
        _thread.settled = False


@lru_cache(maxsize=1)
def _pools(modules: int) -> Any:
    """The libraries with threads of their own; looked for again once more modules are imported."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def cores() -> int:
    """Processors that this process may use; on macOS, which does not say so, those that there are."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def variables() -> dict[str, str]:
    """The variables of this process that a worker needs before it imports torch: they decide a result's last bits."""
    return SETTLED | {name: os.environ[name] for name in VARIABLES if name in os.environ}


@contextlib.contextmanager
def without_denormals() -> Iterator[None]:
    """Around lives: numbers below 1e-38, such as the errors of whoever is very sure of himself, are zero.

    Processors take several times as long for them, and beside the weights that they are added to they are nothing.
    Afterwards this thread computes as before: other code may count on them.
    """
    import torch

    before = sys.float_info.min * 0.5 == 0.0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)
