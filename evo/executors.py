"""Where cohorts are evaluated: in this process, or on Ray. The results are the same to the bit."""

from __future__ import annotations

import logging
import os
import secrets
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, final

from evo.evaluate import SELECTION, Assay, Cohort, Failure, Outcome
from evo.experiment import Experiment
from evo.isolate import evaluate_safely, isolate
from evo.numerics import settle
from genomes.expect import Unexpected, expect

_ATTEMPTS = 3  # of a cohort whose worker died, before its individuals are suspected
_WINDOW = 2  # cohorts a worker that are submitted at once

Evaluator = Callable[[Experiment, Cohort, Assay], Outcome]
"""What a worker does with a cohort."""


class Executor(ABC):
    """Evaluates cohorts; used as a context manager."""

    @abstractmethod
    def outcomes(
        self, experiment: Experiment, cohorts: Sequence[Cohort], assay: Assay = SELECTION
    ) -> Iterator[tuple[int, Outcome]]:
        """Index and outcome of every cohort, in the order in which they are finished."""

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Nothing to close."""


@final
class Serial(Executor):
    """One cohort after the other, in this process, on one thread."""

    def outcomes(
        self, experiment: Experiment, cohorts: Sequence[Cohort], assay: Assay = SELECTION
    ) -> Iterator[tuple[int, Outcome]]:
        """In the order of the cohorts."""
        settle()
        for index, cohort in enumerate(cohorts):
            yield index, evaluate_safely(experiment, cohort, assay)


@final
class OnRay(Executor):
    """Plain stateless Ray tasks under our own dispatcher; a dead worker costs the cohort it had in hand.

    Args:
        workers: processes of a Ray started here; None: one a core.
        address: of a running cluster (`auto`, HOST:PORT) instead.
        evaluator: what a worker does with a cohort; another one than the house's is for measuring and for tests.

    Raises:
        Unexpected: no cluster answers at the address.
    """

    def __init__(
        self, workers: int | None = None, address: str | None = None, evaluator: Evaluator | None = None
    ) -> None:
        expect(workers is None or workers >= 1, "workers", "at least 1", workers)
        self.workers = workers or len(os.sched_getaffinity(0))
        self.address = address
        self._evaluator = evaluator or evaluate_in_worker
        self._started = False

    def __enter__(self) -> OnRay:
        settle()
        ray = _quiet_ray()
        if not ray.is_initialized():
            options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
            if self.address is None:
                options |= {"address": "local", "num_cpus": self.workers, "include_dashboard": False}
            else:
                options |= {"address": self.address}
            try:
                ray.init(**options)
            except (ConnectionError, OSError, RuntimeError, ValueError) as error:
                raise Unexpected(f"Ray: cannot reach {self.address or 'a local cluster'}: {error}") from error
            self._started = True
        if self.address is not None:
            self.workers = max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._evaluate = ray.remote(num_cpus=1, max_retries=0)(self._evaluator)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stops the Ray that was started here; one that was there before stays."""
        if self._started:
            _quiet_ray().shutdown()
            self._started = False

    def outcomes(
        self, experiment: Experiment, cohorts: Sequence[Cohort], assay: Assay = SELECTION
    ) -> Iterator[tuple[int, Outcome]]:
        """In the order of completion; a cohort whose worker dies is tried again, and in the end taken apart."""
        waiting, attempts = deque(range(len(cohorts))), [0] * len(cohorts)
        running: dict[Any, int] = {}

        def submit() -> None:
            while waiting and len(running) < self.workers * _WINDOW:
                index = waiting.popleft()
                attempts[index] += 1
                running[self._evaluate.remote(experiment, cohorts[index], assay)] = index

        submit()  # at once, not when the first outcome is asked for: the caller may have files to write meanwhile
        return self._arriving(experiment, cohorts, assay, waiting, attempts, running, submit)

    def _arriving(
        self,
        experiment: Experiment,
        cohorts: Sequence[Cohort],
        assay: Assay,
        waiting: deque[int],
        attempts: list[int],
        running: dict[Any, int],
        submit: Callable[[], None],
    ) -> Iterator[tuple[int, Outcome]]:
        import ray

        while waiting or running:
            submit()
            done, _ = ray.wait(list(running), num_returns=1)
            index = running.pop(done[0])
            outcome = _result(done[0])
            if isinstance(outcome, Outcome):
                yield index, outcome
            elif attempts[index] < _ATTEMPTS:
                waiting.append(index)
            else:

                def again(cohort: Cohort) -> Outcome | Failure:
                    return _result(self._evaluate.remote(experiment, cohort, assay))

                yield index, isolate(experiment, cohorts[index], again, outcome)


def evaluate_in_worker(experiment: Experiment, cohort: Cohort, assay: Assay = SELECTION) -> Outcome:
    """What a worker does: settles its numerics once, then lets the cohort live."""
    settle()
    return evaluate_safely(experiment, cohort, assay)


def _result(reference: Any) -> Outcome | Failure:
    import ray

    try:
        outcome: Outcome = ray.get(reference)
        return outcome
    except ray.exceptions.RayTaskError as error:
        raise error.as_instanceof_cause() from None
    except ray.exceptions.OutOfMemoryError:
        return "memory"
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError, ray.exceptions.ObjectLostError):
        return "lost"


def _quiet_ray() -> Any:
    """Ray without telemetry, without words, and closed to whoever lacks this process's token."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_task_events_report_interval_ms", "0")  # a history of tasks would grow for ever
    if "RAY_AUTH_MODE" not in os.environ and not os.path.exists(os.path.expanduser("~/.ray/auth_token")):
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    logging.getLogger("ray").setLevel(logging.ERROR)
    import ray

    return ray
