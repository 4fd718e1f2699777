"""Constants and genes become tensors of one shape under one name, and are spread over synapses as configured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest
import torch

from genomes.errors import InputError
from genomes.evolvable import check_evolvables, evolvable_names, evolved_spec, expressed
from genomes.evolve import Evolvable, Evolve, Synaptic
from genomes.topology import Group, Topology

TOPOLOGY = Topology(
    (Group("eye", 4, types=2), Group("middle", 3, types=3), Group("hand", 2)),
    ("eye -> middle", "middle -> hand", "eye -> hand"),
)
NAMES = ["eye -> middle", "middle -> hand", "eye -> hand"]


@dataclass(frozen=True)
class Part:
    """A component with every sort of number."""

    momentum: Evolvable = 0.5
    rate: Annotated[Evolvable, Synaptic] = 0.25
    hidden: int = 3
    bound: float = 1.0

    def __post_init__(self) -> None:
        check_evolvables(self)


def grown(part: Part, lives: int = 2):
    """Its numbers, with genes counted upwards so that the test can recognise each."""
    spec = evolved_spec(part, TOPOLOGY)
    genes = {f.name: torch.arange(lives * f.size, dtype=torch.float64).reshape(lives, *f.shape) for f in spec.fields}
    return expressed(part, genes, TOPOLOGY, torch.zeros(lives, 7, 5, dtype=torch.float64))


def test_names_of_the_numbers_that_can_be_genes():
    assert evolvable_names(Part) == {"momentum": False, "rate": True}


def test_constants_need_no_genes_and_fill_the_same_shapes():
    assert evolved_spec(Part(), TOPOLOGY).fields == ()
    individual, synaptic = grown(Part())
    assert individual.keys() == {"momentum"}
    assert torch.equal(individual["momentum"], torch.full((2,), 0.5, dtype=torch.float64))
    assert list(synaptic["rate"]) == NAMES
    for values in synaptic["rate"].values():
        assert torch.equal(values, torch.full((2, 1, 1), 0.25, dtype=torch.float64))


def test_one_gene_for_the_individual():
    part = Part(momentum=Evolve((0.0, 1.0), bits=4), rate=Evolve((1e-3, 1.0), scale="log", bits=5))
    spec = evolved_spec(part, TOPOLOGY)
    assert [(f.name, f.shape, f.bits, f.scale) for f in spec.fields] == [
        ("momentum", (1,), 4, "linear"),
        ("rate", (1,), 5, "log"),
    ]
    individual, synaptic = grown(part)
    assert individual["momentum"].tolist() == [0.0, 1.0]
    for name in NAMES:
        assert synaptic["rate"][name].tolist() == [[[0.0]], [[1.0]]]


@pytest.mark.parametrize("per", ["individual", "projection"])
def test_genes_have_the_shape_of_constants(per):
    constant, gene = grown(Part()), grown(Part(Evolve((0.0, 1.0)), Evolve((0.0, 1.0), per=per)))
    assert constant[0]["momentum"].shape == gene[0]["momentum"].shape
    assert constant[0]["momentum"].dtype == gene[0]["momentum"].dtype
    for name in NAMES:
        assert constant[1]["rate"][name].shape == gene[1]["rate"][name].shape


def test_one_gene_a_projection():
    part = Part(rate=Evolve((0.0, 1.0), per="projection"))
    assert [f.shape for f in evolved_spec(part, TOPOLOGY).fields] == [(3,)]
    _, synaptic = grown(part)
    for i, name in enumerate(NAMES):
        assert synaptic["rate"][name].tolist() == [[[float(i)]], [[3.0 + i]]]


def test_one_gene_a_pair_of_cell_types():
    part = Part(rate=Evolve((0.0, 1.0), per="types"))
    pairs = 3 * 2 + 1 * 3 + 1 * 2
    assert [f.shape for f in evolved_spec(part, TOPOLOGY).fields] == [(pairs,)]
    _, synaptic = grown(part)
    start = 0
    for edge in TOPOLOGY.edges:
        post, pre = TOPOLOGY.group(edge.post), TOPOLOGY.group(edge.pre)
        values = synaptic["rate"][edge.name]
        assert values.shape == (2, post.size, pre.size)
        for life in range(2):
            for i in range(post.size):
                for j in range(pre.size):
                    gene = start + (i % post.types) * pre.types + j % pre.types
                    assert values[life, i, j] == life * pairs + gene
        start += post.types * pre.types
    assert start == pairs


@pytest.mark.parametrize("per", ["projection", "types"])
def test_a_number_of_the_individual_cannot_differ_between_synapses(per):
    with pytest.raises(InputError) as raised:
        Part(momentum=Evolve((0.0, 1.0), per=per))
    assert str(raised.value) == (f"Part.momentum.per: expected individual (the number is not synaptic), got {per!r}")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_constant_is_finite(number):
    with pytest.raises(InputError) as raised:
        Part(rate=number)
    assert str(raised.value) == f"Part.rate: expected a finite number, got {number}"


def test_synapses_share_their_numbers_by_lot_and_evenly():
    """A cyclic assignment would put the same number after each, along rows and from one projection to the next."""
    topology, shared = Topology((Group("eye", 20), Group("hand", 20)), ("eye -> hand", "hand -> hand")), 5
    part = Part(rate=Evolve((0.0, 1.0), per="synapse", shared=shared))
    genes = {"rate": torch.arange(2.0 * shared).reshape(2, shared)}
    spread = expressed(part, genes, topology, torch.zeros(2, 1, 1))[1]["rate"]
    flat = torch.cat([spread[edge.name].flatten(1) for edge in topology.edges], dim=1)
    assert torch.equal(flat[1], flat[0] + shared), "the lot is the same for all"
    order = flat[0].int().tolist()
    assert [order.count(number) for number in range(shared)] == [800 // shared] * shared
    for step in (1, 20):
        assert len(set(zip(order, order[step:], strict=False))) == shared**2, "each follows on each"
