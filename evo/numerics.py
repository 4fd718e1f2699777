"""What must be settled before torch's first operation so that results agree to the bit wherever they are computed."""

from __future__ import annotations

import contextlib
import os
from functools import lru_cache


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
