"""The machine on which a benchmark ran."""

from __future__ import annotations

import datetime
import importlib.metadata
import importlib.util
import os
import platform
from pathlib import Path


def processor() -> str:
    """The model of the CPU, if the system reports it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def setting(*packages: str, where: str) -> str:
    """Processor, cores, load, date and versions; leaves out packages that are not installed.

    Args:
        where: the cores in use, such as `one_core.said()`.
    """
    versions = [f"Python {platform.python_version()}"]
    versions += [f"{p} {importlib.metadata.version(p)}" for p in packages if importlib.util.find_spec(p) is not None]
    return (
        f"{processor()}, {os.cpu_count()} cores, {where}; load {os.getloadavg()[0]:.1f} as it ended. "
        f"{datetime.date.today().isoformat()}. {', '.join(versions)}."
    )
