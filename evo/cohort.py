"""evaluate(experiment, cohort) -> Outcome: the one call that crosses a process, a pure function of its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, final

import numpy as np
import torch
from jaxtyping import Float64, Int64, Integer
from numpy import ndarray

from evo.experiment.experiment import Experiment, assemble, birth, wiring_bits
from evo.numerics import settled, without_denormals
from evo.search.base import State
from genomes.chance import SHARED, Chance, chance
from genomes.expect import expect
from genomes.intervention import Intervention
from genomes.phenotype import Phenotype
from inner_loop.environment import Split
from inner_loop.episodic import CONDITIONS, Condition, EpisodicLifetime, live_in
from inner_loop.lifetime import Lifetime, Measurements, live
from inner_loop.rules.frozen import Frozen

Failure = Literal["", "nan", "raised", "timeout", "memory", "lost"]
"""Why an individual has no score; empty when it has one."""


@final
@dataclass(frozen=True, eq=False)
class Cohort:
    """Individuals that are born and live side by side. Its composition never depends on workers, timing or failures.

    Attributes:
        generation: of the outer loop.
        number: of the cohort in its generation.
        slots: (C,) which individuals of the generation; a short cohort is filled up with its first.
        levels: (C, G) their genomes; None: whoever evaluates them draws them from the source.
        real: how many are no filling.
        edits: (C, G) values in the place of genes, nan where the genome holds; None: it holds everywhere.
        source: what `Search.rows` reads of the search's state, where the genomes are too many to be sent.
    """

    generation: int
    number: int
    slots: Int64[ndarray, " C"]
    levels: Integer[ndarray, "C G"] | None
    real: int
    edits: Float64[ndarray, "C G"] | None = None
    source: State | None = None


@final
@dataclass(frozen=True)
class Assay:
    """How a cohort is examined; as it stands, the way selection does it.

    Attributes:
        split: on which birth and learning are measured; on `test` every condition is, and every held-out world.
        learn: False: only birth is measured, `learned` equals `innate`.
        conditions: that are measured in a world, instead.
        interventions: done to the newborns, one after the other.
        resamples: of a task's main score, bootstrapped over its samples: see `live`.
    """

    split: Split = "selection"
    learn: bool = True
    conditions: tuple[Condition, ...] | None = None
    interventions: tuple[Intervention, ...] = ()
    resamples: int = 0


SELECTION = Assay()
"""What selection sees."""


@final
@dataclass(frozen=True, eq=False)
class Outcome:
    """What the real individuals of a cohort could do.

    Attributes:
        measurements: by name, (real, ...) float64; nan where an individual failed.
        failures: why, one for each real individual.
    """

    measurements: Measurements
    failures: tuple[Failure, ...]


def cohorts(generation: int, levels: Integer[ndarray, "N G"], size: int) -> list[Cohort]:
    """Cuts a generation into cohorts of equal size, in order."""
    return [replace(cohort, levels=levels[cohort.slots]) for cohort in unwritten(generation, len(levels), size, None)]


def unwritten(generation: int, count: int, size: int, source: State | None) -> list[Cohort]:
    """The same cohorts with their source in the place of genomes."""
    cut = []
    for number, start in enumerate(range(0, count, size)):
        slots = np.arange(start, min(start + size, count))
        filled = np.concatenate([slots, np.full(size - len(slots), start)])
        cut.append(Cohort(generation, number, filled, None, len(slots), source=source))
    return cut


def written_out(experiment: Experiment, cohort: Cohort) -> Cohort:
    """A cohort with its genomes: as they stand, or drawn from the source."""
    if cohort.levels is not None:
        return cohort
    assert cohort.source is not None, "genomes or how they are drawn"
    spec, luck = assemble(experiment), chance(experiment.seed, "search", cohort.generation)
    units = experiment.search.rows(cohort.source, cohort.slots, spec, luck)
    rows = f"{len(cohort.slots)} rows, those that were asked for"
    expect(len(units) == len(cohort.slots), type(experiment.search).__name__, rows, len(units))
    return replace(cohort, levels=spec.quantise(units), source=None)


def evaluate(experiment: Experiment, cohort: Cohort, assay: Assay = SELECTION) -> Outcome:
    """The lives of a cohort.

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
    """One birth after the other."""
    lifetime, task, objective = experiment.lifetime, experiment.task, experiment.objective
    assert isinstance(lifetime, Lifetime), "a task has a lifetime of its kind"
    assert task is not None, "asked for by whoever has one"
    lifetime = lifetime if assay.learn else replace(lifetime, steps=0)
    rule = experiment.rule if lifetime.steps else Frozen()
    lives = []
    for replicate in range(lifetime.births):
        newborn = _born(experiment, cohort, [replicate], assay)
        luck = _chance(experiment, cohort, "life", [replicate], lifetime.common)
        lived = live(newborn, rule, objective, task, lifetime, luck, assay.split, assay.resamples)
        lives.append(lived | _bits(newborn))
    return {name: np.mean([life[name] for life in lives], axis=0) for name in lives[0]}


def _in_a_world(experiment: Experiment, cohort: Cohort, assay: Assay) -> Measurements:
    """All births side by side, those of one individual beside each other."""
    lifetime, world = experiment.lifetime, experiment.world
    assert isinstance(lifetime, EpisodicLifetime), "a world has a lifetime of its kind"
    assert world is not None, "asked for by whoever has one"
    held_out = experiment.held_out if assay.split == "test" else ()
    conditions = assay.conditions or (CONDITIONS if assay.split == "test" else lifetime.measured)
    lifetime = replace(lifetime, measured=conditions, episodes=lifetime.episodes if assay.learn else 0)
    replicates = range(lifetime.births)
    newborn = _born(experiment, cohort, replicates, assay)
    luck = _chance(experiment, cohort, "life", replicates, lifetime.common)
    lived = live_in(newborn, experiment.rule, experiment.objective, world, lifetime, luck, assay.split, held_out)
    lived |= _bits(newborn)
    return {name: m.reshape(len(cohort.slots), lifetime.births, *m.shape[1:]).mean(1) for name, m in lived.items()}


def _born(experiment: Experiment, cohort: Cohort, replicates: Sequence[int], assay: Assay) -> Phenotype:
    """The newborns, individual by individual, with whatever is done to them."""
    levels, edits = cohort.levels, cohort.edits
    assert levels is not None, "written out by evaluate"
    levels = np.repeat(levels, len(replicates), axis=0)
    edits = None if edits is None else np.repeat(edits, len(replicates), axis=0)
    luck = _chance(experiment, cohort, "birth", replicates)
    newborn = birth(experiment, levels, luck, edits)
    for place, intervention in enumerate(assay.interventions):
        newborn = intervention.apply(newborn, luck.stream(f"intervention {place}"))
    return newborn


def _chance(
    experiment: Experiment, cohort: Cohort, purpose: str, replicates: Sequence[int], common: bool = False
) -> Chance:
    """Streams of all individuals' replicates, or of one birth's common ones: individual by individual."""
    slots = SHARED if common else cohort.slots.tolist()
    each = [chance(experiment.seed, purpose, cohort.generation, slots, replicate).keys for replicate in replicates]
    keys = torch.stack(each, dim=1)
    if common and len(replicates) > 1:
        keys = keys.expand(len(cohort.slots), -1, -1)
    return Chance(keys.flatten(0, 1)).to(experiment.device)


def _bits(newborn: Phenotype) -> Measurements:
    bits = newborn.traits["genome_bits"].cpu().numpy()
    return {"genome_bits": bits, "wiring_bits": np.full(len(bits), wiring_bits(newborn))}
