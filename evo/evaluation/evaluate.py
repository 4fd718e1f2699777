"""evaluate(experiment, cohort) -> Outcome: the only call that crosses processes, a pure function of its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from evo.evaluation.cohort import SELECTION, Assay, Cohort, written_out
from evo.evaluation.numerics import settled, without_denormals
from evo.evaluation.outcome import Outcome
from evo.experiment.experiment import Experiment
from genomes.phenotype import Phenotype
from genomes.streams import SHARED, Streams, derive
from inner_loop.lives.episodes import CONDITIONS, EpisodicLifetime, live_in
from inner_loop.lives.samples import Lifetime, Measurements, live


def evaluate(experiment: Experiment, cohort: Cohort, assay: Assay = SELECTION) -> Outcome:
    """Evaluates the lives of a cohort.

    Returns:
        The measurements of `live` or `live_in`, and `genome_bits` and `wiring_bits`; means over `lifetime.births`
        births.
    """
    cohort = written_out(experiment, cohort)
    with settled(), without_denormals():
        measured = _in_a_task(experiment, cohort, assay) if experiment.task else _in_a_world(experiment, cohort, assay)
    measured = {name: m[: cohort.real] for name, m in measured.items()}
    finite = np.all([np.isfinite(m.reshape(cohort.real, -1)).all(1) for m in measured.values()], axis=0)
    return Outcome(measured, tuple("" if good else "nan" for good in finite))


def _in_a_task(experiment: Experiment, cohort: Cohort, assay: Assay) -> Measurements:
    """Evaluates the births one after the other."""
    lifetime, task, objective = experiment.lifetime, experiment.task, experiment.objective
    assert isinstance(lifetime, Lifetime), "a task needs a Lifetime"
    assert task is not None, "only for an experiment with a task"
    lifetime = lifetime if assay.learn else replace(lifetime, steps=0)
    lives = []
    for replicate in range(lifetime.births):
        newborn = _born(experiment, cohort, [replicate], assay)
        streams = _streams(experiment, cohort, "life", [replicate], lifetime.common)
        lived = live(newborn, experiment.rule, objective, task, lifetime, streams, assay.split, assay.resamples)
        lives.append(lived | _bits(newborn))
    return {name: np.mean([life[name] for life in lives], axis=0) for name in lives[0]}


def _in_a_world(experiment: Experiment, cohort: Cohort, assay: Assay) -> Measurements:
    """Evaluates all births in parallel; births of one individual are adjacent in the batch."""
    lifetime, world = experiment.lifetime, experiment.world
    assert isinstance(lifetime, EpisodicLifetime), "a world needs an EpisodicLifetime"
    assert world is not None, "only for an experiment with a world"
    held_out = experiment.held_out if assay.split == "test" else ()
    conditions = assay.conditions or (CONDITIONS if assay.split == "test" else lifetime.measured)
    lifetime = replace(lifetime, measured=conditions, episodes=lifetime.episodes if assay.learn else 0)
    replicates = range(lifetime.births)
    newborn = _born(experiment, cohort, replicates, assay)
    streams = _streams(experiment, cohort, "life", replicates, lifetime.common)
    lived = live_in(newborn, experiment.rule, experiment.objective, world, lifetime, streams, assay.split, held_out)
    lived |= _bits(newborn)
    return {name: m.reshape(len(cohort.slots), lifetime.births, *m.shape[1:]).mean(1) for name, m in lived.items()}


def _born(experiment: Experiment, cohort: Cohort, replicates: Sequence[int], assay: Assay) -> Phenotype:
    """The newborns, individual by individual, after the interventions of the assay."""
    levels, edits = cohort.levels, cohort.edits
    assert levels is not None, "`evaluate` draws the genomes first"
    levels = np.repeat(levels, len(replicates), axis=0)
    edits = None if edits is None else np.repeat(edits, len(replicates), axis=0)
    streams = _streams(experiment, cohort, "birth", replicates)
    newborn = experiment.birth(levels, streams, edits)
    for place, intervention in enumerate(assay.interventions):
        newborn = intervention.apply(newborn, streams.stream(f"intervention {place}"))
    return newborn


def _streams(
    experiment: Experiment, cohort: Cohort, purpose: str, replicates: Sequence[int], common: bool = False
) -> Streams:
    """Streams of random numbers for all replicates, individual by individual; with `common`, individuals share them."""
    slots = SHARED if common else cohort.slots.tolist()
    each = [derive(experiment.seed, purpose, cohort.generation, slots, replicate).keys for replicate in replicates]
    keys = torch.stack(each, dim=1)
    if common and len(replicates) > 1:
        keys = keys.expand(len(cohort.slots), -1, -1)
    return Streams(keys.flatten(0, 1)).to(experiment.device)


def _bits(newborn: Phenotype) -> Measurements:
    bits = newborn.traits["genome_bits"].cpu().numpy()
    return {"genome_bits": bits, "wiring_bits": np.full(len(bits), newborn.wiring_bits)}
