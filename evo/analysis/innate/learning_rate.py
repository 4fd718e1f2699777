"""The learning rate of networks without a bottleneck: their own, for the genome's has evolved for other weights."""

from __future__ import annotations

import numpy as np

from evo.analysis.innate.design import Design
from evo.experiment.experiment import Experiment
from genomes.evolvable import evolvable_names
from genomes.interventions.faster import Faster
from genomes.interventions.standard import Standard

PACES = (1.0, 0.1, 0.3, 3.0, 10.0)
"""Multiples of the genome's learning rate that are tried; of equal ones the first counts."""


def pace(bench: Design, life: Experiment, measurement: str = "area") -> float | None:
    """The multiple with which networks of standard initialisation come to most in a life.

    It is measured on the selection split, in the lives of the bench; where any of them fails a multiple is not taken.
    None: the rule has no learning rate of synapses, and nothing is tuned.

    Args:
        life: what is lived.
        measurement: by which it is chosen, its mean over lives; `area` is the mean height of the learning curve.
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
    """At what rate: of a network that learns by the same rule as the genome."""
    if times is None:
        return "with the genome's plasticity, in which there is no learning rate that could be tuned for it"
    same = "the genome's learning rate, which of all that were tried suits it best"
    return f"at {same}" if times == 1 else f"at the learning rate that suits it best, {times:g} times the genome's"
