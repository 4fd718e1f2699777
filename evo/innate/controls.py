"""What a genome is measured against at equal bits: networks that are written down without one, in four ways.

Each is a few numbers, how a network unfolds from them, and how many bits a number takes: direct weights with few bits,
the largest weights only (Han, Pool, Tran & Dally 2015, NeurIPS), projections of low rank (Denil et al. 2013, NeurIPS),
and coordinates in a random basis (Li, Farkhoor, Liu & Yosinski 2018, ICLR: intrinsic dimension).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import final

import numpy as np
import torch
from jaxtyping import Integer
from numpy import ndarray
from torch import Tensor

from evo.experiment import Experiment, birth
from evo.innate.coding import Bits, of_positions, quantised
from evo.numerics import settled
from genomes.chance import chance
from genomes.interventions.given import Given
from genomes.interventions.standard import Standard
from genomes.phenotype import Phenotype
from genomes.topology import Topology
from inner_loop.lifetime import Lifetime
from inner_loop.network import Network, Weights
from inner_loop.objective import Lived
from inner_loop.objectives.cross_entropy import CrossEntropy
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.task import CLASSIFICATION, Task

Numbers = Mapping[str, Tensor]
"""Named numbers; those of a network are its weights (post, pre) by projection and its biases (units,) by group."""

METHODS = ("quantised direct", "magnitude-pruned direct", "low rank", "random basis")
TERMS = {
    "method": "genome: each number with fewer bits, on even levels between the ends of its field. Networks without a "
    "genome: quantised direct, every weight and bias with few bits; magnitude-pruned direct, the largest weights and "
    "where they are; low rank, every projection a product of two smaller matrices; random basis, coordinates along "
    "fixed random directions, which come from a seed that is not counted",
    "setting": "bits of each number, and how many of them the method keeps",
}

STEPS, RETRAINED = 1000, 200  # updates of a network from its beginning, and of one that lost something

_DIRECT_BITS, _WEIGHT_BITS, _COORDINATE_BITS = range(1, 9), 6, 8
_SHARES = (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2)  # of the weights: kept, or coordinates in their place
_RANKS, _LARGEST_BASIS = 8, 4_000_000  # ranks that are tried; numbers of a random basis
_RATE, _LIFE = 0.01, 100  # of Adam, falling to 0; updates that are lived in one environment where lives differ


@final
@dataclass(frozen=True, eq=False)
class Code:
    """A network in numbers.

    Attributes:
        method: one of METHODS.
        setting: of the method.
        numbers: what is written down.
        unfold: from them to the network; differentiable.
        bits: of each number.
        steps: updates of the numbers that the method asks for, where there is a task to learn.
        beside: what else has to be written down.
    """

    method: str
    setting: str
    numbers: Numbers
    unfold: Callable[[Numbers], Numbers]
    bits: int
    steps: int = 0
    beside: Bits = field(default_factory=Bits)


@final
@dataclass(frozen=True, eq=False)
class Control:
    """A network that was written down and read again, and what that takes."""

    method: str
    setting: str
    size: Bits
    network: Given


@settled()
def controls(experiment: Experiment, levels: Integer[ndarray, " G"]) -> list[Control]:
    """The four ways at a series of sizes each; test is never looked at.

    In a task the networks learn on its train and selection splits, as evolution does, from standard initialisation by
    Adam (Kingma & Ba 2015, ICLR); what pruning or a low rank takes away is learned again for a while. In a world the
    weights of a newborn of the genome are compressed as they are; nothing, where no gene says anything of them.
    """
    if experiment.task is None and not experiment.encoding.spec(experiment.topology).size:
        return []
    luck = chance(experiment.seed, "direct network")
    newborn = birth(replace(experiment, device="cpu"), levels[None], luck)
    topology = experiment.topology
    if experiment.task is None:
        network = weights_of(newborn)
        nothing = {name: torch.zeros_like(weight) for name, weight in network.items()}
        basis = random_basis(nothing, network)
        return [written(code, topology) for code in (*_compressed(network, topology), *basis)]
    begun = weights_of(Standard().apply(newborn, luck))
    network = taught(experiment, newborn, Code("direct", "", begun, dict, 32, STEPS)).numbers
    codes = [*_compressed(network, topology), *random_basis(begun)]
    return [written(taught(experiment, newborn, code), topology) for code in codes]


def origin(experiment: Experiment) -> str:
    """Where these networks come from, or why there are none, in a sentence."""
    if experiment.task is not None:
        return (
            "These networks were trained by gradient on both splits that evolution meets, train and selection "
            f"({STEPS:,} updates; {RETRAINED} more after pruning or a low rank), and rounded afterwards."
        )
    if experiment.encoding.spec(experiment.topology).size:
        return "These networks are the wiring of one birth, compressed: in a world no gradient makes another."
    return (
        "No network without a genome is set beside it: no gene says anything of the wiring that could be compressed, "
        "and in a world no gradient makes another."
    )


def weights_of(newborn: Phenotype) -> Numbers:
    """Weights and biases of the first of a cohort."""
    biases = {group.name: newborn.bias(group.name) for group in newborn.topology.groups}
    weights = {edge.name: newborn.projections[edge.name].weight[0] for edge in newborn.topology.edges}
    return weights | {name: bias[0] for name, bias in biases.items() if bias is not None}


def taught(experiment: Experiment, newborn: Phenotype, code: Code) -> Code:
    """The same code with numbers that have learned the task for its steps.

    Args:
        newborn: whose numbers the objective reads where they are genes.
    """
    if not code.steps:
        return code
    task, network = experiment.task, Network(experiment.topology)
    assert task is not None, "asked for by whoever has one"
    labelled = task.score_names == CLASSIFICATION
    objective = experiment.objective or (CrossEntropy() if labelled else SquaredError())
    numbers = {name: number.clone().requires_grad_() for name, number in code.numbers.items()}
    optimiser = torch.optim.Adam([*numbers.values()], lr=_RATE)
    luck = chance(experiment.seed, "direct network")
    lessons = _lessons(experiment, task, newborn.like, code.steps)  # of whole lives: the last one may go on
    for step, (inputs, targets) in zip(range(code.steps), lessons, strict=False):
        optimiser.param_groups[0]["lr"] = _RATE * (1.0 - step / code.steps)
        activities = network.activity(_packed(code.unfold(numbers), experiment.topology), inputs)
        lived = Lived(activities, targets, network.output, objective, step, luck, newborn.traits)
        optimiser.zero_grad()
        objective.loss(lived).sum().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return replace(code, numbers={name: number.detach() for name, number in numbers.items()})


def _lessons(experiment: Experiment, task: Task, like: Tensor, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches from both splits that evolution meets, as many of each as it has; where lives differ, of many lives."""
    assert isinstance(experiment.lifetime, Lifetime), "a task has a lifetime of its kind"
    count = _LIFE * experiment.lifetime.batch
    part = round(count * task.size("train") / (task.size("train") + task.size("selection")))
    for number in range(-(-steps // _LIFE)):
        luck = chance(experiment.seed, "direct network", number)
        train, selection = task.draw("train", part, luck), task.draw("selection", count - part, luck)
        order = luck.stream("order").permutation(count)[0]
        inputs, targets = (
            torch.cat(two, dim=2)[:, :, order].to(like).chunk(_LIFE, dim=2)
            for two in ((train.inputs, selection.inputs), (train.targets, selection.targets))
        )
        yield from zip(inputs, targets, strict=True)


def _packed(numbers: Numbers, topology: Topology) -> Weights:
    """A cohort of one that gradients pass through: views of nothing."""
    biases = {name: number[None, :, None] for name, number in numbers.items() if name in topology.index}
    weights = {name: number[None] for name, number in numbers.items() if name not in topology.index}
    return Weights(torch.zeros(0), weights, biases)


def written(code: Code, topology: Topology) -> Control:
    """Rounds the numbers to their bits and unfolds the network from them."""
    size, rounded = code.beside, {}
    for name, number in code.numbers.items():
        values, bits = quantised(number.numpy(), code.bits)
        size, rounded[name] = size + bits, torch.as_tensor(values)
    network = {name: number.numpy() for name, number in code.unfold(rounded).items()}
    weights = {name: array for name, array in network.items() if name not in topology.index}
    biases = {name: {"bias": array} for name, array in network.items() if name in topology.index}
    return Control(code.method, code.setting, size, Given(weights, units=biases))


def _compressed(network: Numbers, topology: Topology) -> Iterator[Code]:
    """The three ways that begin with a whole network."""
    yield from (Code(METHODS[0], f"{bits}-bit", network, dict, bits) for bits in _DIRECT_BITS)
    kept = sorted({max(1, round(share * topology.synapses)) for share in _SHARES})
    yield from (pruned(network, topology, number) for number in kept)
    shapes = [topology.shape(edge) for edge in topology.edges]
    most = max((post * pre - 1) // (post + pre) for post, pre in shapes)  # above it factors are more than weights
    ranks = sorted({round(rank) for rank in np.geomspace(1, most, _RANKS).tolist()}) if most else []
    yield from (low_rank(network, topology, rank) for rank in ranks)


def pruned(network: Numbers, topology: Topology, kept: int) -> Code:
    """The weights with the largest magnitude, so many of all, and where they are; biases stay."""
    weights = {name: weight for name, weight in network.items() if name not in topology.index}
    sizes = torch.cat([weight.flatten() for weight in weights.values()]).abs()
    there = torch.zeros(len(sizes), dtype=torch.bool)
    there[torch.argsort(sizes, descending=True, stable=True)[:kept]] = True
    parts = there.split([weight.numel() for weight in weights.values()])
    masks = {name: part.view_as(weights[name]) for name, part in zip(weights, parts, strict=True)}

    def unfold(numbers: Numbers) -> Numbers:
        grown = {n: torch.zeros_like(weights[n]).masked_scatter(mask, numbers[n]) for n, mask in masks.items()}
        return {**numbers, **grown}

    numbers = {**network, **{name: weights[name][mask] for name, mask in masks.items()}}
    positions = of_positions(len(sizes), kept)
    setting = f"{kept:,} of {len(sizes):,} weights, {_WEIGHT_BITS}-bit"
    return Code(METHODS[1], setting, numbers, unfold, _WEIGHT_BITS, RETRAINED, Bits(0, positions, positions))


def low_rank(network: Numbers, topology: Topology, rank: int) -> Code:
    """Every projection as a product of two factors, from its singular value decomposition.

    A projection that has fewer weights than its factors would have numbers stays as it is.
    """
    numbers, factored = dict(network), []
    for edge in topology.edges:
        post, pre = topology.shape(edge)
        if rank * (post + pre) < post * pre:
            left, values, right = torch.linalg.svd(numbers.pop(edge.name), full_matrices=False)
            root = values[:rank].sqrt()
            numbers[f"{edge.name}, left"], numbers[f"{edge.name}, right"] = (
                left[:, :rank] * root,
                root[:, None] * right[:rank],
            )
            factored.append(edge.name)

    def unfold(given: Numbers) -> Numbers:
        products = {name: given[f"{name}, left"] @ given[f"{name}, right"] for name in factored}
        return {name: products[name] if name in products else given[name] for name in network}

    return Code(METHODS[2], f"rank {rank}, {_WEIGHT_BITS}-bit", numbers, unfold, _WEIGHT_BITS, RETRAINED)


def random_basis(
    origin: Numbers, target: Numbers | None = None, dimensions: tuple[int, ...] | None = None
) -> Iterator[Code]:
    """origin + sum_i theta_i B_i, the B_i random directions of about unit length; neither takes bits: they have a seed.

    Args:
        target: the network that theta comes nearest to, by least squares; None: theta begins at 0 and is to learn.
        dimensions: how many theta there are; shares of the number of weights, as many as memory allows, if not given.
    """
    begin = torch.cat([number.flatten() for number in origin.values()])
    count = len(begin)
    if dimensions is None:
        wanted = {max(1, round(share * count)) for share in _SHARES}
        dimensions = tuple(sorted(d for d in wanted if d * count <= _LARGEST_BASIS))
    directions = chance(0, "random basis").normal(max(dimensions, default=0), count)[0].to(begin) / count**0.5

    def unfold(numbers: Numbers) -> Numbers:
        theta = numbers["theta"]
        parts = (begin + theta @ directions[: len(theta)]).split([number.numel() for number in origin.values()])
        return {name: part.view_as(origin[name]) for name, part in zip(origin, parts, strict=True)}

    for number in dimensions:
        theta = torch.zeros(number).to(begin)
        if target is not None:
            away = torch.cat([one.flatten() for one in target.values()]) - begin
            theta = torch.linalg.lstsq(directions[:number].T.double(), away.double()).solution.to(begin)
        setting = f"{number:,} dimensions, {_COORDINATE_BITS}-bit"
        yield Code(METHODS[3], setting, {"theta": theta}, unfold, _COORDINATE_BITS, STEPS)
