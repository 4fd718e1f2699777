"""The dispatcher sends out cohorts and collects outcomes, despite faults of workers and nodes. Ray runs the tasks."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from statistics import median
from time import monotonic
from typing import Any, final

from evo.distribution.cluster import Cluster, ClusterUnreachable
from evo.distribution.jobs import Attempt, DispatchHistory, Job
from evo.distribution.worker import (
    ResultMismatch,
    WorkerResult,
    depends_on_the_machine,
    differ,
    late_result_of,
    result_of,
)
from evo.evaluation.cohort import Assay, Cohort
from evo.evaluation.fault_isolation import Evaluator
from evo.evaluation.fingerprint import Fingerprint
from evo.evaluation.outcome import Failure, Outcome
from evo.experiment.experiment import Experiment
from genomes.errors import InputError
from genomes.streams import derive

_WINDOW = 2  # submitted cohorts per worker
_PATIENCE = 3.0  # a cohort that takes this many times the median time is run a second time
_AT_LEAST = 2.0  # seconds of patience, at least
_AT_FIRST = 60.0  # seconds of patience before the first cohort has finished
_COPIES = 4  # simultaneous attempts of one cohort, at most
_DEATHS = 20  # deaths of workers, and of nodes, after which a cohort is not tried again
_AUDITED = 0.01  # share of the cohorts that are computed twice
_DRAWN = 256  # cohorts whose audits are drawn at once: one draw takes longer than sending out a cohort
_LOOK = 1.0  # seconds between checks of nodes and stragglers

_log = logging.getLogger(__name__)


@final
class Dispatcher:
    """Evaluates one batch of cohorts on a cluster.

    Args:
        task: `run_cohort` as a Ray task.
        evaluator: the function that evaluates a cohort on a worker; None: `evaluate_in_worker`.
        proof: the fingerprint that every worker must compute first; None: no check.
        history: the history of earlier batches.
        now: the clock, in seconds.
    """

    def __init__(
        self,
        cluster: Cluster,
        task: Any,
        evaluator: Evaluator | None,
        experiment: Experiment,
        cohorts: Iterable[Cohort | None],
        assay: Assay,
        proof: Fingerprint | None,
        history: DispatchHistory,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._cluster, self._task, self._experiment, self._history = cluster, task, experiment, history
        self._now = now
        self._evaluator, self._assay, self._proof = evaluator, assay, proof
        self._cohorts, self._taken = iter(cohorts), 0
        self._waiting: list[Job] = []
        self._running: dict[Any, Attempt] = {}

    def submit(self) -> None:
        """Sends out cohorts until every place is taken."""
        room = self._capacity * _WINDOW
        while len(self._running) < room and (job := self._next()) is not None:
            self._send(job)

    def arriving(self) -> Iterator[tuple[int, Outcome]]:
        """Yields index and outcome of every cohort, in the order of completion.

        Raises:
            ResultMismatch: an audited cohort gave three different results, or a late result differs.
            ClusterUnreachable: the cluster does not answer any more.
            InputError: no node computes the same bits as the start of the run, or the user made a mistake.
        """
        import ray

        try:
            while True:
                self.submit()
                if not self._running:
                    return
                for reference in self._ready():
                    if reference in self._running:  # absent if another result of the same cohort came at the same time
                        yield from self._took(self._running.pop(reference), reference)
                self._repeat_stragglers()
        except (ray.exceptions.LocalRayletDiedError, ray.exceptions.RaySystemError, ray.exceptions.RpcError) as error:
            raise ClusterUnreachable(f"Ray: the cluster does not answer: {str(error).splitlines()[0]}") from error

    @property
    def _capacity(self) -> int:
        return max(1, self._cluster.capacity(self._experiment.device, self._history.away))

    def _next(self) -> Job | None:
        while self._waiting:
            if not (job := self._waiting.pop()).done:
                return job
        cohort = next(self._cohorts, None)
        if cohort is None:
            return None
        audited = self._proof is not None and is_audited(self._experiment.seed, cohort)
        job = Job(self._taken, cohort, audited)
        self._taken += 1
        return job

    def _send(self, job: Job, spread: bool = False) -> None:
        task, away = self._task, self._history.away | {result.node for result in job.results}
        if away:  # an audit is sent to another node, if there is one
            task = self._cluster.away_from(task, away, self._experiment.device)
        elif spread:
            task = task.options(scheduling_strategy="SPREAD")
        # a cohort that may have killed a worker runs next in a child process, where the faulty individual can be found
        guarded = job.failed > 0
        reference = task.remote(self._evaluator, self._experiment, job.cohort, self._assay, self._proof, guarded)
        self._running[reference] = Attempt(job)
        job.copies += 1

    def _ready(self) -> list[Any]:
        """Waits at most `_LOOK` seconds for finished attempts; notes the start time of attempts that may have begun."""
        import ray

        for attempt in list(self._running.values())[: self._capacity]:
            attempt.began = attempt.began or self._now()
        references = list(self._running)
        done, _ = ray.wait(references, timeout=_LOOK)
        if done:
            done, _ = ray.wait(references, num_returns=len(references), timeout=0)  # all at once: every wait costs time
        self._compare_late()
        return list(done)

    def _took(self, attempt: Attempt, reference: Any) -> Iterator[tuple[int, Outcome]]:
        """Handles a finished attempt; yields the outcome of its cohort once it is accepted."""
        job, result = attempt.job, result_of(reference)
        job.copies -= 1
        if isinstance(result, WorkerResult) and result.outcome is None:
            self._send_away(result)
            outcome = None
            if not job.done:
                self._waiting.append(job)
        elif job.done:
            outcome = None  # another attempt was faster
        elif isinstance(result, WorkerResult):
            self._history.seconds.append(result.seconds)  # without the import time of a new worker
            outcome = self._believed(job, result)
        else:
            outcome = self._lost(job, result)
        if outcome is not None:
            self._finish(job, outcome)
            yield job.index, outcome

    def _believed(self, job: Job, result: WorkerResult) -> Outcome | None:
        """The accepted outcome; None while an audited cohort must be computed again, until two results agree."""
        if not job.audited:
            return result.outcome
        if depends_on_the_machine(result):  # such results may differ; the first one is kept
            return (job.results or [result])[0].outcome
        job.results.append(result)
        digest, agreeing = Counter(other.digest for other in job.results).most_common()[0]
        if agreeing > 1:
            self._history.incidents["audited"] += 1
            for other in job.results:
                if other.digest != digest:
                    self._expose(other, job)
            return next(other.outcome for other in job.results if other.digest == digest)
        if len(job.results) > 2:
            nodes = ", ".join(f"process {result.process} on node {result.node[:8]}" for result in job.results)
            raise ResultMismatch(
                f"{job} gave three different results ({nodes}): a machine is faulty, or a component of the "
                "experiment draws random numbers from outside its streams"
            )
        self._waiting.append(job)
        return None

    def _lost(self, job: Job, reason: Failure | None) -> Outcome | None:
        """Queues a lost cohort again, up to `_DEATHS` times. A `reason` of None means that the node died."""
        if reason is None:
            job.blameless += 1
            self._history.incidents["lost_with_node"] += 1
        else:
            job.failed += 1
            self._history.incidents["lost_with_worker"] += 1
        if job.blameless > _DEATHS:
            raise ClusterUnreachable(f"Ray: {job} was lost by the death of more than {_DEATHS} nodes")
        if reason is None or job.failed < _DEATHS:
            self._waiting.append(job)
            return None
        # even the guarding process was killed; if only the audit cannot be computed, the first result is kept
        return job.results[0].outcome if job.results else Outcome({}, (reason,) * job.cohort.real)

    def _finish(self, job: Job, outcome: Outcome) -> None:
        job.done = True
        others = [ref for ref, attempt in self._running.items() if attempt.job is job] if job.copies else []
        for reference in others:
            del self._running[reference]
            self._history.late[reference] = (outcome, str(job), self._now())

    def _compare_late(self) -> None:
        """Compares late results with the accepted outcomes, and cancels late attempts that hang."""
        import ray

        late = self._history.late
        if not late:
            return
        done, hanging = ray.wait(list(late), num_returns=len(late), timeout=0)
        for reference in done:
            (taken, called, _), result = late.pop(reference), late_result_of(reference)
            if result is not None and differ(result, taken):
                raise ResultMismatch(
                    f"{called} gave another result on node {result.node[:8]}, after the run had continued: a machine "
                    "is faulty, or a component of the experiment draws random numbers from outside its streams"
                )
        for reference in hanging:
            if self._now() - late[reference][2] > max(_AT_FIRST, _COPIES * self._patience):
                ray.cancel(reference, force=True)
                del late[reference]

    @property
    def _patience(self) -> float:
        seconds = self._history.seconds
        return max(_AT_LEAST, _PATIENCE * median(seconds)) if seconds else _AT_FIRST

    def _repeat_stragglers(self) -> None:
        """Runs the slowest cohorts again elsewhere when no cohort is waiting; the first result counts."""
        if self._waiting:
            return
        now, patience = self._now(), self._patience
        overdue = [attempt for attempt in self._running.values() if attempt.began and now - attempt.began > patience]
        # an overdue attempt may be on a machine that no longer exists, so it occupies no place
        free = self._capacity - (len(self._running) - len(overdue))
        for attempt in overdue:
            job, age = attempt.job, now - (attempt.began or now)
            if free > 0 and job.copies < _COPIES and age > patience * 2 ** (job.copies - 1):
                self._history.incidents["repeated"] += 1
                self._send(job, spread=True)
                free -= 1

    def _send_away(self, result: WorkerResult) -> None:
        self._history.away.add(result.node)
        self._history.incidents["nodes_away"] += 1
        left = [node for node in self._cluster.able(self._experiment.device) if node.id not in self._history.away]
        where = f", first in {result.differs}" if result.differs else ""
        sentence = (
            f"node {result.node[:8]} ({result.kernels}) computes other last bits{where} than the machine that began "
            "the run"
        )
        if not left:
            raise InputError(f"Ray: {sentence}, and no other node is left; for mixed machines use --portable")
        _log.warning("%s: it gets no cohorts; a run begun with --portable could use it", sentence)

    def _expose(self, result: WorkerResult, job: Job) -> None:
        self._history.incidents["corrupted"] += 1
        if len(self._cluster.able(self._experiment.device)) > 1:
            self._history.away.add(result.node)
        _log.warning(
            "%s gave a result in process %d on node %s that differs from two equal results: that machine is faulty",
            *(str(job), result.process, result.node[:8]),
        )


def is_audited(seed: int, cohort: Cohort) -> bool:
    """True if a cohort is computed twice; the choice depends only on the seed and the cohort."""
    block, place = divmod(cohort.number, _DRAWN)
    return _drawn(seed, cohort.generation, block)[place] < _AUDITED * 2**32


@lru_cache(maxsize=16)
def _drawn(seed: int, generation: int, block: int) -> list[int]:
    words: list[int] = derive(seed, "audit", generation).words(_DRAWN, start=_DRAWN * block)[0].tolist()
    return words
