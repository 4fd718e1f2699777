"""Which numbers of a component are constants and which are genes; both end as tensors under the same name."""

from __future__ import annotations

import math
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import torch
from torch import Tensor

from genomes.expect import expect
from genomes.phenotype import Phenotype
from genomes.spec import Evolvable, Evolve, Genes, GenomeSpec, Synaptic
from genomes.topology import Projection, Topology


def evolvable_names(component_type: type) -> dict[str, bool]:
    """The fields of a component class that can be genes, each with whether it may differ between synapses."""
    found = {}
    for name, hint in get_type_hints(component_type, include_extras=True).items():
        synaptic = get_origin(hint) is Annotated and Synaptic in get_args(hint)[1:]
        bare = get_args(hint)[0] if get_origin(hint) is Annotated else hint
        if bare == Evolvable:
            found[name] = synaptic
    return found


def check_evolvables(component: Any) -> None:
    """Raises Unexpected when a number that belongs to the individual is to be evolved per projection or type."""
    for name, synaptic in evolvable_names(type(component)).items():
        number = getattr(component, name)
        if isinstance(number, Evolve):
            fits = synaptic or number.per == "individual"
            expect(
                fits, f"{type(component).__name__}.{name}.per", "individual (the number is not synaptic)", number.per
            )
        else:
            expect(math.isfinite(number), f"{type(component).__name__}.{name}", "a finite number", number)


def evolved_spec(component: Any, topology: Topology) -> GenomeSpec:
    """The genes that a component's Evolve numbers ask for."""
    fields = []
    for name in evolvable_names(type(component)):
        number = getattr(component, name)
        if isinstance(number, Evolve):
            fields.append(number.field(name, (_count(number, topology),)))
    return GenomeSpec(tuple(fields))


def expressed(
    component: Any, genes: Genes, topology: Topology, like: Tensor
) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]]]:
    """The numbers of a component, constants and genes alike.

    Args:
        like: (P, ...) tensor that gives P, dtype and device.

    Returns:
        individual: by name, (P,).
        synaptic: by name and projection, broadcastable to (P, post, pre).
    """
    individual, synaptic = {}, {}
    for name, per_synapse in evolvable_names(type(component)).items():
        number = getattr(component, name)
        if isinstance(number, Evolve):
            values, per = genes[name], number.per
        else:
            values, per = torch.full_like(like[:, :1].flatten(1)[:, :1], number), "individual"
        if per_synapse:
            synaptic[name] = _spread(values, per, topology)
        else:
            individual[name] = values[:, 0]
    return individual, synaptic


def endowed(newborn: Phenotype, path: str, component: Any, genes: Genes) -> Phenotype:
    """The same networks with the numbers of a component, each under `path.name`: what a rule or an objective reads."""
    individual, synaptic = expressed(component, genes, newborn.topology, newborn.like)
    return newborn.with_parameters(
        {f"{path}.{name}": value for name, value in individual.items()},
        {f"{path}.{name}": value for name, value in synaptic.items()},
    )


def _type_pairs(edge: Projection, topology: Topology) -> tuple[int, int]:
    return topology.group(edge.post).types, topology.group(edge.pre).types


def _count(number: Evolve, topology: Topology) -> int:
    if number.per == "individual":
        return 1
    if number.per == "projection":
        return len(topology.edges)
    return sum(math.prod(_type_pairs(edge, topology)) for edge in topology.edges)


def _spread(values: Tensor, per: str, topology: Topology) -> dict[str, Tensor]:
    """(P, n) numbers to one tensor a projection, (P, 1, 1) or, by cell types, (P, post, pre)."""
    if per == "individual":
        return {edge.name: values[:, :1, None] for edge in topology.edges}
    if per == "projection":
        return {edge.name: values[:, i : i + 1, None] for i, edge in enumerate(topology.edges)}
    spread, start = {}, 0
    for edge in topology.edges:
        post, pre = topology.group(edge.post), topology.group(edge.pre)
        table = values[:, start : start + post.types * pre.types].reshape(-1, post.types, pre.types)
        start += post.types * pre.types
        spread[edge.name] = table[:, post.cell_types][:, :, pre.cell_types]
    return spread
