"""Lives on samples, one after the other: an individual's whole stretch of lessons stays in the processor's cache.

A vector is 16 samples. Activity lies as (neurons, samples), samples filled up to a multiple of 16, weights of a
projection as (post, pre), pre filled up likewise, so that products of whole layers run in registers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import float32, njit

from inner_loop.twins.activation import activated, of_input, slope
from inner_loop.twins.cache import cached
from inner_loop.twins.functions import larger, sigmoid, tanh
from inner_loop.twins.layout import WIDTH
from inner_loop.twins.memory import filled, room
from inner_loop.twins.products import product, transpose
from inner_loop.twins.seam import error, update
from inner_loop.twins.vector import fill, load, store


class Memory(NamedTuple):
    """Memory of one individual, used again for the next.

    Attributes:
        row: samples, filled up.
        first: of each group, the index of its first neuron's samples; the last is the size.
        activity, total, delta: of all neurons, (neurons, row): f(a), a where a slope needs it, and dE/da.
        turned: activity, (row, neurons) of each group.
    """

    row: int
    first: np.ndarray
    activity: np.ndarray
    total: np.ndarray
    delta: np.ndarray
    turned: np.ndarray


class Lessons(NamedTuple):
    """Samples of some steps; K = P, or 1 if they are common to all lives.

    Attributes:
        inputs: (T, K, input neurons filled up, row).
        targets: (T, K, output neurons, row).
        samples: of a step.
    """

    inputs: np.ndarray
    targets: np.ndarray
    samples: int


@njit
def memory_for(net: Any, samples: Any) -> Any:
    """Memory for lives in a network."""
    row, first = filled(samples), np.zeros(len(net.sizes) + 1, np.int64)
    for group in range(len(net.sizes)):
        first[group + 1] = first[group] + filled(net.sizes[group]) * row
    size = first[-1]
    return Memory(row, first, room(size), room(size), room(size), room(size))


@njit(_nrt=False)
def activate(net: Any, memory: Any, life: Any, group: Any) -> Any:
    """Turns the summed inputs of a group into activity, in place."""
    y, begin, function = memory.activity, memory.first[group], net.functions[group]
    end = begin + net.sizes[group] * memory.row
    if function == 2:
        for k in range(begin, end, WIDTH):
            store(y, k, larger(load(y, k), fill(float32(0.0))))
    elif function == 1:
        for k in range(begin, end, WIDTH):
            store(y, k, tanh(load(y, k)))
    elif function == 3:
        for k in range(begin, end, WIDTH):
            store(y, k, sigmoid(load(y, k)))
    elif function != 0:
        for i in range(net.sizes[group]):
            own = int(net.mixed[life, net.first[group] + i]) if function < 0 else function
            for k in range(begin + i * memory.row, begin + (i + 1) * memory.row, WIDTH):
                store(memory.total, k, load(y, k))
                store(y, k, activated(load(y, k), own))
    if net.partial[group]:
        _silence_absent(net, memory, life, group, y)


@njit(_nrt=False)
def _silence_absent(net: Any, memory: Any, life: Any, group: Any, numbers: Any) -> Any:
    for i in range(net.sizes[group]):
        here = net.present[life, net.first[group] + i]
        for k in range(memory.first[group] + i * memory.row, memory.first[group] + (i + 1) * memory.row, WIDTH):
            store(numbers, k, load(numbers, k) * here)


@njit(_nrt=False)
def chain(net: Any, memory: Any, life: Any, group: Any) -> Any:
    """delta <- f'(a) delta, for the neurons of a group."""
    delta, begin, function = memory.delta, memory.first[group], net.functions[group]
    if net.partial[group]:
        _silence_absent(net, memory, life, group, delta)
    if function == 0:
        return
    if function > 0:
        known = memory.total if of_input(function) else memory.activity
        for k in range(begin, begin + net.sizes[group] * memory.row, WIDTH):
            store(delta, k, load(delta, k) * slope(load(known, k), function))
        return
    for i in range(net.sizes[group]):
        own = int(net.mixed[life, net.first[group] + i])
        known = memory.total if of_input(own) else memory.activity
        for k in range(begin + i * memory.row, begin + (i + 1) * memory.row, WIDTH):
            store(delta, k, load(delta, k) * slope(load(known, k), own))


@njit(_nrt=False)
def forward(net: Any, memory: Any, life: Any, weights: Any, inputs: Any, at_inputs: Any) -> Any:
    """The activity of all groups behind the sensory one.

    Args:
        weights: of this life.
        inputs: with the index of this step's first input in `at_inputs`.
    """
    y, row = memory.activity, memory.row
    for group in range(1, len(net.sizes)):
        begin, size, share = memory.first[group], net.sizes[group], float32(0.0)
        if net.biases[group] >= 0:
            share = float32(1.0)
            for i in range(size):
                for k in range(begin + i * row, begin + (i + 1) * row, WIDTH):
                    store(y, k, weights[net.biases[group] + i])
        for edge in range(len(net.pre)):
            if net.post[edge] == group:
                pre, width = net.pre[edge], filled(net.sizes[net.pre[edge]])
                of, at = (inputs, at_inputs) if pre == 0 else (y, memory.first[pre])
                product(
                    y, begin, row, share, weights, net.synapses[edge], width, 1, of, at, row, size, row, net.sizes[pre]
                )  # fmt: skip
                share = float32(1.0)
        activate(net, memory, life, group)


@cached
@njit
def learn(rule: Any, objective: Any, net: Any, weights: Any, lessons: Any) -> Any:
    """Lessons of P lives, one life after the other.

    Args:
        rule, objective: twins.
        weights: (P, numbers), changed.
    """
    memory, last = memory_for(net, lessons.samples), len(net.sizes) - 1
    row, steps, own = memory.row, len(lessons.inputs), lessons.inputs.shape[1] > 1
    own_targets, inputs, targets = lessons.targets.shape[1] > 1, lessons.inputs.reshape(-1), lessons.targets.reshape(-1)
    for life in range(len(weights)):
        numbers = weights[life]
        for lesson in range(steps):
            at_inputs = (lesson * lessons.inputs.shape[1] + (life if own else 0)) * filled(net.sizes[0]) * row
            goal = lesson * lessons.targets.shape[1] + (life if own_targets else 0)
            forward(net, memory, life, numbers, inputs, at_inputs)
            for group in range(last):  # also inputs, which would fill the cache twice if they lay ready turned
                begin, size = memory.first[group], filled(net.sizes[group])
                of, at = (inputs, at_inputs) if group == 0 else (memory.activity, begin)
                transpose(memory.turned, begin, size, of, at, row, size, row)
            error(
                objective, net.sizes[last], life, memory.activity, memory.first[last], targets,
                goal * net.sizes[last] * row, memory.delta, memory.first[last], row, float32(1.0 / lessons.samples),
            )  # fmt: skip
            _silence_beyond(net, memory, lessons.samples)
            update(rule, net, memory, life, numbers, lessons.samples)


@njit(_nrt=False)
def _silence_beyond(net: Any, memory: Any, samples: Any) -> Any:
    """No error in the columns that only fill up the samples."""
    last = len(net.sizes) - 1
    for i in range(net.sizes[last]):
        for b in range(samples, memory.row):
            memory.delta[memory.first[last] + i * memory.row + b] = 0.0


@cached
@njit
def answer(net: Any, weights: Any, inputs: Any, outputs: Any) -> Any:
    """The outputs of P networks.

    Args:
        weights: (P, numbers).
        inputs: (portions, K, input neurons, row), K = P or 1.
        outputs: (P, output neurons, portions * row), written.
    """
    row, portions, last = inputs.shape[3], len(inputs), len(net.sizes) - 1
    memory, given, own = memory_for(net, row), inputs.reshape(-1), inputs.shape[1] > 1
    said = outputs.reshape(-1)
    for life in range(len(weights)):
        for portion in range(portions):
            place = portion * inputs.shape[1] + (life if own else 0)
            forward(net, memory, life, weights[life], given, place * net.sizes[0] * row)
            for i in range(net.sizes[last]):
                to = (life * net.sizes[last] + i) * portions * row + portion * row
                for k in range(0, row, WIDTH):
                    store(said, to + k, load(memory.activity, memory.first[last] + i * row + k))
