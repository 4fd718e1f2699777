"""Episodes of 16 lives side by side: compiled once for each pair of a world's twin and a rule's twin."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import float32, njit

from inner_loop.twins.cache import cached
from inner_loop.twins.layout import WIDTH
from inner_loop.twins.memory import copy, nothing, room, silence
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


class Rooms(NamedTuple):
    """Memory of 16 episodes, 16 numbers for each neuron or output.

    Attributes:
        activity, before: of all neurons, at this step and at the step before.
        felt: the last action and the last reward.
        acted, moves: the action as a rule reads it, and as a world with continuous actions reads it.
    """

    activity: np.ndarray
    before: np.ndarray
    felt: np.ndarray
    acted: np.ndarray
    moves: np.ndarray


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


@njit(_nrt=False, forceinline=True)
def mean_of_life(lived: Any, x: Any) -> Any:
    """The mean of a number over the running episodes of each life."""
    return total_of_groups(where(lived.alive, x, fill(float32(0.0))), lived.together) * lived.share


@njit(_nrt=False, forceinline=True)
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


@njit(_nrt=False, forceinline=True)
def _sensed(net: Any, settings: Any, block: Any, rooms: Any) -> Any:
    """The sensory group after the observation: the last action and reward, and leaks."""
    activity = rooms.activity
    if settings.felt >= 0:
        for k in range(0, len(rooms.felt), WIDTH):
            store(activity, WIDTH * settings.felt + k, load(rooms.felt, k))
    if not net.leaky[0]:
        return
    leaks = net.leaks.reshape(-1)
    for i in range(net.sizes[0]):
        leak = load(leaks, WIDTH * (block * net.leaks.shape[1] + i))
        last = load(rooms.before, WIDTH * i)
        store(activity, WIDTH * i, fma(leak, load(activity, WIDTH * i) - last, last))


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
    neurons, outputs = WIDTH * (net.first[last] + net.sizes[last]), WIDTH * net.sizes[last]
    rooms = Rooms(room(neurons), room(neurons), room(outputs + WIDTH), room(outputs), room(outputs))
    for block in range(len(weights)):
        _episode(world, rule, net, weights[block].reshape(-1), block, chance, settings, rooms, returns, lengths)


@njit(_nrt=False, forceinline=True)
def _episode(
    world: Any, rule: Any, net: Any, own: Any, block: Any, chance: Any, settings: Any, rooms: Any, returns: Any,
    lengths: Any,
) -> Any:  # fmt: skip
    zero, one, noise = fill(float32(0.0)), fill(float32(1.0)), chance.noise.reshape(-1)
    for numbers in (rooms.activity, rooms.before, rooms.felt):
        silence(numbers, one > zero)
    state = begin(world, block)
    alive, total, count = one > zero, double(zero), double(zero)
    for time in range(settings.steps):
        if settings.forgetful and time:
            new = begins(world, state, block, time)
            silence(rooms.before, new)
            silence(rooms.felt, new)
        sense(world, state, block, time, rooms.activity)
        _sensed(net, settings, block, rooms)
        at_noise = WIDTH * chance.noise.shape[2] * (block * chance.noise.shape[1] + time)
        advance(net, block, own, rooms.activity, rooms.before, noise, at_noise)
        action = act(world, net, block, time, rooms.activity, chance, rooms.acted, rooms.moves)
        state, reward, ended = step(world, state, block, time, action)
        running = total_of_groups(where(alive, one, zero), settings.together)
        share, going = one / where(running > zero, running, one), running > zero
        lived = (time, rooms.activity, rooms.before, rooms.acted, noise, at_noise, reward, alive, going, share)
        learn(rule, net, block, own, Lived(*lived, settings.together))
        total = where(alive, total + double(reward) + nothing(net, rooms.activity), total)
        count = where(alive, count + 1.0, count)
        alive = alive & (where(ended, zero, one) > zero)
        if not any_of(alive):
            break
        copy(rooms.before, rooms.activity)
        copy(rooms.felt, rooms.acted)
        store(rooms.felt, len(rooms.acted), reward)
    finish(world, state, block)
    store(returns, WIDTH * block, total)
    store(lengths, WIDTH * block, count)
