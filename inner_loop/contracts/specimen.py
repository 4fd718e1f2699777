"""A small cohort on which contracts are tested: four networks with a skip projection, biases and a sparse mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from genomes.evolvable import endowed, evolved_spec
from genomes.phenotype import Phenotype, Synapses
from genomes.streams import Streams, derive
from genomes.topology import Group, Topology
from inner_loop.lives.samples import learn
from inner_loop.network import Network, Weights
from inner_loop.objective import Lived, Objective
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.rule import LearningRule
from inner_loop.rules.frozen import Frozen
from inner_loop.tasks.teacher import Teacher

OWNERS = (0, 1, 2, 3)
SPARSE = "input -> hidden"
"""The projection that has a mask."""

TOPOLOGY = Topology(
    (Group("input", 5), Group("hidden", 6, "tanh", types=2), Group("output", 3)),
    ("input -> hidden", "hidden -> output", "input -> output"),
)
WRONG = 1
"""The individual whose numbers are set to nan."""

OTHERS = [owner for owner in OWNERS if owner != WRONG]
"""Those who must not notice it."""

_BATCH = 6


def newborn(
    rule: Any, dtype: torch.dtype = torch.float32, topology: Topology = TOPOLOGY, owners: Sequence[int] = OWNERS
) -> Phenotype:
    """Newborn networks; those numbers of the rule that evolve are random genes, different in each network.

    The first projection is sparse, and all groups but the sensory one have biases.
    """
    source = derive(0, "specimen", owners=owners)
    projections, groups = {}, {}
    for edge in topology.edges:
        shape = topology.shape(edge)
        weight = source.stream(edge.name).normal(*shape).to(dtype) / shape[1] ** 0.5
        mask = source.stream(f"mask {edge.name}").uniform(*shape) < 0.7 if edge == topology.edges[0] else None
        projections[edge.name] = Synapses(weight if mask is None else weight * mask, mask)
    for group in topology.groups[1:]:
        groups[group.name] = {"bias": source.stream(group.name).normal(group.size).to(dtype) * 0.1}
    cohort = Phenotype(topology, projections, groups)
    spec = evolved_spec(rule, topology)
    levels = spec.quantise(source.stream("genes").uniform(spec.size).numpy())
    return endowed(cohort, "rule", rule, spec.genes(levels, dtype))


def own_streams(cohort: Phenotype) -> Streams:
    """Streams of single individuals, as in lives outside a run."""
    return derive(0, "own", owners=range(cohort.lives))


def life(
    rule: LearningRule, cohort: Phenotype, steps: int, owners: Sequence[int] = OWNERS, common: bool = False
) -> Weights:
    """Weights after some steps with a teacher; every individual has its own lessons, or all have the same."""
    streams = derive(0, "life") if common else derive(0, "life", owners=owners)
    teacher = Teacher(TOPOLOGY.sensory.size, TOPOLOGY.output.size, hidden=4)
    drawn = teacher.draw("train", steps * _BATCH, streams)
    portions = (t.to(cohort.like).split(_BATCH, dim=2) for t in (drawn.inputs, drawn.targets))
    lessons = [(inputs.contiguous(), targets.contiguous()) for inputs, targets in zip(*portions, strict=True)]
    own, network, weights = derive(0, "own", owners=owners), Network(TOPOLOGY), Weights.born(cohort)
    *_, (_, learned) = learn(network, weights, cohort, rule, SquaredError(), lessons, streams, own)
    return learned


def moment(objective: Objective) -> Lived:
    """One step of four lives, float64: activity between 0 and 1, one-hot targets."""
    source = derive(0, "moment", owners=OWNERS)
    activities = {g.name: source.stream(g.name).uniform(g.size, _BATCH) for g in TOPOLOGY.groups}
    classes = source.stream("targets").integers(TOPOLOGY.output.size, _BATCH)
    targets = torch.nn.functional.one_hot(classes, TOPOLOGY.output.size).mT.double().contiguous()
    cohort = newborn(Frozen(), torch.float64)
    spec = evolved_spec(objective, TOPOLOGY)
    genes = spec.genes(spec.quantise(source.stream("genes").uniform(spec.size).numpy()), torch.float64)
    cohort, network = endowed(cohort, "objective", objective, genes), Network(TOPOLOGY)
    return Lived(
        activities,
        targets,
        network.output,
        objective,
        0,
        source,
        cohort.traits,
        weights=Weights.born(cohort),
        memory=objective.init(network, cohort),
    )


def chosen(cohort: Phenotype, order: Sequence[int]) -> Phenotype:
    """Returns the same individuals in another order."""
    rows = list(order)
    projections = {
        name: Synapses(
            s.weight[rows],
            None if s.mask is None else s.mask[rows],
            {key: p[rows] if len(p) > 1 else p for key, p in s.parameters.items()},
        )
        for name, s in cohort.projections.items()
    }
    groups = {name: {key: t[rows] for key, t in by.items()} for name, by in cohort.groups.items()}
    return replace(
        cohort, projections=projections, groups=groups, traits={name: t[rows] for name, t in cohort.traits.items()}
    )


def with_nan(cohort: Phenotype, individual: int) -> Phenotype:
    """Returns the same individuals, with all weights of one of them set to nan."""
    projections = {}
    for name, s in cohort.projections.items():
        weight = s.weight.clone()
        weight[individual] = torch.nan
        projections[name] = replace(s, weight=weight)
    return replace(cohort, projections=projections)


def tensors(weights: Weights | Phenotype) -> dict[str, Tensor]:
    """All weights and biases by name, (P, ...)."""
    if isinstance(weights, Weights):
        return {**weights.projections, **{f"bias of {name}": b for name, b in weights.biases.items()}}
    return {name: s.weight for name, s in weights.projections.items()} | {
        f"bias of {name}": by["bias"][:, :, None] for name, by in weights.groups.items() if "bias" in by
    }


def rows_of(named: Mapping[str, Tensor], rows: list[int]) -> dict[str, Tensor]:
    """The tensors of some individuals."""
    return {name: t[rows] for name, t in named.items()}


def same_bytes(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Compares bit for bit; nan counts as equal to nan."""
    return one.keys() == other.keys() and all(
        one[name].shape == other[name].shape
        and torch.equal(one[name].nan_to_num(), other[name].nan_to_num())
        and torch.equal(one[name].isnan(), other[name].isnan())
        for name in one
    )


def nearly(one: Tensor, other: Tensor, tolerance: float) -> bool:
    """True if two tensors agree up to a tolerance, relative and absolute."""
    return torch.allclose(one, other, rtol=tolerance, atol=tolerance)
