"""The g-network against a plain nn.Sequential that is fed with both neurons' tags, pair by pair."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from genomes.encoding import develop, encoding_spec
from genomes.encodings import genomic_bottleneck
from genomes.encodings.genomic_bottleneck import GenomicBottleneck
from genomes.streams import derive
from genomes.topology import Group, Topology, layered

TOPOLOGY = Topology(
    (Group("eye", 5), Group("hidden", 9, "tanh"), Group("hand", 3)),
    ("eye -> hidden", "hidden -> hand", "eye -> hand", "hidden -> hidden", "hand -> hidden"),
)
LIVES = 3


def genes_of(encoding: GenomicBottleneck, topology: Topology = TOPOLOGY, lives: int = LIVES):
    spec = encoding_spec(encoding, topology)
    units = derive(0, "genes", owners=range(lives)).uniform(spec.size).numpy()
    return spec.genes(spec.quantise(units), dtype=torch.float64)


def grown(encoding, topology=TOPOLOGY, lives=LIVES):
    genes = genes_of(encoding, topology, lives)
    return genes, develop(encoding, genes, topology, derive(0, "birth", owners=range(lives))).projections


def tag_by_hand(group: Group, neuron: int, code: str) -> list[float]:
    if group.name == "hand":
        return [float(i == neuron) for i in range(group.size)]
    number = neuron ^ (neuron >> 1) if code == "gray" else neuron
    return [float(bit) for bit in reversed(f"{number:0{max(1, math.ceil(math.log2(group.size)))}b}")]


def g_network(genes, name: str, life: int) -> nn.Sequential:
    layers = []
    for layer in range(3):
        weight, bias = genes[f"{name}.weight{layer}"][life], genes[f"{name}.bias{layer}"][life]
        linear = nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
        linear.load_state_dict({"weight": weight, "bias": bias})
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@pytest.mark.parametrize("code", ["binary", "gray"])
@pytest.mark.parametrize("fan_in", [True, False])
def test_weights_are_what_a_plain_network_says_of_the_two_tags(code, fan_in):
    encoding = GenomicBottleneck(hidden=4, second=3, tags=code, fan_in=fan_in, gain=1.5)
    genes, born = grown(encoding)
    for edge in TOPOLOGY.edges:
        post, pre = TOPOLOGY.group(edge.post), TOPOLOGY.group(edge.pre)
        tags = [
            tag_by_hand(post, i, code) + tag_by_hand(pre, j, code) for i in range(post.size) for j in range(pre.size)
        ]
        scale = 1.5 / math.sqrt(pre.size) if fan_in else 1.5
        for life in range(LIVES):
            with torch.no_grad():
                said = g_network(genes, edge.name, life)(torch.tensor(tags, dtype=torch.float64))
            expected = scale * said.view(post.size, pre.size)
            assert expected.std() > 0
            assert (born[edge.name].weight[life] - expected).abs().max() < 1e-13


@pytest.mark.parametrize(("hidden", "parameters"), [(1, 96), (5, 312), (10, 582)])
def test_parameters_on_64_256_10(hidden, parameters):
    # by hand: two g-nets with 14 and 18 tag bits; each layer's weights and biases
    by_hand = sum(bits * hidden + hidden + hidden * 10 + 10 + 10 + 1 for bits in (6 + 8, 8 + 10))
    assert by_hand == parameters
    spec = GenomicBottleneck(hidden=hidden, bits=6).spec(layered(64, 256, 10))
    assert spec.size == parameters
    assert spec.bits == 6 * parameters


@pytest.mark.parametrize("size", [1, 2, 3, 8, 9, 64])
def test_tags_are_different_for_every_neuron(size):
    topology = layered(size, 4, 10)
    for code in ("binary", "gray"):
        encoding = GenomicBottleneck(tags=code)
        tag = encoding.tag(topology.sensory, topology)
        assert tag.shape == (size, max(1, math.ceil(math.log2(size))))
        assert len({tuple(row) for row in tag.tolist()}) == size
        assert torch.equal(encoding.tag(topology.output, topology), torch.eye(10))


def test_binary_and_gray_tags():
    topology = layered(8, 4, 2)
    binary = GenomicBottleneck(tags="binary").tag(topology.sensory, topology)
    assert (binary @ torch.tensor([1.0, 2.0, 4.0])).tolist() == list(range(8))
    gray = GenomicBottleneck(tags="gray").tag(topology.sensory, topology)
    assert all((a - b).abs().sum() == 1 for a, b in pairwise(gray))
    assert any((a - b).abs().sum() > 1 for a, b in pairwise(binary))


@pytest.mark.parametrize("at_once", [1, 2, 3, 5])
def test_unfolding_a_few_at_a_time_changes_nothing(monkeypatch, at_once):
    encoding = GenomicBottleneck(hidden=4, second=3)
    _, whole = grown(encoding, lives=7)
    monkeypatch.setattr(genomic_bottleneck, "_LARGEST", at_once * 4 * 9 * 9)
    _, parts = grown(encoding, lives=7)
    for name, synapses in whole.items():
        assert parts[name].weight.shape == synapses.weight.shape
        assert torch.allclose(parts[name].weight, synapses.weight, rtol=0, atol=1e-14)


def test_genes_reach_as_far_as_said():
    fields = GenomicBottleneck(reach=0.5, bits=4).spec(TOPOLOGY).fields
    assert {(f.low, f.high, f.bits) for f in fields} == {(-0.5, 0.5, 4)}
