"""One core and one thread for a benchmark, taken before torch and JAX are imported: they read what there is then.

On several cores XLA's idle threads spin, and the process's CPU time, which is what is compared, counts them: JAX would
seem a third slower than it is.
"""

from __future__ import annotations

import os

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def take() -> None:
    """Pins this process to one core, the last that it may use, where the system can; one thread for every library.

    A process that may use one core alone (`taskset -c 0 python ...`) keeps it. torch's products are as `evo` sets them.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ |= dict.fromkeys(_THREADS, "1") | {
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
        "JAX_PLATFORMS": "cpu",
        "MKL_CBWR": "AUTO,STRICT",
    }


def said() -> str:
    """Where this process runs, for the head of a results file."""
    if not hasattr(os, "sched_getaffinity"):
        return "not pinned, which this system cannot do: JAX is quicker than it seems here"
    cores = sorted(os.sched_getaffinity(0))
    return f"pinned to core {cores[0]}" if len(cores) == 1 else f"not pinned: {len(cores)} cores may be used"
