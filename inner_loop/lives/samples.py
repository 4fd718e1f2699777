"""A life on samples: measured at birth, learning, measured along the way and at its end."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, final

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from genomes.errors import require
from genomes.phenotype import Phenotype
from genomes.streams import Streams
from genomes.topology import Topology
from inner_loop.environment import Environment
from inner_loop.life import Exam, HeldOut, Life, LifeStreams, Measurements, check_size
from inner_loop.lives.choices import Choices
from inner_loop.lives.compiled_samples import CompiledLives
from inner_loop.lives.drawing import drawn_once
from inner_loop.lives.lessons import Lessons
from inner_loop.lives.sample_exam import SampleExam
from inner_loop.network import Network, Weights
from inner_loop.objective import Objective
from inner_loop.rule import LearningRule
from inner_loop.task import Split, Task
from inner_loop.twins.layout import units_without_twin

_BLOCK = 2**22  # input numbers drawn at once: few draws, yet not much larger than the cache


@final
@dataclass(frozen=True)
class Lifetime(Life):
    """The length and the portions of learning in a life.

    Attributes:
        steps: updates of the weights in a life; 0 measures only birth.
        batch: samples of a step.
        probes: the number of measurements of the learning curve, at log-spaced steps, including birth and the end.
        criterion: main score that counts as learned, for trials to criterion.
        births: the number of births of each genome; the measurements are means over them.
        common: True if all individuals of a generation see the same samples in the same order.
    """

    unit: ClassVar[str] = "step"

    steps: int = 100
    batch: int = 32
    probes: int = 2
    criterion: float = 0.9
    births: int = 1
    common: bool = True

    def __post_init__(self) -> None:
        require(self.steps >= 0, "lifetime.steps", "at least 0", self.steps)
        require(self.batch >= 1, "lifetime.batch", "at least 1", self.batch)
        require(self.probes >= 2, "lifetime.probes", "at least 2 (birth and the end)", self.probes)
        require(self.births >= 1, "lifetime.births", "at least 1", self.births)
        require(math.isfinite(self.criterion), "lifetime.criterion", "a finite score", self.criterion)

    @property
    def length(self) -> int:
        """Steps."""
        return self.steps

    @property
    def conditions(self) -> tuple[str, ...]:
        """Birth and the end of the life."""
        return ("innate", "learned")

    @property
    def points(self) -> tuple[int, ...]:
        """The steps after which the curve is measured, from 0 (birth) to `steps`."""
        return self.probed

    def names(self, scores: Sequence[str]) -> tuple[str, ...]:
        """The measurements of a generation: one number for each life."""
        return (
            *(f"{when}.{score}" for when in ("innate", "learned") for score in scores),
            *("area", "gain", "trials_to_criterion", "synapses"),
        )

    @cached_property
    def probed(self) -> tuple[int, ...]:
        """The steps after which the curve is measured, from 0 (birth) to `steps`."""
        if self.steps == 0:
            return (0,)
        spaced = np.geomspace(1, self.steps, max(self.probes - 1, 1)) if self.probes > 2 else np.array([self.steps])
        return (0, *sorted({round(step) for step in spaced.tolist()}))

    def lengthened(self, times: int, points: int | None = None) -> Lifetime:
        """Multiplies the number of steps."""
        return replace(self, steps=times * self.steps, probes=points or self.probes)

    def short(self) -> Lifetime:
        """Two steps, one birth."""
        return replace(self, steps=min(self.steps, 2), births=1)

    def resamples(self, environment: Environment) -> bool:
        """True if the samples of the task do not vary."""
        return not environment.varies

    def without_twin(
        self, rule: LearningRule, objective: Objective | None, environment: Environment, topology: Topology
    ) -> str:
        """Samples are compiled where the objective and the unit models have a twin, and the rule a resident one."""
        assert isinstance(environment, Task), "checked"
        if environment.steps:
            return "sequences have no compiled form"
        if reason := units_without_twin(topology):
            return reason
        if rule.answers_itself or (rule.learns and "resident" not in rule.twins):
            return f"{type(rule).__name__} has no compiled twin on samples"
        if rule.learns and objective is not None and not objective.has_twin:
            return f"{type(objective).__name__} has no compiled twin"
        return ""

    def check(self, environment: Environment, topology: Topology) -> None:
        """Raises InputError unless the environment is a task and the network has its size, and memory only in time."""
        require(isinstance(environment, Task), "lifetime", f"lives in a {environment.seam}", type(self).__name__)
        assert isinstance(environment, Task), "just required"
        _check_memory(environment, topology)
        check_size(environment, topology.sensory, environment.inputs, "inputs")
        check_size(environment, topology.output, environment.outputs, "outputs")

    def live(
        self,
        newborn: Phenotype,
        rule: LearningRule,
        objective: Objective | None,
        environment: Environment,
        streams: LifeStreams,
        exam: Exam,
        held_out: HeldOut = (),
    ) -> Measurements:
        """Calls `live` with the settings of the examination."""
        assert isinstance(environment, Task), "checked"
        lifetime = self if exam.learn else replace(self, steps=0)
        met, own = streams.met, streams.own
        how = exam.split, exam.resamples
        return live(newborn, rule, objective, environment, lifetime, met, *how, own, exam.compiled)


def live(
    newborn: Phenotype,
    rule: LearningRule,
    objective: Objective | None,
    task: Task,
    lifetime: Lifetime,
    streams: Streams,
    split: Split = "selection",
    resamples: int = 0,
    own: Streams | None = None,
    compiled: bool = False,
) -> Measurements:
    """Measurements of P lives side by side on the samples of a task.

    Args:
        streams: of these lives: 1 stream when the samples are common to all, or P.
        split: the split on which birth and learning are measured; learning itself always uses `train`.
        resamples: R: adds `innate.MAIN.resampled`, `learned.MAIN.resampled`, (P, R), and `curve.resampled`, (P, probes,
            R): the main score on R bootstrap samples (Efron 1979) of the examination, the same at each probe.
        own: P streams, from which the rule draws at birth; None: those of lives outside a run.
        compiled: True: by compiled twins, which everything here must have.

    Returns:
        `innate.X` and `learned.X` for every score X of the task, `curve` of the main score at `lifetime.probed`, its
        `area` over log(1 + step), `trials_to_criterion` (one batch past the end if never), `gain`, `synapses`.
    """
    _check_memory(task, newborn.topology)
    with torch.inference_mode():
        network, own = Network.of(newborn), own or LifeStreams.of(streams, newborn).own
        exam = SampleExam.of(task, newborn, split, streams, resamples)
        if compiled:
            probes = _probed(CompiledLives(network, newborn, rule, objective, own), exam, lifetime, streams)
        else:
            weights, lessons = Weights.born(newborn), lessons_of(newborn.like, task, lifetime, streams)
            probes = {0: exam.scores(rule, network, weights)}
            lived = learn(network, weights, newborn, rule, objective, lessons, streams, own, task)
            for step, learned in lived if lifetime.steps else ():
                if step in lifetime.probed:
                    probes[step] = exam.scores(rule, network, learned)
    return _measurements(newborn, task, lifetime, probes)


def _probed(
    lives: CompiledLives, exam: SampleExam, lifetime: Lifetime, streams: Streams
) -> dict[int, dict[str, ndarray]]:
    """Scores at birth and at the other probes, by step."""
    probes = {0: exam.scores_of(lives.answers(exam.inputs))}
    blocks = _blocks(exam.newborn.like, exam.task, lifetime, streams) if lifetime.steps else ()
    for step in lives.through(blocks, lifetime.probed):
        probes[step] = exam.scores_of(lives.answers(exam.inputs))
    return probes


def learn(
    network: Network,
    weights: Weights,
    newborn: Phenotype,
    rule: LearningRule,
    objective: Objective | None,
    lessons: Iterable[tuple[Tensor, Tensor]],
    streams: Streams,
    own: Streams | None = None,
    task: Task | None = None,
) -> Iterator[tuple[int, Weights]]:
    """Yields the number of steps and the weights after them, step by step; `weights` may be modified in place.

    Args:
        lessons: inputs (K, input, B) and targets (K, output, B) of every step, K = P or 1; of sequences
            (K, T, input, B) and (K, T, output, B).
        task: that of the lessons: says whether they are sequences, and pays choices if the rule learns from reward
            (every sample is then an episode of one step); None: samples without time or reward.
    """
    state = rule.init(network, newborn, weights, own or LifeStreams.of(streams, newborn).own)
    pays = task is not None and task.rewards and rule.teacher == "reward"
    choices = Choices(network, newborn, rule, streams, task.pay) if task and pays else None
    yield from Lessons(network, newborn, rule, objective, streams, task, choices).through(lessons, weights, state)


def _check_memory(task: Task, topology: Topology) -> None:
    fits = task.steps or not topology.has_memory
    require(fits, "topology", f"no memory: samples of {type(task).__name__} have no time", "recurrence or leaks")


def lessons_of(like: Tensor, task: Task, lifetime: Lifetime, streams: Streams) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs and targets of every step, as `learn` needs them."""
    for block in _blocks(like, task, lifetime, streams):
        yield from zip(*block, strict=True)


def _blocks(like: Tensor, task: Task, lifetime: Lifetime, streams: Streams) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs and targets of many steps, (T, K, n, B), drawn at once, each step contiguous."""
    per_step = streams.owners * task.inputs * max(task.steps, 1) * lifetime.batch
    block = max(1, min(lifetime.steps, _BLOCK // per_step))
    for first in range(0, lifetime.steps, block):
        steps = min(block, lifetime.steps - first)
        portion = drawn_once(task, "train", steps * lifetime.batch, streams, like, first * lifetime.batch)
        inputs, targets = (
            part.view(*part.shape[:-1], steps, lifetime.batch).movedim(-2, 0).contiguous()
            for part in (portion.inputs, portion.targets)
        )
        yield inputs, targets


def _measurements(
    newborn: Phenotype, task: Task, lifetime: Lifetime, probes: dict[int, dict[str, ndarray]]
) -> Measurements:
    main = task.score_names[0]
    steps = np.array(sorted(probes))
    curve = np.stack([probes[step][main] for step in steps.tolist()], axis=1)
    measured = {f"innate.{name}": score for name, score in probes[0].items()}
    measured |= {f"learned.{name}": score for name, score in probes[int(steps[-1])].items()}
    if (again := f"{main}.resampled") in probes[0]:
        measured["curve.resampled"] = np.stack([probes[step][again] for step in steps.tolist()], axis=1)
    reached = curve >= lifetime.criterion
    trials = np.append(steps, steps[-1] + 1)[np.where(reached.any(1), reached.argmax(1), len(steps))]
    return measured | {
        "curve": curve,
        "area": _area(np.log1p(steps), curve),
        "trials_to_criterion": trials * float(lifetime.batch),
        "gain": measured[f"learned.{main}"] - measured[f"innate.{main}"],
        "synapses": newborn.synapses_grown().cpu().numpy(),
    }


def _area(axis: ndarray, curve: ndarray) -> ndarray:
    """Mean height of the curve by the trapezoidal rule; its only value if only birth is measured."""
    return curve[:, 0] if len(axis) == 1 else np.trapezoid(curve, axis, axis=1) / (axis[-1] - axis[0])
