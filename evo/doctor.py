"""Does this machine work, and what is missing: one line a finding."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import final

from evo.executors import OnRay, Serial

_NEEDED = (
    "torch",
    "numpy",
    "scipy",
    "deap",
    "ray",
    "scikit-learn",
    "pydantic",
    "ruamel.yaml",
    "matplotlib",
    "networkx",
)


@final
@dataclass(frozen=True)
class Finding:
    """What was looked at, whether it is well, and what was seen."""

    what: str
    well: bool
    seen: str


def findings(address: str | None = None) -> Iterator[Finding]:
    """Looks at Python, packages, cores, memory, devices, disk, and lets one cohort live here and on Ray."""
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Finding("python", supported, f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for package in _NEEDED:
        try:
            yield Finding(package, True, version(package))
        except PackageNotFoundError:
            yield Finding(package, False, "not installed")
    cores = len(os.sched_getaffinity(0))
    yield Finding("cores", True, f"{cores}: one worker each")
    yield _devices()
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    yield Finding("disk", free > 1, f"{free:.0f} GiB free here")
    yield _writable()
    yield from _lives(address)


def _devices() -> Finding:
    import torch

    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    isa = torch.backends.cpu.get_cpu_capability()
    return Finding("devices", True, ", ".join([f"cpu ({isa})", *(f"cuda:{i} {n}" for i, n in enumerate(names))]))


def _writable() -> Finding:
    try:
        with tempfile.TemporaryDirectory(dir=Path.cwd()):
            return Finding("folder", True, "runs can be written here")
    except OSError as error:
        return Finding("folder", False, f"runs cannot be written here: {error.strerror}")


def _lives(address: str | None) -> Iterator[Finding]:
    """The same small cohort in this process and on Ray: both must live, and agree to the bit."""
    from evo.config import load
    from evo.evaluate import cohorts
    from evo.experiment import assemble
    from evo.files import pack
    from evo.record import outcome_arrays
    from evo.search.base import founders
    from genomes.chance import chance

    experiment = load("teacher", ("lifetime.steps=5", "cohort=4"))
    spec = assemble(experiment)
    tried = cohorts(0, spec.quantise(founders(4, spec, chance(0, "doctor"))), 4)
    here = [pack(outcome_arrays(outcome)) for _, outcome in Serial().outcomes(experiment, tried)]
    yield Finding("lives", True, "a cohort lived in this process")
    try:
        with OnRay(workers=1, address=address) as executor:
            there = [pack(outcome_arrays(outcome)) for _, outcome in executor.outcomes(experiment, tried)]
        same = here == there
        yield Finding(
            "ray", same, "a cohort lived on Ray, " + ("equal to the bit" if same else "but with other results")
        )
    except Exception as error:
        yield Finding("ray", False, str(error).splitlines()[0])
