"""Properties of all encodings: gain, differentiability, founders' variance, errors."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from genomes.encoding import develop, encoding_spec
from genomes.encodings import ENCODINGS
from genomes.encodings.alleles import Alleles
from genomes.encodings.direct import Direct
from genomes.encodings.gene_expression import GeneExpression
from genomes.encodings.genomic_bottleneck import GenomicBottleneck
from genomes.encodings.random_wiring import RandomWiring
from genomes.encodings.spatial_expression import SpatialExpression
from genomes.errors import InputError
from genomes.evolve import Evolve
from genomes.spec import Genes
from genomes.streams import derive
from genomes.topology import Group, Topology, layered

SMALL = Topology(
    (Group("eye", 6, grid=(3, 2)), Group("hidden", 4, "tanh", grid=(2, 2)), Group("hand", 3)),
    ("eye -> hidden", "hidden -> hand", "eye -> hand", "hidden -> hidden", "hand -> hidden"),
)
VARIANTS = [
    GeneExpression(genes=2),
    GeneExpression(genes=2, interactions="shared", bias="direct"),
    GeneExpression(genes=2, bias="none", switches=True),
    SpatialExpression(genes=2),
    SpatialExpression(genes=2, readout="evolved", interactions="shared"),
    GenomicBottleneck(hidden=2, second=2),
    GenomicBottleneck(hidden=2, second=2, tags="gray", fan_in=False),
    Direct(),
    Direct(bias=True),
    RandomWiring(gain=1.0),
    RandomWiring(gain=1.0, fan_in=True),
]


def name_of(encoding) -> str:
    return repr(encoding)


def random_genes(encoding, topology: Topology, lives: int, dtype=torch.float64, seed: int = 0) -> Genes:
    spec = encoding_spec(encoding, topology)
    units = derive(seed, "founders", owners=range(lives)).uniform(spec.size).numpy()
    return spec.genes(spec.quantise(units), dtype=dtype)


def grown(encoding, topology: Topology = SMALL, lives: int = 3, genes: Genes | None = None, dtype=torch.float64):
    genes = random_genes(encoding, topology, lives) if genes is None else genes
    return develop(encoding, genes, topology, derive(0, "birth", owners=range(lives)), dtype)


def test_every_registered_encoding_is_tried():
    assert {type(v) for v in VARIANTS} == set(ENCODINGS) - {Alleles}, "alleles have no gain and are no real numbers"


@pytest.mark.parametrize("encoding", VARIANTS, ids=name_of)
def test_individuals_of_a_cohort_grow_as_they_would_alone(encoding):
    genes = random_genes(encoding, SMALL, 3)
    together = grown(encoding, genes=genes)
    for life in range(3):
        one = {name: g[life : life + 1] for name, g in genes.items()}
        alone = develop(encoding, one, SMALL, derive(0, "birth", owners=[life]), torch.float64)
        for name, synapses in together.projections.items():
            assert torch.allclose(synapses.weight[life], alone.projections[name].weight[0], rtol=0, atol=1e-13)
        for name, group in together.groups.items():
            assert torch.allclose(group["bias"][life], alone.groups[name]["bias"][0], rtol=0, atol=1e-13)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("encoding", VARIANTS, ids=name_of)
def test_networks_have_the_precision_of_their_genes(encoding, dtype):
    phenotype = grown(encoding, genes=random_genes(encoding, SMALL, 3, dtype), dtype=dtype)
    assert all(s.weight.dtype == dtype for s in phenotype.projections.values())
    assert all(g["bias"].dtype == dtype for g in phenotype.groups.values())
    assert all(torch.isfinite(s.weight).all() for s in phenotype.projections.values())


@pytest.mark.parametrize("encoding", VARIANTS, ids=name_of)
def test_gain_multiplies_every_weight_as_a_constant_and_as_a_gene(encoding):
    genes = random_genes(encoding, SMALL, 3)
    plain = grown(encoding, genes=genes)
    constant = grown(replace(encoding, gain=2.5), genes=genes)
    evolving = replace(encoding, gain=Evolve((0.5, 4.0), bits=3))
    spec = encoding_spec(evolving, SMALL)
    assert spec.size == encoding_spec(encoding, SMALL).size + 1
    assert spec.bits == encoding_spec(encoding, SMALL).bits + 3
    assert spec.fields[-1].name == "gain"
    gains = torch.tensor([[0.5], [1.0], [4.0]], dtype=torch.float64)
    evolved = grown(evolving, genes={**genes, "gain": gains})
    for name, synapses in plain.projections.items():
        assert synapses.weight.abs().sum() > 0
        assert torch.allclose(constant.projections[name].weight, 2.5 * synapses.weight, rtol=1e-12)
        assert torch.allclose(evolved.projections[name].weight, gains[:, :, None] * synapses.weight, rtol=1e-12)
    for name, group in plain.groups.items():
        assert torch.equal(constant.groups[name]["bias"], group["bias"])


@pytest.mark.slow
@pytest.mark.parametrize("encoding", VARIANTS, ids=name_of)
def test_development_is_differentiable_in_the_genes(encoding):
    encoding = replace(encoding, gain=Evolve((0.5, 2.0)))
    topology = Topology((Group("eye", 4, grid=(2, 2)), Group("hand", 2)), ("eye -> hand",))
    genes = random_genes(encoding, topology, 2, seed=3)
    names = list(genes)

    def unfold(*values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        phenotype = grown(encoding, topology, 2, dict(zip(names, values, strict=True)))
        biases = [group["bias"] for group in phenotype.groups.values()]
        return (*[s.weight for s in phenotype.projections.values()], *biases)

    values = [genes[name].clone().requires_grad_() for name in names]
    assert torch.autograd.gradcheck(unfold, values)
    gradients = torch.autograd.grad(sum(out.square().sum() for out in unfold(*values)), values)
    for name, gradient in zip(names, gradients, strict=True):
        assert gradient.abs().sum() > 0, f"nothing depends on {name}"


@pytest.mark.parametrize("encoding", [GeneExpression(bits=12), Direct(bits=12)], ids=name_of)
def test_founders_weights_have_the_variance_one_over_fan_in(encoding):
    topology = layered(50, 20, 5)
    phenotype = grown(encoding, topology, 400)
    for edge in topology.edges:
        weight = phenotype.projections[edge.name].weight
        assert abs(weight.var().item() * topology.shape(edge)[1] - 1) < 0.1
        assert abs(weight.mean().item()) < 0.01


@pytest.mark.parametrize("encoding", VARIANTS, ids=name_of)
def test_listed_constants_are_finite_numbers_by_name(encoding):
    constants = encoding.constants(SMALL)
    assert constants
    assert all(isinstance(name, str) and math.isfinite(value) for name, value in constants.items())


@pytest.mark.parametrize("encoding", VARIANTS, ids=name_of)
def test_an_encoding_is_a_value(encoding):
    assert replace(encoding) == encoding
    assert hash(replace(encoding)) == hash(encoding)
    with pytest.raises(AttributeError):
        encoding.gain = 2.0


def test_direct_against_its_formula():
    for encoding in (Direct(), Direct(bias=True)):
        genes = random_genes(encoding, SMALL, 2)
        phenotype = grown(encoding, lives=2, genes=genes)
        for edge in SMALL.edges:
            post, pre = SMALL.shape(edge)
            for life, i, j in np.ndindex(2, post, pre):
                expected = genes[f"weight.{edge.name}"][life, i, j] * math.sqrt(3 / pre)
                assert abs(phenotype.projections[edge.name].weight[life, i, j] - expected) < 1e-14
        biased = {name: group["bias"] for name, group in phenotype.groups.items()}
        assert biased.keys() == ({"hidden", "hand"} if encoding.bias else set())
        assert all(torch.equal(bias, genes[f"bias.{name}"]) for name, bias in biased.items())
    assert Direct(bits=3).spec(SMALL).bits == 3 * SMALL.synapses
    assert Direct(bits=3, bias=True).spec(SMALL).bits == 3 * (SMALL.synapses + 4 + 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GeneExpression(genes=0), "GeneExpression.genes: expected at least 1, got 0"),
        (lambda: GeneExpression(bits=17), "GeneExpression.bits: expected 1 to 16, got 17"),
        (lambda: SpatialExpression(genes=0), "SpatialExpression.genes: expected at least 1, got 0"),
        (lambda: SpatialExpression(bits=0), "SpatialExpression.bits: expected 1 to 16, got 0"),
        (
            lambda: SpatialExpression(narrowest=1.0, widest=0.5),
            "SpatialExpression: expected 0 < narrowest < widest, got [1.0, 0.5]",
        ),
        (
            lambda: SpatialExpression(narrowest=0.0),
            "SpatialExpression: expected 0 < narrowest < widest, got [0.0, 1.0]",
        ),
        (
            lambda: SpatialExpression().spec(layered(4, 2)),
            "SpatialExpression: expected a group with a grid, got 'none'",
        ),
        (lambda: GenomicBottleneck(hidden=0), "GenomicBottleneck.hidden: expected at least 1, got 0"),
        (lambda: GenomicBottleneck(second=0), "GenomicBottleneck.second: expected at least 1, got 0"),
        (lambda: GenomicBottleneck(bits=0), "GenomicBottleneck.bits: expected 1 to 16, got 0"),
        (lambda: GenomicBottleneck(reach=0.0), "GenomicBottleneck.reach: expected a number above 0, got 0.0"),
        (lambda: Direct(bits=0), "Direct.bits: expected 1 to 16, got 0"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(make, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        make()


@pytest.mark.parametrize("kind", ENCODINGS)
def test_the_gain_is_finite_and_belongs_to_the_individual(kind):
    if "gain" not in kind.__dataclass_fields__:
        return
    with pytest.raises(InputError, match=rf"^{kind.__name__}\.gain: expected a finite number, got nan$"):
        kind(gain=float("nan"))
    message = rf"^{kind.__name__}\.gain\.per: expected individual \(the number is not synaptic\), got 'projection'$"
    with pytest.raises(InputError, match=message):
        kind(gain=Evolve((0.0, 1.0), per="projection"))
