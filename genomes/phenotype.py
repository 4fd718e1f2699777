"""The interface between inheritance and life: a cohort of networks as named tensors, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import final

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from genomes.activation import ACTIVATIONS
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

    def module(self, individual: int) -> nn.Module:
        """Returns one network as an nn.Module: (B, input units) to (B, output units), or (T, B, ...) with memory.

        Raises:
            InputError: no such individual.
        """
        require(0 <= individual < self.lives, "individual", f"0 to {self.lives - 1}", individual)
        return PhenotypeModule(self, individual)


@final
class PhenotypeModule(nn.Module):
    """A single network with trainable parameters, independent of the cohort that it came from.

    Attributes:
        weights: of each projection, (post, pre), in the order of the topology's projections.
        biases: of each group in `biased`, (units,).
        biased: names of the groups that have a bias.
        leaks: of each group in `leaking`, (units,); not trained.
        leaking: names of the groups that have a memory of their own.
    """

    def __init__(self, phenotype: Phenotype, individual: int) -> None:
        super().__init__()
        topology = phenotype.topology
        self.topology = topology
        weights = [phenotype.projections[edge.name].weight[individual] for edge in topology.edges]
        self.weights = nn.ParameterList([nn.Parameter(w.detach().clone()) for w in weights])
        biases = {g.name: phenotype.bias(g.name) for g in topology.groups}
        # a list, since torch's ParameterDict does not accept group names such as "V1.L4" or "type"
        self.biased = tuple(name for name, b in biases.items() if b is not None)
        self.biases = nn.ParameterList(
            [nn.Parameter(b[individual].detach().clone()) for b in biases.values() if b is not None]
        )
        leaks = {name: by["leak"][individual] for name, by in phenotype.groups.items() if "leak" in by}
        self.leaking = tuple(leaks)
        self.leaks = nn.ParameterList(
            [nn.Parameter(leak.detach().clone(), requires_grad=False) for leak in leaks.values()]
        )

    def forward(self, inputs: Float[Tensor, "*T B input"]) -> Float[Tensor, "*T B output"]:
        """Maps (B, input units) to (B, output units); a network with memory maps all steps, (T, B, units)."""
        topology = self.topology
        if not topology.has_memory:
            return self.step(inputs, {})[topology.output.name]
        require(inputs.dim() == 3, "module", "(T, B, input units): the network has memory", tuple(inputs.shape))
        activity = {g.name: inputs.new_zeros(inputs.shape[1], g.size) for g in topology.groups}
        outputs = []
        for now in inputs:
            activity = self.step(now, activity)
            outputs.append(activity[topology.output.name])
        return torch.stack(outputs)

    def step(self, inputs: Float[Tensor, "B input"], before: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Activity of every group, (B, units), from the inputs and the activity of the step before."""
        topology, sensory = self.topology, self.topology.sensory.name
        activity = {sensory: self._leaky(sensory, inputs, before)}
        biases = dict(zip(self.biased, self.biases, strict=True))
        for group in topology.groups[1:]:
            total = inputs.new_zeros(len(inputs), group.size)
            for edge, weight in zip(topology.edges, self.weights, strict=True):
                if edge.post == group.name:
                    late = topology.kind(edge) in ("recurrent", "lateral")
                    total = total + (before if late else activity)[edge.pre] @ weight.T
            if group.name in biases:
                total = total + biases[group.name]
            # the copy keeps the tensors that autograd saved apart from the in-place activation
            drive = ACTIVATIONS[group.activation].apply_(total.clone())
            activity[group.name] = self._leaky(group.name, drive, before)
        return activity

    def _leaky(self, group: str, drive: Tensor, before: Mapping[str, Tensor]) -> Tensor:
        if group not in self.leaking:
            return drive
        return before[group] + self.leaks[self.leaking.index(group)] * (drive - before[group])
