"""The interface between inheritance and life: a cohort of networks as named tensors, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from genomes.errors import InputError, nearest, require
from genomes.topology import Topology


def scoped(traits: Mapping[str, Tensor], chromosome: str, path: str) -> dict[str, Tensor]:
    """Traits as a nested component reads them: a trait under `chromosome.path.x` is renamed to `chromosome.x`."""
    begin = f"{chromosome}.{path}."
    others = {name: value for name, value in traits.items() if not name.startswith(f"{chromosome}.")}
    own = {name: value for name, value in traits.items() if name.startswith(begin)}
    return others | {f"{chromosome}.{name.removeprefix(begin)}": value for name, value in own.items()}


@final
@dataclass(frozen=True, eq=False)
class Synapses:
    """One projection of P networks.

    Attributes:
        weight: (P, post, pre) at birth; 0 where no synapse grew.
        mask: (P, post, pre), True where a synapse grew; None when all of them did.
        parameters: all other numbers of a synapse (learning rate, Hebbian coefficients ...), each broadcastable to
            (P, post, pre); a number that all synapses share is (P, 1, 1).
    """

    weight: Float[Tensor, "P post pre"]
    mask: Bool[Tensor, "P post pre"] | None = None
    parameters: Mapping[str, Tensor] = field(default_factory=dict)


@final
@dataclass(frozen=True, eq=False)
class Phenotype:
    """P newborn networks of one topology.

    Attributes:
        topology: the groups and projections of the networks.
        projections: Synapses by projection name.
        groups: by group name, named tensors (P, units), such as `bias` or `type`.
        traits: numbers of the individual by config path, (P, ...), such as `rule.momentum`.
    """

    topology: Topology
    projections: Mapping[str, Synapses]
    groups: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    traits: Mapping[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [edge.name for edge in self.topology.edges]
        require(sorted(self.projections) == sorted(names), "phenotype", f"the projections {names}", [*self.projections])
        for edge in self.topology.edges:
            weight, wanted = self.projections[edge.name].weight, (self.lives, *self.topology.shape(edge))
            require(tuple(weight.shape) == wanted, edge.name, f"weights of shape {wanted}", tuple(weight.shape))
            mask = self.projections[edge.name].mask
            if mask is not None:
                require(tuple(mask.shape) == wanted, edge.name, f"a mask of shape {wanted}", tuple(mask.shape))
            for what, number in self.projections[edge.name].parameters.items():
                shape = tuple(number.shape)
                fits = len(shape) == 3 and all(n in (1, w) for n, w in zip(shape, wanted, strict=True))
                require(fits, edge.name, f"{what} that spreads to {wanted}", shape)
        for name, tensors in self.groups.items():
            if name not in self.topology.index:
                raise InputError(f"phenotype: no group '{name}'; {nearest(name, self.topology.index)}")
            shape = (self.lives, self.topology.group(name).size)
            for what, tensor in tensors.items():
                require(tuple(tensor.shape) == shape, name, f"{what} of shape {shape}", tuple(tensor.shape))

    @property
    def lives(self) -> int:
        """P, the number of networks."""
        return next(iter(self.projections.values())).weight.shape[0]

    @property
    def like(self) -> Tensor:
        """A tensor with the dtype and device of the weights, from which similar tensors are made."""
        return next(iter(self.projections.values())).weight

    @property
    def wiring_bits(self) -> float:
        """Bits of the wiring that a genome grows, when every synapse grows: 32 for a float32 weight."""
        return float(self.topology.synapses * torch.finfo(self.like.dtype).bits)

    def bias(self, group: str) -> Float[Tensor, "P units"] | None:
        """The biases of a group at birth, or None."""
        return self.groups.get(group, {}).get("bias")

    def with_parameters(self, traits: Mapping[str, Tensor], synaptic: Mapping[str, Mapping[str, Tensor]]) -> Phenotype:
        """The same networks with more traits, and with more synaptic parameters by parameter and projection name."""
        projections = {
            name: replace(s, parameters={**s.parameters, **{key: by[name] for key, by in synaptic.items()}})
            for name, s in self.projections.items()
        }
        return replace(self, projections=projections, traits={**self.traits, **traits})

    def scoped(self, chromosome: str, path: str) -> Phenotype:
        """The same networks as a nested component reads them: its numbers of `chromosome.path` under `chromosome`."""
        projections = {
            name: replace(s, parameters=scoped(s.parameters, chromosome, path)) for name, s in self.projections.items()
        }
        return replace(self, projections=projections, traits=scoped(self.traits, chromosome, path))

    def with_units(self, units: Mapping[str, Mapping[str, Tensor]]) -> Phenotype:
        """The same networks with more tensors (P, units) by group, such as `leak`."""
        groups = {**self.groups, **{name: {**self.groups.get(name, {}), **more} for name, more in units.items()}}
        return replace(self, groups=groups)

    def repeated(self, times: int) -> Phenotype:
        """Repeats every network `times` times, the copies one after the other: P * times lives."""
        if times == 1:
            return self

        def again(tensor: Tensor) -> Tensor:
            # a tensor that all lives share keeps its size of 1
            return tensor if tensor.shape[0] == 1 != self.lives else tensor.repeat_interleave(times, dim=0)

        projections = {
            name: Synapses(
                again(s.weight),
                None if s.mask is None else again(s.mask),
                {key: again(number) for key, number in s.parameters.items()},
            )
            for name, s in self.projections.items()
        }
        groups = {name: {key: again(t) for key, t in by.items()} for name, by in self.groups.items()}
        return Phenotype(self.topology, projections, groups, {key: again(t) for key, t in self.traits.items()})

    def synapses_grown(self) -> Float[Tensor, " P"]:
        """The number of synapses with which each network was born, (P,)."""
        grown = torch.zeros(self.lives, dtype=torch.float64, device=self.like.device)
        for s in self.projections.values():
            grown += s.weight[0].numel() if s.mask is None else s.mask.sum((1, 2))
        return grown
