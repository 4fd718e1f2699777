"""The contract of an encoding, written as code: it checks the encodings of instinct and user-defined ones."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from genomes.contract import Clauses
from genomes.encoding import Encoding, develop, encoding_spec
from genomes.phenotype import Phenotype
from genomes.spec import Genes, GenomeSpec
from genomes.streams import derive
from genomes.topology import Group, Topology

_COHORT = 4
_FOUNDERS = 32
_WRONG = 1  # the individual whose genes are set to nan

SPECIMEN = Topology(
    (Group("input", 12, grid=(4, 3)), Group("hidden", 9, "tanh", grid=(3, 3), types=3), Group("output", 5)),
    ("input -> hidden", "hidden -> output", "input -> output"),
)
"""The topology on which an encoding is tried: two sheets, a hidden group, a skip projection."""


def check_encoding(encoding: Encoding, topology: Topology | None = None) -> list[str]:
    """Checks the contract of an encoding; returns the clauses that hold, one sentence each.

    Args:
        topology: the topology to test it on; by default a small one with a skip projection.

    Raises:
        InputError: the first clause that does not hold, or an error that the encoding itself raises, in one sentence.
    """
    return Clauses(encoding).through(lambda clauses: _encoding(clauses, encoding, topology or SPECIMEN))


def _encoding(clauses: Clauses, encoding: Encoding, topology: Topology) -> None:
    clauses.value()
    spec = encoding_spec(encoding, topology)
    clauses.hold(encoding_spec(encoding, topology) == spec, "the same topology gives the same genome")
    units = derive(0, "check", owners=range(_FOUNDERS)).uniform(spec.size).numpy()
    levels = spec.quantise(units)
    _check_bits(clauses, encoding, topology, spec, spec.genes(levels))
    grown = _grow(encoding, spec.genes(levels), topology, range(_FOUNDERS), torch.float32)
    _check_shapes(clauses, grown, topology)
    finite = all(bool(t.isfinite().all()) for t in _tensors(grown).values())
    clauses.hold(finite, f"{_FOUNDERS} random founders are finite")
    again = _grow(encoding, spec.genes(levels), topology, range(_FOUNDERS), torch.float32)
    clauses.hold(_same(_tensors(again), _tensors(grown)), "the same genes and streams give the same bytes")
    differ = any(not torch.equal(s.weight[0], s.weight[1]) for s in grown.projections.values())
    clauses.hold(differ, "another genome grows another network")
    masked = all(s.mask is None or bool((s.weight[~s.mask] == 0).all()) for s in grown.projections.values())
    clauses.hold(masked, "a synapse that did not grow has the weight 0")
    _check_cohort(clauses, encoding, topology, spec.genes(levels[:_COHORT], torch.float64))
    _check_rules(clauses, encoding, topology)
    listed = encoding.constants(topology)
    named = all(isinstance(name, str) and isinstance(number, int | float | str) for name, number in listed.items())
    clauses.hold(
        named and encoding.constants(topology) == listed, "what shapes weights without a gene is listed", listed
    )


def _check_bits(clauses: Clauses, encoding: Encoding, topology: Topology, spec: GenomeSpec, genes: Genes) -> None:
    exact = sum(math.prod(field.shape) * math.log2(len(field.table)) for field in spec.fields)
    clauses.hold(
        math.isclose(spec.bits, exact, rel_tol=1e-12), "a genome's size is the sum of its numbers' bits", spec.bits
    )
    mine = encoding.spec(topology)
    own = {field.name: genes[field.name] for field in mine.fields}
    on = encoding.expressed_bits(own, topology)
    if on is not None:
        shaped = on.shape == (_FOUNDERS,) and on.dtype == torch.float64
        clauses.hold(shaped, "expressed bits are one number an individual, (P,) float64", tuple(on.shape))
        within = bool(((on >= 0) & (on <= mine.bits)).all())
        clauses.hold(within, "expressed bits lie between 0 and the bits of the genome", on.tolist())


def _check_rules(clauses: Clauses, encoding: Encoding, topology: Topology) -> None:
    sizes = {field.name: field.size for field in encoding.spec(topology).fields}
    rules = encoding.rules(topology)
    lost = [p for rule in rules for p in rule.positions if not 0 <= p[1] < sizes.get(p[0], 0)]
    clauses.hold(not lost, "every number of a rule is one of the genome's", lost[:3])
    names = [rule.name for rule in rules]
    clauses.hold(len(set(names)) == len(names), "every rule has a name of its own", names[:3])


def _check_shapes(clauses: Clauses, grown: Phenotype, topology: Topology) -> None:
    clauses.hold(
        grown.topology == topology and grown.lives == _FOUNDERS, "every genome grows one network of the topology"
    )
    for edge in topology.edges:
        synapses = grown.projections[edge.name]
        wanted = (_FOUNDERS, *topology.shape(edge))
        fits = tuple(synapses.weight.shape) == wanted and synapses.weight.dtype == torch.float32
        clauses.hold(fits, f"{edge.name}: weights are (P, post, pre) of the genes' type", tuple(synapses.weight.shape))
        mask = synapses.mask
        fits = mask is None or (tuple(mask.shape) == wanted and mask.dtype == torch.bool)
        clauses.hold(fits, f"{edge.name}: a mask is (P, post, pre) of booleans, or None")
        shapes = [tuple(p.shape) for p in synapses.parameters.values()]
        fits = all(len(s) == 3 and all(n in (1, w) for n, w in zip(s, wanted, strict=True)) for s in shapes)
        clauses.hold(fits, f"{edge.name}: whatever else a synapse has spreads to (P, post, pre)", shapes)
    known = {group.name: group.size for group in topology.groups}
    clauses.hold(set(grown.groups) <= set(known), "numbers of neurons are named by group", list(grown.groups))
    sizes = {name: [tuple(t.shape) for t in by.values()] for name, by in grown.groups.items()}
    fits = all(shape == (_FOUNDERS, known[name]) for name, found in sizes.items() for shape in found)
    clauses.hold(fits, "numbers of neurons are (P, units)", sizes)


def _check_cohort(clauses: Clauses, encoding: Encoding, topology: Topology, genes: Genes) -> None:
    straight = _tensors(_grow(encoding, genes, topology, range(_COHORT)))
    for order, sentence in (
        ([2, 0, 3, 1], "individuals in another order grow the same networks (to 1e-12)"),
        ([3, 3], "an individual grows the same network in another cohort (to 1e-12)"),
    ):
        grown = _tensors(_grow(encoding, {name: g[order] for name, g in genes.items()}, topology, order))
        near = all(_close(grown[name], t[order]) for name, t in straight.items())
        clauses.hold(near, sentence)
    broken = {name: g.clone() for name, g in genes.items()}
    for values in broken.values():
        values[_WRONG] = torch.nan
    others = [i for i in range(_COHORT) if i != _WRONG]
    beside = _tensors(_grow(encoding, broken, topology, range(_COHORT)))
    same = _same({n: t[others] for n, t in beside.items()}, {n: t[others] for n, t in straight.items()})
    clauses.hold(same, "genes that are not numbers leave the other individuals' bytes alone")


def _grow(
    encoding: Encoding, genes: Genes, topology: Topology, owners: range | list[int], dtype: torch.dtype = torch.float64
) -> Phenotype:
    return develop(encoding, genes, topology, derive(0, "birth", owners=owners), dtype)


def _tensors(grown: Phenotype) -> dict[str, Tensor]:
    """All tensors of the grown networks, by name, each with a leading axis P."""
    found: dict[str, Tensor] = {}
    for name, synapses in grown.projections.items():
        own = {"weight": synapses.weight, **synapses.parameters}
        if synapses.mask is not None:
            own["mask"] = synapses.mask
        found |= {f"{name}.{key}": t.expand(grown.lives, *t.shape[1:]) for key, t in own.items()}
    for name, group in grown.groups.items():
        found |= {f"{name}.{key}": t for key, t in group.items()}
    return found | dict(grown.traits)


def _same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def _close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one.double(), other.double(), rtol=1e-12, atol=1e-12)
