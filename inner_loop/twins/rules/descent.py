"""The twin of the rules that descend an error with momentum, in networks without memory."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numba import float32, njit
from torch import Tensor

from inner_loop.network import Network, Weights
from inner_loop.twins.layout import WIDTH, Rows
from inner_loop.twins.memory import filled
from inner_loop.twins.net import edges_of, laid_out
from inner_loop.twins.products import product
from inner_loop.twins.resident import chain
from inner_loop.twins.seam import twin
from inner_loop.twins.vector import fill, fma, load, store, total

_PANEL = 4 * WIDTH  # columns of a weight matrix that are updated while they are in the nearest cache


def _update(rule: Any, net: Any, memory: Any, life: Any, weights: Any, samples: Any) -> Any:
    """Errors go back only as far as the first plastic group; each weight changes after its error has passed."""
    last, row, delta = len(net.sizes) - 1, memory.row, memory.delta
    for k in range(memory.first[rule.deepest], memory.first[last], WIDTH):
        store(delta, k, fill(float32(0.0)))
    for group in range(last, rule.deepest - 1, -1):
        chain(net, memory, life, group)
        for edge in range(len(net.pre)):
            if net.post[edge] != group:
                continue
            pre, width = net.pre[edge], filled(net.sizes[net.pre[edge]])
            if pre >= rule.deepest:
                way = rule.ways[life] if rule.ways.shape[1] else weights
                product(
                    delta, memory.first[pre], row, 1.0, way, net.synapses[edge], 1, width, delta, memory.first[group],
                    row, net.sizes[pre], row, net.sizes[group],
                )  # fmt: skip
            if rule.plastic[group]:
                _change(rule, net, memory, life, weights, edge, samples)
        if rule.plastic[group] and net.biases[group] >= 0:
            _change_biases(rule, net, memory, life, weights, group)


@njit(_nrt=False)
def _change(rule: Any, net: Any, memory: Any, life: Any, weights: Any, edge: Any, samples: Any) -> Any:
    """v <- momentum v + delta x^T; W <- W + step_size v, a panel of columns at a time."""
    group, width, velocity = net.post[edge], filled(net.sizes[net.pre[edge]]), rule.velocity[life]
    rows, first, begin = net.sizes[group], net.synapses[edge], memory.first[group]
    common = fill(rule.common[life, edge])
    for column in range(0, width, _PANEL):
        columns = min(_PANEL, width - column)
        product(
            velocity, first + column, width, rule.momentum[life], memory.delta, begin, memory.row, 1, memory.turned,
            memory.first[net.pre[edge]] + column, width, rows, columns, samples,
        )  # fmt: skip
        for i in range(rows):
            for k in range(first + i * width + column, first + i * width + column + columns, WIDTH):
                rate = load(rule.rates[life], k) if rule.each[edge] else common
                store(weights, k, fma(load(velocity, k), rate, load(weights, k)))


@njit(_nrt=False)
def _change_biases(rule: Any, net: Any, memory: Any, life: Any, weights: Any, group: Any) -> Any:
    velocity, rate = rule.velocity[life], rule.common[life, len(net.pre) + group]
    for i in range(net.sizes[group]):
        first = memory.first[group] + i * memory.row
        sums = load(memory.delta, first)
        for k in range(first + WIDTH, first + memory.row, WIDTH):
            sums = sums + load(memory.delta, k)
        k = net.biases[group] + i
        velocity[k] = rule.momentum[life] * velocity[k] + total(sums)
        weights[k] += rate * velocity[k]


@twin(update=_update)
class DescentTwin(NamedTuple):
    """Numbers of P lives; (P, numbers) lies as the weights do.

    Attributes:
        velocity: (P, numbers), changed.
        rates: minus the learning rate of every synapse, (P, numbers), read where `each`; else (P, 0).
        common: minus the learning rates of projections and then of groups' biases, (P, projections + groups).
        each: of each projection, 1 if every synapse has a rate of its own.
        momentum: (P,).
        ways: the matrices that carry errors back, (P, numbers); (P, 0): the weights.
        plastic: of each group, 1 if its synapses and biases learn.
        deepest: the first group that an error must reach.
    """

    velocity: np.ndarray
    rates: np.ndarray
    common: np.ndarray
    each: np.ndarray
    momentum: np.ndarray
    ways: np.ndarray
    plastic: np.ndarray
    deepest: int


def twin_of(state: Any, plastic: tuple[str, ...], rows: Rows, network: Network, weights: Weights) -> DescentTwin:
    """The twin of a descent at birth.

    Args:
        state: velocity, step sizes, momentum and ways of a `Descent`.
        plastic: names of the groups that learn.
    """
    edges, groups = edges_of(network), network.topology.groups
    shapes = {edge.name: weights.projections[edge.name] for edge in edges}
    steps = {name: state.step_size.get(name, torch.zeros(1, 1, 1)) for name in (*shapes, *(g.name for g in groups))}
    each = [int(steps[edge.name].shape[1:] != (1, 1)) for edge in edges]
    common = [steps[name].expand(rows.lives, -1, -1)[:, 0, 0] for name in steps]
    nothing = torch.zeros(rows.lives, 0)
    momentum = torch.as_tensor(state.momentum, dtype=torch.float32).reshape(-1).expand(rows.lives)
    index = {group.name: place for place, group in enumerate(groups)}
    ways = [state.ways.get(name, torch.zeros_like(shape)) for name, shape in shapes.items()] if state.ways else []
    return DescentTwin(
        laid_out(network, state.velocity, rows),
        rows.of(_beside(rows, [steps[n].expand_as(shape) for n, shape in shapes.items()]) if any(each) else nothing),
        torch.stack(common, dim=1).contiguous().numpy(),
        np.array(each),
        momentum.contiguous().numpy(),
        rows.of(_beside(rows, ways) if ways else nothing),
        np.array([int(group.name in plastic) for group in groups]),
        max(1, min(index[name] for name in plastic)),
    )


def _beside(rows: Rows, views: list[Tensor]) -> Tensor:
    return torch.cat([rows.flat(view) for view in views], dim=1)
