"""Numbers of a component that are constants or genes; both become tensors under the same name."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, final, get_args, get_origin, get_type_hints

import torch
from torch import Tensor

from genomes.errors import require
from genomes.evolve import Among, Category, Evolvable, Evolve, Evolving, Neutral, Several, Synaptic
from genomes.phenotype import Phenotype
from genomes.spec import Genes, GenomeSpec
from genomes.streams import derive
from genomes.topology import Group, Projection, Topology


def evolvable_names(component_type: type) -> dict[str, bool]:
    """The fields of a component class that can be genes, by name; True for one that may differ between synapses."""
    return {name: Synaptic in marks for name, marks in _evolvables(component_type).items()}


def neutral_value(component_type: type, name: str) -> float | None:
    """The value at which a number of a component has no effect; None: it cannot be silenced."""
    marks = _evolvables(component_type)[name]  # type: ignore[arg-type]
    return next((mark.value for mark in marks if isinstance(mark, Neutral)), 0.0)


@lru_cache(maxsize=256)
def _evolvables(component_type: Any) -> dict[str, tuple[Any, ...]]:
    """The fields of a component class that can be genes, each with its marks."""
    found = {}
    for name, hint in get_type_hints(component_type, include_extras=True).items():
        bare, *marks = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        if bare in (Evolvable, Category):
            found[name] = tuple(marks)
    return found


@final
@dataclass(frozen=True)
class Number:
    """A number of a component, or of a component inside it, that can be a gene.

    Attributes:
        path: its name; inside nested components dotted, such as `parts.slowness.weight`.
        value: the constant, or the Evolve that puts it under evolution.
        synaptic: True if it may differ between synapses.
        neutral: the value at which it has no effect; None: it cannot be silenced.
    """

    path: str
    value: float | str | Evolve | Among
    synaptic: bool
    neutral: float | None


def numbers(component: Any) -> Iterator[Number]:
    """All numbers that can be genes, in the order of the fields; those of nested components under their paths.

    An item of a tuple is named by its `name`, if it has one, or by its position.
    """
    marked = _evolvables(type(component))  # type: ignore[arg-type]
    for field in fields(component):
        value = getattr(component, field.name)
        if field.name in marked:
            marks, neutral = marked[field.name], neutral_value(type(component), field.name)
            labels = [mark.labels for mark in marks if isinstance(mark, Several)]
            called = [f"{field.name}.{label}" for label in getattr(component, labels[0])] if labels else [field.name]
            for each in called:
                yield Number(each, value, Synaptic in marks, neutral)
        for path, inner in nested(field.name, value):
            yield from (replace(number, path=f"{path}.{number.path}") for number in numbers(inner))


def nested(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The components that a field holds, each with its path: one, or those of a tuple."""
    items = value if isinstance(value, tuple) else ()
    if is_dataclass(value) and not isinstance(value, Evolving):
        yield name, value
    for place, item in enumerate(items):
        if is_dataclass(item):
            yield f"{name}.{getattr(item, 'name', place)}", item


def check_evolvables(component: Any) -> None:
    """Raises InputError when a number of the whole individual is to evolve per projection, cell type or synapse."""
    for name, synaptic in evolvable_names(type(component)).items():
        number = getattr(component, name)
        if isinstance(number, Evolving):
            fits = synaptic or number.per == "individual"
            require(
                fits, f"{type(component).__name__}.{name}.per", "individual (the number is not synaptic)", number.per
            )
        elif not isinstance(number, str):
            require(math.isfinite(number), f"{type(component).__name__}.{name}", "a finite number", number)


def evolved_spec(component: Any, topology: Topology) -> GenomeSpec:
    """The genes of the Evolve numbers of a component."""
    asked = []
    for number in numbers(component):
        if isinstance(number.value, Evolving):
            asked.append(number.value.field(number.path, (_count(number.value, topology),)))
    return GenomeSpec(tuple(asked))


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
    for number in numbers(component):
        if isinstance(number.value, Evolving):
            values, evolve = genes[number.path], number.value
        else:
            values, evolve = (
                torch.full_like(like[:, :1].flatten(1)[:, :1], 0.0 if isinstance(number.value, str) else number.value),
                None,
            )
        if number.synaptic:
            synaptic[number.path] = _spread(values, evolve, topology)
        else:
            individual[number.path] = values[:, 0]
    return individual, synaptic


def endowed(newborn: Phenotype, path: str, component: Any, genes: Genes) -> Phenotype:
    """Adds the numbers of a component to the networks, each under `path.name`; rules and objectives read them."""
    individual, synaptic = expressed(component, genes, newborn.topology, newborn.like)
    return newborn.with_parameters(
        {f"{path}.{name}": value for name, value in individual.items()},
        {f"{path}.{name}": value for name, value in synaptic.items()},
    )


def unit_numbers(group: Group) -> Iterator[Number]:
    """The numbers of a group's neurons: the leak if it has one, and those of its unit model."""
    if group.leaks:
        yield Number("leak", group.leak, False, neutral_value(Group, "leak"))
    if group.neuron is not None:
        yield from numbers(group.neuron)


def unit_spec(topology: Topology) -> GenomeSpec:
    """The genes of neurons' numbers that are under evolution, such as `leak.GROUP`."""
    fields = []
    for group in topology.groups:
        for number in unit_numbers(group):
            if isinstance(number.value, Evolving):
                per = number.value.per
                where = f"group {group.name}.{number.path}.per"
                require(per in ("individual", "types"), where, "individual or types", per)
                fields.append(
                    number.value.field(f"{number.path}.{group.name}", (group.types if per == "types" else 1,))
                )
    return GenomeSpec(tuple(fields))


def with_units(newborn: Phenotype, genes: Genes) -> Phenotype:
    """Adds the numbers of neurons, (P, units) each, to every group that has some."""
    units: dict[str, dict[str, Tensor]] = {}
    for group in newborn.topology.groups:
        for number in unit_numbers(group):
            if isinstance(number.value, Evolving):
                values = genes[f"{number.path}.{group.name}"]
                each = values[:, group.cell_types] if number.value.per == "types" else values
            else:
                assert not isinstance(number.value, str), "numbers of neurons are no words"
                each = torch.full_like(newborn.like[:, :1, :1].flatten(1), number.value)
            units.setdefault(group.name, {})[number.path] = each.expand(-1, group.size)
    return newborn.with_units(units)


def _type_pairs(edge: Projection, topology: Topology) -> tuple[int, int]:
    return topology.group(edge.post).types, topology.group(edge.pre).types


def _count(number: Evolve | Among, topology: Topology) -> int:
    if number.per == "individual":
        return 1
    if number.per == "projection":
        return len(topology.edges)
    if number.per == "synapse":
        shared = number.shared or topology.synapses
        require(shared <= topology.synapses, "evolve.shared", f"at most {topology.synapses}, the synapses", shared)
        return shared
    return sum(math.prod(_type_pairs(edge, topology)) for edge in topology.edges)


def _spread(values: Tensor, evolve: Evolve | Among | None, topology: Topology) -> dict[str, Tensor]:
    """(P, n) numbers to one tensor a projection: (P, 1, 1), or (P, post, pre) by cell types or synapse."""
    if evolve is None or evolve.per == "individual":
        return {edge.name: values[:, :1, None] for edge in topology.edges}
    if evolve.per == "projection":
        return {edge.name: values[:, i : i + 1, None] for i, edge in enumerate(topology.edges)}
    if evolve.per == "synapse":
        return _by_synapse(values, evolve.shared, topology)
    spread, start = {}, 0
    for edge in topology.edges:
        post, pre = topology.group(edge.post), topology.group(edge.pre)
        table = values[:, start : start + post.types * pre.types].reshape(-1, post.types, pre.types)
        start += post.types * pre.types
        spread[edge.name] = table[:, post.cell_types][:, :, pre.cell_types]
    return spread


def _by_synapse(values: Tensor, shared: int | None, topology: Topology) -> dict[str, Tensor]:
    if shared is not None:
        # the assignment is a constant of the framework: every number of a rule, and every run, uses the same one
        lot = derive(0, "shared numbers").permutation(topology.synapses)[0] % shared
        values = values[:, lot.to(values.device)]
    sizes = [math.prod(topology.shape(edge)) for edge in topology.edges]
    parts = zip(topology.edges, values.split(sizes, dim=1), strict=True)
    return {edge.name: part.unflatten(1, topology.shape(edge)) for edge, part in parts}
