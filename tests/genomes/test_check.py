"""Every registered encoding keeps the contract; if one breaks a clause, the error names the clause."""

from dataclasses import dataclass, replace

import pytest
import torch

from genomes.check import SPECIMEN, check_encoding
from genomes.encoding import Encoding
from genomes.encodings import ENCODINGS
from genomes.encodings.direct import Direct
from genomes.encodings.gene_expression import GeneExpression
from genomes.encodings.genomic_bottleneck import GenomicBottleneck
from genomes.encodings.spatial_expression import SpatialExpression
from genomes.errors import InputError
from genomes.evolve import Evolve
from genomes.phenotype import Synapses
from genomes.topology import layered

GAIN = Evolve((0.1, 10.0), scale="log")
VARIANTS = [
    *(encoding() for encoding in ENCODINGS),
    GeneExpression(genes=3, switches=True, interactions="shared", bias="direct", gain=GAIN),
    GeneExpression(genes=3, switches=True),
    SpatialExpression(genes=4, readout="evolved", interactions="shared", gain=GAIN),
    GenomicBottleneck(hidden=4, second=3, tags="gray", fan_in=False, gain=GAIN),
    Direct(bits=3, bias=True, gain=GAIN),
]


@pytest.mark.parametrize("encoding", VARIANTS, ids=repr)
def test_encodings_keep_their_contract(encoding):
    said = check_encoding(encoding)
    assert ("expressed bits lie between 0 and the bits of the genome" in said) == getattr(encoding, "switches", False)


def test_another_topology_may_be_asked_for():
    said = check_encoding(GeneExpression(), layered(4, 3, 2))
    assert any(sentence.startswith("layer0 -> layer1") for sentence in said)


@dataclass(frozen=True)
class Broken(Encoding):
    """The direct encoding with one fault."""

    fault: str

    def spec(self, topology):
        spec = Direct(bias=True).spec(topology)
        if self.fault == "empty":
            return replace(spec, fields=())
        return spec

    def develop(self, genes, topology, streams):
        grown = Direct(bias=True).develop(
            {**genes, "gain": torch.ones_like(genes["bias.output"][:, 0])}, topology, streams
        )
        synapses = grown.projections["input -> output"]
        weight = synapses.weight
        if self.fault == "noise":
            weight = weight + torch.rand(())
        elif self.fault == "place":
            weight = weight + torch.arange(len(weight), dtype=weight.dtype)[:, None, None]
        elif self.fault == "mean":
            weight = weight - weight.mean(0) * 1e-9
        elif self.fault == "nan":
            weight = weight + 0.0 * weight.sum()
        elif self.fault == "infinite":
            weight = weight / 0.0
        elif self.fault == "shared chance":
            weight = weight + streams.normal(1, 1).to(weight)[:1]
        mask = weight > 0 if self.fault == "mask" else None
        changed = Synapses(weight, mask)
        if self.fault == "double":
            changed = Synapses(weight.double())
        if self.fault == "parameter":
            changed = Synapses(weight, None, {"rate": torch.ones(7)})
        groups = (
            {"hidden": {"threshold": grown.groups["hidden"]["bias"][:, :1]}} if self.fault == "neuron" else grown.groups
        )
        if self.fault == "constant":
            changed = Synapses(torch.zeros_like(weight))
            return replace(
                grown, projections={n: Synapses(torch.ones_like(s.weight)) for n, s in grown.projections.items()}
            )
        return replace(grown, projections={**grown.projections, "input -> output": changed}, groups=groups)

    def expressed_bits(self, genes, topology):
        count = len(next(iter(genes.values())))
        return torch.full((count,), 1e9, dtype=torch.float64) if self.fault == "bits" else None

    def constants(self, topology):
        return {"matrix": torch.ones(2)} if self.fault == "constants" else {}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("empty", "raised "),
        ("noise", "the same bytes"),
        ("place", "in another order"),
        ("mean", "in another order|in another cohort"),
        ("nan", "leave the other individuals' bytes alone"),
        ("infinite", "founders are finite"),
        ("shared chance", "in another order"),
        ("mask", "did not grow has the weight 0"),
        ("double", "of the genes' type"),
        ("parameter", r"that spreads to \(32, 5, 12\), got \(7,\)"),
        ("neuron", r"\(32, 9\), got \(32, 1\)"),
        ("constant", "another genome grows another network"),
        ("bits", "between 0 and the bits"),
        ("constants", "is listed"),
    ],
)
def test_a_broken_encoding_is_told_what_is_broken(fault, words):
    assert check_encoding(Broken("none"))
    with pytest.raises(InputError, match=words):
        check_encoding(Broken(fault))


def test_an_encoding_that_raises_is_told_where():
    @dataclass(frozen=True)
    class Raising(Broken):
        def develop(self, genes, topology, streams):
            return genes["no such gene"]

    with pytest.raises(InputError, match=r"Raising: develop\(\), line \d+: raised KeyError: 'no such gene'"):
        check_encoding(Raising("none"), SPECIMEN)
