"""A node of a cluster is killed, its raylet and its workers, while it evaluates; another one joins."""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from evo.distribution.ray_executor import OnRay
from evo.evolution.evolve import evolve
from fault_injection.classes.trial import Attempt, bytes_of, experiment, lived, same

NAME, TRIED, SECONDS = "node-killed", 20, 240
HOLDS = "the bytes of all generations are the undisturbed run's"
_EXPERIMENT = experiment(generations=3, steps=400)
_AGAIN = 5  # maximal number of runs that end before a node is killed
_NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20}


@contextmanager
def attempts(place: Path) -> Iterator[Attempt]:
    """A head that evaluates nothing and two nodes of one core; a node that is killed is replaced."""
    undisturbed = lived(place / "undisturbed", _EXPERIMENT)
    with _cluster() as cluster:
        nodes = [cluster.add_node(**_NODE) for _ in range(2)]
        lived(place / "first", _EXPERIMENT, OnRay())  # the first workers import
        began = time.perf_counter()
        same(lived(place / "second", _EXPERIMENT, OnRay()), undisturbed)
        whole = time.perf_counter() - began

        def attempt(number: int, own: Path, rng: np.random.Generator) -> float:
            moment, victim = float(rng.uniform(0.02, 0.7)) * whole, int(rng.integers(len(nodes)))
            for again in range(_AGAIN):
                killed: list[float] = []

                def kill(moment: float = moment / 2**again, killed: list[float] = killed) -> None:
                    time.sleep(moment)
                    killed.append(time.perf_counter())
                    cluster.remove_node(nodes.pop(victim), allow_graceful=False)
                    nodes.append(cluster.add_node(**_NODE))

                killer = threading.Thread(target=kill)
                killer.start()
                done = [time.perf_counter() for _ in evolve(_EXPERIMENT, own / f"run-{again}", OnRay())]
                killer.join()
                same(bytes_of(own / f"run-{again}"), undisturbed)
                if done[-1] > killed[0]:
                    return next(moment for moment in done if moment > killed[0]) - killed[0]
            raise AssertionError("every run was over before: nothing was tried")

        yield attempt


@contextmanager
def _cluster() -> Iterator[Any]:
    """A Ray of several raylets on this machine, without access from outside, with a head that evaluates nothing."""
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "object_store_memory": 80 * 2**20, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head, shutdown_at_exit=False)  # nodes join in a thread
    try:
        ray.init(cluster.address, log_to_driver=False, logging_level=logging.ERROR)
        yield cluster
    finally:
        ray.shutdown()
        with suppress(Exception):
            cluster.shutdown()
