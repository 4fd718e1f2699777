"""A stand-in for Ray: any number of workers that only sleep, behind the four functions of Ray that the driver calls."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from heapq import heapify, heapreplace
from typing import Any, final
from unittest import mock

from cluster_parts.workload import at_once
from evo.distribution.cluster import Cluster
from evo.distribution.dispatcher import Dispatcher
from evo.distribution.executor import Cohorts, Executor
from evo.distribution.jobs import DispatchHistory
from evo.distribution.worker import WorkerResult
from evo.evaluation.cohort import SELECTION, Assay, Cohort
from evo.evaluation.fingerprint import Fingerprint
from evo.evaluation.outcome import Outcome
from evo.experiment.experiment import Experiment

CORES = 32  # of a node


@final
@dataclass(frozen=True)
class RayCosts:
    """Seconds that Ray takes of the driver's main thread; the stand-in spends them in a busy loop.

    Attributes:
        submit: to send out a cohort.
        look: to look once.
        watch: to look once at one cohort that is not finished.
        get: to fetch an answer.
    """

    submit: float = 0.0
    look: float = 0.0
    watch: float = 0.0
    get: float = 0.0


@dataclass(eq=False, slots=True)
class _Task:
    arguments: tuple[Any, ...]
    begins: float
    ends: float


@final
class Sleepers:
    """Workers that take tasks in the order of sending, and sleep through each, on a real clock.

    The end of a task is known when it is sent: it goes to the worker that is free first.

    Args:
        count: of workers.
        seconds: that a cohort takes.
        costs: of Ray.

    Attributes:
        naps: beginning and end of every task, by time.perf_counter.
    """

    def __init__(self, count: int, seconds: Callable[[Cohort], float], costs: RayCosts) -> None:
        self.naps: list[tuple[float, float]] = []
        self._seconds, self._costs, self._free = seconds, costs, [0.0] * count
        heapify(self._free)
        cores = [CORES] * (count // CORES) + [count % CORES] * bool(count % CORES)
        self._nodes = [
            {
                "Alive": True,
                "NodeID": f"{number:056x}",
                "NodeManagerAddress": f"10.0.0.{number}",
                "NodeManagerHostname": f"node{number}",
                "Resources": {"CPU": float(own)},
            }
            for number, own in enumerate(cores)
        ]

    def options(self, **options: Any) -> Sleepers:
        """Ignores the placement of a task: sleepers do not need it."""
        return self

    def remote(self, *arguments: Any) -> _Task:
        """As a task of Ray."""
        spent = _Spending(self._costs.submit)
        begins = max(time.perf_counter(), self._free[0])
        task = _Task(arguments, begins, begins + self._seconds(arguments[2]))
        heapreplace(self._free, task.ends)
        self.naps.append((task.begins, task.ends))
        spent.out()
        return task

    def wait(
        self, tasks: Sequence[_Task], num_returns: int = 1, timeout: float | None = None
    ) -> tuple[list[_Task], list[_Task]]:
        """As ray.wait."""
        spent = _Spending(self._costs.look + self._costs.watch * len(tasks))
        now = time.perf_counter()
        done = [task for task in tasks if task.ends <= now]
        spent.out()
        if len(done) < num_returns and timeout != 0:
            first = min(task.ends for task in tasks)  # every wait with a timeout here is for one task
            time.sleep(max(0.0, min(first - time.perf_counter(), float("inf") if timeout is None else timeout)))
            now = time.perf_counter()
            done = [task for task in tasks if task.ends <= now]
        done = done[:num_returns]
        there = set(map(id, done))
        return done, [task for task in tasks if id(task) not in there]

    def get(self, task: _Task) -> WorkerResult:
        """As ray.get of a finished task."""
        spent = _Spending(self._costs.get)
        _, experiment, cohort, assay, *_ = task.arguments
        answer = WorkerResult(
            at_once(experiment, cohort, assay), self._nodes[0]["NodeID"], 1, "", task.ends - task.begins
        )
        spent.out()
        return answer

    def busy(self, begin: float, end: float) -> float:
        """The share of the time from begin to end in which workers slept through tasks."""
        slept = sum(max(0.0, min(ends, end) - max(begins, begin)) for begins, ends in self.naps)
        return slept / (len(self._free) * (end - begin))

    @contextmanager
    def in_place_of_ray(self) -> Iterator[None]:
        """Replaces the functions of Ray that the driver calls."""
        import ray  # not at the top: a Ray imported before evo.distribution.cluster starts one has no token

        results = {"wait": self.wait, "get": self.get, "nodes": lambda: self._nodes, "cancel": lambda task, force: None}
        with mock.patch.multiple(ray, **results):
            yield


@final
class OnSleepers(Executor):
    """OnRay with sleepers in the place of Ray: the same dispatcher, the same record of the cluster."""

    def __init__(self, sleepers: Sleepers) -> None:
        self._sleepers, self._cluster, self._history = sleepers, Cluster(address="auto"), DispatchHistory(Counter())

    @property
    def incidents(self) -> Counter[str]:
        """The number of workers, as the dispatcher counts them."""
        return self._history.incidents

    def outcomes(
        self, experiment: Experiment, cohorts: Cohorts, assay: Assay = SELECTION
    ) -> Iterator[tuple[int, Outcome]]:
        """Yields outcomes in the order of completion; one cohort in a hundred is audited, as on Ray."""
        proof = Fingerprint(experiment, "")
        dispatcher = Dispatcher(
            self._cluster, self._sleepers, at_once, experiment, cohorts, assay, proof, self._history, time.monotonic
        )
        dispatcher.submit()
        return dispatcher.arriving()


@final
class _Spending:
    """CPU seconds of this thread, counted from now; `out` keeps it busy until the given number is spent."""

    def __init__(self, seconds: float) -> None:
        self._until = time.thread_time() + seconds if seconds else 0.0

    def out(self) -> None:
        while time.thread_time() < self._until:
            pass
