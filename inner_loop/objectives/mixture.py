"""Several objectives at once, each with a weight that evolution sets: Richards et al. 2019, Nat. Neurosci. 22:1761."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from genomes.errors import require
from genomes.evolvable import check_evolvables
from genomes.evolve import Evolvable
from genomes.phenotype import Phenotype
from inner_loop.network import Network
from inner_loop.objective import Lived, Objective


@final
@dataclass(frozen=True)
class Part:
    """One of the objectives of a mixture.

    Attributes:
        name: used in keys and in genes: `objective.parts.NAME.weight`.
        objective: any objective; its own numbers may be under evolution.
        weight: w_k in the sum.
    """

    name: str
    objective: Objective
    weight: Evolvable = 1.0

    def __post_init__(self) -> None:
        check_evolvables(self)
        require(self.name.isidentifier(), "name", "a name of letters, digits and underscores", self.name)


@final
@dataclass(frozen=True)
class Mixture(Objective):
    """E = sum_k w_k E_k.

    Attributes:
        parts: the objectives; every name occurs once.
    """

    parts: tuple[Part, ...] = ()

    def __post_init__(self) -> None:
        names = [part.name for part in self.parts]
        require(names and len(set(names)) == len(names), "Mixture.parts", "parts, each with its own name", names)

    def init(self, network: Network, newborn: Phenotype) -> tuple[Any, ...]:
        """The memory of every part."""
        scoped = (newborn.scoped("objective", f"parts.{part.name}.objective") for part in self.parts)
        return tuple(part.objective.init(network, own) for part, own in zip(self.parts, scoped, strict=True))

    def loss(self, lived: Lived) -> Float[Tensor, " P"]:
        """E, (P,)."""
        return torch.stack([weight * part.loss(own) for part, weight, own in self._each(lived)]).sum(0)

    def error(self, lived: Lived) -> dict[str, Tensor]:
        """The weighted sum of the parts' errors."""
        return _summed((part.error(own), weight) for part, weight, own in self._each(lived))

    def weight_error(self, lived: Lived) -> dict[str, Tensor]:
        """The weighted sum of the parts' gradients by the weights."""
        return _summed((part.weight_error(own), weight) for part, weight, own in self._each(lived))

    def after(self, lived: Lived) -> tuple[Any, ...]:
        """The memory of every part after the step."""
        return tuple(part.after(own) for part, _, own in self._each(lived))

    def _each(self, lived: Lived) -> Iterator[tuple[Objective, Tensor, Lived]]:
        memories = lived.memory or ((),) * len(self.parts)
        for part, memory in zip(self.parts, memories, strict=True):
            own = lived.within(f"parts.{part.name}.objective", part.objective, memory)
            yield part.objective, lived.traits[f"objective.parts.{part.name}.weight"], own


def _summed(parts: Iterator[tuple[dict[str, Tensor], Tensor]]) -> dict[str, Tensor]:
    total: dict[str, Tensor] = {}
    for slopes, weight in parts:
        for name, slope in slopes.items():
            slope = slope * weight[:, None, None].to(slope)
            total[name] = total[name].add_(slope) if name in total else slope
    return total
