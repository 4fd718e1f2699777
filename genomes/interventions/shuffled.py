"""The same weights in other places: tests how much a network depends on the place of each weight."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import torch
from jaxtyping import Int
from torch import Tensor

from genomes.intervention import Intervention, grown
from genomes.phenotype import Phenotype, Synapses
from genomes.streams import Streams


@final
@dataclass(frozen=True)
class Shuffled(Intervention):
    """Permutes the weights of each projection among its synapses, and the biases of each group among its neurons.

    Attributes:
        mask: True: synapses stay where they grew, so all degrees are kept. False: their places are permuted too,
            and only the distribution of the weights is kept.
    """

    mask: bool = True

    def apply(self, newborn: Phenotype, streams: Streams) -> Phenotype:
        """Draws a permutation for every individual and projection."""
        projections = {name: self._dealt(s, streams.stream(name)) for name, s in newborn.projections.items()}
        biases = {g.name: newborn.bias(g.name) for g in newborn.topology.groups}
        dealt = {
            name: {"bias": bias.gather(1, streams.stream(f"bias {name}").permutation(bias.shape[1]).to(bias.device))}
            for name, bias in biases.items()
            if bias is not None
        }
        return replace(newborn, projections=projections).with_units(dealt)

    def _dealt(self, synapses: Synapses, streams: Streams) -> Synapses:
        weight, shape = synapses.weight.flatten(1), synapses.weight.shape
        order = streams.permutation(weight.shape[1]).to(weight.device)
        if synapses.mask is None:
            return replace(synapses, weight=weight.gather(1, order).view(shape))
        if not self.mask:
            mask = synapses.mask.flatten(1).gather(1, order).view(shape)
            return replace(synapses, weight=weight.gather(1, order).view(shape), mask=mask)
        here = grown(synapses).flatten(1)
        places, donors = _first(here), order.gather(1, _first(here.gather(1, order)))
        # after the synapses that grew come places without a synapse, whose weight is 0 before and after
        return replace(
            synapses, weight=torch.zeros_like(weight).scatter(1, places, weight.gather(1, donors)).view(shape)
        )


def _first(chosen: Tensor) -> Int[Tensor, "P n"]:
    """Indices of the chosen places, then those of the others, each in their order."""
    return torch.argsort((~chosen).int(), dim=1, stable=True)
