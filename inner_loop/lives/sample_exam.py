"""The examination of lives on samples: scores of their answers, and of bootstrap samples of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import torch
from numpy import ndarray
from torch import Tensor

from genomes.errors import check_shape
from genomes.phenotype import Phenotype
from genomes.streams import Streams, derive
from inner_loop.answer_shapes import checked_scores
from inner_loop.environment import Split
from inner_loop.lives.drawing import drawn_once
from inner_loop.lives.sequences import answers, asked
from inner_loop.network import Network, Weights
from inner_loop.rule import LearningRule
from inner_loop.task import Task


@final
@dataclass(frozen=True, eq=False)
class SampleExam:
    """All samples that measure a split, for P lives.

    Attributes:
        task, newborn: of the lives.
        inputs: (K, input units, n); of sequences (K, T, input units, n).
        targets: (K, output units, n); of sequences (K, output units, n * answers), at the answered steps alone.
        again: the indices of each of R bootstrap samples, (R, n); None without a bootstrap.
    """

    task: Task
    newborn: Phenotype
    inputs: Tensor
    targets: Tensor
    again: Tensor | None = None

    @classmethod
    def of(cls, task: Task, newborn: Phenotype, split: Split, streams: Streams, resamples: int = 0) -> SampleExam:
        """Draws the samples.

        Args:
            streams: of the lives, P or 1.
            resamples: R; the first bootstrap samples do not depend on their number.
        """
        # a bootstrap uses the same samples for all lives: all samples of a split, in one order
        common = derive(0, "exam").to(newborn.like.device) if resamples and not task.varies else streams
        exam = drawn_once(task, split, task.size(split), common, newborn.like)
        count, again = exam.targets.shape[-1], None
        if resamples:
            again = derive(0, "resamples").integers(count, resamples, count)[0].to(exam.targets.device)
        targets = asked(exam.targets, task) if task.steps else exam.targets
        return cls(task, newborn, exam.inputs, targets, again)

    def scores(self, rule: LearningRule[Any], network: Network, weights: Weights) -> dict[str, ndarray]:
        """Scores of P networks, (P,) float64; with a bootstrap also `MAIN.resampled`, (P, R)."""
        if self.task.steps:
            return self.scores_of(answers(network, weights, self.inputs, self.newborn.lives, self.task))
        return self.scores_of(rule.answer(network, weights, self.inputs, self.newborn)[network.output])

    def scores_of(self, outputs: Tensor) -> dict[str, ndarray]:
        """The same of outputs, (P, output units, n)."""
        task, targets = self.task, self.targets
        scores = checked_scores(task, task.scores(outputs, targets), len(outputs))
        if self.again is not None:
            scores = {**scores, f"{task.score_names[0]}.resampled": _resampled(task, outputs, targets, self.again)}
        return {name: score.double().cpu().numpy() for name, score in scores.items()}


def _resampled(task: Task, outputs: Tensor, targets: Tensor, samples: Tensor) -> Tensor:
    """The main score on R bootstrap samples, (P, R); all answers of a sequence are drawn together."""
    each, parts = task.sample_scores(outputs, targets), max(len(task.answered), 1)
    if each is None:
        whole = [given.unflatten(2, (-1, parts)) for given in (outputs, targets)]
        again = [task.scores(*(given[:, :, one].flatten(2) for given in whole)) for one in samples]
        return torch.stack([scores[task.score_names[0]] for scores in again], dim=1)
    check_shape(task, "sample scores", each, {(len(outputs), outputs.shape[2])})
    each = each.unflatten(1, (-1, parts)).mean(2)
    often = torch.zeros(samples.shape, dtype=each.dtype, device=each.device)
    often.scatter_add_(1, samples, torch.ones_like(often))
    return each @ often.T / samples.shape[1]
