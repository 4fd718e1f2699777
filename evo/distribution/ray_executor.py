"""Evaluation of cohorts on Ray: stateless tasks under our own dispatcher, with the same results as in this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from types import TracebackType
from typing import Any, final

from evo.distribution.cluster import Cluster
from evo.distribution.dispatcher import Dispatcher
from evo.distribution.executor import Cohorts, Executor
from evo.distribution.jobs import DispatchHistory
from evo.distribution.user_modules import own_modules
from evo.distribution.worker import run_cohort
from evo.evaluation.cohort import SELECTION, Assay
from evo.evaluation.fault_isolation import Evaluator
from evo.evaluation.fingerprint import Fingerprint, fingerprint_of_lives, fingerprints_of_parts
from evo.evaluation.outcome import Outcome
from evo.experiment.experiment import Experiment, pinned
from genomes.errors import require


@final
class OnRay(Executor):
    """Evaluates cohorts as stateless Ray tasks under our own dispatcher; a dead worker costs only its current cohort.

    Args:
        workers: number of processes of a Ray started here; None: one per core.
        address: address of a running cluster (`auto`, HOST:PORT, ray://HOST:PORT) instead; None: RAY_ADDRESS, if set.
        evaluator: the function that evaluates a cohort on a worker; None: `evaluate_in_worker`. Others are for
            benchmarks and tests.

    Raises:
        InputError: no cluster answers at the address.
    """

    def __init__(
        self, workers: int | None = None, address: str | None = None, evaluator: Evaluator | None = None
    ) -> None:
        require(workers is None or workers >= 1, "workers", "at least 1", workers)
        self._incidents = Counter[str]()
        self._workers, self._address, self._evaluator = workers, address, evaluator
        self._cluster: Cluster | None = None
        self._entered = 0
        self._proof: Fingerprint | None = None

    @property
    def incidents(self) -> Counter[str]:
        """Number of repaired faults by kind, as the dispatcher counts them."""
        return self._incidents

    def __enter__(self) -> OnRay:
        if self._cluster is None:
            self._cluster = Cluster(self._workers, self._address).__enter__()
            self._history, self._tasks = DispatchHistory(self._incidents), dict[Any, Any]()
        self._entered += 1
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stops the Ray that was started here; a Ray that was running before is not stopped."""
        self._entered -= 1
        if self._cluster is not None and not self._entered:  # several runs may share one Ray
            self._cluster.__exit__(kind, error, at)
            self._cluster = None

    def outcomes(
        self, experiment: Experiment, cohorts: Cohorts, assay: Assay = SELECTION
    ) -> Iterator[tuple[int, Outcome]]:
        """Yields index and outcome in the order of completion; a cohort whose worker died is tried again.

        Repeated tries run in a child process, which finds the individual that kills its process.
        """
        assert self._cluster is not None, "used as a context manager"
        data = experiment.environment.fingerprint()
        experiment = pinned(experiment, data)  # a worker with other data raises an error
        if self._evaluator is None and (self._proof is None or self._proof.data != data):
            # made of the first experiment on these data: the run's own, or one that an analysis derives from it
            self._proof = Fingerprint(
                experiment, fingerprint_of_lives(experiment), data, fingerprints_of_parts(experiment)
            )
        own = (experiment.device, own_modules(experiment))
        if own not in self._tasks:  # made once, because Ray never frees a function
            self._tasks[own] = self._cluster.task(run_cohort, experiment.device, experiment)
        task = self._tasks[own]
        dispatcher = Dispatcher(
            self._cluster, task, self._evaluator, experiment, cohorts, assay, self._proof, self._history
        )
        dispatcher.submit()  # now, not at the first outcome, so that the caller can write files in the meantime
        return dispatcher.arriving()
