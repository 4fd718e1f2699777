"""Networks in numbers that learn a task by gradient, several side by side, at a rate that the selection split chose."""

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
"""Named numbers of P networks, (P, ...); of whole ones weights (P, post, pre) by projection, biases (P, units)."""

RATES = (0.003, 0.01, 0.03, 0.1)
"""Of Adam, falling to 0: those that are tried."""

LEARNED: tuple[Split, ...] = ("train", "selection")
"""The splits that evolution meets."""

_LIFE = 100  # updates that are lived in one environment where lives differ


@final
@dataclass(frozen=True, eq=False)
class Code:
    """P networks in numbers, written down alike.

    Attributes:
        method: how they are written down.
        setting: of the method.
        numbers: what is written down.
        unfold: from them to the networks; differentiable, and of several sets of numbers, (..., P, ...), at once.
        bits: of each number.
        steps: updates of the numbers that the method asks for, where there is a task to learn.
        beside: what else has to be written down of each network.
        masks: which numbers are written down, shaped as they are, by name; all where there is none.
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
        """P."""
        return len(next(iter(self.numbers.values())))


def weights_of(newborn: Phenotype) -> Numbers:
    """Weights and biases of a cohort."""
    biases = {group.name: newborn.bias(group.name) for group in newborn.topology.groups}
    weights = {edge.name: newborn.projections[edge.name].weight for edge in newborn.topology.edges}
    return weights | {name: bias for name, bias in biases.items() if bias is not None}


def rounded(code: Code) -> tuple[list[Bits], Numbers]:
    """The size of every network, and the numbers as they are written down with their bits."""
    sizes = [code.beside] * code.networks
    numbers = {name: number.clone() for name, number in code.numbers.items()}
    for name, number in numbers.items():
        for place, own in enumerate(number):
            where = code.masks[name][place] if name in code.masks else ...
            values, bits = quantised(own[where].numpy(), code.bits)
            own[where], sizes[place] = torch.as_tensor(values), sizes[place] + bits
    return sizes, numbers


def tuned(experiment: Experiment, newborn: Phenotype, code: Code, bits: Sequence[int]) -> dict[int, tuple[float, Code]]:
    """By bits of a number: the rate at which networks that learn on train alone are best on selection, and these.

    They are examined as they are written down; of equal rates the smallest counts.
    """
    found = learned(experiment, newborn, code, RATES, ("train",))
    best = {}
    for each in bits:
        worth = {rate: _worth(experiment, replace(trial, bits=each)) for rate, trial in found.items()}
        best[each] = max(worth, key=worth.__getitem__)
    return {each: (rate, found[rate]) for each, rate in best.items()}


def taught(experiment: Experiment, newborn: Phenotype, code: Code, trial: Code | None = None) -> Code:
    """The same code with numbers that have learned the task for its steps, at the rate that suits it.

    Args:
        newborn: whose numbers the objective reads where they are genes.
        trial: what the rate is tuned with, where numbers that have begun to learn have met selection already.
    """
    if not code.steps:
        return code
    rate, _ = tuned(experiment, newborn, trial or code, (code.bits,))[code.bits]
    return learned(experiment, newborn, code, (rate,), LEARNED)[rate]


def learned(
    experiment: Experiment, newborn: Phenotype, code: Code, rates: Sequence[float], splits: Sequence[Split]
) -> dict[float, Code]:
    """By the rate of Adam (Kingma & Ba 2015, ICLR): the code after its steps, all rates and networks side by side."""
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
    """Adam with its usual constants, at R rates side by side that fall to 0: numbers are (R, ...)."""

    def __init__(self, numbers: Sequence[Tensor], rates: Sequence[float], steps: int) -> None:
        self._numbers, self._steps, self._done = numbers, steps, 0
        self._rates = [torch.tensor(rates).view(-1, *[1] * (number.dim() - 1)).to(number) for number in numbers]
        self._means, self._squares = ([torch.zeros_like(number) for number in numbers] for _ in range(2))

    def step(self, loss: Tensor) -> None:
        """One update of all numbers."""
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
    """Batches of every network's own, as many samples of each split as it has; where lives differ, of many lives."""
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
    """The mean main score on selection, as the networks are written down; less than any where it is no number."""
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
    """A cohort that gradients pass through: views of nothing."""
    biases = {name: number[:, :, None] for name, number in numbers.items() if name in topology.index}
    weights = {name: number for name, number in numbers.items() if name not in topology.index}
    return Weights(torch.zeros(0), weights, biases)
