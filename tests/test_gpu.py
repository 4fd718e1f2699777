"""On a GPU: the same random integers, and lives that agree with those on the CPU up to rounding."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from evo.evaluation.cohort import Assay, cohorts
from evo.evaluation.evaluate import evaluate
from evo.experiment.config import load
from evo.search.base import founders
from genomes.streams import derive

pytestmark = pytest.mark.gpu


def test_chance_is_the_same_to_the_integer():
    here = derive(3, "life", owners=range(5))
    there = here.to("cuda")
    assert torch.equal(here.words(1000), there.words(1000).cpu())
    assert torch.equal(here.permutation(500), there.permutation(500).cpu())


@pytest.mark.parametrize("encoding", ["GeneExpression", "SpatialExpression", "GenomicBottleneck", "Direct"])
def test_lives_agree(encoding):
    experiment = load("digits", (f"encoding={encoding}", "lifetime.steps=5", "cohort=4"))
    spec = experiment.genome.spec
    cohort = cohorts(0, spec.quantise(founders(4, spec, derive(0, "founders"))), 4)[0]
    here = evaluate(experiment, cohort).measurements
    there = evaluate(replace(experiment, device="cuda"), cohort).measurements
    for name, measured in here.items():
        assert np.allclose(measured, there[name], rtol=1e-3, atol=1e-2), name


def test_lives_in_a_world_agree():
    experiment = load("cartpole-hebbian", ("cohort=4", "world.longest=10", "lifetime.births=1"))
    spec = experiment.genome.spec
    cohort = cohorts(0, spec.quantise(founders(4, spec, derive(0, "founders"))), 4)[0]
    here = evaluate(experiment, cohort, Assay("test")).measurements
    there = evaluate(replace(experiment, device="cuda"), cohort, Assay("test")).measurements
    assert here.keys() == there.keys()
    for name, measured in here.items():
        assert np.allclose(measured, there[name], rtol=1e-3, atol=1.0), name
