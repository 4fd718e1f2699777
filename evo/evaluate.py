"""evaluate(experiment, cohort) -> Outcome: the one call that crosses a process, a pure function of its arguments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, final

import numpy as np
from jaxtyping import Int64, Integer
from numpy import ndarray

from evo.experiment import Experiment, birth, wiring_bits
from genomes.chance import SHARED, Chance, chance
from inner_loop.lifetime import Lifetime, Measurements, live
from inner_loop.rules.frozen import Frozen
from inner_loop.task import Split

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
        levels: (C, G) their genomes.
        real: how many are no filling.
    """

    generation: int
    number: int
    slots: Int64[ndarray, " C"]
    levels: Integer[ndarray, "C G"]
    real: int


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
    cut = []
    for number, start in enumerate(range(0, len(levels), size)):
        slots = np.arange(start, min(start + size, len(levels)))
        filled = np.concatenate([slots, np.full(size - len(slots), start)])
        cut.append(Cohort(generation, number, filled, levels[filled], len(slots)))
    return cut


def evaluate(experiment: Experiment, cohort: Cohort, split: Split = "selection", learn: bool = True) -> Outcome:
    """The lives of a cohort.

    Args:
        split: on which birth and learning are measured.
        learn: False: only birth is measured, `learned` equals `innate`.

    Returns:
        The measurements of `live`, and `genome_bits` and `wiring_bits`; means over `lifetime.births` births.
    """
    lifetime = experiment.lifetime
    if not learn:
        lifetime = replace(lifetime, steps=0)
    lives = [_one_birth(experiment, cohort, lifetime, split, replicate) for replicate in range(lifetime.births)]
    measured = {name: np.mean([life[name] for life in lives], axis=0)[: cohort.real] for name in lives[0]}
    finite = np.all([np.isfinite(m.reshape(cohort.real, -1)).all(1) for m in measured.values()], axis=0)
    return Outcome(measured, tuple("" if good else "nan" for good in finite))


def _one_birth(
    experiment: Experiment, cohort: Cohort, lifetime: Lifetime, split: Split, replicate: int
) -> Measurements:
    def of_individuals(purpose: str) -> Chance:
        keys = chance(experiment.seed, purpose, cohort.generation, cohort.slots.tolist(), replicate)
        return keys.to(experiment.device)

    newborn = birth(experiment, cohort.levels, of_individuals("birth"))
    if lifetime.common:
        of_life = chance(experiment.seed, "life", cohort.generation, SHARED, replicate).to(experiment.device)
    else:
        of_life = of_individuals("life")
    rule = experiment.rule if lifetime.steps else Frozen()
    measured = live(newborn, rule, experiment.objective, experiment.task, lifetime, of_life, split)
    bits = newborn.traits["genome_bits"].cpu().numpy()
    return measured | {"genome_bits": bits, "wiring_bits": np.full(len(bits), wiring_bits(newborn))}
