"""The twin of `RewardModulated`: e <- decay e + g x, and w <- w + rate (r - baseline) e, for 16 lives."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import float32
from torch import Tensor

from inner_loop.network import Network, Weights
from inner_loop.twins.functions import larger
from inner_loop.twins.lanes import mean_of_life, settle
from inner_loop.twins.layout import WIDTH, Lanes
from inner_loop.twins.seam import twin
from inner_loop.twins.synapses import OfSynapses, of_synapses
from inner_loop.twins.vector import absolute, fill, fma, load, store, where


def learn(rule: Any, net: Any, block: Any, weights: Any, lived: Any) -> Any:
    """One step of 16 lives; the baseline changes after the weights."""
    rates, decays = rule.rates.numbers.reshape(-1), rule.decays.numbers.reshape(-1)
    traces, baselines = rule.traces.reshape(-1), rule.baselines.reshape(-1)
    surprise = lived.reward - load(baselines, WIDTH * block)
    for edge in range(len(net.pre)):
        source = lived.before if net.late[edge] else lived.activity
        first_pre, first_post = WIDTH * net.first[net.pre[edge]], WIDTH * net.first[net.post[edge]]
        rows, columns, first = net.sizes[net.post[edge]], net.sizes[net.pre[edge]], net.synapses[edge]
        at_rate = WIDTH * block * rule.rates.numbers.shape[1] + rule.rates.first[edge]
        at_decay = WIDTH * block * rule.decays.numbers.shape[1] + rule.decays.first[edge]
        to_rate, to_decay = rule.rates.stride[edge], rule.decays.stride[edge]
        at_trace = WIDTH * (block * rule.traces.shape[1] + first)
        largest = fill(float32(0.0))
        for i in range(rows):
            if rule.by_noise:
                post = load(lived.noise, lived.at_noise + first_post + WIDTH * (i - net.sizes[0]))
            else:
                post = load(lived.activity, first_post + WIDTH * i)
            for j in range(columns):
                synapse = i * columns + j
                k, weight = at_trace + WIDTH * synapse, load(weights, WIDTH * (first + synapse))
                trace = post * load(source, first_pre + WIDTH * j)
                trace = fma(load(decays, at_decay + to_decay * synapse), load(traces, k), trace)
                store(traces, k, trace)
                change = load(rates, at_rate + to_rate * synapse) * (surprise * trace)
                weight = where(lived.alive, weight + change, weight)
                largest = larger(absolute(weight), largest)
                store(weights, WIDTH * (first + synapse), weight)
        settle(weights, first, rows * columns, largest, rule.bound, lived)
    follows = load(rule.follows.reshape(-1), WIDTH * block)
    expected = fma(follows, mean_of_life(lived, surprise), load(baselines, WIDTH * block))
    store(baselines, WIDTH * block, where(lived.going, expected, load(baselines, WIDTH * block)))


@twin(learn=learn)
class RewardModulatedTwin(NamedTuple):
    """Rates, traces and baselines of 16 lives side by side.

    Attributes:
        rates, decays: of every synapse.
        traces: of every synapse, (blocks, synapses, 16), 0 before an episode.
        baselines: the expected reward, (blocks, 1, 16), which the episodes change.
        follows: the rate of the baseline, (blocks, 1, 16).
        by_noise: 1 if the postsynaptic factor is the noise, 0 if it is the activity.
        bound: largest magnitude of a weight.
    """

    rates: OfSynapses
    decays: OfSynapses
    traces: np.ndarray
    baselines: np.ndarray
    follows: np.ndarray
    by_noise: int
    bound: np.float32


def twin_of(
    state: Any, follows: Tensor, by_noise: bool, bound: float, lanes: Lanes, network: Network, weights: Weights
) -> RewardModulatedTwin:
    """The twin before an episode.

    Args:
        state: a `Traced`, whose traces are empty between episodes.
        follows: the rate of the baseline, (P,).
    """
    rates = of_synapses(lanes, network, weights, {name: (rate,) for name, rate in state.rate.items()})
    decays = of_synapses(lanes, network, weights, {name: (decay[:, 0],) for name, decay in state.decay.items()})
    baselines = lanes.of(state.baseline)
    synapses = sum(weight[0].numel() for weight in weights.projections.values())
    traces = np.zeros((len(baselines), synapses, WIDTH), np.float32)
    follows = follows[:, None].to(state.baseline)
    return RewardModulatedTwin(rates, decays, traces, baselines, lanes.of(follows), int(by_noise), np.float32(bound))
