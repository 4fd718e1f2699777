"""Episodes of 16 lives side by side: compiled once for each pair of a world's twin and a rule's twin."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import float32, njit

from inner_loop.twins.cache import cached
from inner_loop.twins.layout import WIDTH
from inner_loop.twins.net import advance
from inner_loop.twins.seam import act, begin, begins, finish, learn, sense, step, twin
from inner_loop.twins.vector import absolute, any_of, double, fill, fma, load, store, total_of_groups, where


class Chance(NamedTuple):
    """What a rule explores, drawn before the episodes; arrays of size 0 where it explores nothing.

    Attributes:
        spread: temperature or standard deviation of the actions, (blocks, 16).
        lots: random numbers of the actions, (blocks, steps, outputs, 16).
        noise: in the summed inputs of all neurons behind the sensory group, (blocks, steps, neurons, 16).
    """

    spread: np.ndarray
    lots: np.ndarray
    noise: np.ndarray


class Settings(NamedTuple):
    """The settings of some episodes.

    Attributes:
        steps: of the longest episode.
        together: 1, 2, 4, 8 or 16 neighbouring lanes are episodes of one life, which share its weights.
        felt: the index of the first sensory neuron of the last action and reward; -1: they are not sensed.
        forgetful: True resets activity, last action and last reward where a new trial begins.
    """

    steps: int
    together: int
    felt: int
    forgetful: bool


class Lived(NamedTuple):
    """A step of 16 lives, as the twin of a rule reads it.

    Attributes:
        time: index of the step in the episode.
        activity, before: of all neurons at this step and at the step before, 16 numbers for each neuron.
        acted: the action, one-hot if it is discrete, before clipping if it is continuous; 16 numbers for each output.
        noise: (numbers,), with the index of the first neuron's noise in `at_noise`; read only if the rule explores.
        reward: for the action.
        alive: True in running episodes.
        going: True in lives with a running episode.
        share: 1 / number of running episodes of the life.
        together: neighbouring lanes that are episodes of one life.
    """

    time: Any
    activity: Any
    before: Any
    acted: Any
    noise: Any
    at_noise: Any
    reward: Any
    alive: Any
    going: Any
    share: Any
    together: Any


@twin(learn=lambda rule, net, block, weights, lived: None)
class Still(NamedTuple):
    """The twin of a rule that learns nothing.

    Attributes:
        nothing: a NamedTuple needs a field.
    """

    nothing: int = 0


@njit(_nrt=False)
def _copied(to: Any, numbers: Any) -> Any:
    """Copies vectors; an assignment to a slice would compile a message on shapes, which takes two seconds."""
    for k in range(0, len(numbers), WIDTH):
        store(to, k, load(numbers, k))


@njit
def room(count: Any) -> Any:
    """float32 zeros that begin on a cache line: a vector that lies across two lines costs twice."""
    more = np.zeros(count + WIDTH, np.float32)
    first = -(more.ctypes.data // 4) % WIDTH
    return more[first : first + count]


@njit(_nrt=False)
def mean_of_life(lived: Any, x: Any) -> Any:
    """The mean of a number over the running episodes of each life."""
    return total_of_groups(where(lived.alive, x, fill(float32(0.0))), lived.together) * lived.share


@njit(_nrt=False)
def settle(weights: Any, first: Any, count: Any, largest: Any, bound: Any, lived: Any) -> Any:
    """Ends the update of a projection: episodes of one life share the mean of their weights, and weights are bounded.

    Args:
        first, count: of the weights of the projection.
        largest: largest magnitude among the weights of each lane.
        bound: if it is exceeded, the weights are rescaled to it.
    """
    if lived.together > 1:
        largest = fill(float32(0.0))
        for k in range(WIDTH * first, WIDTH * (first + count), WIDTH):
            weight = load(weights, k)
            weight = where(lived.going, mean_of_life(lived, weight), weight)
            largest = where(absolute(weight) > largest, absolute(weight), largest)
            store(weights, k, weight)
    beyond = lived.going & (largest > bound)
    if any_of(beyond):
        scale = where(beyond, bound / largest, fill(float32(1.0)))
        for k in range(WIDTH * first, WIDTH * (first + count), WIDTH):
            store(weights, k, load(weights, k) * scale)


@njit(_nrt=False)
def _leaked(net: Any, block: Any, activity: Any, before: Any) -> Any:
    """A sensory group that leaks follows the observation."""
    leaks = net.leaks.reshape(-1)
    for i in range(net.sizes[0]):
        leak = load(leaks, WIDTH * (block * net.leaks.shape[1] + i))
        last = load(before, WIDTH * i)
        store(activity, WIDTH * i, fma(leak, load(activity, WIDTH * i) - last, last))


@njit(_nrt=False)
def _silenced(numbers: Any, mask: Any) -> Any:
    """0 where the mask is true."""
    for k in range(0, len(numbers), WIDTH):
        store(numbers, k, where(mask, fill(float32(0.0)), load(numbers, k)))


@cached
@njit
def behave(
    world: Any, rule: Any, net: Any, weights: Any, chance: Any, settings: Any, returns: Any, lengths: Any
) -> Any:
    """One episode in each lane.

    Args:
        world, rule: twins.
        weights: (blocks, numbers, 16), changed by the rule.
        returns, lengths: (blocks, 16) float64, written: the sum of rewards, nan where an output was not finite, and
            the number of steps of each episode.
    """
    last = len(net.sizes) - 1
    neurons, outputs, behind = net.first[last] + net.sizes[last], net.sizes[last], chance.noise.shape[2]
    activity, before, felt = room(WIDTH * neurons), room(WIDTH * neurons), room(WIDTH * (outputs + 1))
    acted, moves, noise = room(WIDTH * outputs), room(WIDTH * outputs), chance.noise.reshape(-1)
    zero, one = fill(float32(0.0)), fill(float32(1.0))
    for block in range(len(weights)):
        own = weights[block].reshape(-1)
        for numbers in (activity, before, felt):
            _silenced(numbers, one > zero)
        state = begin(world, block)
        alive, total, count = one > zero, double(zero), double(zero)
        for time in range(settings.steps):
            if settings.forgetful and time:
                new = begins(world, state, block, time)
                if any_of(new):
                    _silenced(before, new)
                    _silenced(felt, new)
            sense(world, state, block, time, activity)
            if settings.felt >= 0:
                for i in range(outputs + 1):
                    store(activity, WIDTH * (settings.felt + i), load(felt, WIDTH * i))
            if net.leaky[0]:
                _leaked(net, block, activity, before)
            at_noise = WIDTH * behind * (block * chance.noise.shape[1] + time)
            advance(net, block, own, activity, before, noise, at_noise)
            action = act(world, net, block, time, activity, chance, acted, moves)
            state, reward, ended = step(world, state, block, time, action)
            running = total_of_groups(where(alive, one, zero), settings.together)
            going, share = running > zero, one / where(running > zero, running, one)
            lived = Lived(
                time, activity, before, acted, noise, at_noise, reward, alive, going, share, settings.together
            )
            learn(rule, net, block, own, lived)
            for i in range(outputs):
                output = double(load(activity, WIDTH * (net.first[last] + i)))
                total = where(alive, fma(output, 0.0, total), total)
            total = where(alive, total + double(reward), total)
            count = where(alive, count + 1.0, count)
            alive = alive & (where(ended, zero, one) > zero)
            if not any_of(alive):
                break
            _copied(before, activity)
            if settings.felt >= 0:
                _copied(felt, acted)
                store(felt, WIDTH * outputs, reward)
        finish(world, state, block)
        store(returns, WIDTH * block, total)
        store(lengths, WIDTH * block, count)
