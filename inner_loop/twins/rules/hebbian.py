"""The twin of `Hebbian`: w <- w + A y x + B x + C y + D for 16 lives, rescaled where a weight exceeds the bound."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numba import float32

from inner_loop.network import Network, Weights
from inner_loop.rules.hebbian import Coefficients, Hebbian
from inner_loop.twins.functions import larger
from inner_loop.twins.net import edges_of, in_lanes
from inner_loop.twins.seam import twin
from inner_loop.twins.vector import WIDTH, absolute, any_of, fill, fma, load, store, where


def learn(rule: Any, net: Any, block: Any, weights: Any, activity: Any, before: Any, reward: Any, alive: Any) -> Any:
    """One step of 16 lives."""
    numbers, begin = rule.numbers.reshape(-1), WIDTH * block * rule.numbers.shape[1]
    for edge in range(len(net.pre)):
        source = before if net.late[edge] else activity
        first_pre, first_post = net.first[net.pre[edge]], net.first[net.post[edge]]
        rows, columns, first = net.sizes[net.post[edge]], net.sizes[net.pre[edge]], net.synapses[edge]
        apart = WIDTH * (rows * columns if rule.own[edge] else 1)  # between two coefficients of a synapse
        largest = fill(float32(0.0))
        for i in range(rows):
            post = load(activity, WIDTH * (first_post + i))
            for j in range(columns):
                synapse = i * columns + j
                k = begin + WIDTH * (rule.first[edge] + (synapse if rule.own[edge] else 0))
                pre, weight = load(source, WIDTH * (first_pre + j)), load(weights, WIDTH * (first + synapse))
                change = fma(load(numbers, k + 2 * apart), post, load(numbers, k + 3 * apart))
                change = fma(load(numbers, k), post * pre, fma(load(numbers, k + apart), pre, change))
                weight = where(alive, weight + change, weight)
                largest = larger(absolute(weight), largest)
                store(weights, WIDTH * (first + synapse), weight)
        beyond = alive & (largest > rule.bound)
        if any_of(beyond):
            scale = where(beyond, rule.bound / largest, fill(float32(1.0)))
            for k in range(WIDTH * first, WIDTH * (first + rows * columns), WIDTH):
                store(weights, k, load(weights, k) * scale)


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


def twin_of(rule: Hebbian, network: Network, weights: Weights, state: tuple[Coefficients, ...]) -> HebbianTwin:
    """The twin of a rule at the birth of P lives."""
    by_name = dict(zip((edge.name for edge in network.topology.edges), state, strict=True))
    parts, first, own, count = [], [], [], 0
    for edge in edges_of(network):
        each = by_name[edge.name]
        four = [each.correlation, each.presynaptic, each.postsynaptic, each.constant]
        lives = len(weights.projections[edge.name])
        shared = all(number.shape[1:] == (1, 1) for number in four)
        synapses = 1 if shared else weights.projections[edge.name][0].numel()
        shape = (1, 1) if shared else weights.projections[edge.name].shape[1:]
        parts += [number.expand(lives, *shape).flatten(1) for number in four]
        first.append(count)
        own.append(int(not shared))
        count += 4 * synapses
    return HebbianTwin(in_lanes(torch.cat(parts, 1)), np.array(first), np.array(own), np.float32(rule.bound))
