"""The dispatcher: cohorts out and outcomes in, through every fault of workers and nodes. Ray only carries."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
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
from evo.evaluation.error_log import say
from evo.evaluation.fault_isolation import Evaluator
from evo.evaluation.fingerprint import Fingerprint
from evo.evaluation.outcome import Failure, Outcome
from evo.experiment.experiment import Experiment
from genomes.errors import InputError
from genomes.streams import derive

_WINDOW = 2  # cohorts a worker that are submitted at once
_PATIENCE = 3.0  # medians of a cohort's time until it is run a second time
_AT_LEAST = 2.0  # seconds of patience
_AT_FIRST = 60.0  # seconds of patience before any cohort is known
_COPIES = 4
_DEATHS = 20  # of workers, and of nodes, that one cohort may meet
_AUDITED = 0.01
_DRAWN = 256  # cohorts whose audits are drawn at once: each draw costs more than sending a cohort out
_LOOK = 1.0  # seconds after which nodes and stragglers are looked at again

_log = logging.getLogger(__name__)


@final
class Dispatcher:
    """Has one batch of cohorts evaluated.

    Args:
        task: what a worker runs: `run_cohort`.
        evaluator: what it does with a cohort.
        proof: what every worker is asked for first; None: nothing.
        memory: of the dispatchers before.
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
    ) -> None:
        self._cluster, self._task, self._experiment, self._history = cluster, task, experiment, history
        self._evaluator, self._assay, self._proof = evaluator, assay, proof
        self._cohorts, self._taken = iter(cohorts), 0
        self._waiting: list[Job] = []
        self._running: dict[Any, Attempt] = {}

    def submit(self) -> None:
        """Sends out as much as there is room for."""
        room = self._capacity * _WINDOW
        while len(self._running) < room and (job := self._next()) is not None:
            self._send(job)

    def arriving(self) -> Iterator[tuple[int, Outcome]]:
        """Index and outcome of every cohort, in the order of completion.

        Raises:
            ResultMismatch: a cohort came to different results and none of them twice.
            ClusterUnreachable: the cluster is gone.
            InputError: no node computes what the run began with, or a mistake of the user's.
        """
        import ray

        try:
            while True:
                self.submit()
                if not self._running:
                    return
                for reference in self._ready():
                    if reference in self._running:  # or another answer to the same cohort came in the same look
                        yield from self._took(self._running.pop(reference), reference)
                self._repeat_stragglers()
        except (ray.exceptions.LocalRayletDiedError, ray.exceptions.RaySystemError, ray.exceptions.RpcError) as error:
            raise ClusterUnreachable(f"Ray: the cluster is gone: {str(error).splitlines()[0]}") from error

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
        if away:  # an audit goes to another node, where there is one
            task = self._cluster.away_from(task, away, self._experiment.device)
        elif spread:
            task = task.options(scheduling_strategy="SPREAD")
        # whoever may kill a worker is met in a child of the next one, where guilt can be told
        guarded = job.failed > 0
        reference = task.remote(self._evaluator, self._experiment, job.cohort, self._assay, self._proof, guarded)
        self._running[reference] = Attempt(job)
        job.copies += 1

    def _ready(self) -> list[Any]:
        """Those that are finished, after a while at most; those that may have begun get their time."""
        import ray

        for attempt in list(self._running.values())[: self._capacity]:
            attempt.began = attempt.began or monotonic()
        references = list(self._running)
        done, _ = ray.wait(references, timeout=_LOOK)
        if done:
            done, _ = ray.wait(references, num_returns=len(references), timeout=0)  # all in one look: looks cost
        self._compare_late()
        return list(done)

    def _took(self, attempt: Attempt, reference: Any) -> Iterator[tuple[int, Outcome]]:
        """What a finished attempt means for its cohort."""
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
            self._history.seconds.append(result.seconds)  # without what a new worker needs to import
            for sentence in result.complaints:
                say(sentence)
            outcome = self._believed(job, result)
        else:
            outcome = self._lost(job, result)
        if outcome is not None:
            self._finish(job, outcome)
            yield job.index, outcome

    def _believed(self, job: Job, result: WorkerResult) -> Outcome | None:
        """The outcome; None while an audited cohort is to be recomputed: two who agree are believed."""
        if not job.audited:
            return result.outcome
        if depends_on_the_machine(result):  # which is no contradiction; the first answer stays
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
                f"{job} came to three results ({nodes}): a machine is faulty, or a component of the "
                "experiment draws chance of its own"
            )
        self._waiting.append(job)
        return None

    def _lost(self, job: Job, reason: Failure | None) -> Outcome | None:
        """Tries again, in the end in vain. No reason: the node died, not the process that had the cohort."""
        if reason is None:
            job.blameless += 1
            self._history.incidents["lost_with_node"] += 1
        else:
            job.failed += 1
            self._history.incidents["lost_with_worker"] += 1
        if job.blameless > _DEATHS:
            raise ClusterUnreachable(f"Ray: {job} met the death of {_DEATHS} nodes")
        if reason is None or job.failed < _DEATHS:
            self._waiting.append(job)
            return None
        # even whoever watched over it was killed; an audit that cannot be made convicts nobody
        return job.results[0].outcome if job.results else Outcome({}, (reason,) * job.cohort.real)

    def _finish(self, job: Job, outcome: Outcome) -> None:
        job.done = True
        others = [ref for ref, attempt in self._running.items() if attempt.job is job] if job.copies else []
        for reference in others:
            del self._running[reference]
            self._history.late[reference] = (outcome, str(job), monotonic())

    def _compare_late(self) -> None:
        """Answers that nobody waits for any more must be those that were taken; whatever hangs is ended."""
        import ray

        late = self._history.late
        if not late:
            return
        done, hanging = ray.wait(list(late), num_returns=len(late), timeout=0)
        for reference in done:
            (taken, called, _), result = late.pop(reference), late_result_of(reference)
            if result is not None and differ(result, taken):
                raise ResultMismatch(
                    f"{called} came to another result on node {result.node[:8]}, after the run had gone on: a machine "
                    "is faulty, or a component of the experiment draws chance of its own"
                )
        for reference in hanging:
            if monotonic() - late[reference][2] > max(_AT_FIRST, _COPIES * self._patience):
                ray.cancel(reference, force=True)
                del late[reference]

    @property
    def _patience(self) -> float:
        seconds = self._history.seconds
        return max(_AT_LEAST, _PATIENCE * median(seconds)) if seconds else _AT_FIRST

    def _repeat_stragglers(self) -> None:
        """When nothing is left to send out, the slowest are run a second time elsewhere; the first answer wins."""
        if self._waiting:
            return
        now, patience = monotonic(), self._patience
        overdue = [attempt for attempt in self._running.values() if attempt.began and now - attempt.began > patience]
        # whatever is overdue may sit on a machine that is no more, so it takes no place
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
        sentence = (
            f"node {result.node[:8]} ({result.kernels}) computes other last bits than those that the run began with"
        )
        if not left:
            raise InputError(f"Ray: {sentence}, and there is no other; begin a run with --portable for mixed machines")
        _log.warning("%s: it gets no cohorts; a run begun with --portable could use it", sentence)

    def _expose(self, result: WorkerResult, job: Job) -> None:
        self._history.incidents["corrupted"] += 1
        if len(self._cluster.able(self._experiment.device)) > 1:
            self._history.away.add(result.node)
        _log.warning(
            "%s came to another result in process %d on node %s than twice elsewhere: that machine is faulty",
            *(str(job), result.process, result.node[:8]),
        )


def is_audited(seed: int, cohort: Cohort) -> bool:
    """Whether a cohort is one of those that are recomputed: the same ones, whoever computes."""
    block, place = divmod(cohort.number, _DRAWN)
    return _drawn(seed, cohort.generation, block)[place] < _AUDITED * 2**32


@lru_cache(maxsize=16)
def _drawn(seed: int, generation: int, block: int) -> list[int]:
    words: list[int] = derive(seed, "audit", generation).words(_DRAWN, start=_DRAWN * block)[0].tolist()
    return words
