"""Numbers of synapses in lanes: of each synapse, or one set that all synapses of a projection share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from inner_loop.network import Network, Weights
from inner_loop.twins.layout import WIDTH, Lanes
from inner_loop.twins.net import edges_of


class OfSynapses(NamedTuple):
    """Some numbers of every synapse; those of one kind lie beside each other, projection by projection.

    Attributes:
        numbers: (blocks, numbers, 16).
        first: of each projection, the place of its first number in a block.
        apart: of each projection, the distance between two kinds of numbers of a synapse.
        stride: of each projection, the distance between two synapses; 0 where they share their numbers.
    """

    numbers: np.ndarray
    first: np.ndarray
    apart: np.ndarray
    stride: np.ndarray


def of_synapses(
    lanes: Lanes, network: Network, weights: Weights, by_name: Mapping[str, Sequence[Tensor]]
) -> OfSynapses:
    """Brings numbers of synapses into lanes.

    Args:
        by_name: by projection, numbers of each kind, (P or 1, 1, 1) or (P or 1, post, pre).
    """
    parts, first, apart, stride, count = [], [], [], [], 0
    for edge in edges_of(network):
        kinds, shape = by_name[edge.name], weights.projections[edge.name].shape[1:]
        shared = all(number.shape[1:] == (1, 1) for number in kinds)
        size = 1 if shared else shape.numel()
        parts += [number.expand(lanes.lives, *((1, 1) if shared else shape)).flatten(1) for number in kinds]
        first.append(WIDTH * count)
        apart.append(WIDTH * size)
        stride.append(0 if shared else WIDTH)
        count += size * len(kinds)
    numbers = lanes.of(torch.cat([part.float() for part in parts], 1))
    return OfSynapses(numbers, np.array(first), np.array(apart), np.array(stride))
