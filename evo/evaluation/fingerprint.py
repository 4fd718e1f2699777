"""What a processor must compute to take part: a known cohort, to the bit. Other kernels round in other ways."""

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
    """What a worker is asked for before it is given a cohort.

    Attributes:
        experiment: whose lives are lived.
        digest: what `fingerprint_of_lives` came to where the run began.
        data: the fingerprint of what comes from outside.
    """

    experiment: Experiment
    digest: str
    data: str = ""


def fingerprint_of_lives(experiment: Experiment, spread: float = 0.25) -> str:
    """SHA-256 of what a known cohort comes to in a short life: the experiment's own kernels, shapes and data.

    All of it have one genome, about the middle of every gene: many founders are likelier to meet one that hangs, yet
    in the very middle many encodings grow weights of almost 0, beside which nothing of a life is seen.

    Args:
        spread: how far from the middle of the unit interval a gene may lie; 0 in runs that began with the very middle.
    """
    return _lived(experiment, experiment.environment.fingerprint(), spread)


@lru_cache(maxsize=8)
def _lived(experiment: Experiment, data: str, spread: float) -> str:
    """The same, kept for these data: those of the same experiment can change while a process goes on."""
    spec = experiment.genome.spec
    offset = derive(0, "proof of lives").uniform(spec.size).numpy() * 2.0 - 1.0
    levels = spec.quantise(np.repeat(0.5 + spread * offset, experiment.cohort, axis=0))
    # without limits: a machine that is busy is not a machine that computes otherwise
    lived = evaluate_safely(
        replace(experiment, lifetime=experiment.lifetime.short(), limits=Limits()),
        cohorts(0, levels, experiment.cohort)[0],
    )
    return hashlib.sha256(pack(outcome_arrays(lived))).hexdigest()


def fingerprint_of_search(experiment: Experiment) -> str:
    """SHA-256 of the second generation after goals that are known: the driver's own arithmetic; empty when lazy."""
    spec, search = experiment.genome.spec, experiment.search
    if search.lazy(spec):
        return ""
    state = search.begin(spec, derive(experiment.seed, "proof", -1))
    asked = search.ask(state, spec, derive(experiment.seed, "proof", 0))
    goals = np.stack([asked.held[:, : i + 1].sum(axis=1) for i in range(experiment.goals.count)], axis=1)
    state = search.tell(state, asked, goals, spec, derive(experiment.seed, "proof", 0))
    bred = search.ask(state, spec, derive(experiment.seed, "proof", 1))
    return hashlib.sha256(pack({"units": bred.held})).hexdigest()
