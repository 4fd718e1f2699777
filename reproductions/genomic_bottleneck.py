"""Claim: a genome 32 or 61 times smaller than its network keeps learned weights; lives start better, not faster.

The genomic bottleneck of Shuvaev, Lachi, Koulakov & Zador 2024 (PNAS 121:e2409160121) on real digits, 64-256-10 without
biases, in their alternating (Lamarckian) loop, with this framework's parts: networks learn by Backprop; Adam fits every
g-network to the learned weights, through the differentiable `develop`; the next networks are born with the weights that
g writes. Then lives of 20 epochs from the genomes and from the usual random weights are compared by their learning
curves, aligned at equal score.

    python reproductions/genomic_bottleneck.py [--quick] [--json] [--output DIRECTORY]
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "benchmarks"), str(HERE.parent)]

from evo.evaluation.numerics import settle

settle()

import genomic_bottleneck_report as report
import headlines
import numpy as np
import torch
from machine import processor
from numpy import ndarray
from torch import Tensor

from genomes.encoding import develop
from genomes.encodings import GenomicBottleneck
from genomes.evolvable import endowed
from genomes.phenotype import Phenotype, Synapses
from genomes.spec import Genes
from genomes.streams import Streams, derive
from genomes.topology import layered
from inner_loop.lives.samples import Lifetime, learn, live
from inner_loop.network import Network, Weights
from inner_loop.objectives import CrossEntropy
from inner_loop.rules import Backprop
from inner_loop.tasks import Digits

TOPOLOGY = layered(64, 256, 10, activation="relu")
NETWORK = Network(TOPOLOGY)
TASK = Digits(train=1137, selection=260, test=400)
RULE = Backprop(learning_rate=0.05, momentum=0.9)
SIZES = {"32x": 10, "61x": 5}
"""By the ratio of weights to parameters: H, hidden neurons of each g-network."""
TUNED = "8eeb16cc4997ac2c73ad2ec5ed0fb1373a3c8b65"
"""The commit that ended the tuning: the constants below were chosen on seeds 100 to 103, by the selection split."""
SEEDS = tuple(headlines.seeds(TUNED))
BATCH = 32
EPOCH = math.ceil(TASK.train / BATCH)
COARSE = 8  # bits a parameter


@final
@dataclass(frozen=True)
class Loop:
    """The alternating loop.

    Attributes:
        generations: the number of times a network is born, learns and is written into the genome.
        lessons: updates of the weights in a generation.
        fits: steps of Adam on the genome in a generation.
        rate: learning rate of Adam.
    """

    generations: int = 200
    lessons: int = 36
    fits: int = 20
    rate: float = 0.005


@final
@dataclass(frozen=True, eq=False)
class Inherited:
    """The results of P alternating loops.

    Attributes:
        genes: by field, (P, ...): those with the best score at birth on the selection split.
        errors: mean squared error of the written weights, summed over projections, before and after each fit:
            (generations, 2, P).
        births: accuracy at birth on the selection split, (generations, P).
    """

    genes: Genes
    errors: ndarray
    births: ndarray


def encoding(hidden: int) -> GenomicBottleneck:
    """The encoding of the paper: a g-network writes the weights without scaling."""
    return GenomicBottleneck(hidden=hidden, fan_in=False)


def usual(own: Streams) -> Phenotype:
    """Random weights, uniform in +-1/sqrt(fan-in) as torch.nn.Linear draws them: the control."""
    weights = {}
    for edge in TOPOLOGY.edges:
        post, pre = TOPOLOGY.shape(edge)
        weights[edge.name] = (own.stream(edge.name).uniform(post, pre).float() * 2 - 1) / math.sqrt(pre)
    return born(weights)


def born(weights: dict[str, Tensor]) -> Phenotype:
    """Newborns with these weights, which learn by RULE."""
    newborn = Phenotype(TOPOLOGY, {name: Synapses(weight.detach()) for name, weight in weights.items()})
    return endowed(newborn, "rule", RULE, {})


def founders(g: GenomicBottleneck, own: Streams) -> Genes:
    """Random g-networks, uniform in +-1/sqrt(fan-in) as torch.nn.Linear draws them, their output shifted and scaled.

    Founders then write weights of the usual mean, 0, and variance. With a mean below 0 a g-network writes a hidden
    layer that is silent and stays so: pixels are positive, there are no biases, and ReLU passes no error.
    """
    fields = {field.name: field for field in g.spec(TOPOLOGY).fields}
    genes = {}
    for name, field in fields.items():
        fan_in = fields[name.replace(".bias", ".weight")].shape[1]
        genes[name] = (own.stream(name).uniform(*field.shape).float() * 2 - 1) / math.sqrt(fan_in)
    for edge, weight in written(g, genes, own).items():
        scale = (3 * weight.shape[2]) ** -0.5 / weight.std((1, 2))
        genes[f"{edge}.bias2"] = (genes[f"{edge}.bias2"] - weight.mean((1, 2))[:, None]) * scale[:, None]
        genes[f"{edge}.weight2"] = genes[f"{edge}.weight2"] * scale[:, None, None]
    return {name: gene.requires_grad_() for name, gene in genes.items()}


def written(g: GenomicBottleneck, genes: Genes, own: Streams) -> dict[str, Tensor]:
    """The weights that the genes write, by projection, (P, post, pre)."""
    return {name: synapses.weight for name, synapses in develop(g, genes, TOPOLOGY, own).projections.items()}


def error(weights: dict[str, Tensor], targets: dict[str, Tensor]) -> Tensor:
    """Mean squared error of each projection, summed over projections, (P,)."""
    return torch.stack([(weights[name] - targets[name]).square().mean((1, 2)) for name in weights]).sum(0)


def fit(
    g: GenomicBottleneck, genes: Genes, adam: torch.optim.Adam, targets: dict[str, Tensor], steps: int, own: Streams
) -> ndarray:
    """Fits the genes to the targets; returns the errors before the first and the last step, (2, P)."""
    errors = []
    for _ in range(steps):
        adam.zero_grad()
        each = error(written(g, genes, own), targets)
        each.sum().backward()  # individuals and projections share no gene, so the gradient of each is its own
        adam.step()
        errors.append(each.detach().numpy())
    return np.stack([errors[0], errors[-1]])


def lessons(own: Streams, first: int, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs (P, 64, B) and targets (P, 10, B) of the steps of a life that continues through all generations."""
    drawn = TASK.draw("train", steps * BATCH, own, first * BATCH)
    for inputs, targets in zip(drawn.inputs.split(BATCH, 2), drawn.targets.split(BATCH, 2), strict=True):
        yield inputs.contiguous(), targets.contiguous()


@torch.no_grad()
def at_birth(weights: dict[str, Tensor], split: str) -> ndarray:
    """Accuracy without learning, (P,)."""
    exam = TASK.draw(split, TASK.size(split), derive(0, "exam"))
    outputs = NETWORK.activity(Weights.born(born(weights)), exam.inputs)[NETWORK.output]
    return TASK.scores(outputs, exam.targets)["accuracy"].numpy()


@torch.no_grad()
def learned(weights: dict[str, Tensor], own: Streams, first: int, steps: int) -> dict[str, Tensor]:
    """The weights after some steps of life."""
    newborn = born(weights)
    now = Weights.born(newborn)
    for _, lived in learn(NETWORK, now, newborn, RULE, CrossEntropy(), lessons(own, first, steps), own):
        now = lived
    return now.projections


def alternate(g: GenomicBottleneck, loop: Loop, own: Streams) -> Inherited:
    """Learn, fit, next birth: P loops side by side, each with its own founder and lessons."""
    genes = founders(g, own)
    adam = torch.optim.Adam(genes.values(), lr=loop.rate)
    weights = {name: weight.detach() for name, weight in written(g, genes, own).items()}
    best, errors, births = {name: gene.detach().clone() for name, gene in genes.items()}, [], []
    for generation in range(loop.generations):
        targets = learned(weights, own, generation * loop.lessons, loop.lessons)
        errors.append(fit(g, genes, adam, targets, loop.fits, own))
        with torch.no_grad():
            weights = written(g, genes, own)
        births.append(at_birth(weights, "selection"))
        better = torch.from_numpy(births[-1] > np.max(births[:-1], axis=0, initial=-1.0))
        for name, gene in genes.items():
            best[name][better] = gene.detach()[better]
    return Inherited(best, np.stack(errors), np.stack(births))


def coarse(g: GenomicBottleneck, genes: Genes, bits: int = COARSE) -> Genes:
    """Rounds the genes to the nearest of 2^bits values, evenly spaced over +- the largest of an individual's field."""
    rounded = {}
    for field in g.spec(TOPOLOGY).fields:
        gene = genes[field.name]
        spacing = 2 * gene.abs().amax(tuple(range(1, gene.ndim)), keepdim=True) / (2**bits - 1)
        rounded[field.name] = ((gene / spacing - 0.5).round() + 0.5) * spacing
    return rounded


def lives(newborns: dict[str, dict[str, Tensor]], seeds: tuple[int, ...], epochs: int) -> dict[str, ndarray]:
    """Test accuracy after every update, (seeds, updates + 1), by kind of birth; a seed's kinds share its lessons."""
    updates = epochs * TASK.train // BATCH + 1
    lifetime = Lifetime(updates, BATCH, probes=10 * updates)  # log-spaced: enough that no update is left out
    assert lifetime.probed == tuple(range(updates + 1))
    side_by_side = {
        edge.name: torch.cat([weights[edge.name] for weights in newborns.values()]) for edge in TOPOLOGY.edges
    }
    own = derive(0, "bottleneck: a life", owners=seeds * len(newborns))
    curves = live(born(side_by_side), RULE, CrossEntropy(), TASK, lifetime, own, "test")["curve"]
    return dict(zip(newborns, np.split(curves, len(newborns)), strict=True))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a loop far too short; writes nothing without --output")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--output", type=Path, help="folder of the .md and .png (default: reproductions/results)")
    given = parser.parse_args(arguments)
    loop, epochs = (Loop(2, 4, 2), 2) if given.quick else (Loop(), 20)
    began, own, table = time.process_time(), derive(0, "bottleneck", owners=SEEDS), []
    newborns = {"usual": {name: s.weight for name, s in usual(own.stream("control")).projections.items()}}
    for name, hidden in SIZES.items():
        g = encoding(hidden)
        genes = alternate(g, loop, own).genes
        newborns[name] = written(g, genes, own)
        rough, spec = at_birth(written(g, coarse(g, genes), own), "test"), g.spec(TOPOLOGY)
        bits = spec.size * COARSE + len(spec.fields) * 32  # plus the largest gene of each field
        table.append(report.Row(name, hidden, spec.size, TOPOLOGY.synapses, bits, rough))
    curves = lives(newborns, SEEDS, epochs)
    table.append(report.Row("usual", None, TOPOLOGY.synapses, TOPOLOGY.synapses))
    alignments = {name: report.align(curves[name], curves["usual"], EPOCH) for name in SIZES}
    where = f"{processor()}, {os.cpu_count()} cores, one used: {time.process_time() - began:.0f} s of CPU time. "
    where += f"{datetime.date.today().isoformat()}. torch {torch.__version__}. {loop}, {RULE}, {TASK}, seeds {SEEDS}."
    text = report.markdown(table, curves, alignments, EPOCH, where)
    print(text)
    folder = given.output or (None if given.quick else HERE / "results")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "genomic_bottleneck.md").write_text(text)
        report.figure(curves, alignments, EPOCH, folder / "genomic_bottleneck.png")
        found = report.runs(SEEDS, table, curves, alignments, EPOCH)
        headlines.store(folder / "genomic_bottleneck.json", "python reproductions/genomic_bottleneck.py", TUNED, found)
    if given.json:
        print(json.dumps(report.summary(table, curves, alignments, EPOCH)))


if __name__ == "__main__":
    main()
