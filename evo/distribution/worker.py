"""What a worker gives back, and what it means when nothing comes back."""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass
from time import perf_counter
from typing import Any, final

from evo.evaluation.cohort import Assay, Cohort
from evo.evaluation.error_log import heard
from evo.evaluation.evaluate import evaluate
from evo.evaluation.fault_isolation import ENVIRONMENTAL, Evaluator, evaluate_guarded, evaluate_in_worker
from evo.evaluation.fingerprint import Fingerprint, fingerprint_of_lives
from evo.evaluation.numerics import settle
from evo.evaluation.outcome import Failure, Outcome, outcome_arrays
from evo.experiment.experiment import Experiment
from evo.storage.arrays import pack

_log = logging.getLogger(__name__)


class ResultMismatch(RuntimeError):
    """The same cohort came to different results: a machine is faulty, or a component draws chance of its own."""


@final
@dataclass(frozen=True, eq=False)
class WorkerResult:
    """What a worker gives back.

    Attributes:
        outcome: of the cohort; None: this process does not compute the bits that the run began with.
        node: Ray's name of the node.
        process: number of the process on it.
        kernels: which instructions torch uses there.
        seconds: that the evaluation took.
        complaints: what individuals raised.
    """

    outcome: Outcome | None
    node: str
    process: int
    kernels: str
    seconds: float
    complaints: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the outcome."""
        assert self.outcome is not None, "asked of whoever took part"
        return digest_of(self.outcome)


def run_cohort(
    evaluator: Evaluator | None,
    experiment: Experiment,
    cohort: Cohort,
    assay: Assay,
    proof: Fingerprint | None,
    guarded: bool,
) -> WorkerResult:
    """The task that a worker runs: it proves itself, then evaluates; guarded where a worker died of this cohort.

    Args:
        evaluator: what is done with the cohort; None: what the house does.
    """
    import ray
    import torch

    settle()
    fit = proof is None or fingerprint_of_lives(proof.experiment) == proof.digest
    began, outcome = perf_counter(), None
    if fit and guarded and experiment.device == "cpu":  # CUDA cannot be used in a fork
        outcome = evaluate_guarded(experiment, cohort, assay, evaluator or evaluate)
    elif fit:
        outcome = (evaluator or evaluate_in_worker)(experiment, cohort, assay)
    node, seconds = ray.get_runtime_context().get_node_id(), perf_counter() - began
    return WorkerResult(outcome, node, os.getpid(), torch.backends.cpu.get_cpu_capability(), seconds, heard())


def result_of(reference: Any) -> WorkerResult | Failure | None:
    """An answer, why the process of an attempt died, or None: the node did."""
    import ray

    try:
        given: WorkerResult = ray.get(reference)
        return given
    except ray.exceptions.RayTaskError as error:
        raise error.as_instanceof_cause() from None
    except ray.exceptions.OutOfMemoryError:
        return "memory"
    except ray.exceptions.WorkerCrashedError:
        return "lost"
    except (
        ray.exceptions.NodeDiedError,
        ray.exceptions.ObjectLostError,
        ray.exceptions.TaskCancelledError,
        ray.exceptions.RuntimeEnvSetupError,
    ):
        return None


def late_result_of(reference: Any) -> WorkerResult | None:
    """An answer that no run waits for; None where its task failed, as it may when its run's files are gone by now."""
    import ray

    try:
        given = result_of(reference)
    except ray.exceptions.RayTaskError as error:
        _log.info("a late answer failed: %s", str(error).strip().splitlines()[-1])
        return None
    return given if isinstance(given, WorkerResult) else None


def digest_of(outcome: Outcome) -> str:
    """SHA-256 of an outcome."""
    return hashlib.sha256(pack(outcome_arrays(outcome))).hexdigest()


def depends_on_the_machine(result: WorkerResult) -> bool:
    """Whether somebody exceeded a limit of time or memory, or was lost: elsewhere it may come out otherwise."""
    return result.outcome is not None and any(failure in ENVIRONMENTAL for failure in result.outcome.failures)


def differ(late: WorkerResult, taken: Outcome) -> bool:
    """Whether an answer contradicts the one that was taken, although both are of the experiment alone."""
    environmental = depends_on_the_machine(late) or any(failure in ENVIRONMENTAL for failure in taken.failures)
    return late.outcome is not None and not environmental and late.digest != digest_of(taken)
