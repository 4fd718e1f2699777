"""evaluate(experiment, cohort) -> Outcome: the only call that crosses processes, a pure function of its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from evo.evaluation.cohort import SELECTION, Assay, Cohort, written_out
from evo.evaluation.numerics import settled, without_denormals
from evo.evaluation.outcome import Outcome
from evo.experiment.engine import choice_of
from evo.experiment.experiment import Experiment
from genomes.phenotype import Phenotype
from genomes.streams import SHARED, Streams, derive
from inner_loop.life import LifeStreams, Measurements


def evaluate(experiment: Experiment, cohort: Cohort, assay: Assay = SELECTION) -> Outcome:
    """Evaluates the lives of a cohort.

    Returns:
        The measurements of `Life.live`, and `genome_bits` and `wiring_bits`; means over `lifetime.births` births.
    """
    cohort, births = written_out(experiment, cohort), range(experiment.lifetime.births)
    portions = [births] if experiment.lifetime.side_by_side else [[birth] for birth in births]
    compiled = choice_of(experiment).engine == "compiled"
    with settled(), without_denormals():
        parts = [_lived(experiment, cohort, replicates, assay, compiled) for replicates in portions]
    measured = {name: np.mean([part[name] for part in parts], axis=0)[: cohort.real] for name in parts[0]}
    finite = np.all([np.isfinite(m.reshape(cohort.real, -1)).all(1) for m in measured.values()], axis=0)
    return Outcome(measured, tuple("" if good else "nan" for good in finite))


def _lived(
    experiment: Experiment, cohort: Cohort, replicates: Sequence[int], assay: Assay, compiled: bool
) -> Measurements:
    """Some births of every individual side by side, those of one individual beside each other; means over them."""
    newborn = born(experiment, cohort, replicates, assay)
    streams = LifeStreams(
        met=_streams(experiment, cohort, "life", replicates, experiment.lifetime.common),
        own=_streams(experiment, cohort, "plasticity", replicates),
    )
    components = experiment.rule, experiment.objective, experiment.environment
    exam = replace(assay.exam, compiled=compiled)
    lived = experiment.lifetime.live(newborn, *components, streams, exam, experiment.held_out)
    lived |= _bits(newborn)
    return {name: m.reshape(len(cohort.slots), len(replicates), *m.shape[1:]).mean(1) for name, m in lived.items()}


def born(experiment: Experiment, cohort: Cohort, replicates: Sequence[int], assay: Assay) -> Phenotype:
    """The newborns, individual by individual, after the interventions of the assay.

    Args:
        replicates: the numbers of their births.
    """
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
