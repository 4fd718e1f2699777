"""The twin of `Hebbian`: w <- w + A y x + B x + C y + D for 16 lives, rescaled where a weight exceeds the bound."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numba import float32

from inner_loop.network import Network, Weights
from inner_loop.twins.functions import larger
from inner_loop.twins.lanes import settle
from inner_loop.twins.layout import WIDTH, Lanes
from inner_loop.twins.net import edges_of
from inner_loop.twins.seam import twin
from inner_loop.twins.vector import absolute, fill, fma, load, store, where


def learn(rule: Any, net: Any, block: Any, weights: Any, lived: Any) -> Any:
    """One step of 16 lives."""
    numbers, begin = rule.numbers.reshape(-1), WIDTH * block * rule.numbers.shape[1]
    for edge in range(len(net.pre)):
        source = lived.before if net.late[edge] else lived.activity
        first_pre, first_post = net.first[net.pre[edge]], net.first[net.post[edge]]
        rows, columns, first = net.sizes[net.post[edge]], net.sizes[net.pre[edge]], net.synapses[edge]
        apart = WIDTH * (rows * columns if rule.own[edge] else 1)  # between two coefficients of a synapse
        largest = fill(float32(0.0))
        for i in range(rows):
            post = load(lived.activity, WIDTH * (first_post + i))
            for j in range(columns):
                synapse = i * columns + j
                k = begin + WIDTH * (rule.first[edge] + (synapse if rule.own[edge] else 0))
                pre, weight = load(source, WIDTH * (first_pre + j)), load(weights, WIDTH * (first + synapse))
                change = fma(load(numbers, k + 2 * apart), post, load(numbers, k + 3 * apart))
                change = fma(load(numbers, k), post * pre, fma(load(numbers, k + apart), pre, change))
                weight = where(lived.alive, weight + change, weight)
                largest = larger(absolute(weight), largest)
                store(weights, WIDTH * (first + synapse), weight)
        settle(weights, first, rows * columns, largest, rule.bound, lived)


@twin(learn=learn)
class HebbianTwin(NamedTuple):
    """Coefficients of 16 lives side by side.

    Attributes:
        numbers: eta A, eta B, eta C, eta D of each projection, one after the other, (blocks, numbers, 16).
        first: of each projection, the index of its first number.
        own: of each projection, 1 if each synapse has its own coefficients, 0 if they share one set.
        bound: largest magnitude of a weight.
    """

    numbers: np.ndarray
    first: np.ndarray
    own: np.ndarray
    bound: np.float32


def twin_of(state: Any, bound: float, lanes: Lanes, network: Network, weights: Weights) -> HebbianTwin:
    """The twin of a rule whose state is the coefficients of every projection, in the topology's order."""
    by_name = dict(zip((edge.name for edge in network.topology.edges), state, strict=True))
    parts, first, own, count = [], [], [], 0
    for edge in edges_of(network):
        each, shape = by_name[edge.name], weights.projections[edge.name].shape[1:]
        four = [each.correlation, each.presynaptic, each.postsynaptic, each.constant]
        shared = all(number.shape[1:] == (1, 1) for number in four)
        parts += [number.expand(lanes.lives, *((1, 1) if shared else shape)).flatten(1) for number in four]
        first.append(count)
        own.append(int(not shared))
        count += 4 * (1 if shared else shape.numel())
    return HebbianTwin(lanes.of(torch.cat(parts, 1)), np.array(first), np.array(own), np.float32(bound))
