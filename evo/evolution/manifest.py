"""The manifest: everything besides the experiment that affects a result, such as versions, machine and data."""

from __future__ import annotations

import platform
import shlex
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from evo.evaluation.fingerprint import fingerprint_of_lives, fingerprint_of_search
from evo.evaluation.numerics import kernels, settled
from evo.evolution.engine import engine_of_a_new_run
from evo.experiment.experiment import Experiment
from evo.experiment.user_code import hashes, place_of
from genomes.errors import InputError, require

_EXACT = ("instinct", "torch", "numpy", "deap")
"""Packages whose version affects the bits of a result."""


_OLD = "lives"
_PROOFS: dict[str, Callable[[Experiment], str]] = {
    _OLD: lambda experiment: fingerprint_of_lives(experiment, spread=0.0),
    "cohort": fingerprint_of_lives,
    "search": fingerprint_of_search,
}
"""Fingerprints that a machine must reproduce to continue a run; older runs have another fingerprint of lives."""


@settled()
def manifest(experiment: Experiment, command: Sequence[str]) -> dict[str, Any]:
    """The manifest of a new run: settings that affect a result, and its origin."""
    import torch

    engine = engine_of_a_new_run(experiment)
    experiment = replace(experiment, engine=engine.engine)
    return {
        "versions": {package: version(package) for package in (*_EXACT, "ray")} | {"python": platform.python_version()},
        "commit": _commit(),
        "platform": f"{platform.system()} {platform.machine()}",
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "kernels": kernels(),
        "proof": {name: proof(experiment) for name, proof in _PROOFS.items() if name != _OLD},
        "modules": hashes(experiment),
        "threads": torch.get_num_threads(),
        "cohort": experiment.cohort,
        "device": experiment.device,
        "engine": engine.engine,
        "engine_reason": engine.reason,
        "seed": experiment.seed,
        "data": experiment.environment.fingerprint(),
        "command": shlex.join(["instinct", *command]),
    }


def check_same_world(where: str, then: dict[str, Any], experiment: Experiment) -> None:
    """Raises InputError if a continued run would give other results than an uninterrupted run."""
    now, versions = manifest(experiment, []), then.get("versions")
    if not isinstance(versions, dict):
        raise InputError(f"{where}/manifest.json: expected versions by package, got {str(versions)[:80]!r}")
    for package in _EXACT:
        made, have = str(versions.get(package))[:80], now["versions"][package]
        if made != have:
            raise InputError(
                f"{where}: made with {package} {made}, this is {have}; install {package}=={made} to continue"
            )
    require(then.get("data") == now["data"], where, "the data of the start of the run", "data that have changed")
    _check_modules(where, then.get("modules"), now["modules"])
    proofs = _mapping(then.get("proof"))
    if any(_PROOFS[name](experiment) != digest for name, digest in proofs.items() if name in _PROOFS):
        began, have = (f"{m.get('kernels')} kernels on {m.get('instructions')}" for m in (then, now))
        raise InputError(
            f"{where}: began with {began}, and this machine ({have}) computes other last bits; continue it on a "
            "machine like the first (a run begun with --portable can move)"
        )


def _check_modules(where: str, then: Any, now: dict[str, str]) -> None:
    """Raises InputError if a user module has changed; older runs without hashes of modules pass."""
    known = _mapping(then)
    changed = [name for name, digest in now.items() if known.get(name, digest) != digest]
    if changed:
        files = ", ".join(dict.fromkeys(place_of(name) for name in changed))
        raise InputError(
            f"{where}: expected the code of the start of the run, got a changed {files}; put the old text back, "
            f"or begin a new run with the new text: instinct evolve {where}/experiment.yaml --allow-code"
        )


def _mapping(value: Any) -> dict[str, Any]:
    """A value of a manifest if it is a mapping; else an empty one."""
    return value if isinstance(value, dict) else {}


def _commit() -> str:
    """The git commit of the running source tree; empty without a repository."""
    here = Path(__file__).resolve().parents[2]
    if not (here / ".git").exists():
        return ""
    asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False)
    return asked.stdout.strip()
