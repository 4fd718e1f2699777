"""One core and one thread for a benchmark, set before torch and JAX are imported, since they read the settings then.

On several cores, idle threads of XLA run busy loops, and the process's CPU time, which is compared, includes them: JAX
would seem a third slower than it is.
"""

from __future__ import annotations

import os

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def take() -> None:
    """Pins this process to one core, the last of those allowed, if the system can; one thread for every library.

    A process restricted to one core (`taskset -c 0 python ...`) keeps it. torch's matrix settings are those of `evo`.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ |= dict.fromkeys(_THREADS, "1") | {
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
        "JAX_PLATFORMS": "cpu",
        "MKL_CBWR": "AUTO,STRICT",
    }


def said() -> str:
    """The cores of this process, for the head of a results file."""
    if not hasattr(os, "sched_getaffinity"):
        return "not pinned, which this system cannot do: JAX is quicker than it seems here"
    cores = sorted(os.sched_getaffinity(0))
    return f"pinned to core {cores[0]}" if len(cores) == 1 else f"not pinned: {len(cores)} cores may be used"
