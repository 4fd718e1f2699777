"""Where a benchmark ran."""

from __future__ import annotations

import platform
from pathlib import Path


def processor() -> str:
    """The model of the CPU, where the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
