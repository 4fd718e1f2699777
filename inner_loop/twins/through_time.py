"""The gradient through time for 16 lives side by side, by the chain rule from the last step to the first."""

from __future__ import annotations

from typing import Any

from numba import float32, njit

from genomes.neuron import FUNCTIONS
from inner_loop.twins.activation import activated, of_input, slope
from inner_loop.twins.layout import WIDTH
from inner_loop.twins.vector import fill, fma, load, store, where


@njit(_nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _summed(net: Any, group: Any, i: Any, weights: Any, past: Any, now: Any, before: Any) -> Any:
    """The summed input of a neuron at a step of the past; `before` is negative at the first step."""
    total = fill(float32(0.0))
    for edge in range(len(net.pre)):
        source = before if net.late[edge] else now
        if net.post[edge] == group and source >= 0:
            count, k = net.sizes[net.pre[edge]], source + WIDTH * net.first[net.pre[edge]]
            row = WIDTH * (net.synapses[edge] + i * count)
            for j in range(count):
                total = fma(load(weights, row + WIDTH * j), load(past, k + WIDTH * j), total)
    return total if net.biases[group] < 0 else total + load(weights, WIDTH * (net.biases[group] + i))


@njit(_nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _chained(net: Any, block: Any, group: Any, i: Any, weights: Any, past: Any, now: Any, before: Any) -> Any:
    """The slope of a neuron's function at a step of the past."""
    function, neuron = net.functions[group], WIDTH * (net.first[group] + i)
    y, a, own = load(past, now + neuron), fill(float32(0.0)), fill(float32(function))
    known = function >= 0 and not net.leaky[group] and not of_input(function)
    if not known:
        a = _summed(net, group, i, weights, past, now, before)
    if function < 0:
        own = load(net.mixed.reshape(-1), WIDTH * block * net.mixed.shape[1] + neuron)
    chained = fill(float32(1.0))
    for each in range(max(function, 0), function + 1 if function >= 0 else len(FUNCTIONS)):
        if not known:
            y = activated(a, each)
        chained = where(own == float32(each), slope(a if of_input(each) else y, each), chained)
    return chained


@njit(_nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def _sent(
    net: Any, group: Any, weights: Any, past: Any, now: Any, before: Any, error: Any, earlier: Any, slopes: Any
) -> Any:
    """Adds what the errors of a group's summed inputs contribute to slopes and to the errors of groups before it."""
    for edge in range(len(net.pre)):
        source = before if net.late[edge] else now
        if net.post[edge] == group and source >= 0:
            pre, rows, columns = net.pre[edge], net.sizes[group], net.sizes[net.pre[edge]]
            for i in range(rows):
                delta = load(error, WIDTH * (net.first[group] + i))
                for j in range(columns):
                    k, to = WIDTH * (net.synapses[edge] + i * columns + j), WIDTH * (net.first[pre] + j)
                    store(slopes, k, fma(delta, load(past, source + to), load(slopes, k)))
                    if net.late[edge]:
                        store(earlier, to, fma(load(weights, k), delta, load(earlier, to)))
                    elif pre > 0:
                        store(error, to, fma(load(weights, k), delta, load(error, to)))
    if net.biases[group] >= 0:
        for i in range(net.sizes[group]):
            k = WIDTH * (net.biases[group] + i)
            store(slopes, k, load(slopes, k) + load(error, WIDTH * (net.first[group] + i)))


@njit(_nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def back(
    net: Any, block: Any, weights: Any, past: Any, now: Any, before: Any, error: Any, earlier: Any, slopes: Any
) -> Any:
    """A step backwards.

    Args:
        weights: of 16 lives.
        past: with the activity of all neurons, from the index `now` on, and from `before` on that of the step before;
            `before` is negative at the first step.
        error: dE/dactivity of all neurons at this step; overwritten.
        earlier: written: what this step contributes to the errors of the step before.
        slopes: dE/dweights, added to; in the order of the weights.
    """
    begin = WIDTH * block * net.leaks.shape[1]
    leaks, present = net.leaks.reshape(-1), net.present.reshape(-1)
    for k in range(0, len(earlier), WIDTH):
        store(earlier, k, fill(float32(0.0)))
    for group in range(len(net.sizes) - 1, 0, -1):
        for i in range(net.sizes[group]):
            neuron = WIDTH * (net.first[group] + i)
            wrong = load(error, neuron)
            if net.partial[group]:
                wrong = wrong * load(present, begin + neuron)
            if net.leaky[group]:
                leak = load(leaks, begin + neuron)
                store(earlier, neuron, fma(float32(1.0) - leak, wrong, load(earlier, neuron)))
                wrong = wrong * leak
            store(error, neuron, wrong * _chained(net, block, group, i, weights, past, now, before))
        _sent(net, group, weights, past, now, before, error, earlier, slopes)
