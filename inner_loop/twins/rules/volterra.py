"""The twin of `Volterra`: w <- w + rate sum theta x^a y^b w^c r^d for 16 lives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import float32, njit

from inner_loop.network import Network, Weights
from inner_loop.twins.functions import larger
from inner_loop.twins.lanes import settle
from inner_loop.twins.layout import WIDTH, Lanes
from inner_loop.twins.seam import twin
from inner_loop.twins.synapses import OfSynapses, of_synapses
from inner_loop.twins.vector import absolute, fill, fma, load, store, where

_POWERS = 3  # 0, 1, 2


@njit(_nrt=False)
def _power(x: Any, power: Any) -> Any:
    """x^0, x^1 or x^2."""
    if power == 0:
        return fill(float32(1.0))
    return x if power == 1 else x * x


@njit(_nrt=False)
def _gather(rule: Any, theta: Any, k: Any, apart: Any) -> Any:
    """The coefficient of each product of powers of w and x: theta times the factors in y and r, summed over terms."""
    for place in range(0, len(rule.sums), WIDTH):
        store(rule.sums, place, fill(float32(0.0)))
    for term in range(len(rule.places)):
        place = WIDTH * rule.places[term]
        known = fma(load(theta, k + apart * term), load(rule.late, WIDTH * term), load(rule.sums, place))
        store(rule.sums, place, known)


@njit(_nrt=False)
def _polynomial(rule: Any, pre: Any, weight: Any) -> Any:
    """The polynomial in w whose coefficients are polynomials in x, by Horner's scheme."""
    total = fill(float32(0.0))
    for c in range(rule.of_w - 1, -1, -1):
        inner = load(rule.sums, WIDTH * (_POWERS * c + rule.of_x - 1))
        for a in range(rule.of_x - 2, -1, -1):
            inner = fma(inner, pre, load(rule.sums, WIDTH * (_POWERS * c + a)))
        total = fma(total, weight, inner)
    return total


def learn(rule: Any, net: Any, block: Any, weights: Any, lived: Any) -> Any:
    """One step of 16 lives."""
    rates, thetas = rule.rates.numbers.reshape(-1), rule.thetas.numbers.reshape(-1)
    for edge in range(len(net.pre)):
        source = lived.before if net.late[edge] else lived.activity
        first_pre, first_post = WIDTH * net.first[net.pre[edge]], WIDTH * net.first[net.post[edge]]
        rows, columns, first = net.sizes[net.post[edge]], net.sizes[net.pre[edge]], net.synapses[edge]
        at_rate = WIDTH * block * rule.rates.numbers.shape[1] + rule.rates.first[edge]
        at_theta = WIDTH * block * rule.thetas.numbers.shape[1] + rule.thetas.first[edge]
        to_rate, to_theta, apart = rule.rates.stride[edge], rule.thetas.stride[edge], rule.thetas.apart[edge]
        largest = fill(float32(0.0))
        for i in range(rows):
            post = load(lived.activity, first_post + WIDTH * i)
            for term in range(len(rule.places)):
                store(rule.late, WIDTH * term, _power(post, rule.of_y[term]) * _power(lived.reward, rule.of_r[term]))
            if to_theta == 0:
                _gather(rule, thetas, at_theta, apart)
            for j in range(columns):
                synapse = i * columns + j
                if to_theta:
                    _gather(rule, thetas, at_theta + to_theta * synapse, apart)
                pre, weight = load(source, first_pre + WIDTH * j), load(weights, WIDTH * (first + synapse))
                change = load(rates, at_rate + to_rate * synapse) * _polynomial(rule, pre, weight)
                weight = where(lived.alive, weight + change, weight)
                largest = larger(absolute(weight), largest)
                store(weights, WIDTH * (first + synapse), weight)
        settle(weights, first, rows * columns, largest, rule.bound, lived)


@twin(learn=learn)
class VolterraTwin(NamedTuple):
    """Rates and coefficients of 16 lives side by side.

    Attributes:
        rates: the learning rate of every synapse.
        thetas: the coefficient of each term of every synapse.
        of_y, of_r: the powers of y and r in each term.
        places: of each term, 3 times its power of w plus its power of x.
        of_w, of_x: 1 + the largest power of w and of x.
        late: memory for the factors of the terms in y and r, a vector for each term.
        sums: memory for the coefficients of the products of powers of w and x, 9 vectors.
        bound: largest magnitude of a weight.
    """

    rates: OfSynapses
    thetas: OfSynapses
    of_y: np.ndarray
    of_r: np.ndarray
    places: np.ndarray
    of_w: int
    of_x: int
    late: np.ndarray
    sums: np.ndarray
    bound: np.float32


def twin_of(
    state: Any, powers: Sequence[Any], bound: float, lanes: Lanes, network: Network, weights: Weights
) -> VolterraTwin:
    """The twin of a rule whose state is the polynomial of every projection, in the topology's order.

    Args:
        powers: of x, y, w and r in each term.
    """
    named = dict(zip((edge.name for edge in network.topology.edges), state, strict=True))
    rates = of_synapses(lanes, network, weights, {name: (each.rate,) for name, each in named.items()})
    thetas = {name: [each.theta[term] for term in powers] for name, each in named.items()}
    x, y, w, r = (np.array(each) for each in zip(*powers, strict=True))
    late, sums = np.zeros(WIDTH * len(powers), np.float32), np.zeros(WIDTH * _POWERS * _POWERS, np.float32)
    return VolterraTwin(
        rates,
        of_synapses(lanes, network, weights, thetas),
        y,
        r,
        _POWERS * w + x,
        1 + int(w.max()),
        1 + int(x.max()),
        late,
        sums,
        np.float32(bound),
    )
