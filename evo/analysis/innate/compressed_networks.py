"""Controls of a genome at equal bits: networks that are compressed directly, without a genome, by four methods.

Each method defines the stored numbers, a function that unfolds them into a network, and the bits of a number: direct
weights with few bits, the largest weights only (Han, Pool, Tran & Dally 2015, NeurIPS), projections of low rank (Denil
et al. 2013, NeurIPS), and coordinates in a random basis (Li, Farkhoor, Liu & Yosinski 2018, ICLR: intrinsic dimension).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from jaxtyping import Integer
from numpy import ndarray

from evo.analysis.innate.code_length import Bits, of_positions
from evo.analysis.innate.training import LEARNED, RATES, Code, Numbers, learned, rounded, taught, tuned, weights_of
from evo.evaluation.numerics import settled
from evo.experiment.experiment import Experiment
from genomes.interventions.given import Given
from genomes.interventions.standard import Standard
from genomes.phenotype import Phenotype
from genomes.streams import derive
from genomes.topology import Topology

METHODS = ("quantised direct", "magnitude-pruned direct", "low rank", "random basis")
TERMS = {
    "method": "genome: each number with fewer bits, on even levels between the ends of its field. Networks without a "
    "genome: quantised direct, every weight and bias with few bits; magnitude-pruned direct, the largest weights and "
    "their positions; low rank, every projection as a product of two smaller matrices; random basis, coordinates along "
    "fixed random directions, whose seed is not counted. Sizes are means over the networks of a setting",
    "setting": "bits of each number, and the number of weights, ranks or dimensions that the method keeps",
}

STEPS, RETRAINED = 1000, 200  # updates of a network from its initialisation, and of a network after compression
NETWORKS = 5  # trained networks of each setting, since the score of a single one depends on its random numbers

_DIRECT_BITS, _WEIGHT_BITS, _COORDINATE_BITS = range(1, 9), 6, 8
_WHOLE = 32  # bits of a number of a network that is not compressed yet
_SIZES = (*_DIRECT_BITS, _WHOLE)
_SHARES = (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2)  # kept weights, or coordinates, in shares of all weights
_RANKS, _LARGEST_BASIS = 8, 4_000_000  # number of ranks that are tried; maximum size of a random basis


@final
@dataclass(frozen=True, eq=False)
class Control:
    """Networks of one setting after compression and unfolding, with the mean size of their descriptions."""

    method: str
    setting: str
    size: Bits
    networks: tuple[Given, ...]


@settled()
def controls(experiment: Experiment, levels: Integer[ndarray, " G"]) -> list[Control]:
    """Compresses networks by the four methods at a series of sizes; the test split is never used.

    In a task, five networks of each setting learn on the train and selection splits, which evolution uses too. Each
    starts from its own standard initialisation and has its own order of samples. The learning rate is the one at
    which networks that learn on train alone are best on selection. After pruning or a low rank, networks are trained
    for some more updates. In a world, or where samples are sequences, the weights of a newborn of the genome are
    compressed without training; there are no controls if no gene encodes the wiring.
    """
    if not trains(experiment) and not experiment.encoding.spec(experiment.topology).size:
        return []
    newborn = replace(experiment, device="cpu").birth(levels[None], derive(experiment.seed, "direct network"))
    topology = experiment.topology
    if not trains(experiment):
        network = weights_of(newborn)
        nothing = {name: torch.zeros_like(weight) for name, weight in network.items()}
        codes = [*_compressed(dict.fromkeys(_SIZES, network), topology), *random_basis(nothing, network)]
        return [written(code, topology) for code in codes]
    return [written(code, topology) for code in _trained(experiment, newborn)]


def _trained(experiment: Experiment, newborn: Phenotype) -> Iterator[Code]:
    """Trains each code at the rate that is chosen with its trial, a copy that has not used the selection split."""
    streams = derive(experiment.seed, "direct network", owners=range(NETWORKS))
    begun = weights_of(Standard().apply(newborn.repeated(NETWORKS), streams))
    direct = Code("direct", "", begun, dict, _WHOLE, STEPS)
    trials = tuned(experiment, newborn, direct, _SIZES)
    whole = learned(experiment, newborn, direct, sorted({rate for rate, _ in trials.values()}), LEARNED)
    known = {bits: whole[rate].numbers for bits, (rate, _) in trials.items()}
    on_train = {bits: trial.numbers for bits, (_, trial) in trials.items()}
    pairs = (_compressed(networks, experiment.topology) for networks in (known, on_train))
    for code, trial in zip(*pairs, strict=True):
        yield taught(experiment, newborn, code, trial)
    for code in random_basis(begun):
        yield taught(experiment, newborn, code)


def trains(experiment: Experiment) -> bool:
    """True if networks without a genome can learn by gradient: from samples without time."""
    return experiment.task is not None and not experiment.task.steps


def origin(experiment: Experiment) -> str:
    """Describes the origin of the controls, or the reason why there are none, in a sentence."""
    if trains(experiment):
        return (
            f"These networks, {NETWORKS} of each setting, each with its own initialisation and order of samples, were "
            f"trained by gradient on both splits that evolution uses, train and selection ({STEPS:,} updates; "
            f"{RETRAINED} more after pruning or a low rank), and rounded afterwards. The learning rate of each "
            f"setting, of {', '.join(f'{rate:g}' for rate in RATES)}, is the one at which networks that learn on train "
            "alone are best on selection."
        )
    if experiment.encoding.spec(experiment.topology).size:
        return "These networks are the compressed wiring of one birth: without samples, none is trained from nothing."
    return (
        "There is no network without a genome to compare with: no gene encodes the wiring, so there is nothing to "
        "compress, and without samples no other network is trained."
    )


def written(code: Code, topology: Topology) -> Control:
    """Rounds the numbers to their bits and unfolds the networks."""
    sizes, numbers = rounded(code)
    networks = {name: number.numpy() for name, number in code.unfold(numbers).items()}
    given = []
    for place in range(code.networks):
        weights = {name: array[place] for name, array in networks.items() if name not in topology.index}
        biases = {name: {"bias": array[place]} for name, array in networks.items() if name in topology.index}
        given.append(Given(weights, units=biases))
    size = replace(sizes[0], coded=sum(each.coded for each in sizes) / len(sizes))
    return Control(code.method, code.setting, size, tuple(given))


def _compressed(networks: Mapping[int, Numbers], topology: Topology) -> Iterator[Code]:
    """Yields the codes of the three methods that compress whole networks; `networks` are keyed by bits a number."""
    yield from (Code(METHODS[0], f"{bits}-bit", networks[bits], dict, bits) for bits in _DIRECT_BITS)
    kept = sorted({max(1, round(share * topology.synapses)) for share in _SHARES})
    yield from (pruned(networks[_WHOLE], topology, number) for number in kept)
    shapes = [topology.shape(edge) for edge in topology.edges]
    most = max((post * pre - 1) // (post + pre) for post, pre in shapes)  # above it, factors are larger than weights
    ranks = sorted({round(rank) for rank in np.geomspace(1, most, _RANKS).tolist()}) if most else []
    yield from (low_rank(networks[_WHOLE], topology, rank) for rank in ranks)


def pruned(networks: Numbers, topology: Topology, kept: int) -> Code:
    """Keeps the `kept` weights with the largest magnitude of all projections, and their positions; biases stay."""
    weights = {name: weight for name, weight in networks.items() if name not in topology.index}
    sizes = torch.cat([weight.flatten(1) for weight in weights.values()], dim=1).abs()
    largest = torch.argsort(sizes, descending=True, stable=True)[:, :kept]
    there = torch.zeros_like(sizes, dtype=torch.bool).scatter(1, largest, True)
    parts = there.split([weight[0].numel() for weight in weights.values()], dim=1)
    masks = {name: part.view_as(weights[name]) for name, part in zip(weights, parts, strict=True)}

    def unfold(numbers: Numbers) -> Numbers:
        return {**numbers, **{name: numbers[name] * mask for name, mask in masks.items()}}

    positions = of_positions(sizes.shape[1], kept)
    setting = f"{kept:,} of {sizes.shape[1]:,} weights, {_WEIGHT_BITS}-bit"
    beside = Bits(0, positions, positions)
    return Code(METHODS[1], setting, networks, unfold, _WEIGHT_BITS, RETRAINED, beside, masks)


def low_rank(networks: Numbers, topology: Topology, rank: int) -> Code:
    """Writes every projection as a product of two factors, by singular value decomposition.

    A projection that has at most as many weights as its factors have numbers does not change.
    """
    numbers, factored = dict(networks), []
    for edge in topology.edges:
        post, pre = topology.shape(edge)
        if rank * (post + pre) < post * pre:
            left, values, right = torch.linalg.svd(numbers.pop(edge.name), full_matrices=False)
            root = values[:, :rank].sqrt()
            numbers[f"{edge.name}, left"] = left[:, :, :rank] * root[:, None, :]
            numbers[f"{edge.name}, right"] = root[:, :, None] * right[:, :rank]
            factored.append(edge.name)

    def unfold(given: Numbers) -> Numbers:
        products = {name: given[f"{name}, left"] @ given[f"{name}, right"] for name in factored}
        return {name: products[name] if name in products else given[name] for name in networks}

    return Code(METHODS[2], f"rank {rank}, {_WEIGHT_BITS}-bit", numbers, unfold, _WEIGHT_BITS, RETRAINED)


def random_basis(
    origin: Numbers, target: Numbers | None = None, dimensions: tuple[int, ...] | None = None
) -> Iterator[Code]:
    """Yields codes in a random basis: origin + sum_i theta_i B_i, with random directions B_i of about unit length.

    Origin and directions come from a seed and take no bits. The directions of several networks differ only by the
    signs of their components, since independent directions would need P times the memory.

    Args:
        origin: the networks at theta = 0.
        target: networks that theta approximates by least squares; if None, theta is 0 at first and has to be trained.
        dimensions: numbers of coordinates, one code each; by default shares of the number of weights, as memory allows.
    """
    begin = torch.cat([number.flatten(1) for number in origin.values()], dim=1)
    networks, count = begin.shape
    if dimensions is None:
        wanted = {max(1, round(share * count)) for share in _SHARES}
        dimensions = tuple(sorted(d for d in wanted if d * count <= _LARGEST_BASIS))
    streams = derive(0, "random basis")
    directions = streams.normal(max(dimensions, default=0), count)[0].to(begin) / count**0.5
    signs = (2 * streams.stream("signs").integers(2, networks, count)[0] - 1).to(begin)

    def unfold(numbers: Numbers) -> Numbers:
        theta = numbers["theta"]
        moved = begin + (theta @ directions[: theta.shape[-1]]) * signs
        parts = moved.split([number[0].numel() for number in origin.values()], dim=-1)
        return {name: part.unflatten(-1, origin[name].shape[1:]) for name, part in zip(origin, parts, strict=True)}

    for number in dimensions:
        theta = torch.zeros(networks, number).to(begin)
        if target is not None:
            away = (torch.cat([one.flatten(1) for one in target.values()], dim=1) - begin) * signs
            theta = torch.linalg.lstsq(directions[:number].T.double(), away.T.double()).solution.T.to(begin)
        setting = f"{number:,} dimensions, {_COORDINATE_BITS}-bit"
        yield Code(METHODS[3], setting, {"theta": theta}, unfold, _COORDINATE_BITS, STEPS)
