"""Luck: whether a score depends on chance that the next birth will not have. Asked here for every choice and report.

The best of thousands of lives is chosen among other things for its luck. A score that is partly luck must therefore be
measured anew, with chance that no run has met, before it is reported as what a genome can do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Integer
from numpy import ndarray
from torch import Tensor

from evo.experiment.experiment import Experiment
from genomes.intervention import Intervention
from genomes.phenotype import Phenotype
from genomes.streams import derive

UNMET = -4
"""A generation that no run has: its chance was never met."""

_BIRTHS = 16  # where one synapse is left to a coin, all births are alike in one of 2^15 cases
_ROUNDING = 1e-5  # of the largest number: the same number at another place in a batch


def is_stochastic(
    experiment: Experiment, levels: Integer[ndarray, "N G"], interventions: Sequence[Intervention] = ()
) -> bool:
    """Whether one of these genomes can score differently at another birth.

    Two chances count, since each individual has its own, so that selection prefers the lucky:

    - what it meets, where the environment draws it for every life (`Environment.varies`): episodes, another teacher;
    - its development, where two births of one genome are not the same network (`RandomWiring`, `Alleles`).

    What a life draws in a task that does not vary does not count: the order of its lessons, and the guesses of a rule
    that learns by trial and error. No score at birth depends on it; and a whole generation has the same lessons and the
    same guesses (`lifetime.common`), so that no individual is chosen for having had better ones than its rivals. With
    `common: false` the score after learning keeps what luck there is in them.

    Args:
        interventions: done to every newborn: weights that are given leave nothing to development.
    """
    if experiment.environment.varies:
        return True
    return any(_develops_by_chance(experiment, genome, interventions) for genome in levels)


def _develops_by_chance(
    experiment: Experiment, genome: Integer[ndarray, " G"], interventions: Sequence[Intervention]
) -> bool:
    streams = derive(experiment.seed, "birth on the bench", owners=range(_BIRTHS)).to(experiment.device)
    newborn = experiment.birth(np.repeat(genome[None], _BIRTHS, axis=0), streams)
    for intervention in interventions:
        newborn = intervention.apply(newborn, streams)
    return any(_differs(tensor) for tensor in _numbers(newborn))


def _numbers(newborn: Phenotype) -> Iterator[Tensor]:
    """Everything that a newborn is made of."""
    for synapses in newborn.projections.values():
        yield synapses.weight
        yield from () if synapses.mask is None else (synapses.mask,)
        yield from synapses.parameters.values()
    for group in newborn.groups.values():
        yield from group.values()
    yield from newborn.traits.values()


def _differs(numbers: Tensor) -> bool:
    """Whether births differ, by more than rounding; what all births share is one number."""
    each = numbers.double().nan_to_num()
    return bool(((each - each[:1]).abs() > _ROUNDING * each.abs().max()).any()) if each.numel() else False
