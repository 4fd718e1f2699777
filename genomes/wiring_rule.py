"""A unit of inheritance that can be read and knocked out: a rule of the wiring, or a gene that several rules use."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, final

from genomes.errors import require
from genomes.spec import Field, GenomeSpec
from genomes.topology import Group, Topology

MOST = 64
"""The largest size of a field whose numbers are units one by one."""

_MOST_SYNAPSES, _MOST_BLOCKS = 128, 96
Position = tuple[str, int]
"""A number of a genome: the name of its field and its flat index there."""


@final
@dataclass(frozen=True)
class WiringRule:
    """A statement about the wiring, and the numbers of the genome that carry it.

    Attributes:
        name: a short name that is unique in the encoding.
        kind: `rule`: one statement about which neurons connect to which; `gene`: a part of the genome that any number
            of such statements may use.
        positions: its numbers, in the encoding's own spec.
        projection: the projection that it wires; "": several, or none.
        pre, post: the neurons before and behind its synapses, in words, such as `neurons of pixels that express gene
            3`; "" where the rule does not restrict them.
        silent: the value of these numbers at which the rule has no effect.
    """

    name: str
    kind: Literal["rule", "gene"]
    positions: tuple[Position, ...]
    projection: str = ""
    pre: str = ""
    post: str = ""
    silent: float = 0.0

    def __post_init__(self) -> None:
        require(self.positions, f"rule {self.name}", "at least one number of the genome", "none")
        require(math.isfinite(self.silent), f"rule {self.name}", "a finite value that silences", self.silent)


def every(field: Field) -> tuple[Position, ...]:
    """All numbers of a field."""
    return tuple((field.name, index) for index in range(field.size))


def of_fields(spec: GenomeSpec) -> tuple[WiringRule, ...]:
    """Default units: each number of a small field, and a large field as a whole."""
    found = []
    for field in spec.fields:
        if 1 < field.size <= MOST:
            found += [WiringRule(f"{name} {index}", "gene", ((name, index),)) for name, index in every(field)]
        elif field.size:
            found.append(WiringRule(field.name, "gene", every(field)))
    return tuple(found)


def of_types(prefix: str, topology: Topology) -> tuple[WiringRule, ...]:
    """One rule for each pair of cell types of every projection; none in a topology without cell types.

    Args:
        prefix: of the fields (post, pre); each holds the numbers of one projection, one a synapse.
    """
    found = []
    for edge in topology.edges if any(group.types > 1 for group in topology.groups) else ():
        post, pre = topology.group(edge.post), topology.group(edge.pre)
        for to, of in itertools.product(range(post.types), range(pre.types)):
            rows, columns = (
                (group.cell_types == kind).nonzero()[:, 0].tolist() for group, kind in ((post, to), (pre, of))
            )
            source, target = _of_type(pre, of), _of_type(post, to)
            positions = _positions(f"{prefix}.{edge.name}", rows, columns, pre.size)
            ends = (f"neurons of {source}", f"neurons of {target}")
            found.append(WiringRule(f"{source} -> {target}", "rule", positions, edge.name, *ends))
    return tuple(found)


def of_synapses(prefix: str, topology: Topology, silent: float = 0.0) -> tuple[WiringRule, ...]:
    """One gene a synapse; in a large topology, one for all synapses that a neuron, or a few, receive from a group."""
    edges, found = topology.edges, []
    few = topology.synapses <= _MOST_SYNAPSES
    size = 1 if few else math.ceil(sum(topology.shape(edge)[0] for edge in edges) / _MOST_BLOCKS)
    for edge in edges:
        post, pre = (range(units) for units in topology.shape(edge))
        for start, columns in itertools.product(post[::size], [range(j, j + 1) for j in pre] if few else [pre]):
            rows = post[start : start + size]
            positions = _positions(f"{prefix}.{edge.name}", rows, columns, len(pre))
            name = f"{edge.pre}{_number(columns) if few else ''} -> {edge.post}{_number(rows)}"
            ends = f"neuron{_number(columns)} of {edge.pre}" if few else f"neurons of {edge.pre}"
            to = f"neuron{'s' if len(rows) > 1 else ''}{_number(rows)} of {edge.post}"
            found.append(WiringRule(name, "gene", positions, edge.name, ends, to, silent))
    return tuple(found)


def _of_type(group: Group, kind: int) -> str:
    return f"{group.name} type {kind}" if group.types > 1 else group.name


def _number(neurons: range) -> str:
    return f" {neurons[0]}" + (f" to {neurons[-1]}" if len(neurons) > 1 else "")


def _positions(field: str, rows: Iterable[int], columns: Iterable[int], width: int) -> tuple[Position, ...]:
    return tuple((field, row * width + column) for row, column in itertools.product(rows, columns))
