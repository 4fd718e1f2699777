"""Test for stochastic scores: scores that depend on random numbers which differ between two births of one genome.

The best of thousands of lives is partly selected for favourable random numbers. A stochastic score must therefore be
measured again, with random numbers that no run has used, before it is reported as the ability of a genome.
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

_BIRTHS = 16  # if one synapse is random with probability 1/2, all births are equal in one of 2^15 cases
_ROUNDING = 1e-5  # of the largest number: rounding differs between places in a batch


def is_stochastic(
    experiment: Experiment, levels: Integer[ndarray, "N G"], interventions: Sequence[Intervention] = ()
) -> bool:
    """True if one of these genomes can have another score at another birth.

    Two sources of random numbers count, because they differ between individuals, so that selection prefers favourable
    ones:

    - the environment, if it draws new content for every life (`Environment.varies`): episodes, another teacher;
    - development, if two births of one genome give different networks (`RandomWiring`, `Alleles`).

    The random numbers of a life in a task that does not vary do not count: the order of its samples, and the guesses of
    a rule that learns by trial and error. No score at birth depends on them. A whole generation has the same samples
    and the same guesses (`lifetime.common`), so no individual is selected for better ones. With `common: false` the
    score after learning still depends on them.

    Args:
        interventions: interventions applied to every newborn; an intervention that sets all weights makes development
            deterministic.
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
    """Yields all tensors of a newborn."""
    for synapses in newborn.projections.values():
        yield synapses.weight
        yield from () if synapses.mask is None else (synapses.mask,)
        yield from synapses.parameters.values()
    for group in newborn.groups.values():
        yield from group.values()
    yield from newborn.traits.values()


def _differs(numbers: Tensor) -> bool:
    """True if births differ by more than rounding. A tensor that all births share has one row, so it never differs."""
    each = numbers.double().nan_to_num()
    return bool(((each - each[:1]).abs() > _ROUNDING * each.abs().max()).any()) if each.numel() else False
