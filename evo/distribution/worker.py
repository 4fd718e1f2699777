"""The task that a worker runs, its result, and the meaning of a missing result."""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass
from time import perf_counter
from typing import Any, final

from evo.evaluation.cohort import Assay, Cohort
from evo.evaluation.evaluate import evaluate
from evo.evaluation.fault_isolation import ENVIRONMENTAL, Evaluator, evaluate_guarded, evaluate_in_worker
from evo.evaluation.fingerprint import Fingerprint, fingerprint_of_lives
from evo.evaluation.numerics import settle
from evo.evaluation.outcome import Failure, Outcome, outcome_arrays
from evo.experiment.experiment import Experiment
from evo.storage.arrays import pack

_log = logging.getLogger(__name__)


class ResultMismatch(RuntimeError):
    """One cohort gave different results: a machine is faulty, or a component draws numbers from outside its streams."""


@final
@dataclass(frozen=True, eq=False)
class WorkerResult:
    """The result of a worker's task.

    Attributes:
        outcome: the outcome of the cohort; None: the worker's fingerprint differs from that of the start of the run.
        node: Ray's id of the node.
        process: number of the process on the node.
        kernels: the CPU instructions that torch uses there.
        seconds: duration of the evaluation.
        differs: the first part of a life that the worker computes otherwise: development, birth or life; empty where
            nothing differs, or the part is not known.
    """

    outcome: Outcome | None
    node: str
    process: int
    kernels: str
    seconds: float
    differs: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of the outcome."""
        assert self.outcome is not None, "only for a worker with an outcome"
        return digest_of(self.outcome)


def run_cohort(
    evaluator: Evaluator | None,
    experiment: Experiment,
    cohort: Cohort,
    assay: Assay,
    proof: Fingerprint | None,
    guarded: bool,
) -> WorkerResult:
    """Checks the worker's fingerprint, then evaluates a cohort.

    Args:
        evaluator: the function that evaluates the cohort; None: `evaluate_in_worker`.
        proof: the fingerprint that the worker must compute; None: no check.
        guarded: evaluate in a child process, because a worker died during this cohort.
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
    differs = "" if fit or proof is None else proof.first_difference()
    return WorkerResult(outcome, node, os.getpid(), torch.backends.cpu.get_cpu_capability(), seconds, differs)


def result_of(reference: Any) -> WorkerResult | Failure | None:
    """The result of an attempt; the reason why its process died; or None if the node died."""
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
    """A result that is no longer needed; None if the task failed, for example because the run's files are deleted."""
    import ray

    try:
        given = result_of(reference)
    except ray.exceptions.RayTaskError as error:
        _log.info("a late attempt failed: %s", str(error).strip().splitlines()[-1])
        return None
    return given if isinstance(given, WorkerResult) else None


def digest_of(outcome: Outcome) -> str:
    """SHA-256 of an outcome."""
    return hashlib.sha256(pack(outcome_arrays(outcome))).hexdigest()


def depends_on_the_machine(result: WorkerResult) -> bool:
    """True if an individual exceeded a limit of time or memory, or was lost; other machines may give other results."""
    return result.outcome is not None and any(failure in ENVIRONMENTAL for failure in result.outcome.failures)


def differ(late: WorkerResult, taken: Outcome) -> bool:
    """True if a late result differs from the accepted outcome, and neither depends on the machine."""
    environmental = depends_on_the_machine(late) or any(failure in ENVIRONMENTAL for failure in taken.failures)
    return late.outcome is not None and not environmental and late.digest != digest_of(taken)
