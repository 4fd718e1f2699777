"""Episodes of one life side by side on shared weights, 16 of them a panel, one life after the other.

Where lanes hold weights of 16 lives, a panel has the weights of one: products of whole layers run in registers, and all
steps of an episode stay in the cache for a rule that goes back through them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import float32, njit

from inner_loop.twins.activation import activated, of_input
from inner_loop.twins.cache import cached
from inner_loop.twins.layout import WIDTH
from inner_loop.twins.memory import copy, filled, nothing, room, silence
from inner_loop.twins.products import product
from inner_loop.twins.seam import act, begin, begins, consolidate, finish, sense, step, teach
from inner_loop.twins.vector import any_of, double, fill, fma, load, store, where


class Trace(NamedTuple):
    """All steps of the episodes of one life; used again for the next life.

    Attributes:
        size: numbers of a step: 16 for each neuron.
        steps, panels: of the longest episode; panels of a life.
        activity: (panels, steps + 1, size), which begins at rest.
        drive: (panels, steps + 1, size): what a slope needs, f(a) or a, of groups that leak or whose slope needs a.
        targets: (panels, steps, 16 for each output).
        counts: (panels, steps, 16): the weight of each target; 0 after the end of an episode.
        delta: (steps + 1, size), for a rule.
    """

    size: int
    steps: int
    panels: int
    activity: np.ndarray
    drive: np.ndarray
    targets: np.ndarray
    counts: np.ndarray
    delta: np.ndarray


class Course(NamedTuple):
    """The settings of some episodes.

    Attributes:
        steps: of the longest episode.
        episodes: of a life.
        felt: the index of the first sensory neuron of the last action and reward; -1: they are not sensed.
        forgetful: True resets activity, last action and last reward where a new trial begins.
        whole: True keeps all steps, for a rule; False: only two.
        real: 1 in the lanes of a life that hold an episode, 0 in those that fill its last panel up, float32.
    """

    steps: int
    episodes: int
    felt: int
    forgetful: bool
    whole: bool
    real: np.ndarray


class Rooms(NamedTuple):
    """Memory of 16 episodes, 16 numbers for each output.

    Attributes:
        felt: the last action and the last reward.
        acted, moves: the action as a rule reads it, and as a world with continuous actions reads it.
    """

    felt: np.ndarray
    acted: np.ndarray
    moves: np.ndarray


@njit
def _trace_for(net: Any, course: Any) -> Any:
    last = len(net.sizes) - 1
    size, outputs = WIDTH * (net.first[last] + net.sizes[last]), WIDTH * net.sizes[last]
    kept = course.steps if course.whole else 1
    panels = (course.episodes + WIDTH - 1) // WIDTH if course.whole else 1
    beyond = WIDTH * WIDTH  # a transposition reads whole squares
    activity, drive = room(panels * (kept + 1) * size + beyond), room(panels * (kept + 1) * size)
    targets, counts = room(panels * kept * outputs), room(panels * kept * WIDTH)
    return Trace(size, kept, panels, activity, drive, targets, counts, room((kept + 1) * size + beyond))


@njit(_nrt=False, forceinline=True)
def _neuron(net: Any, life: Any, group: Any, i: Any, trace: Any, before: Any, now: Any) -> Any:
    """Turns the summed input of a neuron, in place, into its activity."""
    k, own, drive = WIDTH * (net.first[group] + i), net.functions[group], trace.drive
    total = load(trace.activity, now + k)
    if own < 0:
        own = int(net.mixed[life, net.first[group] + i])
    value = activated(total, own)
    if of_input(own):
        store(drive, now + k, total)
    elif net.leaky[group]:
        store(drive, now + k, value)
    if net.leaky[group]:
        last = load(trace.activity, before + k)
        value = fma(fill(net.leaks[life, net.first[group] + i]), value - last, last)
    if net.partial[group]:
        value = value * net.present[life, net.first[group] + i]
    store(trace.activity, now + k, value)


@njit(_nrt=False, forceinline=True)
def advance(net: Any, life: Any, weights: Any, trace: Any, before: Any, now: Any) -> Any:
    """One step of 16 episodes, from the sensory group's activity.

    Args:
        weights: of this life.
        before, now: indices of the first number of both steps in `trace.activity`.
    """
    y = trace.activity
    for group in range(1, len(net.sizes)):
        at, size, share = now + WIDTH * net.first[group], net.sizes[group], float32(0.0)
        if net.biases[group] >= 0:
            share = float32(1.0)
            for i in range(size):
                store(y, at + WIDTH * i, weights[net.biases[group] + i])
        for edge in range(len(net.pre)):
            if net.post[edge] == group:
                pre = net.pre[edge]
                of = (before if net.late[edge] else now) + WIDTH * net.first[pre]
                width, count = filled(net.sizes[pre]), net.sizes[pre]
                product(y, at, WIDTH, share, weights, net.synapses[edge], width, 1, y, of, WIDTH, size, WIDTH, count)
                share = float32(1.0)
        for i in range(size):
            _neuron(net, life, group, i, trace, before, now)


@njit(_nrt=False, forceinline=True)
def _sensed(net: Any, course: Any, life: Any, trace: Any, before: Any, now: Any, felt: Any) -> Any:
    """The sensory group after the observation: the last action and reward, and leaks."""
    y = trace.activity
    if course.felt >= 0:
        for k in range(0, len(felt), WIDTH):
            store(y, now + WIDTH * course.felt + k, load(felt, k))
    if net.leaky[0]:
        for i in range(net.sizes[0]):
            last, leak = load(y, before + WIDTH * i), fill(net.leaks[life, i])
            store(y, now + WIDTH * i, fma(leak, load(y, now + WIDTH * i) - last, last))


@njit(_nrt=False, forceinline=True)
def _panel(
    world: Any, net: Any, life: Any, weights: Any, panel: Any, block: Any, chance: Any, course: Any, trace: Any,
    rooms: Any, returns: Any, lengths: Any,
) -> Any:  # fmt: skip
    zero, one, last = fill(float32(0.0)), fill(float32(1.0)), len(net.sizes) - 1
    origin = panel * (trace.steps + 1) * trace.size if course.whole else 0
    silence(trace.activity[origin : origin + trace.size], one > zero)
    silence(rooms.felt, one > zero)
    state = begin(world, block)
    alive, total, count = load(course.real, WIDTH * panel) > zero, double(zero), double(zero)
    for time in range(course.steps):
        before, now = origin + trace.size * (time % 2), origin + trace.size * ((time + 1) % 2)
        if course.whole:
            before, now = origin + trace.size * time, origin + trace.size * (time + 1)
        if course.forgetful and time:
            new = begins(world, state, block, time)
            silence(trace.activity[before : before + trace.size], new)
            silence(rooms.felt, new)
        activity = trace.activity[now : now + trace.size]
        sense(world, state, block, time, activity)
        _sensed(net, course, life, trace, before, now, rooms.felt)
        advance(net, life, weights, trace, before, now)
        if course.whole:
            _taught(world, state, block, panel, time, alive, trace, net.sizes[last])
        action = act(world, net, block, time, activity, chance, rooms.acted, rooms.moves)
        state, reward, ended = step(world, state, block, time, action)
        total = where(alive, total + double(reward) + nothing(net, activity), total)
        count = where(alive, count + 1.0, count)
        alive = alive & (where(ended, zero, one) > zero)
        copy(rooms.felt, rooms.acted)
        store(rooms.felt, len(rooms.acted), reward)
        if not (course.whole or any_of(alive)):
            break
    finish(world, state, block)
    store(returns, WIDTH * block, total)
    store(lengths, WIDTH * block, count)


@njit(_nrt=False, forceinline=True)
def _taught(world: Any, state: Any, block: Any, panel: Any, time: Any, alive: Any, trace: Any, outputs: Any) -> Any:
    """Keeps the target of a step and its weight, 0 after the end of an episode."""
    place = panel * trace.steps + time
    weight = teach(world, state, block, time, trace.targets, WIDTH * outputs * place)
    store(trace.counts, WIDTH * place, where(alive, weight, fill(float32(0.0))))


@cached
@njit
def behave(
    world: Any, rule: Any, objective: Any, net: Any, weights: Any, chance: Any, course: Any, returns: Any, lengths: Any
) -> Any:
    """Some episodes of P lives, and what a rule learns from them at their end.

    Args:
        world, rule, objective: twins.
        weights: (P, numbers), changed by the rule.
        chance: empty: such rules explore nothing.
        returns, lengths: (blocks, 16) float64, written: the sum of rewards, nan where an output was not finite, and
            the number of steps of each episode.
    """
    trace, outputs = _trace_for(net, course), WIDTH * net.sizes[len(net.sizes) - 1]
    rooms = Rooms(room(outputs + WIDTH), room(outputs), room(outputs))
    panels = (course.episodes + WIDTH - 1) // WIDTH
    for life in range(len(weights)):
        for panel in range(panels):
            block = life * panels + panel
            _panel(
                world, net, life, weights[life], panel, block, chance, course, trace, rooms, returns, lengths
            )  # fmt: skip
        consolidate(rule, objective, net, life, weights[life], trace)
