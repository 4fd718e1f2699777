"""Settings before torch's first operation that make results bit-identical in every process."""

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
"""Environment variables that our processes set, unless the user has set them."""

VARIABLES = (*_PORTABLE, "MKL_ENABLE_INSTRUCTIONS", "OMP_NUM_THREADS")
"""Environment variables that affect rounding; a worker needs the driver's values before it imports torch."""

_thread = threading.local()


def use_portable_kernels() -> None:
    """Restricts this process and its workers to kernels that give the same bits on every x86-64 processor.

    Raises:
        InputError: numpy or torch was imported before and has chosen its kernels.
    """
    if kernels() != "portable":
        early = not {"numpy", "torch"} & sys.modules.keys()
        require(early, "portable", "a call before numpy and torch are imported", "a later call")
        os.environ |= _PORTABLE


def kernels() -> str:
    """The kernels of this process: `portable`, or `native`, the fastest of this processor."""
    return "portable" if _PORTABLE.items() <= os.environ.items() else "native"


@lru_cache(maxsize=1)
def settle() -> None:
    """Sets one thread, and kernels whose results do not depend on memory alignment; for every process of our own.

    Two threads are slower than one on such small networks, and some sums depend on the number of threads.
    """
    for name, value in SETTLED.items():
        os.environ.setdefault(name, value)
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    with contextlib.suppress(RuntimeError):  # it can be set only once, before parallel work begins
        torch.set_num_interop_threads(1)
    threadpool_limits(1)


@contextlib.contextmanager
def settled() -> Iterator[None]:
    """Surrounds a computation in a user's process: sets the same numerics as in our own processes, then restores them.

    MKL keeps the kernels that it chose at its first operation in this process.
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
    """The libraries that have thread pools; searched again when the number of imported modules changes."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def cores() -> int:
    """Number of processors that this process may use; on macOS, which does not tell it, of all processors."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def variables() -> dict[str, str]:
    """The environment variables that a worker needs before it imports torch; they affect a result's last bits."""
    return SETTLED | {name: os.environ[name] for name in VARIABLES if name in os.environ}


@contextlib.contextmanager
def without_denormals() -> Iterator[None]:
    """Surrounds lives: numbers below 1e-38, such as the errors of a very confident network, become zero.

    Processors need several times as long for such numbers, and they are negligible when added to weights. Afterwards
    the setting of this thread is restored, because other code may rely on such numbers.
    """
    import torch

    before = sys.float_info.min * 0.5 == 0.0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)
