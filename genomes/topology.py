"""Groups of neurons and the projections between them: the part of the architecture that is given, not inherited."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genomes.errors import InputError, nearest, require
from genomes.evolve import Evolvable, Evolving, Neutral, ends
from genomes.neuron import Neuron, check_function

_MOST_SYNAPSES = 2**31

Kind = Literal["feed-forward", "skip", "recurrent", "lateral"]


@final
@dataclass(frozen=True)
class Group:
    """A population of neurons that share a name, a unit model and, optionally, a sheet on which they lie.

    Attributes:
        name: the name that projections and reports use.
        size: number of neurons.
        activation: name of the function of rate units, one of `genomes.neuron.FUNCTIONS`.
        grid: lengths of the axes of a sheet, such as [8, 8]; their product is the size. None: neurons have no place.
        types: number of cell types; neuron i is of type i modulo types unless the encoding says otherwise.
        leak: fraction of the difference between drive and activity that a step adds to activity; above 0, at most 1;
            dt / tau for a rate unit with time constant tau (Yang et al. 2019, eq. 2). 1: no memory of its own. May be
            under evolution, one for the group or `per: types`.
        neuron: the unit model; None: rate units with the activation.
    """

    name: str
    size: int
    activation: str = "linear"
    grid: tuple[int, ...] | None = None
    types: int = 1
    leak: Annotated[Evolvable, Neutral(1.0)] = 1.0
    neuron: Neuron | None = None

    def __post_init__(self) -> None:
        plain = self.name.isprintable() and self.name and "->" not in self.name and self.name == self.name.strip()
        require(plain, "group", "a printable name without '->' and without spaces around it", self.name)
        require(self.size >= 1, f"group {self.name}.size", "a size of at least 1", self.size)
        require(1 <= self.types <= self.size, f"group {self.name}.types", f"1 to {self.size} cell types", self.types)
        check_function(self.activation, f"group {self.name}.activation")
        alone = self.neuron is None or self.activation == "linear"
        require(alone, f"group {self.name}.activation", "none beside a neuron", self.activation)
        self._check_leak()
        if self.grid is not None:
            fits = len(self.grid) > 0 and min(self.grid) > 0 and math.prod(self.grid) == self.size
            require(fits, f"group {self.name}.grid", f"a grid of {self.size} places", list(self.grid))

    def _check_leak(self) -> None:
        if isinstance(self.leak, Evolving):
            per = self.leak.per
            require(per in ("individual", "types"), f"group {self.name}.leak.per", "individual or types", per)
        fits = all(0 < end <= 1 for end in ends(self.leak))
        require(fits, f"group {self.name}.leak", "above 0, at most 1", list(ends(self.leak)))

    @property
    def leaks(self) -> bool:
        """True if a part of the activity stays from step to step."""
        return self.leak != 1.0

    @property
    def has_memory(self) -> bool:
        """True if the group's activity has a memory of its own: a leak, or a unit model with a memory."""
        return self.leaks or (self.neuron is not None and self.neuron.has_memory)

    @cached_property
    def coordinates(self) -> Float[Tensor, "units axes"] | None:
        """Places of the neurons in the unit cube, (units, axes) float64, row-major over the grid; or None."""
        if self.grid is None:
            return None
        axes = [(torch.arange(n, dtype=torch.float64) + 0.5) / n for n in self.grid]
        return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).view(self.size, len(self.grid))

    @cached_property
    def cell_types(self) -> Int[Tensor, " units"]:
        """The type of each neuron, (units,) int64."""
        return torch.arange(self.size) % self.types


@final
@dataclass(frozen=True)
class Projection:
    """Synapses from every neuron of one group to every neuron of another (or of the same: lateral)."""

    pre: str
    post: str

    @property
    def name(self) -> str:
        """`pre -> post`, as it is written in a config."""
        return f"{self.pre} -> {self.post}"

    @classmethod
    def parse(cls, text: str) -> Projection:
        """Reads `pre -> post`."""
        ends = [end.strip() for end in text.split("->")]
        require(len(ends) == 2 and all(ends), "projection", "'pre -> post'", text)
        return cls(*ends)


@final
@dataclass(frozen=True)
class Topology:
    """Groups in the order in which activity passes through them, and the projections that carry it.

    The first group is sensory: it takes the input. The last is the output. A projection is feed-forward to the next
    group, skip to a later one, lateral within a group and recurrent to an earlier one.

    Attributes:
        groups: at least two.
        projections: written `pre -> post`; each at most once, none into the sensory group.

    Raises:
        InputError: a name occurs twice, a projection names no group, or no activity can reach a group.
    """

    groups: tuple[Group, ...]
    projections: tuple[str, ...]

    def __post_init__(self) -> None:
        require(len(self.groups) >= 2, "topology.groups", "at least two groups", len(self.groups))
        for what, names in (("group", [g.name for g in self.groups]), ("projection", [p.name for p in self.edges])):
            twice = [name for name, count in Counter(names).items() if count > 1]
            require(not twice, "topology", f"every {what} once", twice)
        require(
            self.sensory.neuron is None,
            "topology.groups.0.neuron",
            "none: its activity is the input",
            self.sensory.name,
        )
        for edge in self.edges:
            for end in (edge.pre, edge.post):
                if end not in self.index:
                    raise InputError(f"projection {edge.name}: no group '{end}'; {nearest(end, self.index)}")
            require(
                edge.post != self.sensory.name, f"projection {edge.name}", "no input to the sensory group", edge.name
            )
        require(self.synapses <= _MOST_SYNAPSES, "topology", f"at most {_MOST_SYNAPSES} synapses", self.synapses)
        reached = {self.sensory.name}
        for _ in self.groups:
            reached |= {edge.post for edge in self.edges if edge.pre in reached}
        lost = [g.name for g in self.groups if g.name not in reached]
        require(not lost, "topology", "a path from the sensory group to every group", lost)

    @cached_property
    def edges(self) -> tuple[Projection, ...]:
        """The projections, parsed."""
        return tuple(Projection.parse(text) for text in self.projections)

    @cached_property
    def index(self) -> dict[str, int]:
        """The place of each group in the order of activity."""
        return {group.name: i for i, group in enumerate(self.groups)}

    def group(self, name: str) -> Group:
        """The group of that name."""
        return self.groups[self.index[name]]

    @property
    def sensory(self) -> Group:
        """The first group, which takes the input."""
        return self.groups[0]

    @property
    def output(self) -> Group:
        """The last group, which gives the output."""
        return self.groups[-1]

    def kind(self, edge: Projection) -> Kind:
        """Feed-forward, skip, recurrent or lateral."""
        step = self.index[edge.post] - self.index[edge.pre]
        if step == 0:
            return "lateral"
        return "recurrent" if step < 0 else "feed-forward" if step == 1 else "skip"

    @property
    def has_memory(self) -> bool:
        """True if activity depends on the activity of the step before: late projections, or neurons with memory."""
        return not self.is_feedforward or any(group.has_memory for group in self.groups)

    @property
    def is_feedforward(self) -> bool:
        """True if one pass through the groups gives the output."""
        return all(self.kind(edge) in ("feed-forward", "skip") for edge in self.edges)

    def shape(self, edge: Projection) -> tuple[int, int]:
        """(post, pre) sizes of a projection."""
        return self.group(edge.post).size, self.group(edge.pre).size

    @property
    def synapses(self) -> int:
        """The number of synapses if every one grows."""
        return sum(math.prod(self.shape(edge)) for edge in self.edges)


def layered(*sizes: int, activation: str = "tanh") -> Topology:
    """A feed-forward topology `layer0 -> layer1 -> ...`: hidden groups with the activation, a linear output."""
    last = len(sizes) - 1
    groups = tuple(Group(f"layer{i}", size, activation if 0 < i < last else "linear") for i, size in enumerate(sizes))
    return Topology(groups, tuple(f"layer{i} -> layer{i + 1}" for i in range(last)))
