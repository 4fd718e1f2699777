"""Signs without magnitudes (Zhou, Lan, Liu & Yosinski 2019, NeurIPS: lottery tickets and their signs)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

from genomes.intervention import Intervention, grown, root_mean_square
from genomes.phenotype import Phenotype
from genomes.streams import Streams


@final
@dataclass(frozen=True)
class SignsOnly(Intervention):
    """Keeps the sign of every weight; its magnitude becomes the root mean square of the projection. Biases stay."""

    def apply(self, newborn: Phenotype, streams: Streams) -> Phenotype:
        """Replaces the magnitudes; draws no random numbers."""
        projections = {
            name: replace(s, weight=s.weight.sign() * root_mean_square(s.weight, grown(s)))
            for name, s in newborn.projections.items()
        }
        return replace(newborn, projections=projections)
