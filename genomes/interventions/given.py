"""A network that the user gives weight by weight, in place of the one that the genome grows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from genomes.errors import InputError, nearest, require
from genomes.intervention import Intervention
from genomes.phenotype import Phenotype
from genomes.streams import Streams
from genomes.topology import Topology


@final
@dataclass(frozen=True, eq=False)
class Given(Intervention):
    """Gives every individual the same weights; everything else that the genome gives (plasticity, traits) stays.

    Attributes:
        weights: by projection, (post, pre); a projection that is not named keeps its own.
        masks: by projection, True where a synapse grew; a projection that is not named has all its synapses.
        units: by group, named numbers of its neurons such as `bias` and `leak`, (units,).
    """

    weights: Mapping[str, ndarray] = field(default_factory=dict)
    masks: Mapping[str, ndarray] = field(default_factory=dict)
    units: Mapping[str, Mapping[str, ndarray]] = field(default_factory=dict)

    def check(self, topology: Topology) -> None:
        """Raises InputError unless the names and sizes are those of the topology and the numbers are finite."""
        shapes = {edge.name: topology.shape(edge) for edge in topology.edges}
        for what, arrays in (("weight", self.weights), ("mask", self.masks)):
            for name, array in arrays.items():
                if name not in shapes:
                    raise InputError(f"{what}.{name}: no such projection; {nearest(name, shapes)}")
                require(array.shape == shapes[name], f"{what}.{name}", f"shape {shapes[name]}", array.shape)
            require(all(_finite(array) for array in arrays.values()), what, "finite numbers", "others among them")
        for name, numbers in self.units.items():
            if name not in topology.index:
                raise InputError(f"bias.{name}: no such group; {nearest(name, topology.index)}")
            for called, array in numbers.items():
                size = (topology.group(name).size,)
                require(array.shape == size, f"{called}.{name}", f"shape {size}", array.shape)
                require(_finite(array), f"{called}.{name}", "finite numbers", "others among them")
                fits = called != "leak" or ((array > 0) & (array <= 1)).all()
                require(fits, f"{called}.{name}", "leaks above 0, at most 1", "others among them")

    def apply(self, newborn: Phenotype, streams: Streams) -> Phenotype:
        """Replaces the weights; draws no random numbers."""
        self.check(newborn.topology)

        def every(array: ndarray) -> Tensor:
            return torch.as_tensor(array).to(newborn.like).expand(newborn.lives, *array.shape).clone()

        projections = dict(newborn.projections)
        for name, weight in self.weights.items():
            mask = every(self.masks[name]).bool() if name in self.masks else None
            projections[name] = replace(projections[name], weight=every(weight), mask=mask)
        units = {name: {called: every(a) for called, a in by.items()} for name, by in self.units.items()}
        return replace(newborn, projections=projections).with_units(units)


def _finite(array: ndarray) -> bool:
    return array.dtype.kind in "biuf" and bool(np.isfinite(array).all())
