"""Tuning of the learning rate of networks without a bottleneck, since the genome's has evolved for other weights."""

from __future__ import annotations

import numpy as np

from evo.analysis.innate.design import Design
from evo.experiment.experiment import Experiment
from genomes.evolvable import evolvable_names
from genomes.interventions.faster import Faster
from genomes.interventions.standard import Standard

PACES = (1.0, 0.1, 0.3, 3.0, 10.0)
"""Multiples of the genome's learning rate that are tried; of ties the first one is taken."""


def pace(bench: Design, life: Experiment, measurement: str = "area") -> float | None:
    """Returns the multiple of the genome's learning rate at which networks of standard initialisation learn best.

    It is measured on the selection split, in the lives of the bench. A multiple with which any life fails is not taken.
    It is None if the rule has no learning rate of synapses.

    Args:
        bench: the design of the innate test.
        life: experiment of the lives.
        measurement: criterion, as a mean over lives; `area` is the mean height of the learning curve.
    """
    if not evolvable_names(type(bench.experiment.rule)).get("learning_rate"):
        return None
    means = []
    for times in PACES:
        rows = bench.newborns(Standard(), Faster(times))
        lived = bench.measure("tuning of direct networks", rows, True, life, split="selection", resamples=0)
        means.append(float(lived[measurement].mean()))
    return PACES[int(np.argmax(np.nan_to_num(means, nan=-np.inf)))]


def in_words(times: float | None) -> str:
    """Describes the learning rate of a network that learns by the same rule as the genome."""
    if times is None:
        return "with the genome's plasticity, which has no learning rate that could be tuned for it"
    same = "the genome's learning rate, which is the best for it of all that were tried"
    return f"at {same}" if times == 1 else f"at the learning rate that is best for it, {times:g} times the genome's"
