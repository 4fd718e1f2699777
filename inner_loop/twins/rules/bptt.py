"""The twin of `BPTT`: the gradient of the mean error of whole episodes, backwards through all steps of one life."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import float32, float64, njit

from genomes.topology import Topology
from inner_loop.twins.activation import of_input, slope
from inner_loop.twins.layout import WIDTH
from inner_loop.twins.memory import filled, room
from inner_loop.twins.products import product, transpose
from inner_loop.twins.rules.descent import DescentTwin
from inner_loop.twins.seam import error, twin
from inner_loop.twins.vector import fill, fma, load, store, total


def _consolidate(rule: Any, objective: Any, net: Any, life: Any, weights: Any, trace: Any) -> Any:
    """v <- momentum v + dE/dW; W <- W + step_size v; a life without a target that counts does not change."""
    sums = fill(float32(0.0))
    for k in range(0, len(trace.counts), WIDTH):
        sums = sums + load(trace.counts, k)
    counted = total(sums)
    if counted == float32(0.0):
        return
    rule.gradient[:] = 0.0
    for panel in range(trace.panels):
        for k in range(0, len(trace.delta), WIDTH):
            store(trace.delta, k, fill(float32(0.0)))
        for time in range(trace.steps - 1, -1, -1):
            _step_back(rule, objective, net, life, weights, trace, panel, time, float32(1.0) / counted)
        _accumulate(rule, net, life, trace, panel)
    for k in range(0, len(rule.gradient) if rule.grown.shape[1] else 0, WIDTH):
        store(rule.gradient, k, load(rule.gradient, k) * load(rule.grown[life], k))
    _change(rule, net, life, weights, _share_within(rule, net))


@njit(_nrt=False)
def _share_within(rule: Any, net: Any) -> Any:
    """The factor that shortens a gradient to the largest norm; 1 for a shorter one (Pascanu et al. 2013)."""
    if rule.clip <= float32(0.0):
        return float32(1.0)
    squares = 0.0
    for edge in range(len(net.pre)):
        width = filled(net.sizes[net.pre[edge]])
        for i in range(net.sizes[net.post[edge]]):
            for j in range(net.sizes[net.pre[edge]]):
                number = float64(rule.gradient[net.synapses[edge] + i * width + j])
                squares += number * number
    for group in range(1, len(net.sizes)):
        for i in range(net.sizes[group] if net.biases[group] >= 0 else 0):
            number = float64(rule.gradient[net.biases[group] + i])
            squares += number * number
    norm = float32(math.sqrt(squares))
    return rule.clip / norm if norm > rule.clip else float32(1.0)


@njit(_nrt=False)
def _step_back(
    rule: Any, objective: Any, net: Any, life: Any, weights: Any, trace: Any, panel: Any, time: Any, share: Any
) -> Any:
    """The errors of all groups at a step, and what they hand back to it and to the step before."""
    size, last, delta = trace.size, len(net.sizes) - 1, trace.delta
    origin, place = (panel * (trace.steps + 1) + time) * size, panel * trace.steps + time
    now, output = (time + 1) * size, WIDTH * net.first[last]
    outputs = WIDTH * net.sizes[last]
    error(
        objective, net.sizes[last], life, trace.activity, origin + size + output, trace.targets, outputs * place,
        rule.errors, 0, WIDTH, float32(1.0),
    )  # fmt: skip
    weight = load(trace.counts, WIDTH * place) * share
    for k in range(0, outputs, WIDTH):
        store(delta, now + output + k, fma(load(rule.errors, k), weight, load(delta, now + output + k)))
    for group in range(last, 0, -1):
        for i in range(net.sizes[group]):
            _chain(net, life, group, i, trace, origin, time)
        for edge in range(len(net.pre)):
            pre, from_before = net.pre[edge], net.late[edge]
            if net.post[edge] == group and pre > 0 and not (from_before and time == 0):
                to = (now - size if from_before else now) + WIDTH * net.first[pre]
                product(
                    delta, to, WIDTH, 1.0, weights, net.synapses[edge], 1, filled(net.sizes[pre]), delta,
                    now + WIDTH * net.first[group], WIDTH, net.sizes[pre], WIDTH, net.sizes[group],
                )  # fmt: skip


@njit(_nrt=False)
def _chain(net: Any, life: Any, group: Any, i: Any, trace: Any, origin: Any, time: Any) -> Any:
    """dE/da of a neuron from dE/dh, in place; a leak hands the rest back to the step before."""
    k, own = WIDTH * (net.first[group] + i), net.functions[group]
    if own < 0:
        own = int(net.mixed[life, net.first[group] + i])
    now = (time + 1) * trace.size + k
    error = load(trace.delta, now)
    if net.partial[group]:
        error = error * net.present[life, net.first[group] + i]
    if net.leaky[group]:
        leak = net.leaks[life, net.first[group] + i]
        if time:
            earlier = now - trace.size
            store(trace.delta, earlier, fma(error, fill(float32(1.0) - leak), load(trace.delta, earlier)))
        error = error * leak
    known = trace.drive if net.leaky[group] or of_input(own) else trace.activity
    store(trace.delta, now, error * slope(load(known, origin + trace.size + k), own))


@njit(_nrt=False)
def _accumulate(rule: Any, net: Any, life: Any, trace: Any, panel: Any) -> Any:
    """Adds the gradient of a panel: one product for each projection, over all steps and episodes."""
    rows, origin = WIDTH * trace.steps, panel * (trace.steps + 1) * trace.size
    for group in range(1, len(net.sizes)):
        if not rule.plastic[group]:
            continue
        height = filled(net.sizes[group])
        _turn(rule.turned_delta, trace.delta, 0, trace, net.first[group], height)
        for edge in range(len(net.pre)):
            if net.post[edge] == group:
                pre, width = net.pre[edge], filled(net.sizes[net.pre[edge]])
                shift = trace.size if net.late[edge] else 0
                _turn(rule.turned, trace.activity, origin - shift, trace, net.first[pre], width)
                product(
                    rule.gradient, net.synapses[edge], width, 1.0, rule.turned_delta, 0, 1, height, rule.turned, 0,
                    width, net.sizes[group], width, rows,
                )  # fmt: skip
        if net.biases[group] >= 0:
            for i in range(net.sizes[group]):
                sums = fill(float32(0.0))
                for time in range(trace.steps):
                    sums = sums + load(trace.delta, (time + 1) * trace.size + WIDTH * (net.first[group] + i))
                rule.gradient[net.biases[group] + i] += total(sums)


@njit(_nrt=False)
def _turn(to: Any, numbers: Any, origin: Any, trace: Any, first: Any, width: Any) -> Any:
    """Numbers of a group at all steps, (steps * 16 episodes, neurons)."""
    for time in range(trace.steps):
        at = origin + (time + 1) * trace.size + WIDTH * first
        transpose(to, time * WIDTH * width, width, numbers, at, WIDTH, width, WIDTH)


@njit(_nrt=False)
def _change(rule: Any, net: Any, life: Any, weights: Any, share: Any) -> Any:
    velocity, momentum = rule.velocity[life], rule.momentum[life]
    for k in range(0, len(velocity), WIDTH):
        store(velocity, k, fma(load(velocity, k), fill(momentum), load(rule.gradient, k) * share))
    for edge in range(len(net.pre)):
        group = net.post[edge]
        if rule.plastic[group]:
            first, common = net.synapses[edge], fill(rule.common[life, edge])
            for k in range(first, first + net.sizes[group] * filled(net.sizes[net.pre[edge]]), WIDTH):
                rate = load(rule.rates[life], k) if rule.each[edge] else common
                store(weights, k, fma(load(velocity, k), rate, load(weights, k)))
    for group in range(1, len(net.sizes)):
        if rule.plastic[group] and net.biases[group] >= 0:
            for i in range(net.sizes[group]):
                k = net.biases[group] + i
                weights[k] += rule.common[life, len(net.pre) + group] * velocity[k]


@twin(consolidate=_consolidate)
class BPTTTwin(NamedTuple):
    """Numbers of P lives; (P, numbers) lies as the weights do.

    Attributes:
        velocity, rates, common, each, momentum, plastic: as in `DescentTwin`.
        clip: largest Euclidean norm of a gradient; 0: no limit.
        grown: 1 where a synapse grew and in biases, (P, numbers); (P, 0): all did.
        gradient: memory for the gradient of a life.
        errors: memory for the error at the output of a step.
        turned, turned_delta: memory for activity and errors of all steps, episodes first.
    """

    velocity: np.ndarray
    rates: np.ndarray
    common: np.ndarray
    each: np.ndarray
    momentum: np.ndarray
    plastic: np.ndarray
    clip: np.float32
    grown: np.ndarray
    gradient: np.ndarray
    errors: np.ndarray
    turned: np.ndarray
    turned_delta: np.ndarray


def twin_of(descent: DescentTwin, clip: float, grown: np.ndarray, topology: Topology, steps: int) -> BPTTTwin:
    """The twin for episodes of so many steps, from a descent."""
    widest = -(-max(group.size for group in topology.groups) // WIDTH) * WIDTH
    outputs = topology.output.size
    numbers = descent.velocity, descent.rates, descent.common, descent.each, descent.momentum, descent.plastic
    rooms = (
        room(descent.velocity.shape[1]),
        room(WIDTH * outputs),
        room(WIDTH * steps * widest),
        room(WIDTH * steps * widest),
    )
    return BPTTTwin(*numbers, np.float32(clip), grown, *rooms)
