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

from genomes.activation import ACTIVATIONS
from genomes.phenotype import Phenotype
from genomes.topology import Projection, Topology

_ALIGNED = 16  # numbers; every block of the flat buffer begins on a cache line

Activities = dict[str, Tensor]
"""By group name: (P, units, B); that of the sensory group may be (1, units, B)."""

NO_NOISE: Mapping[str, Tensor] = {}
"""The noise of a network without exploration: none."""


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
    """The order in which a topology computes, determined once.

    Within a step, activity passes through the groups in their order. Feed-forward and skip projections carry the
    present activity of the earlier group; recurrent and lateral projections carry the activity of the step before.
    """

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.sensory = topology.sensory.name
        self.output = topology.output.name
        self.incoming: dict[str, tuple[Projection, ...]] = {
            g.name: tuple(e for e in topology.edges if e.post == g.name) for g in topology.groups[1:]
        }
        self.activation = {g.name: ACTIVATIONS[g.activation] for g in topology.groups}
        self.late = frozenset(e.name for e in topology.edges if topology.kind(e) in ("recurrent", "lateral"))
        """Names of the projections that carry activity of the step before."""

    def activity(self, weights: Weights, inputs: Float[Tensor, "K units B"]) -> Activities:
        """One pass through a network without memory; inputs (P, units, B) or (1, units, B)."""
        return self.advance(weights, inputs, None, {})[0]

    def advance(
        self,
        weights: Weights,
        inputs: Float[Tensor, "K units B"],
        before: Activities | None,
        leaks: Mapping[str, Tensor],
        noise: Mapping[str, Tensor] = NO_NOISE,
    ) -> tuple[Activities, Activities]:
        """One step: h <- (1 - leak) h + leak * f(W x + b), Yang et al. 2019, eq. 2; the sensory group's drive is x.

        Args:
            inputs: (P, units, B) or (1, units, B).
            before: activity of the step before (see `at_rest`); None without memory.
            leaks: by group that leaks, (P, units, 1).
            noise: by group, added to the summed input, (P, units, B).

        Returns:
            activities: of every group.
            drives: f(W x + b) of the groups that leak.
        """
        activities, drives = {self.sensory: inputs}, {}
        if self.sensory in leaks and before is not None:
            drives[self.sensory] = inputs
            activities[self.sensory] = torch.lerp(before[self.sensory], inputs, leaks[self.sensory])
        for group, edges in self.incoming.items():
            total = None
            for edge in edges:
                total = _add_product(total, weights.projections[edge.name], self.presynaptic(edge, activities, before))
            assert total is not None, "a topology has a path to every group"
            if group in weights.biases:
                total += weights.biases[group]
            if group in noise:
                total += noise[group]
            activities[group] = self.activation[group].apply_(total)
            if group in leaks and before is not None:
                drives[group] = total
                activities[group] = torch.lerp(before[group], total, leaks[group])
        return activities, drives

    def presynaptic(self, edge: Projection, activities: Activities, before: Activities | None) -> Tensor:
        """The presynaptic activity that a projection carries at this step."""
        if edge.name in self.late:
            assert before is not None, "a topology with recurrent or lateral projections runs over time"
            return before[edge.pre]
        return activities[edge.pre]

    def at_rest(self, like: Tensor, samples: int) -> Activities:
        """Zero activity, (P, units, B): the activity before the first step."""
        lives = like.shape[0]
        return {g.name: like.new_zeros(lives, g.size, samples) for g in self.topology.groups}


def leaks_of(newborn: Phenotype) -> dict[str, Tensor]:
    """The leaks of the groups that have a memory of their own, (P, units, 1)."""
    return {name: by["leak"][:, :, None] for name, by in newborn.groups.items() if "leak" in by}


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
