"""The activity of every neuron for the same stimuli, at birth and after the life; tuning and similarity use it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor

from genomes.errors import require
from genomes.phenotype import Phenotype
from genomes.streams import Streams
from inner_loop.answer_shapes import drawn
from inner_loop.environment import Environment, Split
from inner_loop.life import Life, LifeStreams
from inner_loop.lives.agent import AgentState
from inner_loop.lives.behaviour import behave
from inner_loop.lives.episodes import EpisodicLifetime, WorldLives
from inner_loop.lives.samples import Lifetime, learn, lessons_of
from inner_loop.lives.sequences import unrolled
from inner_loop.network import Activities, Network, Weights
from inner_loop.objective import Lived, Objective
from inner_loop.rule import LearningRule
from inner_loop.task import Samples, Task
from inner_loop.world import LabelKind, World


@final
@dataclass(frozen=True, eq=False)
class Observed:
    """Activity of P networks on the same stimuli.

    Attributes:
        birth, after: by group, (P, units, stimuli) float64: with the weights at birth, and with those after the life.
        stimuli: their numbers, ascending: of a sample in its split; over time episode * steps + step.
        episodes: the episode or the sequence of each stimulus; a sample without time is an episode of its own.
        asked: the kind of `targets`.
        targets: (stimuli, outputs), one-hot for classes; nan for stimuli without a target.
        angles: of classes that are directions of motion, radians; None for other classes.
        names: of the classes; empty for classes that have only a number.
    """

    birth: dict[str, Float[ndarray, "P units stimuli"]]
    after: dict[str, Float[ndarray, "P units stimuli"]]
    stimuli: Int[ndarray, " stimuli"]
    episodes: Int[ndarray, " stimuli"]
    asked: LabelKind
    targets: Float[ndarray, "stimuli outputs"]
    angles: Float[ndarray, " classes"] | None = None
    names: tuple[str, ...] = ()

    @cached_property
    def classes(self) -> Int[ndarray, " stimuli"] | None:
        """The class of each stimulus, -1 for stimuli without a target; None if targets are no classes."""
        known = np.isfinite(self.targets).all(1)
        if not known.any() or not _one_hot(self.targets[known]):
            return None
        return np.where(known, np.nan_to_num(self.targets).argmax(1), -1)

    def changed(self, individual: int = 0) -> bool:
        """True if the activity of any neuron after the life differs from that at birth."""
        return any(
            not np.array_equal(self.birth[name][individual], self.after[name][individual]) for name in self.birth
        )

    def part(self, kept: Int[ndarray, " some"]) -> Observed:
        """Selects stimuli by their position here."""
        birth, after = ({name: a[:, :, kept] for name, a in each.items()} for each in (self.birth, self.after))
        own = {name: getattr(self, name)[kept] for name in ("stimuli", "episodes", "targets")}
        return replace(self, birth=birth, after=after, **own)


def evenly(count: int, most: int) -> Int[ndarray, " some"]:
    """Indices of at most `most` of `count` things, evenly spaced."""
    return np.arange(min(count, most)) * count // max(min(count, most), 1)


def stimuli_there(environment: Environment, split: Split = "test") -> int:
    """The number of possible stimuli: samples of a split, or steps of the episodes in which networks are observed."""
    if isinstance(environment, Task):
        return environment.size(split) * max(environment.steps, 1)
    assert isinstance(environment, World), "an environment is a task or a world"
    return _episodes(environment) * environment.steps


def observe(
    newborn: Phenotype,
    rule: LearningRule,
    objective: Objective | None,
    environment: Environment,
    lifetime: Life,
    streams: LifeStreams,
    split: Split = "test",
    stimuli: int | Int[ndarray, " stimuli"] = 500,
) -> Observed:
    """Observes P networks at birth, and after the lives that begin there, with plasticity off.

    In a task the stimuli are inputs of the split, at every step if they are sequences. In a world they are the
    observations of the first individual in episodes of that split at birth, with plasticity off and activity kept, as
    in the condition `innate_memory`. The same inputs over time are then shown to all networks from rest, at birth and
    after the life, whatever they would do.

    Args:
        streams: one stream of the samples or episodes of all lives, and the individuals' own.
        stimuli: their maximal number, evenly spaced; or the numbers of the stimuli to use, ascending.

    Raises:
        InputError: there are several streams, or a stimulus does not exist or did not occur.
    """
    require(streams.met.owners == 1, "observe", "one stream, the same stimuli for all", streams.met.owners)
    with torch.inference_mode():
        if isinstance(environment, Task) and isinstance(lifetime, Lifetime):
            return _in_a_task(newborn, rule, objective, environment, lifetime, streams, split, stimuli)
        fits = isinstance(environment, World) and isinstance(lifetime, EpisodicLifetime)
        require(fits, "observe", "a task or a world, whose stimuli neurons answer", type(environment).__name__)
        assert isinstance(environment, World), "just required"
        assert isinstance(lifetime, EpisodicLifetime), "just required"
        return _in_a_world(newborn, rule, objective, environment, lifetime, streams, split, stimuli)


def _in_a_task(
    newborn: Phenotype,
    rule: LearningRule,
    objective: Objective | None,
    task: Task,
    lifetime: Lifetime,
    streams: LifeStreams,
    split: Split,
    stimuli: int | ndarray,
) -> Observed:
    steps, exam = max(task.steps, 1), drawn(task, split, task.size(split), streams.met)
    chosen = _chosen(np.arange(task.size(split) * steps), stimuli)
    network, weights = Network.of(newborn), Weights.born(newborn)
    inputs = exam.inputs.to(newborn.like)

    def shown(weights: Weights) -> dict[str, ndarray]:
        if task.steps:
            return _replayed(network, newborn, weights, list(inputs.unbind(1)), chosen, steps)
        return _of_all(rule.answer(network, weights, inputs[:, :, chosen], newborn), newborn.lives)

    birth, lessons = shown(weights), lessons_of(newborn.like, task, lifetime, streams.met)
    for _, learned in learn(network, weights, newborn, rule, objective, lessons, streams.met, streams.own, task):
        weights = learned
    after, targets = shown(weights), _targets(task, exam)[chosen]
    asked: LabelKind = "class" if _one_hot(targets[np.isfinite(targets).all(1)]) else "target"
    return Observed(birth, after, chosen, chosen // steps, asked, targets, names=task.class_names)


def _targets(task: Task, exam: Samples) -> ndarray:
    """The target of every stimulus, (stimuli, outputs); nan at steps of a sequence that are not answered."""
    if not task.steps:
        return _double(exam.targets[0].T)
    targets = _double(exam.targets[0].permute(2, 0, 1)).copy()
    targets[:, np.setdiff1d(np.arange(task.steps), task.answered)] = np.nan
    return targets.reshape(-1, task.outputs)


def _in_a_world(
    newborn: Phenotype,
    rule: LearningRule,
    objective: Objective | None,
    world: World,
    lifetime: EpisodicLifetime,
    streams: LifeStreams,
    split: Split,
    stimuli: int | ndarray,
) -> Observed:
    network, weights = Network.of(newborn), Weights.born(newborn)
    being = AgentState(network, newborn, world, objective, lifetime.feedback)
    exam, hidden = streams.met.stream(f"exam {split}"), streams.met.stream("hidden")
    moments = behave(being, weights, exam, hidden, _episodes(world), _Watching(), []).state
    alive = torch.stack([moment.alive[0] for moment in moments]).cpu().numpy()  # (steps, episodes)
    episode, step = np.nonzero(alive.T)
    met = episode * world.steps + step
    if isinstance(stimuli, int) and world.labels(step[:1]) is None:  # a world with labels is recorded at every step
        met = met[step % max(1, -(-len(met) // stimuli)) == 0]
    chosen = _chosen(met, len(met) if isinstance(stimuli, int) else stimuli)
    inputs = [_seen(network, moment)[:1] for moment in moments]
    birth = _replayed(network, newborn, weights, inputs, chosen, world.steps)
    if rule.learns:
        weights = WorldLives(newborn, rule, objective, world, lifetime, streams.met, streams.own, split).grown()[0]
    after = _replayed(network, newborn, weights, inputs, chosen, world.steps)
    asked, targets, angles = _asked(world, moments, chosen)
    return Observed(birth, after, chosen, chosen // world.steps, asked, targets, angles)


@final
@dataclass(frozen=True)
class _Watching(LearningRule[list[Lived]]):
    """Learns nothing; its state is the list of all steps."""

    def init(self, network: Network, newborn: Phenotype, weights: Weights, streams: Streams) -> list[Lived]:
        return []

    def step(
        self, network: Network, weights: Weights, state: list[Lived], lived: Lived, newborn: Phenotype
    ) -> tuple[Weights, list[Lived]]:
        return weights, [*state, lived]


def _episodes(world: World) -> int:
    """The number of episodes: a multiple of four, as stimuli of `Retina` come; more if episodes are short."""
    return min(64, max(8, 10_000 // world.steps)) // 4 * 4


def _chosen(there: ndarray, stimuli: int | ndarray) -> ndarray:
    if isinstance(stimuli, int):
        return there[evenly(len(there), stimuli)]
    lost = np.setdiff1d(stimuli, there)
    require(not len(lost), "stimuli", f"numbers of stimuli that were met, {len(there)} of them", lost[:3].tolist())
    return np.unique(stimuli)


def _seen(network: Network, moment: Lived) -> Tensor:
    """The input of a network, with its own last action and reward if it senses them."""
    return moment.internal.get(network.sensory, moment.activities[network.sensory])


def _replayed(
    network: Network, newborn: Phenotype, weights: Weights, inputs: list[Tensor], chosen: ndarray, steps: int
) -> dict[str, ndarray]:
    """Activities (P, units, stimuli) at the chosen moments of a sequence of inputs, each (1, units, B)."""
    groups = newborn.topology.groups
    found = {group.name: np.empty((newborn.lives, group.size, len(chosen))) for group in groups}
    for step, state in enumerate(unrolled(network, weights, inputs, newborn.lives)):
        now = chosen % steps == step
        for name in found:
            found[name][:, :, now] = _double(state.activities[name])[:, :, chosen[now] // steps]
    return found


def _asked(world: World, moments: list[Lived], chosen: ndarray) -> tuple[LabelKind, ndarray, ndarray | None]:
    """The kind of the targets, the targets (stimuli, outputs), and the angles of directions."""
    step, episode = chosen % world.steps, chosen // world.steps
    labels = world.labels(step)
    if labels is not None:
        return labels.kind, labels.targets, labels.angles
    if not world.teaches:
        return "nothing", np.full((len(chosen), 1), np.nan), None
    targets = np.stack([_double(moment.targets[0].T) for moment in moments])[step, episode]
    weights = [moment.weight for moment in moments if moment.weight is not None]
    if weights:
        targets[np.stack([_double(weight[0]) for weight in weights])[step, episode] == 0.0] = np.nan
    return "action" if _one_hot(targets[np.isfinite(targets).all(1)]) else "target", targets, None


def _one_hot(targets: ndarray) -> bool:
    return targets.shape[1] > 1 and bool(np.isin(targets, (0.0, 1.0)).all() and (targets.sum(1) == 1.0).all())


def _of_all(activities: Activities, lives: int) -> dict[str, ndarray]:
    return {name: _double(a.expand(lives, -1, -1)) for name, a in activities.items()}


def _double(tensor: Tensor) -> ndarray:
    return tensor.double().cpu().numpy()
