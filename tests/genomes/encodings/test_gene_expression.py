"""W = X O X^T written again as loops over neurons and genes, and the bits of silent genes counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from genomes.encoding import develop, encoding_spec
from genomes.encodings.gene_expression import GeneExpression
from genomes.streams import derive
from genomes.topology import Group, Topology

TOPOLOGY = Topology(
    (Group("eye", 5), Group("hidden", 4, "tanh"), Group("hand", 2)),
    ("eye -> hidden", "hidden -> hand", "hidden -> hidden"),
)
LIVES, GENES = 2, 3


def genes_of(encoding: GeneExpression):
    spec = encoding_spec(encoding, TOPOLOGY)
    units = derive(0, "genes", owners=range(LIVES)).uniform(spec.size).numpy()
    return spec.genes(spec.quantise(units), dtype=torch.float64)


@pytest.mark.parametrize("interactions", ["projection", "shared"])
@pytest.mark.parametrize("switches", [False, True])
def test_weights_against_loops(interactions, switches):
    encoding = GeneExpression(genes=GENES, interactions=interactions, switches=switches, gain=1.5)
    genes = genes_of(encoding)
    weights = develop(encoding, genes, TOPOLOGY, derive(0, "birth", owners=range(LIVES))).projections
    on = genes["switch"] if switches else torch.ones(LIVES, GENES)
    assert not switches or 0 < on.sum() < on.numel()
    for edge in TOPOLOGY.edges:
        post, pre = TOPOLOGY.shape(edge)
        x_post, x_pre = genes[f"expression.{edge.post}"], genes[f"expression.{edge.pre}"]
        o = genes["interaction" if interactions == "shared" else f"interaction.{edge.name}"]
        for life, i, j in np.ndindex(LIVES, post, pre):
            total = 0.0
            for a, b in np.ndindex(GENES, GENES):
                if on[life, a] and on[life, b]:
                    total += x_post[life, i, a] * o[life, a, b] * x_pre[life, j, b]
            expected = 1.5 * math.sqrt(27 / pre) / GENES * total
            assert abs(weights[edge.name].weight[life, i, j] - expected) < 1e-13


@pytest.mark.parametrize("switches", [False, True])
def test_expressed_biases_against_loops(switches):
    encoding = GeneExpression(genes=GENES, switches=switches, gain=1.5)
    genes = genes_of(encoding)
    groups = develop(encoding, genes, TOPOLOGY, derive(0, "birth", owners=range(LIVES))).groups
    on = genes["switch"] if switches else torch.ones(LIVES, GENES)
    assert groups.keys() == {"hidden", "hand"}
    for name, tensors in groups.items():
        x, b = genes[f"expression.{name}"], genes[f"bias.{name}"]
        assert b.shape == (LIVES, GENES)
        for life, i in np.ndindex(LIVES, TOPOLOGY.group(name).size):
            expected = sum(x[life, i, a] * b[life, a] for a in range(GENES) if on[life, a])
            assert abs(tensors["bias"][life, i] - expected) < 1e-14


def test_direct_biases_and_none():
    encoding = GeneExpression(genes=GENES, bias="direct", gain=1.5)
    genes = genes_of(encoding)
    groups = develop(encoding, genes, TOPOLOGY, derive(0, "birth", owners=range(LIVES))).groups
    assert {name: tuple(tensors["bias"].shape) for name, tensors in groups.items()} == {
        "hidden": (2, 4),
        "hand": (2, 2),
    }
    assert all(torch.equal(tensors["bias"], genes[f"bias.{name}"]) for name, tensors in groups.items())
    encoding = GeneExpression(genes=GENES, bias="none")
    assert not any(name.startswith("bias") for name in genes_of(encoding))
    assert develop(encoding, genes_of(encoding), TOPOLOGY, derive(0, "birth", owners=range(LIVES))).groups == {}


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({}, (5 + 4 + 2) * 3 + 3 * 9 + 2 * 3),
        ({"interactions": "shared"}, (5 + 4 + 2) * 3 + 9 + 2 * 3),
        ({"bias": "direct"}, (5 + 4 + 2) * 3 + 3 * 9 + 4 + 2),
        ({"bias": "none"}, (5 + 4 + 2) * 3 + 3 * 9),
    ],
)
def test_size_counted_by_hand(options, numbers):
    spec = GeneExpression(genes=GENES, bits=5, **options).spec(TOPOLOGY)
    assert spec.size == numbers
    assert spec.bits == 5 * numbers
    switched = GeneExpression(genes=GENES, bits=5, switches=True, **options).spec(TOPOLOGY)
    assert switched.size == numbers + 3
    assert switched.bits == 5 * numbers + 3


@pytest.mark.parametrize(("interactions", "tables"), [("projection", 3), ("shared", 1)])
@pytest.mark.parametrize("bias", ["expressed", "direct", "none"])
def test_expressed_bits_counted_by_hand(interactions, tables, bias):
    encoding = GeneExpression(genes=GENES, bits=5, interactions=interactions, bias=bias, switches=True)
    switch = torch.tensor([[0, 0, 0], [0, 1, 0], [1, 0, 1], [1, 1, 1]], dtype=torch.float64)
    bits = encoding.expressed_bits({"switch": switch}, TOPOLOGY)
    expected = []
    for on in (0, 1, 2, 3):
        biases = {"expressed": 2 * on, "direct": 4 + 2, "none": 0}[bias]
        expected.append(3 + 5 * ((5 + 4 + 2) * on + tables * on * on + biases))
    assert bits.tolist() == expected
    assert bits[-1] == encoding.spec(TOPOLOGY).bits


def test_without_switches_every_bit_is_expressed():
    assert GeneExpression().expressed_bits({}, TOPOLOGY) is None


def test_a_silent_gene_has_no_influence():
    encoding = GeneExpression(genes=GENES, switches=True)
    genes = {**genes_of(encoding), "switch": torch.tensor([[1.0, 0.0, 1.0]] * LIVES, dtype=torch.float64)}
    born = develop(encoding, genes, TOPOLOGY, derive(0, "birth", owners=range(LIVES)))
    other = {name: values.clone() for name, values in genes.items()}
    for name, values in other.items():
        if name.startswith("expression"):
            values[:, :, 1] = 9.0
        if name.startswith("interaction"):
            values[:, 1, :] = values[:, :, 1] = -9.0
        if name.startswith("bias"):
            values[:, 1] = 9.0
    changed = develop(encoding, other, TOPOLOGY, derive(0, "birth", owners=range(LIVES)))
    for name, synapses in born.projections.items():
        assert torch.equal(synapses.weight, changed.projections[name].weight)
    for name, group in born.groups.items():
        assert torch.equal(group["bias"], changed.groups[name]["bias"])
