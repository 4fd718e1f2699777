"""Every encoding lists its rules; a silenced rule disappears from the network, and nothing else changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from genomes.check import SPECIMEN, check_encoding
from genomes.encoding import Encoding, develop, encoding_spec
from genomes.encodings.alleles import Alleles
from genomes.encodings.direct import Direct
from genomes.encodings.gene_expression import GeneExpression
from genomes.encodings.genomic_bottleneck import GenomicBottleneck
from genomes.encodings.random_wiring import RandomWiring
from genomes.encodings.spatial_expression import SpatialExpression
from genomes.errors import InputError
from genomes.phenotype import Phenotype
from genomes.spec import Field, GenomeSpec
from genomes.streams import derive
from genomes.topology import Topology, layered
from genomes.wiring_rule import WiringRule, of_fields, of_synapses

ENCODINGS = [
    GeneExpression(genes=3),
    GeneExpression(genes=3, interactions="shared", bias="direct"),
    GeneExpression(genes=3, bias="none", switches=True),
    SpatialExpression(genes=3),
    SpatialExpression(genes=3, readout="evolved", interactions="shared"),
    GenomicBottleneck(hidden=3, second=2),
    Alleles(),
    Direct(bias=True),
]


def grown(encoding: Encoding, silenced: list[WiringRule], topology: Topology = SPECIMEN) -> Phenotype:
    """A founder without some of its rules."""
    spec = encoding_spec(encoding, topology)
    levels = spec.quantise(derive(3, "founder").uniform(spec.size).numpy())
    edits = np.full((1, spec.size), np.nan)
    for rule in silenced:
        for name, index in rule.positions:
            edits[0, spec.slices[name].start + index] = rule.silent
    return develop(encoding, spec.genes(levels, torch.float64, edits=edits), topology, derive(0, "birth", owners=[0]))


def weights(newborn: Phenotype) -> dict[str, torch.Tensor]:
    return {name: synapses.weight[0] for name, synapses in newborn.projections.items()}


@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_without_all_its_rules_a_genome_wires_nothing(encoding):
    rules = encoding.rules(SPECIMEN)
    for kind in {rule.kind for rule in rules} if not isinstance(encoding, GenomicBottleneck) else {"rule"}:
        silent = grown(encoding, [rule for rule in rules if rule.kind == kind])
        assert all((weight == 0).all() for weight in weights(silent).values()), kind
    nothing = grown(encoding, list(rules))
    assert all((by["bias"] == 0).all() for by in nothing.groups.values())


@pytest.mark.parametrize("encoding", ENCODINGS, ids=repr)
def test_a_rule_of_a_projection_leaves_the_others_alone(encoding):
    full = weights(grown(encoding, []))
    rules = [rule for rule in encoding.rules(SPECIMEN) if rule.projection]
    for rule in rules:
        without = weights(grown(encoding, [rule]))
        assert all(torch.equal(without[n], full[n]) for n in full if n != rule.projection), rule.name
    # a unit of g may be silent for all of its inputs, and a gene may be switched off
    if not isinstance(encoding, GenomicBottleneck) and not getattr(encoding, "switches", False):
        assert all(not torch.equal(weights(grown(encoding, [r]))[r.projection], full[r.projection]) for r in rules)


def test_an_interaction_joins_the_genes_that_it_names():
    encoding = GeneExpression(genes=3, bias="none")
    rule = next(r for r in encoding.rules(SPECIMEN) if r.name == "input gene 2 -> hidden gene 1")
    assert rule.positions == (("interaction.input -> hidden", 1 * 3 + 2),)
    assert (rule.pre, rule.post) == ("neurons of input that express gene 2", "neurons of hidden that express gene 1")
    spec = encoding.spec(SPECIMEN)
    levels = spec.quantise(derive(3, "founder").uniform(spec.size).numpy())
    genes = spec.genes(levels, torch.float64)
    value = genes["interaction.input -> hidden"][0, 1, 2]
    product = torch.outer(genes["expression.hidden"][0, :, 1], genes["expression.input"][0, :, 2]) * value
    scale = encoding.constants(SPECIMEN)["scale of input -> hidden"]
    change = weights(grown(encoding, []))["input -> hidden"] - weights(grown(encoding, [rule]))["input -> hidden"]
    assert torch.allclose(change, scale * product, atol=1e-12)


def test_a_gene_takes_direct_biases_with_it_only_where_they_are_expressed():
    """Also if a group has as many neurons as there are genes."""
    for bias, silenced in (("expressed", True), ("direct", False)):
        encoding = GeneExpression(genes=5, bias=bias)
        gene = next(rule for rule in encoding.rules(SPECIMEN) if rule.name == "gene 4")
        assert (("bias.output", 4) in gene.positions) is silenced


def test_pairs_of_cell_types_are_rules():
    rules = {rule.name: rule for rule in Direct().rules(SPECIMEN) if rule.kind == "rule"}
    assert list(rules)[:2] == ["input -> hidden type 0", "input -> hidden type 1"]
    assert len(rules) == 3 + 3 + 1, "three types of hidden, after input and before output, and no type elsewhere"
    assert [rule.kind for rule in Direct().rules(layered(3, 2))] == ["gene"] * 6
    change = weights(grown(Direct(), []))["hidden -> output"]
    change = change - weights(grown(Direct(), [rules["hidden type 1 -> output"]]))["hidden -> output"]
    assert (change != 0).all(0).tolist() == [kind == 1 for kind in SPECIMEN.group("hidden").cell_types.tolist()]


def test_synapses_are_units_while_they_are_few_and_then_neurons_and_then_blocks_of_them():
    assert len(of_synapses("weight", layered(4, 8, 2))) == 48
    rows = of_synapses("weight", layered(30, 20, 4))
    assert len(rows) == 24
    assert rows[0].positions == tuple(("weight.layer0 -> layer1", k) for k in range(30))
    large = layered(30, 300, 10)
    blocks = of_synapses("weight", large)
    assert len(blocks) <= 96
    assert sorted(p for b in blocks for p in b.positions) == sorted(
        p for edge in large.edges for p in ((f"weight.{edge.name}", k) for k in range(np.prod(large.shape(edge))))
    ), "every synapse belongs to one block"


def test_unknown_fields_are_units_number_by_number_or_as_a_whole():
    spec = GenomeSpec((Field("few", (2, 3)), Field("one"), Field("many", (65,)), Field("none", (0,))))
    units = of_fields(spec)
    assert [unit.name for unit in units] == [*(f"few {k}" for k in range(6)), "one", "many"]
    assert len(units[-1].positions) == 65
    assert RandomWiring().rules(SPECIMEN) == ()


@dataclass(frozen=True)
class Stranger(Encoding):
    """A weight a number, with a rule that the genome does not have."""

    def spec(self, topology):
        return Direct().spec(topology)

    def develop(self, genes, topology, streams):
        return Direct().develop(
            {"gain": torch.ones_like(next(iter(genes.values()))[:, 0, 0]), **genes}, topology, streams
        )

    def rules(self, topology):
        return (WiringRule("lost", "rule", (("weight.input -> hidden", 12 * 9),)),)


def test_the_contract_finds_a_rule_of_numbers_that_do_not_exist():
    assert "every number of a rule is one of the genome's" in check_encoding(Direct())
    with pytest.raises(InputError, match="every number of a rule"):
        check_encoding(Stranger())


def test_a_rule_has_numbers_and_a_finite_silence():
    with pytest.raises(InputError, match="at least one number"):
        WiringRule("empty", "rule", ())
    with pytest.raises(InputError, match="finite"):
        WiringRule("loud", "rule", (("a", 0),), silent=float("inf"))
