"""Claim: initial weights found by second-order gradients learn a sinusoid from ten points in a step or ten.

Model-agnostic meta-learning of Finn, Abbeel & Levine 2017 (ICML, section 5.1) on `Sinusoid`: the gradient control of
`configs/sinusoid.yaml`, where evolution finds the initial weights. 1-40-40-1 with ReLU and biases. One inner step on K
shots, then Adam on the error at K other points of the same sinusoid, differentiated through that step. Measured after
0, 1, 5 and 10 steps on sinusoids that were in no meta-batch. Plain autograd: tasks and seeds are in one batch.

    python reproductions/maml.py [--shots K] [--iterations N] [--seeds S] [--quick] [--json] [--output DIRECTORY]
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "benchmarks"), str(HERE.parent)]

from evo.evaluation.numerics import settle

settle()

import headlines
import torch
from machine import processor
from torch import Tensor

from genomes.streams import Streams, derive
from inner_loop.task import Samples, Split
from inner_loop.tasks.sinusoid import Sinusoid

SIZES = (1, 40, 40, 1)
INNER_RATE = 0.01  # of the gradient of the mean squared error: twice that of `SquaredError`, which halves it
META_RATE = 0.001
META_BATCH = 25  # sinusoids
TUNED = "66883e88ce2422229789becc25396abd762310b7"
"""The commit that chose 30,000 meta-batches."""
STEPS = (0, 1, 5, 10)
_BLOCK = 250  # iterations whose sinusoids are drawn at once

Weights = list[Tensor]
"""W and b of each layer in turn: (T, post, pre) and (T, post, 1), T networks side by side."""


def streams(seeds: Sequence[int], purpose: str, generation: int, count: int) -> Streams:
    """`count` sinusoids for each seed, seed after seed."""
    return Streams(torch.cat([derive(seed, purpose, generation, range(count)).keys for seed in seeds]))


def founders(seeds: Sequence[int]) -> Weights:
    """Uniform in +-1/sqrt(fan-in) as torch.nn.Linear draws them, one network a seed."""
    own, weights = Streams(torch.cat([derive(seed, "maml: weights").keys for seed in seeds])), []
    for layer, (pre, post) in enumerate(pairwise(SIZES)):
        for name, width in (("weight", pre), ("bias", 1)):
            uniform = own.stream(f"{name} {layer}").uniform(post, width)
            weights.append(((uniform * 2 - 1) / math.sqrt(pre)).float())
    return weights


def errors(weights: Weights, samples: Samples) -> Tensor:
    """Mean squared error of each network on its own samples, (T,)."""
    activity = samples.inputs
    for layer in range(0, len(weights), 2):
        if layer:
            activity = activity.relu()
        activity = torch.baddbmm(weights[layer + 1], weights[layer], activity)
    return (activity - samples.targets).square().mean((1, 2))


def step(weights: Weights, shots: Samples, differentiable: bool = False) -> Weights:
    """One step of gradient descent of each network on its own shots."""
    slopes = torch.autograd.grad(errors(weights, shots).sum(), weights, create_graph=differentiable)
    return [weight - INNER_RATE * slope for weight, slope in zip(weights, slopes, strict=True)]


def spread(weights: Weights, tasks: int) -> Weights:
    """Repeats each network `tasks` times; the copies still depend on the original."""
    return [weight.repeat_interleave(tasks, 0) for weight in weights]


def meta_error(weights: Weights, shots: Samples, others: Samples) -> Tensor:
    """Mean error at other points after one step on the shots, summed over seeds, which share no weight."""
    tasks = len(shots.inputs) // len(weights[0])
    return errors(step(spread(weights, tasks), shots, differentiable=True), others).sum() / tasks


def batches(task: Sinusoid, seeds: Sequence[int], iterations: int) -> Iterator[tuple[Samples, Samples]]:
    """Shots, and as many other points, of every meta-batch: (seeds x META_BATCH, 1, K)."""
    for block, first in enumerate(range(0, iterations, _BLOCK)):
        count = min(_BLOCK, iterations - first)
        own = streams(seeds, "maml: sinusoids", block, count * META_BATCH)
        drawn = [task.draw(split, task.shots, own) for split in ("train", "selection")]
        parts = [
            part.unflatten(0, (len(seeds), count, META_BATCH)).transpose(0, 1).flatten(1, 2)
            for samples in drawn
            for part in (samples.inputs, samples.targets)
        ]
        for x, y, other_x, other_y in zip(*parts, strict=True):
            yield Samples(x, y), Samples(other_x, other_y)


def meta_learn(task: Sinusoid, seeds: Sequence[int], iterations: int) -> Weights:
    """The initial weights that MAML finds, one network for each seed."""
    weights = [weight.requires_grad_() for weight in founders(seeds)]
    adam = torch.optim.Adam(weights, lr=META_RATE)
    for shots, others in batches(task, seeds, iterations):
        adam.zero_grad()
        meta_error(weights, shots, others).backward()
        adam.step()
    return [weight.detach() for weight in weights]


def examine(weights: Weights, task: Sinusoid, unseen: int, split: Split = "test") -> Tensor:
    """Errors after each of STEPS on the same new sinusoids for all networks, (seeds, steps, unseen)."""
    networks, curve = len(weights[0]), []
    own = streams([0] * networks, "maml: unseen", 0, unseen)
    shots, exam = task.draw("train", task.shots, own), task.draw(split, task.size(split), own)
    now = [weight.requires_grad_() for weight in spread(weights, unseen)]
    for count in range(STEPS[-1] + 1):
        if count in STEPS:
            curve.append(errors(now, exam).detach().view(networks, unseen))
        now = [weight.detach().requires_grad_() for weight in step(now, shots)]
    return torch.stack(curve, 1).double()


def half_width(measured: Tensor) -> Tensor:
    """Half the 95 % interval of the mean over sinusoids, the last axis."""
    return 1.96 * measured.std(-1) / math.sqrt(measured.shape[-1])


def markdown(learned: Tensor, naive: Tensor, task: Sinusoid, seeds: Sequence[int], how: str) -> str:
    """The table, a row a seed; `mean` is over the seeds, its interval over sinusoids."""
    rows = [*((f"MAML, seed {seed}", learned[i]) for i, seed in enumerate(seeds)), ("**MAML, mean**", learned.mean(0))]
    lines = [
        "# MAML on sinusoids",
        "",
        how,
        "",
        f"{task.shots} shots, meta-batches of {META_BATCH} sinusoids. Mean squared error at {task.measured} other "
        f"points after so many gradient steps, and its 95 % interval over {learned.shape[-1]:,} unseen sinusoids, the "
        "same in all rows.",
        "",
        "| initial weights | " + " | ".join(map(str, STEPS)) + " |",
        "|---|" + "--:|" * len(STEPS),
    ]
    for name, measured in (*rows, ("random, mean", naive.mean(0))):
        cells = zip(measured.mean(-1).tolist(), half_width(measured).tolist(), strict=True)
        lines.append(f"| {name} | " + " | ".join(f"{mean:.3f} +- {half:.3f}" for mean, half in cells) + " |")
    return "\n".join([*lines, ""])


def runs(seeds: Sequence[int], learned: Tensor, naive: Tensor) -> list[dict[str, object]]:
    """The stored results of each seed: mean squared error by number of steps, of learned and of random weights."""
    both = {"maml": learned.mean(-1).tolist(), "random": naive.mean(-1).tolist()}
    return [
        {"seed": seed} | {name: dict(zip(map(str, STEPS), errors[i], strict=True)) for name, errors in both.items()}
        for i, seed in enumerate(seeds)
    ]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shots", type=int, default=10, help="points that a step learns from")
    parser.add_argument("--iterations", type=int, default=30_000, help="meta-batches")
    parser.add_argument("--seeds", type=int, default=headlines.SEEDS, help="how many, of the commit TUNED")
    parser.add_argument("--quick", action="store_true", help="far too few; writes nothing without --output")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line: error by steps")
    parser.add_argument("--output", type=Path, help="folder of maml.md (default: reproductions/results)")
    given = parser.parse_args(arguments)
    iterations, unseen = (60, 50) if given.quick else (given.iterations, 1000)
    task, seeds, began = Sinusoid(given.shots), headlines.seeds(TUNED, given.seeds), time.process_time()
    learned = examine(meta_learn(task, seeds, iterations), task, unseen)
    naive = examine(founders(seeds), task, unseen)
    how = f"`python reproductions/maml.py --shots {given.shots} --iterations {iterations} --seeds {given.seeds}`\n\n"
    how += f"{processor()}, {os.cpu_count()} cores, one used: {time.process_time() - began:.0f} s of CPU time. "
    how += f"{datetime.date.today().isoformat()}. torch {torch.__version__}. {task}."
    text = markdown(learned, naive, task, seeds, how)
    print(text)
    folder = given.output or (None if given.quick else HERE / "results")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "maml.md").write_text(text)
        headlines.store(folder / "maml.json", "python reproductions/maml.py", TUNED, runs(seeds, learned, naive))
    if given.json:
        means = learned.mean((0, 2)).tolist()
        print(json.dumps({str(count): round(mean, 4) for count, mean in zip(STEPS, means, strict=True)}))


if __name__ == "__main__":
    main()
