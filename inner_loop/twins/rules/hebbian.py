"""The twin of `Hebbian`: w <- w + A y x + B x + C y + D for 16 lives, rescaled where a weight exceeds the bound."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import float32

from inner_loop.network import Network, Weights
from inner_loop.twins.functions import larger
from inner_loop.twins.lanes import settle
from inner_loop.twins.layout import WIDTH, Lanes
from inner_loop.twins.seam import twin
from inner_loop.twins.synapses import OfSynapses, of_synapses
from inner_loop.twins.vector import absolute, fill, fma, load, store, where


def learn(rule: Any, net: Any, block: Any, weights: Any, lived: Any) -> Any:
    """One step of 16 lives."""
    numbers, begin = rule.each.numbers.reshape(-1), WIDTH * block * rule.each.numbers.shape[1]
    for edge in range(len(net.pre)):
        source = lived.before if net.late[edge] else lived.activity
        first_pre, first_post = net.first[net.pre[edge]], net.first[net.post[edge]]
        rows, columns, first = net.sizes[net.post[edge]], net.sizes[net.pre[edge]], net.synapses[edge]
        at, apart, stride = begin + rule.each.first[edge], rule.each.apart[edge], rule.each.stride[edge]
        largest = fill(float32(0.0))
        for i in range(rows):
            post, top = load(lived.activity, WIDTH * (first_post + i)), fill(float32(0.0))  # rows do not wait in line
            for j in range(columns):
                synapse = i * columns + j
                k = at + stride * synapse
                pre, weight = load(source, WIDTH * (first_pre + j)), load(weights, WIDTH * (first + synapse))
                change = fma(load(numbers, k + 2 * apart), post, load(numbers, k + 3 * apart))
                change = fma(load(numbers, k), post * pre, fma(load(numbers, k + apart), pre, change))
                weight = where(lived.alive, weight + change, weight)
                top = larger(absolute(weight), top)
                store(weights, WIDTH * (first + synapse), weight)
            largest = larger(top, largest)
        settle(weights, first, rows * columns, largest, rule.bound, lived)


@twin(learn=learn)
class HebbianTwin(NamedTuple):
    """Coefficients of 16 lives side by side.

    Attributes:
        each: eta A, eta B, eta C and eta D of every synapse.
        bound: largest magnitude of a weight.
    """

    each: OfSynapses
    bound: np.float32


def twin_of(state: Any, bound: float, lanes: Lanes, network: Network, weights: Weights) -> HebbianTwin:
    """The twin of a rule whose state is the coefficients of every projection, in the topology's order."""
    by_name = {
        edge.name: (each.correlation, each.presynaptic, each.postsynaptic, each.constant)
        for edge, each in zip(network.topology.edges, state, strict=True)
    }
    return HebbianTwin(of_synapses(lanes, network, weights, by_name), np.float32(bound))
