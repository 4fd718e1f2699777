"""A network as compiled code reads it, with 16 lives side by side, and the way of weights into lanes and back."""

from __future__ import annotations

from typing import Any, NamedTuple

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


def net_of(network: Network, weights: Weights, layout: Layout) -> Net:
    """The network of P lives; all its groups are rate units."""
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


@njit(_nrt=False)
def advance(net: Any, block: Any, weights: Any, activity: Any, before: Any, noise: Any, at_noise: Any) -> Any:
    """One step of the network, from the sensory group's activity; groups compute in their order.

    Args:
        weights: of 16 lives.
        activity, before: of all neurons, at this step and at the step before.
        noise: in the summed inputs of the neurons behind the sensory group, from the index `at_noise` on; empty: none.
    """
    leaks, present, functions = net.leaks.reshape(-1), net.present.reshape(-1), net.mixed.reshape(-1)
    begin = WIDTH * block * net.leaks.shape[1]
    for group in range(1, len(net.sizes)):
        for i in range(net.sizes[group]):
            neuron = WIDTH * (net.first[group] + i)
            total = fill(float32(0.0))
            for edge in range(len(net.pre)):
                if net.post[edge] == group:
                    source = before if net.late[edge] else activity
                    count, k = net.sizes[net.pre[edge]], WIDTH * net.first[net.pre[edge]]
                    row = WIDTH * (net.synapses[edge] + i * count)
                    for j in range(count):
                        total = fma(load(weights, row + WIDTH * j), load(source, k + WIDTH * j), total)
            if net.biases[group] >= 0:
                total = total + load(weights, WIDTH * (net.biases[group] + i))
            if len(noise):
                total = total + load(noise, at_noise + WIDTH * (net.first[group] - net.sizes[0] + i))
            if net.functions[group] < 0:
                now = mixed(total, load(functions, begin + neuron))
            else:
                now = activated(total, net.functions[group])
            if net.leaky[group]:
                last, leak = load(before, neuron), load(leaks, begin + neuron)
                now = fma(leak, now - last, last)
            if net.partial[group]:
                now = now * load(present, begin + neuron)
            store(activity, neuron, now)
