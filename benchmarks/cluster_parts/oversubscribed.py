"""Part `oversubscribed`: more raylets than cores, each with one worker; the share of all CPU time spent in lives.

Wall time is not informative if workers share cores. Instead: CPU seconds inside evaluations over those of the driver,
of all raylets and workers and of Ray's store of the cluster, from the end of the first generation to the end of the
last.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil

from cluster_parts.head import alone
from cluster_parts.tables import Found, table
from cluster_parts.workload import COHORT, digits, timed
from evo.distribution.cluster import Cluster
from evo.distribution.ray_executor import OnRay
from evo.evolution.evolve import evolve

RAYLETS = (4, 8, 16)
PATIENCE = 60.0  # seconds for each raylet to join


@contextmanager
def raylets(count: int) -> Iterator[None]:
    """Starts raylets on this machine's loopback, one CPU each, and attaches this process. Stops only what it started.

    They join one after the other: raylets that start at once choose the same ports.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # the path of a socket must be short
    head = (f"--port={address.rpartition(':')[2]}", f"--temp-dir={folder}/ray", "--include-dashboard=false", "--head")
    started: list[subprocess.Popen[bytes]] = []
    try:
        started.append(_start(folder, head))
        _until_answered(address, folder)
        os.environ["RAY_ADDRESS"] = address
        with Cluster():
            while len(started) < count:
                started.append(_start(folder, (f"--address={address}",)))
                _until_joined(len(started), folder)
            yield
    finally:
        for node in reversed(started):
            node.terminate()  # it stops the processes that it started
        for node in started:
            try:
                node.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(node.pid, signal.SIGKILL)
                node.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: str, options: Sequence[str]) -> subprocess.Popen[bytes]:
    ray = str(Path(sys.executable).with_name("ray"))
    command = [ray, "start", "--block", "--num-cpus=1", "--num-gpus=0", "--node-ip-address=127.0.0.1"]
    store = "--object-store-memory=100000000"
    with open(f"{folder}/log", "ab") as log:
        return subprocess.Popen([*command, store, *options], stdout=log, stderr=log, start_new_session=True)


def _until_answered(address: str, folder: str) -> None:
    host, port = address.split(":")
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the head does not answer: {Path(folder, 'log').read_text()[-2000:]}") from None
            time.sleep(0.2)


def _until_joined(count: int, folder: str) -> None:
    import ray

    deadline = time.monotonic() + PATIENCE
    while sum(node["Alive"] for node in ray.nodes()) < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"raylet {count} has not joined: {Path(folder, 'log').read_text()[-2000:]}")
        time.sleep(0.5)


def cpu_seconds() -> dict[str, float]:
    """CPU seconds so far of this process, which is the driver, and of all its descendants, by kind."""
    found, driver = dict[str, float](), psutil.Process()
    for process in [driver, *driver.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            times, kind = process.cpu_times(), "driver" if process == driver else _kind(process)
            found[kind] = found.get(kind, 0.0) + times.user + times.system
    return found


def _kind(process: psutil.Process) -> str:
    words = " ".join(process.cmdline())
    kinds = {"gcs_server": "store of the cluster", "raylet/raylet": "raylets", "ray::": "workers"}
    return next((kind for word, kind in kinds.items() if word in words), "agents and others")


def of(count: int, generations: int, cohorts: int, steps: int) -> Found:
    """Measures one number of raylets."""
    experiment = replace(digits(cohorts * COHORT - 1, steps), generations=generations + 1)
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0"}
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    with tempfile.TemporaryDirectory() as folder:
        clocks = Path(folder) / "clocks"
        clocks.mkdir()
        with raylets(count):
            before: dict[str, float] = {}
            for _ in evolve(experiment, Path(folder) / "run", OnRay(evaluator=partial(timed, clocks))):
                after = cpu_seconds()
                before = before or after
        workers = [[line.split() for line in clock.read_text().splitlines()] for clock in clocks.iterdir()]
    spent = {kind: after[kind] - before.get(kind, 0.0) for kind in after}
    inside = sum(float(cpu) for lines in workers for generation, cpu in lines if int(generation) > 0)
    return {
        "raylets": count,
        "workers": len(workers),
        "cohorts": generations * cohorts,
        "inside": inside,
        "spent": spent,
        "efficiency": inside / sum(spent.values()),
    }


def measure(counts: Sequence[int] = RAYLETS, generations: int = 3, cohorts: int = 32, steps: int = 200) -> Found:
    """Measures each number of raylets, with a driver of its own."""
    return {"rows": [alone(of, count, generations, cohorts, steps) for count in counts], "cores": os.cpu_count()}


def told(found: Found) -> str:
    """One row for each number of raylets, and the conclusions."""
    rows = found["rows"]
    kinds = sorted({kind for row in rows for kind in row["spent"]}, reverse=True)
    lines = [
        [
            f"{row['raylets']}",
            f"{row['workers']}",
            f"{row['inside']:.1f}",
            *(f"{row['spent'].get(kind, 0.0):.1f}" for kind in kinds),
            f"{row['efficiency']:.3f}",
        ]
        for row in rows
    ]
    columns = ("raylets", "workers that lived", "inside lives, s", *(f"{kind}, s" for kind in kinds), "efficiency")
    return (
        f"{table(columns, lines)}\n\nCPU seconds of {rows[0]['cohorts']} cohorts on {found['cores']} cores, `workers` "
        "those of the workers' processes in all. Raylets, agents and the store of the cluster run whether there is "
        "work or not, so their share shrinks as fewer of them share a core. The cohort in a hundred that is audited is "
        "not in it: an evaluator that is measured is not audited."
    )
