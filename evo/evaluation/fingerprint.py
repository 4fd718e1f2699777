"""Fingerprints: hashes of a known computation, which a machine must reproduce bit by bit; kernels round differently."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import final

import numpy as np

from evo.evaluation.cohort import cohorts
from evo.evaluation.fault_isolation import evaluate_safely
from evo.evaluation.outcome import outcome_arrays
from evo.experiment.experiment import Experiment
from evo.experiment.limits import Limits
from evo.storage.arrays import pack
from genomes.streams import derive


@final
@dataclass(frozen=True)
class Fingerprint:
    """The check that a worker must pass before it gets a cohort.

    Attributes:
        experiment: the experiment whose lives are computed.
        digest: the result of `fingerprint_of_lives` at the start of the run.
        data: the fingerprint of the environment's external data.
    """

    experiment: Experiment
    digest: str
    data: str = ""


def fingerprint_of_lives(experiment: Experiment, spread: float = 0.25) -> str:
    """SHA-256 of the outcome of a known cohort after a short life, with the experiment's kernels, shapes and data.

    All individuals have the same genome, with every gene near the middle of its interval. Many different founders would
    more probably include one that hangs. Exactly in the middle, many encodings give weights near 0, so that the life
    hardly changes the outcome.

    Args:
        spread: largest distance of a gene from the middle of the unit interval; 0 for older runs that used the middle.
    """
    return _lived(experiment, experiment.environment.fingerprint(), spread)


@lru_cache(maxsize=8)
def _lived(experiment: Experiment, data: str, spread: float) -> str:
    """Computes the fingerprint; cached per `data`, because the data of an experiment can change within a process."""
    spec = experiment.genome.spec
    offset = derive(0, "proof of lives").uniform(spec.size).numpy() * 2.0 - 1.0
    levels = spec.quantise(np.repeat(0.5 + spread * offset, experiment.cohort, axis=0))
    # without limits: a busy machine must not give another fingerprint
    lived = evaluate_safely(
        replace(experiment, lifetime=experiment.lifetime.short(), limits=Limits()),
        cohorts(0, levels, experiment.cohort)[0],
    )
    return hashlib.sha256(pack(outcome_arrays(lived))).hexdigest()


def fingerprint_of_search(experiment: Experiment) -> str:
    """SHA-256 of the search's second generation after known goals: the driver's arithmetic; empty for a lazy search."""
    spec, search = experiment.genome.spec, experiment.search
    if search.lazy(spec):
        return ""
    state = search.begin(spec, derive(experiment.seed, "proof", -1))
    asked = search.ask(state, spec, derive(experiment.seed, "proof", 0))
    goals = np.stack([asked.held[:, : i + 1].sum(axis=1) for i in range(experiment.goals.count)], axis=1)
    state = search.tell(state, asked, goals, spec, derive(experiment.seed, "proof", 0))
    bred = search.ask(state, spec, derive(experiment.seed, "proof", 1))
    return hashlib.sha256(pack({"units": bred.held})).hexdigest()
