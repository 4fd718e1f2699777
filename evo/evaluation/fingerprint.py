"""Fingerprints: hashes of a known computation, which a machine must reproduce bit by bit; kernels round differently."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import final

import numpy as np

from evo.evaluation.cohort import SELECTION, Assay, Cohort, cohorts
from evo.evaluation.evaluate import born
from evo.evaluation.fault_isolation import evaluate_safely
from evo.evaluation.numerics import settled, without_denormals
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
        parts: the results of `fingerprints_of_parts`, from which a worker with another digest learns where it differs.
        data: the fingerprint of the environment's external data.
    """

    experiment: Experiment
    digest: str
    data: str = ""
    parts: tuple[tuple[str, str], ...] = ()

    def first_difference(self) -> str:
        """The first part of a life that this process computes otherwise; empty if all that are known are equal."""
        here = dict(fingerprints_of_parts(self.experiment)) if self.parts else {}
        return next((part for part, digest in self.parts if here.get(part) != digest), "")


def fingerprint_of_lives(experiment: Experiment, spread: float = 0.25) -> str:
    """SHA-256 of the outcome of a known cohort after a short life, with the experiment's kernels, shapes and data.

    All individuals have the same genome, with every gene near the middle of its interval. Many different founders would
    more probably include one that hangs. Exactly in the middle, many encodings give weights near 0, so that the life
    hardly changes the outcome.

    Args:
        spread: largest distance of a gene from the middle of the unit interval; 0 for older runs that used the middle.
    """
    return _lived(experiment, experiment.environment.fingerprint(), spread)


def fingerprints_of_parts(experiment: Experiment, spread: float = 0.25) -> tuple[tuple[str, str], ...]:
    """SHA-256 of the weights of newborns, of their examination at birth, and of all that is measured after a life."""
    short, cohort = known_cohort(experiment, spread)
    weights = {}
    with settled(), without_denormals(), suppress(Exception):  # of a component: its lives record it
        newborn = born(short, cohort, [0], SELECTION)
        weights = {name: synapses.weight.cpu().numpy() for name, synapses in newborn.projections.items()}
    at_birth = outcome_arrays(evaluate_safely(short, cohort, Assay(learn=False)))
    development, birth = (hashlib.sha256(pack(arrays)).hexdigest() for arrays in (weights, at_birth))
    return ("development", development), ("birth", birth), ("life", fingerprint_of_lives(experiment, spread))


@lru_cache(maxsize=8)
def _lived(experiment: Experiment, data: str, spread: float) -> str:
    """Computes the fingerprint; cached per `data`, because the data of an experiment can change within a process."""
    return hashlib.sha256(pack(outcome_arrays(evaluate_safely(*known_cohort(experiment, spread))))).hexdigest()


def known_cohort(experiment: Experiment, spread: float) -> tuple[Experiment, Cohort]:
    """The experiment with a short life, and its known cohort."""
    spec = experiment.genome.spec
    offset = derive(0, "proof of lives").uniform(spec.size).numpy() * 2.0 - 1.0
    levels = spec.quantise(np.repeat(0.5 + spread * offset, experiment.cohort, axis=0))
    # without limits: a busy machine must not give another fingerprint
    short = replace(experiment, lifetime=experiment.lifetime.short(), limits=Limits())
    return short, cohorts(0, levels, experiment.cohort)[0]


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
