"""A network as compiled code reads it, with 16 lives side by side, and the way of weights into lanes and back."""

from __future__ import annotations

from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numba import float32, njit
from torch import Tensor

from genomes.neuron import FUNCTIONS
from genomes.phenotype import Phenotype
from genomes.topology import Projection
from inner_loop.network import Network, Weights
from inner_loop.neurons.rate import Rate
from inner_loop.twins.activation import activated, mixed
from inner_loop.twins.functions import tanh
from inner_loop.twins.layout import WIDTH, Layout
from inner_loop.twins.vector import fill, fma, load, store

_MIXED = -1  # of a group whose neurons have functions of their own


class Net(NamedTuple):
    """A topology with the numbers of its neurons; groups in their order, projections by their postsynaptic group.

    Attributes:
        sizes, first: of each group: its neurons, and the index of its first neuron.
        functions: of each group, an index into FUNCTIONS; -1: its neurons have functions of their own.
        pre, post, late: of each projection: its groups, and 1 if it carries the activity of the step before.
        synapses: of each projection, the index of its first weight.
        biases: of each group, the index of its first bias; -1 without.
        leaks, present, mixed: of each neuron of each life, (blocks, neurons, 16) in lanes, else (P, neurons); read
            where `leaky`, `partial` or -1 in `functions` says so.
        leaky, partial: of each group, 1 if it leaks, or if some of its neurons may be absent.
    """

    sizes: np.ndarray
    first: np.ndarray
    functions: np.ndarray
    pre: np.ndarray
    post: np.ndarray
    late: np.ndarray
    synapses: np.ndarray
    biases: np.ndarray
    leaks: np.ndarray
    present: np.ndarray
    mixed: np.ndarray
    leaky: np.ndarray
    partial: np.ndarray


_nets: WeakKeyDictionary[Network, dict[Layout, Net]] = WeakKeyDictionary()


def net_of(network: Network, weights: Weights, layout: Layout) -> Net:
    """The network of P lives; all its groups are rate units. It is made once for a network, not for each episode."""
    known = _nets.setdefault(network, {})
    if layout not in known:
        known[layout] = _net_of(network, weights, layout)
    return known[layout]


def _net_of(network: Network, weights: Weights, layout: Layout) -> Net:
    groups = network.topology.groups
    names, edges = [group.name for group in groups], edges_of(network)
    sizes = np.array([group.size for group in groups])
    starts = np.cumsum([0, *(layout.flat(view).shape[1] for view in views_of(network, weights))])
    biases = dict(zip(_biased(network, weights), starts[len(edges) :].tolist(), strict=False))
    functions = [
        _MIXED if "function" in network.units.get(name, {}) else FUNCTIONS.index(_rate(network, name).activation)
        for name in names
    ]
    numbers = {key: _of_neurons(network, key, layout) for key in ("leak", "present", "function")}
    has = {key: [int(key in network.units.get(name, {})) for name in names] for key in ("leak", "present")}
    return Net(
        sizes,
        np.concatenate([[0], np.cumsum(sizes)[:-1]]),
        np.array(functions),
        np.array([names.index(edge.pre) for edge in edges]),
        np.array([names.index(edge.post) for edge in edges]),
        np.array([int(edge.name in network.late) for edge in edges]),
        starts[: len(edges)],
        np.array([biases.get(name, -1) for name in names]),
        numbers["leak"],
        numbers["present"],
        numbers["function"],
        np.array(has["leak"]),
        np.array(has["present"]),
    )


def _rate(network: Network, group: str) -> Rate:
    model = network.neurons[group]
    assert isinstance(model, Rate), "the engine asked for it"
    return model


def edges_of(network: Network) -> list[Projection]:
    """The projections in the order of a `Net`."""
    return [edge for group in network.topology.groups for edge in network.incoming.get(group.name, ())]


def views_of(network: Network, weights: Weights) -> list[Tensor]:
    """Weights of all projections, (P, post, pre), then biases of all groups, (P, units), in the order of a `Net`."""
    projections = [weights.projections[edge.name] for edge in edges_of(network)]
    return [*projections, *(weights.biases[name][:, :, 0] for name in _biased(network, weights))]


def _biased(network: Network, weights: Weights) -> list[str]:
    return [group.name for group in network.topology.groups if group.name in weights.biases]


def laid_out(network: Network, weights: Weights, layout: Layout) -> np.ndarray:
    """All weights, then all biases: (blocks, numbers, 16) in lanes, else (P, numbers)."""
    return layout.of(torch.cat([layout.flat(view) for view in views_of(network, weights)], dim=1))


def grown_of(network: Network, newborn: Phenotype, weights: Weights, layout: Layout) -> np.ndarray:
    """1 where a synapse grew and in biases, laid out as weights; without numbers if all synapses grew."""
    masks = {name: synapses.mask for name, synapses in newborn.projections.items()}
    if all(mask is None for mask in masks.values()):
        return layout.of(newborn.like.new_zeros(layout.lives, 0))
    ones = {name: torch.ones_like(view) for name, view in weights.projections.items()}
    grown = {name: one if masks[name] is None else one * masks[name] for name, one in ones.items()}
    biases = {name: torch.ones_like(view) for name, view in weights.biases.items()}
    return laid_out(network, Weights.packed(grown, biases), layout)


def write_back(network: Network, weights: Weights, numbers: np.ndarray, layout: Layout) -> None:
    """Writes weights and biases from a layout into their tensors: in lanes, those of the first episode of each life."""
    views, known = views_of(network, weights), layout.by_life(numbers)
    parts = known.split([layout.flat(view).shape[1] for view in views], dim=1)
    for view, part in zip(views, parts, strict=True):
        layout.shape_into(view, part)


def _of_neurons(network: Network, key: str, layout: Layout) -> np.ndarray:
    """A number of every neuron of every life, (blocks, neurons, 16) or (P, neurons); 1 without it."""
    parts = []
    for group in network.topology.groups:
        number = network.units.get(group.name, {}).get(key)
        part = torch.ones(1, group.size, 1) if number is None else number.float()
        parts.append(part.expand(layout.lives, group.size, 1)[:, :, 0])
    return layout.of(torch.cat(parts, dim=1))


@njit(_nrt=False, forceinline=True)
def advance(net: Any, block: Any, weights: Any, activity: Any, before: Any, noise: Any, at_noise: Any) -> Any:
    """One step of the network, from the sensory group's activity; groups compute in their order.

    Args:
        weights: of 16 lives.
        activity, before: of all neurons, at this step and at the step before.
        noise: in the summed inputs of the neurons behind the sensory group, from the index `at_noise` on; empty: none.
    """
    for group in range(1, len(net.sizes)):
        size, first = net.sizes[group], WIDTH * net.first[group]
        for i in range(0, size - size % 4, 4):
            _four_totals(net, group, i, weights, activity, before)
        for i in range(size - size % 4, size):
            store(activity, first + WIDTH * i, _total(net, group, i, weights, activity, before))
        if net.biases[group] >= 0:
            for i in range(size):
                k, bias = first + WIDTH * i, load(weights, WIDTH * (net.biases[group] + i))
                store(activity, k, load(activity, k) + bias)
        if len(noise):
            shift = at_noise - WIDTH * net.sizes[0]
            for k in range(first, first + WIDTH * size, WIDTH):
                store(activity, k, load(activity, k) + load(noise, shift + k))
        _activate(net, block, group, activity)
        if net.leaky[group] or net.partial[group]:
            _leak(net, block, group, activity, before)


@njit(_nrt=False, forceinline=True)
def _total(net: Any, group: Any, i: Any, weights: Any, activity: Any, before: Any) -> Any:
    """What all projections bring to a neuron."""
    total = fill(float32(0.0))
    for edge in range(len(net.pre)):
        if net.post[edge] == group:
            source = before if net.late[edge] else activity
            count, k = net.sizes[net.pre[edge]], WIDTH * net.first[net.pre[edge]]
            row = WIDTH * (net.synapses[edge] + i * count)
            for j in range(0, WIDTH * count, WIDTH):
                total = fma(load(weights, row + j), load(source, k + j), total)
    return total


@njit(_nrt=False, forceinline=True)
def _four_totals(net: Any, group: Any, i: Any, weights: Any, activity: Any, before: Any) -> Any:
    """The same for four neurons, written into their activity: four sums at once wait less for each other."""
    zero = fill(float32(0.0))
    a, b, c, d = zero, zero, zero, zero
    for edge in range(len(net.pre)):
        if net.post[edge] == group:
            source = before if net.late[edge] else activity
            row, k = WIDTH * net.sizes[net.pre[edge]], WIDTH * net.first[net.pre[edge]]
            first = WIDTH * net.synapses[edge] + i * row
            for j in range(0, row, WIDTH):
                y = load(source, k + j)
                a = fma(load(weights, first + j), y, a)
                b = fma(load(weights, first + row + j), y, b)
                c = fma(load(weights, first + 2 * row + j), y, c)
                d = fma(load(weights, first + 3 * row + j), y, d)
    to = WIDTH * (net.first[group] + i)
    store(activity, to, a)
    store(activity, to + WIDTH, b)
    store(activity, to + 2 * WIDTH, c)
    store(activity, to + 3 * WIDTH, d)


@njit(_nrt=False, forceinline=True)
def _activate(net: Any, block: Any, group: Any, activity: Any) -> Any:
    """Turns the summed inputs of a group into activity, in place."""
    first, function = WIDTH * net.first[group], net.functions[group]
    end = first + WIDTH * net.sizes[group]
    if function == 1:
        for k in range(first, end, WIDTH):
            store(activity, k, tanh(load(activity, k)))
    elif function < 0:
        functions, begin = net.mixed.reshape(-1), WIDTH * block * net.leaks.shape[1]
        for k in range(first, end, WIDTH):
            store(activity, k, mixed(load(activity, k), load(functions, begin + k)))
    elif function > 0:
        for k in range(first, end, WIDTH):
            store(activity, k, activated(load(activity, k), function))


@njit(_nrt=False, forceinline=True)
def _leak(net: Any, block: Any, group: Any, activity: Any, before: Any) -> Any:
    """Leaky neurons keep a part of their activity; absent neurons are silent."""
    leaks, present, begin = net.leaks.reshape(-1), net.present.reshape(-1), WIDTH * block * net.leaks.shape[1]
    for k in range(WIDTH * net.first[group], WIDTH * (net.first[group] + net.sizes[group]), WIDTH):
        now = load(activity, k)
        if net.leaky[group]:
            last, leak = load(before, k), load(leaks, begin + k)
            now = fma(leak, now - last, last)
        if net.partial[group]:
            now = now * load(present, begin + k)
        store(activity, k, now)
