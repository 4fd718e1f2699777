"""The learning of `live` through the package's own classes, compiled and in torch, with samples drawn beforehand."""

from __future__ import annotations

import torch
from rivals.workload import LEARNING_RATE, MOMENTUM, Life, Newborns
from torch import Tensor

from genomes.phenotype import Phenotype, Synapses
from genomes.streams import derive
from genomes.topology import layered
from inner_loop.contracts.specimen import own_streams
from inner_loop.lives.compiled_samples import CompiledLives
from inner_loop.lives.samples import learn
from inner_loop.network import Network, Weights
from inner_loop.objectives import CrossEntropy
from inner_loop.rules import Backprop


def phenotype(newborns: Newborns) -> Phenotype:
    """The cohort as phenotypes."""
    topology = layered(*newborns.workload.sizes, activation=newborns.workload.activation)
    rate = {"rule.learning_rate": torch.full((newborns.workload.cohort, 1, 1), LEARNING_RATE)}
    masks = [None] * len(newborns.weights) if newborns.masks is None else [m.bool() for m in newborns.masks]
    synapses = [Synapses(w, m, rate) for w, m in zip(newborns.weights, masks, strict=True)]
    return Phenotype(
        topology,
        dict(zip([edge.name for edge in topology.edges], synapses, strict=True)),
        {group.name: {"bias": bias} for group, bias in zip(topology.groups[1:], newborns.biases, strict=True)},
        {"objective.smoothing": torch.zeros(newborns.workload.cohort)},
    )


def prepare(newborns: Newborns) -> Life:
    """The whole cohort by compiled twins; the way of weights and samples into compiled code and back is timed."""
    newborn, targets = phenotype(newborns), _one_hot(newborns)
    rule, objective = Backprop(LEARNING_RATE, MOMENTUM), CrossEntropy()
    steps = newborns.workload.steps

    def live_all() -> list[Tensor]:
        with torch.inference_mode():
            lives = CompiledLives(Network.of(newborn), newborn, rule, objective, own_streams(newborn))
            for _ in lives.through([(newborns.inputs, targets)], (steps,)):
                pass
            return list(lives.weights().projections.values())

    return live_all


def prepare_torch(newborns: Newborns) -> Life:
    """The whole cohort at once, step by step in torch."""
    newborn, targets = phenotype(newborns), _one_hot(newborns)
    rule, objective, life = Backprop(LEARNING_RATE, MOMENTUM), CrossEntropy(), derive(0, "life")

    def live_all() -> list[Tensor]:
        with torch.inference_mode():
            network, weights = Network.of(newborn), Weights.born(newborn)
            lessons = zip(newborns.inputs, targets, strict=True)
            for _, lived in learn(network, weights, newborn, rule, objective, lessons, life):
                weights = lived
        return list(weights.projections.values())

    return live_all


def _one_hot(newborns: Newborns) -> Tensor:
    """(steps, K, output units, B)."""
    one_hot = torch.nn.functional.one_hot(newborns.labels, newborns.workload.sizes[-1])
    return one_hot.mT.to(newborns.inputs.dtype).contiguous()
