"""Gradient training of compressed networks on a task, many in parallel, at a rate tuned on the selection split."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import final

import torch
from torch import Tensor

from evo.analysis.innate.code_length import Bits, quantised
from evo.experiment.experiment import Experiment
from genomes.phenotype import Phenotype
from genomes.streams import derive
from genomes.topology import Topology
from inner_loop.environment import Split
from inner_loop.lives.samples import Lifetime
from inner_loop.network import Network, Weights
from inner_loop.objective import Lived
from inner_loop.objectives.cross_entropy import CrossEntropy
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.task import CLASSIFICATION, Task

Numbers = Mapping[str, Tensor]
"""Named numbers of P networks, (P, ...); for whole networks weights (P, post, pre) and biases (P, units) by name."""

RATES = (0.003, 0.01, 0.03, 0.1)
"""Initial learning rates of Adam that are tried; a rate falls to 0 during training."""

LEARNED: tuple[Split, ...] = ("train", "selection")
"""The splits that evolution uses."""

_LIFE = 100  # updates in the environment of one life, if lives differ


@final
@dataclass(frozen=True, eq=False)
class Code:
    """Numbers that describe P networks, and the function that unfolds them.

    Attributes:
        method: the method of compression.
        setting: the setting of the method.
        numbers: the stored numbers.
        unfold: maps the numbers to the networks; it is differentiable and accepts batches of sets, (..., P, ...).
        bits: bits of each number.
        steps: number of updates in a task.
        beside: size of additional data of each network.
        masks: True for numbers that are stored, by name and shaped like the numbers; without a mask all are stored.
    """

    method: str
    setting: str
    numbers: Numbers
    unfold: Callable[[Numbers], Numbers]
    bits: int
    steps: int = 0
    beside: Bits = field(default_factory=Bits)
    masks: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def networks(self) -> int:
        """Number of networks P."""
        return len(next(iter(self.numbers.values())))


def weights_of(newborn: Phenotype) -> Numbers:
    """Returns the weights and biases of a cohort."""
    biases = {group.name: newborn.bias(group.name) for group in newborn.topology.groups}
    weights = {edge.name: newborn.projections[edge.name].weight for edge in newborn.topology.edges}
    return weights | {name: bias for name, bias in biases.items() if bias is not None}


def rounded(code: Code) -> tuple[list[Bits], Numbers]:
    """Rounds the numbers to their bits; returns the size of every network and the rounded numbers."""
    sizes = [code.beside] * code.networks
    numbers = {name: number.clone() for name, number in code.numbers.items()}
    for name, number in numbers.items():
        for place, own in enumerate(number):
            where = code.masks[name][place] if name in code.masks else ...
            values, bits = quantised(own[where].numpy(), code.bits)
            own[where], sizes[place] = torch.as_tensor(values), sizes[place] + bits
    return sizes, numbers


def tuned(experiment: Experiment, newborn: Phenotype, code: Code, bits: Sequence[int]) -> dict[int, tuple[float, Code]]:
    """Tunes the learning rate: networks learn on train alone and are scored on selection.

    Networks are rounded before they are scored; of ties the smallest rate is taken.

    Returns:
        best rate and the networks trained with it, by bits of a number.
    """
    found = learned(experiment, newborn, code, RATES, ("train",))
    best = {}
    for each in bits:
        worth = {rate: _worth(experiment, replace(trial, bits=each)) for rate, trial in found.items()}
        best[each] = max(worth, key=worth.__getitem__)
    return {each: (rate, found[rate]) for each, rate in best.items()}


def taught(experiment: Experiment, newborn: Phenotype, code: Code, trial: Code | None = None) -> Code:
    """Trains the numbers of a code on the task for its steps, at its best rate.

    Args:
        experiment: the experiment with the task.
        newborn: a newborn of the genome, whose traits the objective reads if they are genes.
        code: the code to train.
        trial: code for the tuning of the rate, needed if the numbers of `code` were already trained on selection.
    """
    if not code.steps:
        return code
    rate, _ = tuned(experiment, newborn, trial or code, (code.bits,))[code.bits]
    return learned(experiment, newborn, code, (rate,), LEARNED)[rate]


def learned(
    experiment: Experiment, newborn: Phenotype, code: Code, rates: Sequence[float], splits: Sequence[Split]
) -> dict[float, Code]:
    """Trains a code with Adam (Kingma & Ba 2015, ICLR), all rates and networks in parallel; returns it by rate."""
    task, network, lives = experiment.task, Network(experiment.topology), code.networks * len(rates)
    assert task is not None, "asked for by an experiment that has one"
    labelled = task.score_names == CLASSIFICATION
    objective = experiment.objective or (CrossEntropy() if labelled else SquaredError())
    numbers = {name: torch.stack([number] * len(rates)).requires_grad_() for name, number in code.numbers.items()}
    adam = _Adam([*numbers.values()], rates, code.steps)
    streams, born = derive(experiment.seed, "direct network"), newborn.repeated(lives)
    memory = objective.init(network, born)
    for step, lesson in enumerate(_lessons(experiment, task, newborn.like, code, splits)):
        whole = {name: each.flatten(0, 1) for name, each in code.unfold(numbers).items()}
        inputs, targets = (part.repeat(len(rates), 1, 1) for part in lesson)
        weights = _packed(whole, experiment.topology)
        activities = network.activity(weights, inputs)
        lived = Lived(
            activities, targets, network.output, objective, step, streams, born.traits, weights=weights, memory=memory
        )
        adam.step(objective.loss(lived).sum())
        with torch.no_grad():
            memory = objective.after(lived)
    each = {
        rate: {name: number[place].detach() for name, number in numbers.items()} for place, rate in enumerate(rates)
    }
    return {rate: replace(code, numbers=own) for rate, own in each.items()}


@final
class _Adam:
    """Adam with its usual constants, at R rates in parallel that fall to 0; numbers are (R, ...)."""

    def __init__(self, numbers: Sequence[Tensor], rates: Sequence[float], steps: int) -> None:
        self._numbers, self._steps, self._done = numbers, steps, 0
        self._rates = [torch.tensor(rates).view(-1, *[1] * (number.dim() - 1)).to(number) for number in numbers]
        self._means, self._squares = ([torch.zeros_like(number) for number in numbers] for _ in range(2))

    def step(self, loss: Tensor) -> None:
        """Updates all numbers once."""
        gradients = torch.autograd.grad(loss, self._numbers, allow_unused=True, materialize_grads=True)
        falling, self._done = 1.0 - self._done / self._steps, self._done + 1
        kept, squared = 1.0 - 0.9**self._done, 1.0 - 0.999**self._done
        with torch.no_grad():
            for number, rate, gradient, mean, square in zip(
                self._numbers, self._rates, gradients, self._means, self._squares, strict=True
            ):
                mean.lerp_(gradient, 0.1)
                square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
                number.sub_(rate * (mean * (falling / kept)) / ((square / squared).sqrt_().add_(1e-8)))


def _lessons(
    experiment: Experiment, task: Task, like: Tensor, code: Code, splits: Sequence[Split]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields batches, separate for every network; splits contribute by their sizes, and lives change if they differ."""
    assert isinstance(experiment.lifetime, Lifetime), "a task has a lifetime of its kind"
    count = _LIFE * experiment.lifetime.batch
    ends = [sum(task.size(s) for s in splits[:n]) for n in range(len(splits) + 1)]
    starts = [round(count * end / ends[-1]) for end in ends]
    for number in range(-(-code.steps // _LIFE)):
        streams = derive(experiment.seed, "direct network", number, range(code.networks))
        drawn = [task.draw(s, b - a, streams) for s, a, b in zip(splits, starts, starts[1:], strict=False)]
        order = streams.stream("order").permutation(count)[:, None]
        inputs, targets = (
            torch.cat(parts, dim=2).to(like).take_along_dim(order, 2).chunk(_LIFE, dim=2)
            for parts in ([each.inputs for each in drawn], [each.targets for each in drawn])
        )
        yield from zip(inputs, targets, strict=True)


def _worth(experiment: Experiment, code: Code) -> float:
    """Returns the mean main score of the rounded networks on selection; -inf if it is not finite."""
    task, network = experiment.task, Network(experiment.topology)
    assert task is not None, "asked for by an experiment that has one"
    if not all(bool(number.isfinite().all()) for number in code.numbers.values()):
        return -math.inf
    weights = _packed(code.unfold(rounded(code)[1]), experiment.topology)
    streams = derive(experiment.seed, "rate of a direct network", 0, range(code.networks) if task.varies else -1)
    exam, like = task.draw("selection", task.size("selection"), streams), next(iter(code.numbers.values()))
    outputs = network.activity(weights, exam.inputs.to(like))[network.output]
    worth = float(task.scores(outputs, exam.targets.to(like))[experiment.main].mean())
    return worth if math.isfinite(worth) else -math.inf


def _packed(numbers: Numbers, topology: Topology) -> Weights:
    """Packs numbers as the weights of a cohort, without a common buffer, so that gradients pass through."""
    biases = {name: number[:, :, None] for name, number in numbers.items() if name in topology.index}
    weights = {name: number for name, number in numbers.items() if name not in topology.index}
    return Weights(torch.zeros(0), weights, biases)
