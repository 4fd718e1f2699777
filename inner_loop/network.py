"""Activity of a cohort. Weights lie in one flat buffer, so that an update of all of them is one operation.

Dimensions: P lives, B samples, `post` and `pre` neurons. Activity is (P, units, B), or (1, units, B) where it is common
to all lives; weights are (P, post, pre). Population x post is then the row dimension of a matrix product.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from genomes.neuron import Numbers
from genomes.phenotype import Phenotype
from genomes.topology import Projection, Topology
from inner_loop.neurons.rate import Rate

_ALIGNED = 16  # numbers; every block of the flat buffer begins on a cache line

Activities = dict[str, Tensor]
"""By group name: (P, units, B); that of the sensory group may be (1, units, B)."""

NOTHING: Mapping[str, Tensor] = {}
"""The noise of a network without exploration."""

_NO_NUMBERS: Numbers = {}


@final
@dataclass(frozen=True, eq=False)
class NetworkState:
    """A network after a step.

    Attributes:
        activities: of every group, (P, units, B); that of the sensory group may be (1, units, B).
        internal: by group, what its unit model keeps beside the activity, (P, n, B), such as membrane potentials. A
            sensory group that leaks keeps its input.
    """

    activities: Activities
    internal: Activities


@final
@dataclass(frozen=True, eq=False)
class Weights:
    """All numbers that plasticity may change, as views into one buffer.

    Attributes:
        flat: all numbers, 1-D.
        projections: by projection name, (P, post, pre).
        biases: by group name, (P, units, 1); only groups that have a bias.
    """

    flat: Float[Tensor, " N"]
    projections: dict[str, Tensor]
    biases: dict[str, Tensor]

    @classmethod
    def born(cls, newborn: Phenotype) -> Weights:
        """A copy of the weights and biases at birth."""
        projections = {name: s.weight for name, s in newborn.projections.items()}
        biases = {g.name: newborn.bias(g.name) for g in newborn.topology.groups}
        return cls.packed(projections, {n: b[:, :, None] for n, b in biases.items() if b is not None})

    @classmethod
    def packed(cls, projections: Mapping[str, Tensor], biases: Mapping[str, Tensor]) -> Weights:
        """Copies tensors side by side into a new buffer."""
        blocks = [*projections.values(), *biases.values()]
        starts = [0]
        for block in blocks:
            starts.append(starts[-1] + math.ceil(block.numel() / _ALIGNED) * _ALIGNED)
        flat = blocks[0].new_zeros(starts[-1])
        views = []
        for block, start in zip(blocks, starts, strict=False):
            view = flat[start : start + block.numel()].view(block.shape)
            views.append(view.copy_(block))
        split = len(projections)
        return cls(flat, dict(zip(projections, views, strict=False)), dict(zip(biases, views[split:], strict=True)))

    def zeros(self) -> Weights:
        """A buffer of the same layout, all zero: traces, momentum."""
        flat = torch.zeros_like(self.flat)

        def same(view: Tensor) -> Tensor:
            return flat.as_strided(view.shape, view.stride(), view.storage_offset())

        return Weights(
            flat,
            {name: same(view) for name, view in self.projections.items()},
            {name: same(view) for name, view in self.biases.items()},
        )

    def repeated(self, times: int) -> Weights:
        """Repeats every life's weights `times` times, one after the other; copies."""
        projections = {name: w.repeat_interleave(times, dim=0) for name, w in self.projections.items()}
        return Weights.packed(projections, {n: b.repeat_interleave(times, dim=0) for n, b in self.biases.items()})


@final
class Network:
    """The order in which a topology computes, and the numbers of its neurons, determined once.

    Within a step, activity passes through the groups in their order. Feed-forward and skip projections carry the
    present activity of the earlier group; recurrent and lateral projections carry the activity of the step before.
    """

    def __init__(self, topology: Topology, units: Mapping[str, Numbers] | None = None) -> None:
        """Prepares a network.

        Args:
            units: by group, numbers of its neurons, (P, units, 1): `leak`, `function`, `present`, those of its model.
        """
        self.topology, self.units = topology, units or {}
        self.sensory = topology.sensory.name
        self.output = topology.output.name
        self.incoming: dict[str, tuple[Projection, ...]] = {
            g.name: tuple(e for e in topology.edges if e.post == g.name) for g in topology.groups[1:]
        }
        self.neurons = {g.name: g.neuron or Rate(g.activation) for g in topology.groups}
        self.late = frozenset(e.name for e in topology.edges if topology.kind(e) in ("recurrent", "lateral"))
        """Names of the projections that carry activity of the step before."""

    @classmethod
    def of(cls, newborn: Phenotype) -> Network:
        """The network of P newborns, with the numbers of their neurons."""
        units = {
            name: {key: number[:, :, None] for key, number in by.items() if key != "bias"}
            for name, by in newborn.groups.items()
        }
        return cls(newborn.topology, {name: numbers for name, numbers in units.items() if numbers})

    def activity(self, weights: Weights, inputs: Float[Tensor, "K units B"]) -> Activities:
        """One pass through a network without memory; inputs (P, units, B) or (1, units, B)."""
        return self.advance(weights, inputs).activities

    def advance(
        self,
        weights: Weights,
        inputs: Float[Tensor, "K units B"],
        before: NetworkState | None = None,
        noise: Mapping[str, Tensor] = NOTHING,
    ) -> NetworkState:
        """One step: every group's unit model turns the summed input W x + b into activity.

        The sensory group's activity is the input x, or (1 - leak) h + leak x if it leaks.

        Args:
            inputs: (P, units, B) or (1, units, B).
            before: the step before (see `at_rest`); None without memory.
            noise: by group, added to the summed input, (P, units, B).
        """
        earlier = None if before is None else before.activities
        activities, internal = {self.sensory: inputs}, dict[str, Tensor]()
        leak = self.units.get(self.sensory, _NO_NUMBERS).get("leak")
        if leak is not None and earlier is not None:
            internal[self.sensory] = inputs
            activities[self.sensory] = torch.lerp(earlier[self.sensory], inputs, leak)
        for group, edges in self.incoming.items():
            total = None
            for edge in edges:
                total = _add_product(total, weights.projections[edge.name], self.presynaptic(edge, activities, earlier))
            assert total is not None, "a topology has a path to every group"
            if group in weights.biases:
                total += weights.biases[group]
            if group in noise:
                total += noise[group]
            self._step(group, total, before, activities, internal)
        return NetworkState(activities, internal)

    def _step(
        self, group: str, total: Tensor, before: NetworkState | None, activities: Activities, internal: Activities
    ) -> None:
        """Adds the activity of a group, and what its neurons keep; absent neurons are silent."""
        numbers = self.units.get(group, _NO_NUMBERS)
        last, kept = (None, None) if before is None else (before.activities[group], before.internal.get(group))
        activity, kept = self.neurons[group].step(total, last, kept, numbers)
        activities[group] = activity * numbers["present"] if "present" in numbers else activity
        if kept is not None:
            internal[group] = kept

    def back(
        self, group: str, error: Tensor, later: Tensor | None, activity: Tensor, internal: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """The error of a group's summed input from that of its activity, by the chain rule of its unit model.

        Args:
            error: dE/dactivity, (P, units, B); may be overwritten.
            later: the error that the step after hands back within the neurons; None at the last step.
            activity, internal: of this step.

        Returns:
            delta: dE/d(summed input).
            earlier: `later` of the step before; None if the neurons have no memory.
        """
        numbers = self.units.get(group, _NO_NUMBERS)
        if "present" in numbers:
            error = error.mul_(numbers["present"])
        return self.neurons[group].back(error, later, activity, internal, numbers)

    def remembers(self, group: str) -> bool:
        """True if the neurons of a group have a memory of their own."""
        return self.topology.group(group).has_memory

    def presynaptic(self, edge: Projection, activities: Activities, before: Activities | None) -> Tensor:
        """The presynaptic activity that a projection carries at this step."""
        if edge.name in self.late:
            assert before is not None, "a topology with recurrent or lateral projections runs over time"
            return before[edge.pre]
        return activities[edge.pre]

    def at_rest(self, like: Tensor, samples: int) -> NetworkState:
        """The state before the first step: zero activity, (P, units, B)."""
        lives = like.shape[0]
        return NetworkState({g.name: like.new_zeros(lives, g.size, samples) for g in self.topology.groups}, {})


def _add_product(total: Tensor | None, weight: Tensor, activity: Tensor) -> Tensor:
    """total + W x; one large product if the activity is common to all lives."""
    if activity.shape[0] == weight.shape[0]:
        return torch.bmm(weight, activity) if total is None else total.baddbmm_(weight, activity)
    rows, common = weight.flatten(0, 1), activity[0]
    if total is None:
        return torch.mm(rows, common).view(*weight.shape[:2], -1)
    total.flatten(0, 1).addmm_(rows, common)
    return total


def accumulate_product(into: Tensor, beta: float, delta: Tensor, activity: Tensor) -> None:
    """into = beta * into + delta activity^T, (P, post, pre), summed over the B samples."""
    if activity.shape[0] == delta.shape[0]:
        into.baddbmm_(delta, activity.mT, beta=beta)
    else:
        into.flatten(0, 1).addmm_(delta.flatten(0, 1), activity[0].T, beta=beta)
