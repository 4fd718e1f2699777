"""Random weights: each projection has its own, and so has each birth."""

import torch

from genomes.encoding import develop
from genomes.encodings.random_wiring import RandomWiring
from genomes.streams import derive
from genomes.topology import Group, Topology

NAMES = ("one -> two", "two -> three", "two -> two", "one -> three")
TOPOLOGY = Topology((Group("one", 30), Group("two", 30), Group("three", 30)), NAMES)


def test_projections_of_one_shape_and_births_have_nothing_in_common():
    born = develop(RandomWiring(1.0), {}, TOPOLOGY, derive(0, "birth", owners=range(2)), torch.float64)
    weights = torch.cat([born.projections[name].weight.flatten(1) for name in NAMES])
    assert weights.shape == (8, 900)
    assert len(weights.unique()) > 0.999 * weights.numel()
    alike = torch.corrcoef(weights) - torch.eye(8)
    assert alike.abs().max() < 0.15, "five standard errors of independent numbers"


def test_weights_fill_the_range_that_the_gain_gives():
    for fan_in, reach in ((False, 0.5), (True, 0.5 / 30**0.5)):
        born = develop(RandomWiring(0.5, fan_in), {}, TOPOLOGY, derive(0, "birth", owners=[0]), torch.float64)
        for name in NAMES:
            weight = born.projections[name].weight
            assert 0.98 * reach < weight.max() < reach
            assert -reach < weight.min() < -0.98 * reach
