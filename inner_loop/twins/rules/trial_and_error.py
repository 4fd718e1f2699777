"""The twin of `TrialAndError`: plastic synapses of lives without a reward become -1 or +1, by bits drawn beforehand."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numba import float32
from torch import Tensor

from inner_loop.network import Network, Weights
from inner_loop.twins.layout import WIDTH, Lanes
from inner_loop.twins.net import edges_of
from inner_loop.twins.seam import twin
from inner_loop.twins.synapses import OfSynapses, of_synapses
from inner_loop.twins.vector import any_of, fill, floor, fma, load, store, total_of_groups, where

_BITS = 16  # in a number: float32 holds whole numbers exactly up to 2^24


def learn(rule: Any, net: Any, block: Any, weights: Any, lived: Any) -> Any:
    """One step of 16 lives."""
    zero, one = fill(float32(0.0)), fill(float32(1.0))
    reward = where(lived.alive, lived.reward, zero)
    rewarded = total_of_groups(where(reward > zero, one, zero), lived.together)
    fails = lived.going & (rewarded == zero)
    if any_of(fails):
        coins, marks = rule.coins.reshape(-1), rule.plastic.numbers.reshape(-1)
        drawn = WIDTH * rule.words * (block * rule.steps + lived.time)
        for edge in range(len(net.pre)):
            first = WIDTH * net.synapses[edge]
            at = WIDTH * block * rule.plastic.numbers.shape[1] + rule.plastic.first[edge]
            for synapse in range(net.sizes[net.post[edge]] * net.sizes[net.pre[edge]]):
                coin = rule.first[edge] + synapse
                shifted = load(coins, drawn + WIDTH * (coin // _BITS)) * rule.shifts[coin % _BITS]
                bit = fma(floor(shifted * float32(0.5)), float32(-2.0), floor(shifted))
                guess = fma(bit, float32(2.0), float32(-1.0))
                plastic = load(marks, at + rule.plastic.stride[edge] * synapse) > zero
                weight = load(weights, first + WIDTH * synapse)
                store(weights, first + WIDTH * synapse, where(plastic & fails, guess, weight))


@twin(learn=learn)
class TrialAndErrorTwin(NamedTuple):
    """Random bits of 16 lives side by side.

    Attributes:
        plastic: of every synapse, above 0 if it is guessed.
        coins: 16 bits in a number, the lowest first, (blocks, steps * words, 16).
        words: numbers of a step.
        steps: of the longest episode.
        first: of each projection, the index of its first bit.
        shifts: 2^-bit, for each bit of a number.
    """

    plastic: OfSynapses
    coins: np.ndarray
    words: int
    steps: int
    first: np.ndarray
    shifts: np.ndarray


def twin_of(plastic: Any, drawn: Tensor, lanes: Lanes, network: Network, weights: Weights) -> TrialAndErrorTwin:
    """The twin before an episode.

    Args:
        plastic: by projection, the synapses that are guessed, (P, post, pre).
        drawn: words of 32 bits for each step, (K, steps, words); a bit for each synapse, in the topology's order.
    """
    halves = torch.stack([drawn & 0xFFFF, drawn >> _BITS], dim=3).flatten(2).float()
    first, count = {}, 0
    for edge in network.topology.edges:
        first[edge.name] = count
        count += weights.projections[edge.name][0].numel()
    marks = {name: (each.float(),) for name, each in plastic.items()}
    return TrialAndErrorTwin(
        of_synapses(lanes, network, weights, marks),
        lanes.of(halves.flatten(1)),
        halves.shape[2],
        halves.shape[1],
        np.array([first[edge.name] for edge in edges_of(network)]),
        (0.5 ** np.arange(_BITS)).astype(np.float32),
    )
