"""Gaussian genes on a sheet, written again as loops; sizes as in Barabasi et al. 2023."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from genomes.encoding import develop, encoding_spec
from genomes.encodings.spatial_expression import SpatialExpression
from genomes.streams import derive
from genomes.topology import Group, Topology

SINGLE = Topology((Group("eye", 64, grid=(8, 8)), Group("hand", 10)), ("eye -> hand",))
DEEP = Topology(
    (Group("eye", 6, grid=(3, 2)), Group("hidden", 4, "tanh", grid=(4,)), Group("hand", 3)),
    ("eye -> hidden", "hidden -> hand", "eye -> hand"),
)
LIVES, GENES = 2, 3


def genes_of(encoding: SpatialExpression, topology: Topology, lives: int = LIVES):
    spec = encoding_spec(encoding, topology)
    units = derive(0, "genes", owners=range(lives)).uniform(spec.size).numpy()
    return spec.genes(spec.quantise(units), dtype=torch.float64)


def grown(encoding, topology, genes):
    return develop(encoding, genes, topology, derive(0, "birth", owners=range(LIVES))).projections


def bumps(shape: tuple[int, ...], place: torch.Tensor, width: torch.Tensor) -> list[list[float]]:
    """The expression of each gene by each neuron of a sheet, for one individual."""
    rows = []
    for cell in np.ndindex(*shape):
        where = [(c + 0.5) / n for c, n in zip(cell, shape, strict=True)]
        away = [sum((w - m.item()) ** 2 for w, m in zip(where, mean, strict=True)) for mean in place]
        rows.append([math.exp(-d / (2 * s.item() ** 2)) for d, s in zip(away, width, strict=True)])
    return rows


@pytest.mark.parametrize("readout", ["random", "evolved"])
@pytest.mark.parametrize("interactions", ["projection", "shared"])
def test_weights_against_loops(readout, interactions):
    encoding = SpatialExpression(genes=GENES, readout=readout, interactions=interactions, readout_seed=4, gain=1.5)
    genes = genes_of(encoding, DEEP)
    born = grown(encoding, DEEP, genes)
    fixed = derive(4, "expression.hand").normal(3, GENES)[0]
    for life in range(LIVES):
        x = {}
        for group in DEEP.groups[:2]:
            place, width = genes[f"place.{group.name}"][life], genes[f"width.{group.name}"][life]
            x[group.name] = bumps(group.grid, place, width)
        x["hand"] = (genes["expression.hand"][life] if readout == "evolved" else fixed).tolist()
        for edge in DEEP.edges:
            o = genes["interaction" if interactions == "shared" else f"interaction.{edge.name}"][life]
            for i, j in np.ndindex(*DEEP.shape(edge)):
                pairs = np.ndindex(GENES, GENES)
                total = sum(x[edge.post][i][a] * o[a, b].item() * x[edge.pre][j][b] for a, b in pairs)
                expected = 1.5 * math.sqrt(3 / GENES) * total
                assert abs(born[edge.name].weight[life, i, j] - expected) < 1e-13


def test_twelve_gaussian_genes_are_180_numbers():
    spec = SpatialExpression(genes=12, bits=6).spec(SINGLE)
    assert spec.size == 12 * (12 + 3) == 180
    assert spec.bits == 1080
    assert SINGLE.synapses == 640


@pytest.mark.parametrize("sheets", [1, 2, 3])
def test_shared_interactions_are_g_times_g_plus_three_a_sheet(sheets):
    names = [f"sheet{i}" for i in range(sheets)] + ["hand"]
    groups = [Group(name, 16, grid=(4, 4)) for name in names[:-1]] + [Group("hand", 3)]
    topology = Topology(tuple(groups), tuple(f"{a} -> {b}" for a, b in pairwise(names)))
    assert SpatialExpression(genes=5, interactions="shared").spec(topology).size == 5 * (5 + 3 * sheets)
    assert SpatialExpression(genes=5).spec(topology).size == 5 * (5 * sheets + 3 * sheets)


def test_an_evolved_readout_is_genes_a_neuron():
    assert SpatialExpression(genes=5, readout="evolved").spec(SINGLE).size == 5 * (5 + 3) + 10 * 5


def test_widths_are_spaced_on_a_log_scale():
    field = next(f for f in SpatialExpression(narrowest=0.01, widest=1.0).spec(SINGLE).fields if "width" in f.name)
    assert (field.low, field.high, field.scale) == (0.01, 1.0, "log")


def test_the_random_readout_is_one_for_all_and_follows_its_seed():
    encoding = SpatialExpression(genes=GENES)
    genes = {name: g[:1].expand(LIVES, *g.shape[1:]) for name, g in genes_of(encoding, SINGLE).items()}
    first, second = grown(encoding, SINGLE, genes)["eye -> hand"].weight
    assert torch.equal(first, second)
    again = develop(encoding, genes, SINGLE, derive(9, "birth", 7, [5, 6])).projections["eye -> hand"].weight[0]
    assert torch.equal(first, again)
    other = grown(SpatialExpression(genes=GENES, readout_seed=1), SINGLE, genes)["eye -> hand"].weight[0]
    assert not torch.allclose(first, other)


def test_random_numbers_are_listed_beside_the_genome():
    listed = SpatialExpression(genes=12, readout_seed=4).constants(SINGLE)
    assert listed == {"scale": math.sqrt(3 / 12), "random numbers expressed by hand, from seed 4": 120}
    assert SpatialExpression(genes=12, readout="evolved").constants(SINGLE) == {"scale": math.sqrt(3 / 12)}
