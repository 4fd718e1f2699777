"""The matrix O of W = X O X^T: its fields and rules, for the gene expression and the spatial expression encoding."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Literal

from genomes.spec import Field
from genomes.topology import Projection, Topology
from genomes.wiring_rule import Position, WiringRule


def interaction_name(interactions: Literal["projection", "shared"], edge: Projection) -> str:
    """The name of the field that holds O of a projection; both encodings use it."""
    return "interaction" if interactions == "shared" else f"interaction.{edge.name}"


def interaction_rules(
    interactions: Literal["projection", "shared"], genes: int, topology: Topology
) -> list[WiringRule]:
    """One rule for every number of O; it names the neurons that this number joins. Both encodings use it."""
    found = []
    edges = {interaction_name(interactions, edge): edge for edge in topology.edges}
    for field, edge in edges.items():
        shared = interactions == "shared"
        pre, post = ("", "") if shared else (f"{edge.pre} ", f"{edge.post} ")
        of, to = ("neurons", "neurons") if shared else (f"neurons of {edge.pre}", f"neurons of {edge.post}")
        for a, b in itertools.product(range(genes), range(genes)):
            name, ends = (
                f"{pre}gene {b} -> {post}gene {a}",
                (f"{of} that express gene {b}", f"{to} that express gene {a}"),
            )
            found.append(WiringRule(name, "rule", ((field, a * genes + b),), "" if shared else edge.name, *ends))
    return found


def gene_positions(fields: Iterable[Field], gene: int, genes: int) -> tuple[Position, ...]:
    """All numbers that involve a gene: its expression by neurons, its row and column of every O, and its biases."""
    found: list[Position] = []
    for field in fields:
        if field.name.startswith("interaction"):
            found += [(field.name, i * genes + j) for i in range(genes) for j in range(genes) if gene in (i, j)]
        elif field.name.startswith(("expression.", "bias.")):
            found += [(field.name, row * genes + gene) for row in range(field.size // genes)]
    return tuple(found)
