"""Checks of this machine and of a cluster, one finding per line."""

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
_SAME = ("python", "ray", "torch", "numpy", "deap", "instinct")  # packages whose versions affect results
_MISSING = "missing"
_BITS = {True: "with bit-identical results", False: "but with other results"}
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
    """The result of a check: its name, True if it passed, and a description."""

    what: str
    well: bool
    seen: str


def findings(address: str | None = None) -> Iterator[Finding]:
    """Checks Python, packages, cores, devices and disk, and evaluates a cohort here and on Ray.

    Args:
        address: address of a cluster, whose nodes are each checked and compared with this machine.
    """
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Finding("python", supported, f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for package in _NEEDED:
        try:
            yield Finding(package, True, version(package))
        except PackageNotFoundError:
            yield Finding(package, False, "not installed")
    yield _compiled()
    yield Finding("cores", True, f"{cores()}: one worker each")
    yield _devices()
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    yield Finding("disk", free > 1, f"{free:.0f} GiB free here")
    yield _writable()
    yield from _lives(address)


def _compiled() -> Finding:
    """Numba, and the folder of compiled code."""
    try:
        numba = version("numba")
    except PackageNotFoundError:
        return Finding("compiled lives", True, "no: numba is not installed (pip install 'instinct[compiled]'); torch")
    from inner_loop.twins.cache import folder

    files = [path.stat().st_size for path in folder().glob("*")] if folder().is_dir() else []
    return Finding(
        "compiled lives", True, f"numba {numba}; {len(files)} kept in {folder()}, {sum(files) / 2**20:.1f} MB"
    )


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
    """Evaluates the same small cohort in this process and on Ray; the results must be bit-identical."""
    experiment, cohort = _trial()
    lived = _lived(experiment, cohort)
    yield Finding("lives", True, "a cohort was evaluated in this process")
    try:
        with Cluster(None if address else 1, address) as cluster:
            if address:
                yield from _nodes(cluster, address, experiment, cohort, lived)
            else:
                same = _answer(cluster.task(_lived, "cpu", experiment).remote(experiment, cohort)) == lived
                yield Finding("lives on Ray", same, f"a cohort was evaluated on Ray, {_BITS[same]}")
    except Exception as error:
        yield Finding("cluster" if address else "lives on Ray", False, str(error).splitlines()[0])


def _trial() -> tuple[Experiment, Cohort]:
    """A cohort with very short lives, and its experiment."""
    from evo.evaluation.cohort import cohorts
    from evo.experiment.config import load
    from evo.search.base import founders
    from genomes.streams import derive

    experiment = load("teacher", ("lifetime.steps=5", "cohort=4"))
    spec = experiment.genome.spec
    (cohort,) = cohorts(0, spec.quantise(founders(4, spec, derive(0, "doctor"))), 4)
    return experiment, cohort


def _lived(experiment: Experiment, cohort: Cohort) -> bytes:
    """The packed outcome of the cohort on the machine that runs this function."""
    from evo.evaluation.fault_isolation import evaluate_in_worker
    from evo.evaluation.outcome import outcome_arrays
    from evo.storage.arrays import pack

    return pack(outcome_arrays(evaluate_in_worker(experiment, cohort)))


def _nodes(cluster: Cluster, address: str, experiment: Experiment, cohort: Cohort, lived: bytes) -> Iterator[Finding]:
    """A finding for the whole cluster, then one per node; all nodes are queried at once."""
    nodes, look = cluster.nodes(), _looker()
    cores, gpus = sum(node.cpus for node in nodes), sum(node.gpus for node in nodes)
    yield Finding(
        "cluster", cores > 0, f"{len(nodes)} node{'s' * (len(nodes) != 1)}, {cores} cores, {gpus} GPUs: {address}"
    )
    # the query reserves no core, because the cluster may be busy
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
                wrong.append("no cohort can be evaluated there")
            elif life is None:
                seen.append("takes no tasks")
            else:
                same = _answer(life) == lived
                (seen if same else wrong).append(f"a cohort was evaluated there, {_BITS[same]}")
            yield Finding(what, not wrong, ", ".join(seen) + "; ".join(["", *wrong]))
        except Exception as error:
            yield Finding(what, False, f"does not answer: {str(error).splitlines()[0]}")


def _looker() -> Callable[[], dict[str, Any]]:
    """Makes the function that describes a node; a local function is sent by value, as the node may lack instinct."""
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
    """Seconds by which a node's clock is ahead of this machine's, from the fastest of five round trips."""
    trips = []
    for _ in range(5):
        sent = time.time()
        there = _answer(looking.remote())["time"]
        back = time.time()
        trips.append((back - sent, there - (sent + back) / 2))
    return min(trips)[1]


def _told(ahead: float) -> str:
    """Description of a clock's offset; logs depend on it, results do not."""
    return f"clock {ahead:+.3f} s" + (": more than one second off" if abs(ahead) > 1 else "")


def _answer(reference: Any) -> Any:
    import ray

    return ray.get(reference, timeout=_PATIENCE)
