"""One network as an nn.Module, for use outside instinct."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genomes.errors import require
from genomes.phenotype import Phenotype
from inner_loop.neurons.rate import Rate


@final
class PhenotypeModule(nn.Module):
    """One network of P as an nn.Module with trainable parameters, independent of the cohort that it came from.

    Attributes:
        weights: of each projection, (post, pre), in the order of the topology's projections.
        biases: of each group in `biased`, (units,).
        biased: names of the groups that have a bias.
        leaks: of each group in `leaking`, (units,); not trained.
        leaking: names of the groups that leak.

    Raises:
        InputError: no such individual.
    """

    def __init__(self, phenotype: Phenotype, individual: int) -> None:
        super().__init__()
        require(0 <= individual < phenotype.lives, "individual", f"0 to {phenotype.lives - 1}", individual)
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
        self._numbers = tuple(
            (group, key) for group, by in phenotype.groups.items() for key in by if key not in ("bias", "leak")
        )
        for place, (group, key) in enumerate(self._numbers):
            self.register_buffer(f"number_{place}", phenotype.groups[group][key][individual].detach().clone())

    def forward(self, inputs: Float[Tensor, "*T B input"]) -> Float[Tensor, "*T B output"]:
        """Maps (B, input units) to (B, output units); a network with memory maps all steps, (T, B, units)."""
        topology = self.topology
        if not topology.has_memory:
            return self.step(inputs)[0][topology.output.name]
        require(inputs.dim() == 3, "module", "(T, B, input units): the network has memory", tuple(inputs.shape))
        activity = {g.name: inputs.new_zeros(inputs.shape[1], g.size) for g in topology.groups}
        internal, outputs = dict[str, Tensor](), []
        for now in inputs:
            activity, internal = self.step(now, activity, internal)
            outputs.append(activity[topology.output.name])
        return torch.stack(outputs)

    def step(
        self,
        inputs: Float[Tensor, "B input"],
        before: Mapping[str, Tensor] | None = None,
        internal: Mapping[str, Tensor] | None = None,
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Activity of every group, (B, units), and what its unit model keeps, (1, n, B), after a step.

        Args:
            before, internal: of the step before; None in a network without memory.
        """
        topology, numbers, kept = self.topology, self._numbers_of(), dict[str, Tensor]()
        activity = {topology.sensory.name: self._sensed(inputs, before)}
        biases = dict(zip(self.biased, self.biases, strict=True))
        for group in topology.groups[1:]:
            total = inputs.new_zeros(len(inputs), group.size)
            for edge, weight in zip(topology.edges, self.weights, strict=True):
                if edge.post == group.name:
                    late = topology.kind(edge) in ("recurrent", "lateral")
                    assert before is not None or not late, "a network with memory runs over time"
                    total = total + (before if late and before else activity)[edge.pre] @ weight.T
            if group.name in biases:
                total = total + biases[group.name]
            own, last = numbers.get(group.name, {}), None if before is None else before[group.name].T[None]
            neuron, known = group.neuron or Rate(group.activation), (internal or {}).get(group.name)
            # the copy keeps the tensors that autograd saved apart from activations that are computed in place
            new, now = neuron.step(total.T[None].clone(), last, known, own)
            activity[group.name] = (new * own["present"] if "present" in own else new)[0].T
            if now is not None:
                kept[group.name] = now
        return activity, kept

    def _numbers_of(self) -> dict[str, dict[str, Tensor]]:
        """By group, numbers of its neurons, (1, units, 1)."""
        numbers = {name: {"leak": leak[None, :, None]} for name, leak in zip(self.leaking, self.leaks, strict=True)}
        for place, (group, key) in enumerate(self._numbers):
            numbers.setdefault(group, {})[key] = getattr(self, f"number_{place}")[None, :, None]
        return numbers

    def _sensed(self, inputs: Tensor, before: Mapping[str, Tensor] | None) -> Tensor:
        sensory = self.topology.sensory.name
        if sensory not in self.leaking or before is None:
            return inputs
        return before[sensory] + self.leaks[self.leaking.index(sensory)] * (inputs - before[sensory])
