"""The twin of `PolicyGradient`: it stores the steps of an episode, and goes up the gradient after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numba import float32, njit
from torch import Tensor

from genomes.phenotype import Phenotype
from inner_loop.network import Network, Weights
from inner_loop.twins.functions import exp, larger
from inner_loop.twins.layout import WIDTH, Episodes, Lanes
from inner_loop.twins.memory import room
from inner_loop.twins.net import laid_out, net_of, write_back
from inner_loop.twins.seam import twin
from inner_loop.twins.through_time import back
from inner_loop.twins.vector import any_of, fill, fma, load, root, store, total_of_groups, where

_TINY = float(torch.finfo(torch.float32).tiny)


def learn(rule: Any, net: Any, block: Any, weights: Any, lived: Any) -> Any:
    """Stores a step of 16 lives."""
    past, at = rule.past.reshape(-1), WIDTH * rule.past.shape[2] * (block * rule.past.shape[1] + lived.time)
    store(past, at, where(lived.alive, fill(float32(1.0)), fill(float32(0.0))))
    store(past, at + WIDTH, lived.reward)
    at += 2 * WIDTH
    for k in range(0, len(lived.acted), WIDTH):
        store(past, at + k, load(lived.acted, k))
    at += len(lived.acted)
    for k in range(0, len(lived.activity), WIDTH):
        store(past, at + k, load(lived.activity, k))


@twin(learn=learn)
class PolicyGradientTwin(NamedTuple):
    """Episodes and expectations of 16 lives side by side.

    Attributes:
        past: 1 if the episode runs, the reward, the action and all activities at each step, (blocks, steps, n, 16).
        expected: mean future reward times its total weight at each step, then that weight, (blocks, 2 * steps, 16).
        velocity, rates, grown: of every weight and bias: the velocity; the learning rate, 0 where no synapse grew or
            none is plastic; 1 where it is plastic; (blocks, numbers, 16).
        numbers: discount, choice, rate of the baseline and momentum, (blocks, 4, 16).
        clip: largest norm of a gradient; infinite: no limit.
        discrete: 1 if an action is one of some, 0 if it is real numbers.
        together: neighbouring lanes that are episodes of one life.
    """

    past: np.ndarray
    expected: np.ndarray
    velocity: np.ndarray
    rates: np.ndarray
    grown: np.ndarray
    numbers: np.ndarray
    clip: np.float32
    discrete: int
    together: int


@njit(_nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _blamed(rule: Any, net: Any, choice: Any, surprise: Any, at: Any, error: Any) -> Any:
    """Adds -surprise * d log pi(a) / d output to the errors of the outputs; the step begins at the index `at`."""
    last, past = len(net.sizes) - 1, rule.past.reshape(-1)
    acted, count = at + 2 * WIDTH, net.sizes[last]
    outputs, first = acted + WIDTH * (count + net.first[last]), WIDTH * net.first[last]
    highest, total = load(past, outputs) / choice, fill(float32(0.0))
    for i in range(0, WIDTH * count, WIDTH):
        highest = larger(load(past, outputs + i) / choice, highest)
    for i in range(0, WIDTH * count, WIDTH):
        total = total + exp(load(past, outputs + i) / choice - highest)
    for i in range(0, WIDTH * count, WIDTH):
        did, output = load(past, acted + i), load(past, outputs + i)
        slope = (did - output) / (choice * choice)
        if rule.discrete:
            slope = (did - exp(output / choice - highest) / total) / choice
        store(error, first + i, fma(0.0 - surprise, slope, load(error, first + i)))


@njit(_nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _expect(rule: Any, block: Any, time: Any, to_come: Any, came: Any) -> Any:
    """The expected future reward at a step, before it is updated by this episode."""
    expected, at = rule.expected.reshape(-1), WIDTH * (2 * block * rule.past.shape[1] + time)
    beside, tiny = at + WIDTH * rule.past.shape[1], fill(float32(_TINY))
    mean, share = load(expected, at), load(expected, beside)
    rate = load(rule.numbers.reshape(-1), WIDTH * (4 * block + 2))
    rate = where(came > float32(0.0), rate, float32(0.0))
    now = total_of_groups(to_come, rule.together) / where(came > float32(1.0), came, float32(1.0))
    store(expected, at, fma(rate, now - mean, mean))
    store(expected, beside, fma(rate, fill(float32(1.0)) - share, share))
    return mean / where(share > tiny, share, tiny)


@njit(_nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _ascend(rule: Any, block: Any, weights: Any, slopes: Any) -> Any:
    """v <- momentum v + dE/dW, W <- W - rate v, of 16 lives; the gradient is clipped."""
    squares, begin = fill(float32(0.0)), WIDTH * block * rule.rates.shape[1]
    velocity, rates, grown = rule.velocity.reshape(-1), rule.rates.reshape(-1), rule.grown.reshape(-1)
    momentum = load(rule.numbers.reshape(-1), WIDTH * (4 * block + 3))
    for k in range(0, len(slopes), WIDTH):
        slope = total_of_groups(load(slopes, k), rule.together) * load(grown, begin + k)
        squares = fma(slope, slope, squares)
        store(slopes, k, slope)
    norm = root(squares)
    scale = where(norm > rule.clip, rule.clip / norm, float32(1.0))
    for k in range(0, len(slopes), WIDTH):
        fast = fma(momentum, load(velocity, begin + k), load(slopes, k) * scale)
        store(velocity, begin + k, fast)
        store(weights, k, fma(0.0 - load(rates, begin + k), fast, load(weights, k)))


@njit
def consolidate(rule: Any, net: Any, weights: Any) -> Any:
    """One step up the gradient after an episode, and an update of the expectations; all arrays change in place."""
    last, steps, each = len(net.sizes) - 1, rule.past.shape[1], WIDTH * rule.past.shape[2]
    neurons, zero = net.first[last] + net.sizes[last], fill(float32(0.0))
    error, earlier, slopes = room(WIDTH * neurons), room(WIDTH * neurons), room(WIDTH * weights.shape[1])
    past, numbers = rule.past.reshape(-1), rule.numbers.reshape(-1)
    for block in range(len(weights)):
        error[:] = 0.0
        slopes[:] = 0.0
        own, to_come = weights[block].reshape(-1), zero
        discount, choice = load(numbers, WIDTH * 4 * block), load(numbers, WIDTH * (4 * block + 1))
        for time in range(steps - 1, -1, -1):
            at = each * (block * steps + time)
            alive = load(past, at) > zero
            if any_of(alive):
                now = at + each - WIDTH * neurons
                to_come = fma(discount, to_come, where(alive, load(past, at + WIDTH), zero))
                came = total_of_groups(load(past, at), rule.together)
                surprise = to_come - _expect(rule, block, time, to_come, came)
                surprise = where(alive, surprise / float32(rule.together), zero)
                _blamed(rule, net, choice, surprise, at, error)
                back(net, block, own, past, now, now - each if time else -1, error, earlier, slopes)
                error[:] = earlier
        _ascend(rule, block, own, slopes)


def twin_of(
    state: Any,
    numbers: Sequence[Tensor],
    clip: float | None,
    lanes: Lanes,
    network: Network,
    newborn: Phenotype,
    weights: Weights,
    episodes: Episodes,
) -> PolicyGradientTwin:
    """The twin before an episode.

    Args:
        state: a `Trials`.
        numbers: discount, choice, rate of the baseline and momentum, (P, 1) or (1, 1).
    """
    descent, topology, steps = state.past.descent, network.topology, episodes.steps
    velocity = laid_out(network, descent.velocity, lanes)
    count = 2 + topology.output.size + sum(group.size for group in topology.groups)
    expected = torch.nn.functional.pad(state.expected, (0, max(0, steps - state.expected.shape[2])))[:, :, :steps]
    rates, grown = _rates(descent.step_size, newborn, weights)
    return PolicyGradientTwin(
        np.zeros((len(velocity), steps, count, WIDTH), np.float32),
        lanes.of(torch.cat([expected[0], expected[1]], dim=1)),
        velocity,
        laid_out(network, rates, lanes),
        laid_out(network, grown, lanes),
        lanes.of(torch.cat([number.expand(lanes.lives, 1).to(expected) for number in numbers], dim=1)),
        np.float32(np.inf if clip is None else clip),
        int(episodes.discrete),
        lanes.episodes,
    )


def _rates(step_size: Mapping[str, Tensor], newborn: Phenotype, weights: Weights) -> tuple[Weights, Weights]:
    """The learning rate of every weight, and 1 where it is plastic."""
    rates, grown = weights.zeros(), weights.zeros()
    for name, size in step_size.items():
        of = "projections" if name in weights.projections else "biases"
        if name in getattr(weights, of):
            getattr(rates, of)[name].copy_(-size)
            mask = newborn.projections[name].mask if of == "projections" else None
            getattr(grown, of)[name].copy_(torch.ones_like(size) if mask is None else mask)
    return rates, grown


def learned(twin: PolicyGradientTwin, lanes: Lanes, network: Network, weights: Weights, velocity: Weights) -> Tensor:
    """Learns from the episode, written into weights and velocity.

    Returns:
        The expectations, (2, P, steps).
    """
    numbers = laid_out(network, weights, lanes)
    consolidate(twin, net_of(network, weights, lanes), numbers)
    write_back(network, weights, numbers, lanes)
    write_back(network, velocity, twin.velocity, lanes)
    return lanes.by_life(twin.expected).unflatten(1, (2, -1)).movedim(1, 0)
