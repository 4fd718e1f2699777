"""Does this machine work, and what is missing: one line a finding."""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from evo.distribution.cluster import Cluster
from evo.evaluation.numerics import cores

if TYPE_CHECKING:
    from evo.evaluation.cohort import Cohort
    from evo.experiment.experiment import Experiment

_PATIENCE = 60.0  # seconds for a node to answer
_SAME = ("python", "ray", "torch", "numpy", "deap", "instinct")  # whose versions decide whether results are the same
_MISSING = "missing"
_BITS = {True: "equal to the bit", False: "but with other results"}
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
    """Looks at Python, packages, cores, devices, disk, and lets one cohort live here and on Ray.

    Args:
        address: of a cluster: each of its nodes is looked at, and set against this machine.
    """
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Finding("python", supported, f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for package in _NEEDED:
        try:
            yield Finding(package, True, version(package))
        except PackageNotFoundError:
            yield Finding(package, False, "not installed")
    yield Finding("cores", True, f"{cores()}: one worker each")
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
    """The same small cohort in this process and on Ray: all must live, and agree to the bit."""
    experiment, cohort = _trial()
    lived = _lived(experiment, cohort)
    yield Finding("lives", True, "a cohort lived in this process")
    try:
        with Cluster(None if address else 1, address) as cluster:
            if address:
                yield from _nodes(cluster, address, experiment, cohort, lived)
            else:
                same = _answer(cluster.task(_lived, "cpu", experiment).remote(experiment, cohort)) == lived
                yield Finding("lives on Ray", same, f"a cohort lived on Ray, {_BITS[same]}")
    except Exception as error:
        yield Finding("cluster" if address else "lives on Ray", False, str(error).splitlines()[0])


def _trial() -> tuple[Experiment, Cohort]:
    """A cohort that lives for a moment."""
    from evo.evaluation.cohort import cohorts
    from evo.experiment.config import load
    from evo.search.base import founders
    from genomes.streams import derive

    experiment = load("teacher", ("lifetime.steps=5", "cohort=4"))
    spec = experiment.genome.spec
    (cohort,) = cohorts(0, spec.quantise(founders(4, spec, derive(0, "doctor"))), 4)
    return experiment, cohort


def _lived(experiment: Experiment, cohort: Cohort) -> bytes:
    """What the cohort comes to where this runs."""
    from evo.evaluation.fault_isolation import evaluate_in_worker
    from evo.evaluation.outcome import outcome_arrays
    from evo.storage.arrays import pack

    return pack(outcome_arrays(evaluate_in_worker(experiment, cohort)))


def _nodes(cluster: Cluster, address: str, experiment: Experiment, cohort: Cohort, lived: bytes) -> Iterator[Finding]:
    """The whole of a cluster, then a line a node: all are asked at once."""
    nodes, look = cluster.nodes(), _looker()
    cores, gpus = sum(node.cpus for node in nodes), sum(node.gpus for node in nodes)
    yield Finding(
        "cluster", cores > 0, f"{len(nodes)} node{'s' * (len(nodes) != 1)}, {cores} cores, {gpus} GPUs: {address}"
    )
    # to look takes no core: the cluster may be busy
    looking, living = cluster.task(look, "cpu", experiment), cluster.task(_lived, "cpu", experiment)
    looking_at = [cluster.on(looking, node.id, num_cpus=0) for node in nodes]
    looks = [task.remote() for task in looking_at]
    lives = [cluster.on(living, node.id).remote(experiment, cohort) if node.cpus else None for node in nodes]
    here = look()
    for node, task, looked, life in zip(nodes, looking_at, looks, lives, strict=True):
        what = f"node {node.host} {node.id[:6]}"
        try:
            there = _answer(looked)
            seen = [f"{node.cpus} cores and {node.gpus} GPUs", *(f"{name} {there[name]}" for name in (*_SAME, "isa"))]
            wrong = [
                f"{name} is {there[name]} there and {here[name]} here" for name in _SAME if there[name] != here[name]
            ]
            seen.append(_told(_ahead(task)))
            if there["instinct"] == _MISSING:
                wrong.append("no cohort can live there")
            elif life is None:
                seen.append("takes no tasks")
            else:
                same = _answer(life) == lived
                (seen if same else wrong).append(f"a cohort lived there, {_BITS[same]}")
            yield Finding(what, not wrong, ", ".join(seen) + "; ".join(["", *wrong]))
        except Exception as error:
            yield Finding(what, False, f"does not answer: {str(error).splitlines()[0]}")


def _looker() -> Callable[[], dict[str, Any]]:
    """What looks at a node; made here, so that it travels as a whole: the node may lack instinct."""
    packages, missing = _SAME[1:], _MISSING

    def look() -> dict[str, Any]:
        import platform
        import time
        from importlib.metadata import PackageNotFoundError, version

        seen: dict[str, Any] = {"python": platform.python_version(), "isa": missing}
        for package in packages:
            try:
                seen[package] = version(package)
            except PackageNotFoundError:
                seen[package] = missing
        if seen["torch"] != missing:
            import torch

            seen["isa"] = torch.backends.cpu.get_cpu_capability()
        return seen | {"time": time.time()}

    return look


def _ahead(looking: Any) -> float:
    """Seconds that a node's clock is ahead of this machine's, from the quickest of some round trips, halved."""
    trips = []
    for _ in range(5):
        sent = time.time()
        there = _answer(looking.remote())["time"]
        back = time.time()
        trips.append((back - sent, there - (sent + back) / 2))
    return min(trips)[1]


def _told(ahead: float) -> str:
    """A clock in words: results do not depend on it, logs do."""
    return f"clock {ahead:+.3f} s" + (": more than a second off" if abs(ahead) > 1 else "")


def _answer(reference: Any) -> Any:
    import ray

    return ray.get(reference, timeout=_PATIENCE)
