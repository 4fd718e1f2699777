"""Every hidden neuron holds its mean activity at a set point: Turrigiano 2008, Cell 135:422."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from genomes.errors import require
from genomes.evolvable import check_evolvables
from genomes.evolve import Evolvable, ends
from genomes.phenotype import Phenotype
from inner_loop.network import Network
from inner_loop.objective import Lived, Objective


@final
@dataclass(frozen=True)
class Homeostasis(Objective):
    """E = sum_i (m_i - set_point)^2 / 2 over hidden neurons, m_i <- (1 - rate) m_i + rate mean_b y_ib.

    m is the memory; it begins at the set point. dE/dy_ib = rate (m_i - set_point) / B with the new m.

    Attributes:
        set_point: mean activity that the neurons approach.
        rate: of the running mean, above 0 up to 1; 1: the mean over the samples of the step.
    """

    set_point: Evolvable = 0.1
    rate: Evolvable = 0.1

    def __post_init__(self) -> None:
        check_evolvables(self)
        require(all(0 < end <= 1 for end in ends(self.rate)), "Homeostasis.rate", "above 0, up to 1", self.rate)

    def init(self, network: Network, newborn: Phenotype) -> dict[str, Tensor]:
        """The mean activity of each hidden group, (P, units)."""
        set_point = newborn.traits["objective.set_point"].to(newborn.like)[:, None]
        sizes = {name: newborn.topology.group(name).size for name in network.incoming if name != network.output}
        return {name: set_point.repeat(1, size) for name, size in sizes.items()}

    def loss(self, lived: Lived) -> Float[Tensor, " P"]:
        """E, (P,)."""
        away = [(mean - self._set_point(lived)).square().sum(1) for mean in self.after(lived).values()]
        return torch.stack(away).sum(0) / 2.0 if away else torch.zeros_like(lived.traits["objective.rate"])

    def error(self, lived: Lived) -> dict[str, Tensor]:
        """rate (m - set_point) / B at the hidden groups."""
        errors, rate = {}, lived.traits["objective.rate"][:, None]
        for name, mean in self.after(lived).items():
            activity = lived.activities[name]
            slope = (rate * (mean - self._set_point(lived)) / activity.shape[2]).to(activity)
            errors[name] = slope[:, :, None].expand_as(activity).clone()
        return errors

    def after(self, lived: Lived) -> dict[str, Tensor]:
        """The running means, updated with this step."""
        rate = lived.traits["objective.rate"][:, None]
        return {name: torch.lerp(m, lived.activities[name].mean(2), rate.to(m)) for name, m in lived.memory.items()}

    def _set_point(self, lived: Lived) -> Tensor:
        return lived.traits["objective.set_point"][:, None]
