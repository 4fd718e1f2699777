"""A complete experiment, as a value."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal, final

import torch
from jaxtyping import Float64, Integer
from numpy import ndarray

from evo.experiment.goals import Goals
from evo.experiment.limits import Limits
from evo.search.base import Search
from genomes.encoding import Encoding
from genomes.errors import InputError, require
from genomes.genome import CHROMOSOMES, Genome
from genomes.phenotype import Phenotype
from genomes.streams import Streams
from genomes.topology import Topology
from inner_loop.environment import Environment, Score
from inner_loop.life import Life
from inner_loop.lives.episodes import EpisodicLifetime
from inner_loop.lives.fit import Fit
from inner_loop.lives.samples import Lifetime
from inner_loop.objective import Objective
from inner_loop.rule import LearningRule
from inner_loop.target import Target
from inner_loop.task import Task
from inner_loop.world import World

_MOST = 10**8
_RANGES = {
    "generations": (1, math.inf, "at least 1"),
    "cohort": (2, math.inf, "at least 2 individuals"),
    "in_flight": (1, 10_000, "1 to 10,000 generations"),
    "keep": (1, math.inf, "at least 1"),
}
NUMBERS = (*_RANGES, "device", "seed")
"""Fields of an experiment that are not components: numbers, and the device."""

Engine = Literal["auto", "torch", "compiled"]
"""What computes lives: compiled twins where every component has one, else torch; torch; compiled twins."""


ENVIRONMENTS: dict[str, type[Life]] = {"task": Lifetime, "world": EpisodicLifetime, "target": Fit}
"""The class of lifetime for each kind of environment, by its key."""


@final
@dataclass(frozen=True, kw_only=True)
class Experiment:
    """All settings that determine a result, and the part of it that is kept.

    Attributes:
        topology: groups of neurons and the projections between them: given.
        encoding: the way in which a genome specifies the weights: wiring, inherited.
        rule: the change of the weights in a life; its Evolve numbers are inherited.
        objective: the error that a life minimises; its Evolve numbers are inherited. Only rules that descend an error
            need one.
        task: samples with targets to learn; or else
        world: episodes of behaviour; or else
        target: data that newborns are compared with, without a life.
        held_out: the same world with other parameters, by name: lives and selection never use them, the result does.
        lifetime: the length of a life, of the class in `ENVIRONMENTS`.
        goals: the measurements that selection maximises.
        search: the way in which a population is bred.
        generations: the number of generations.
        seed: of all random numbers.
        cohort: individuals that live side by side; part of the experiment because it affects the last bits of a result.
        device: the device that computes lives; a run never mixes devices.
        engine: what computes lives; `auto` is settled when a run begins, and a run never mixes engines.
        limits: of time, memory and failures.
        in_flight: number of generations in progress at once. 1: a generation is bred when the one before it is
            complete. More: the next one is bred as soon as any is complete, for machines of unequal speed. The order of
            completion then affects the result: it is recorded, and only a resumed run repeats it.
        keep: 1: keeps every generation whole; K: every K-th and the last whole, of the others the best and a summary.
    """

    topology: Topology
    encoding: Encoding
    rule: LearningRule
    objective: Objective | None = None
    task: Task | None = None
    world: World | None = None
    target: Target | None = None
    held_out: tuple[tuple[str, World], ...] = ()
    goals: Goals
    search: Search
    lifetime: Life = field(default_factory=Lifetime)
    generations: int = 100
    seed: int = 0
    cohort: int = 32
    device: str = "cpu"
    engine: Engine = "auto"
    limits: Limits = field(default_factory=Limits)
    in_flight: int = 1
    keep: int = 1

    def __post_init__(self) -> None:
        for name in NUMBERS:
            check_alone(name, getattr(self, name))
        _check_environment(self)
        _check_teacher(self)
        self.goals.check(measurement_names(self))
        genes = self.genome.spec.size
        require(genes > 0, "encoding", "a genome with at least one gene", 0)
        require(genes < _MOST, "encoding", f"a genome of fewer than {_MOST:,} genes", genes)
        require(self.search.lives < _MOST, "search", f"fewer than {_MOST:,} individuals", self.search.lives)
        self.search.check(self.genome.spec, self.goals.count)
        overlaps = self.in_flight == 1 or self.search.overlaps
        require(overlaps, "in_flight", f"1: {type(self.search).__name__} tells its generations in turn", self.in_flight)

    @property
    def genome(self) -> Genome:
        """The inherited components; made once for the same components."""
        return _genome(self.topology, *((c.name, getattr(self, c.name)) for c in CHROMOSOMES))

    def birth(
        self, levels: Integer[ndarray, "P G"], streams: Streams, edits: Float64[ndarray, "P G"] | None = None
    ) -> Phenotype:
        """Newborn networks on the experiment's device; see `Genome.birth`."""
        return self.genome.birth(levels, streams.to(self.device), edits)

    @property
    def environment(self) -> Environment:
        """The task, the world or the target."""
        return next(environment for key in ENVIRONMENTS if (environment := getattr(self, key)) is not None)

    @property
    def main(self) -> str:
        """The main score of the environment."""
        return self.environment.score_names[0]

    @property
    def score(self) -> Score:
        """What the main score is."""
        return self.environment.score(self.main)

    @property
    def bounds(self) -> tuple[float, float]:
        """The range of the main score, for any network."""
        return self.score.bounds

    @property
    def same_exam(self) -> bool:
        """True if all lives of all runs are examined on the same samples, so that a bootstrap can resample them."""
        return self.lifetime.resamples(self.environment)

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions measured in every generation: `innate` and `learned`, in a world possibly others."""
        return self.lifetime.conditions

    @property
    def distinct_conditions(self) -> tuple[str, ...]:
        """The conditions that can differ: after a life that changes nothing, all scores are those of birth."""
        return tuple(c for c in self.conditions if self.learns or not c.startswith("learned"))

    @property
    def judged(self) -> tuple[str, ...]:
        """The conditions that selection uses."""
        return tuple(self.goals.conditions(self.conditions))

    @property
    def learns(self) -> bool:
        """True if a life changes the weights."""
        return self.lifetime.length > 0 and self.rule.learns


def check_alone(name: str, value: Any) -> None:
    """Raises InputError if a field of an experiment is wrong independently of the other fields."""
    if name in _RANGES:
        least, most, expected = _RANGES[name]
        require(least <= value <= most, name, expected, value)
    elif name == "device":
        _check_device(value)


def measurement_names(experiment: Experiment) -> tuple[str, ...]:
    """All names that a goal can use: one number for each individual."""
    return (*experiment.lifetime.names(experiment.environment.score_names), "genome_bits", "wiring_bits")


def pinned(experiment: Experiment, fingerprint: str) -> Experiment:
    """The experiment, restricted to data of this fingerprint."""
    environment = experiment.environment
    changed: dict[str, Any] = {environment.seam: environment.pinned(fingerprint)}
    return replace(experiment, **changed)


def _check_environment(experiment: Experiment) -> None:
    """Raises InputError unless there is one environment, a lifetime of its class, and a network of its size."""
    given = [key for key in ENVIRONMENTS if getattr(experiment, key) is not None]
    require(len(given) == 1, "task", "a task, a world or a target, one of them", " and ".join(given) or "neither")
    experiment.lifetime.check(experiment.environment, experiment.topology)
    world = experiment.world
    require(world or not experiment.held_out, "held_out", "worlds beside a world", f"a {given[0]}")
    for name, away in experiment.held_out:
        plain = name and name.isprintable() and name == name.strip() and "." not in name
        require(plain, "held_out", "names without '.'", name)
        sizes = (away.inputs, away.outputs)
        require(world and sizes == (world.inputs, world.outputs), f"held_out.{name}", "the world's own sizes", sizes)


def _check_teacher(experiment: Experiment) -> None:
    """Raises InputError unless the environment provides the information that the rule needs."""
    rule, environment = experiment.rule, experiment.environment
    here, called = type(environment).__name__, type(rule).__name__
    if rule.teacher in ("targets", "error"):
        require(environment.teaches, "rule", f"a rule that needs no targets: {here} has none", called)
    if rule.teacher == "error":
        require(experiment.objective, "objective", f"what {called} is to make small", None)
    if rule.teacher == "reward":
        require(environment.rewards, "rule", f"a rule that needs no reward: {here} has none", called)
    require(experiment.lifetime.unit or not rule.learns, "rule", "Frozen, where nothing is lived", called)
    timeless = experiment.task is not None and not experiment.task.steps
    fits = timeless or not rule.answers_itself
    require(fits, "rule", f"a rule that answers by its activity: {here} is met step by step in time", called)
    rule.check(experiment.topology)


def _check_device(name: str) -> None:
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device: expected a device that torch finds here, such as cpu, got {name!r}") from error


@lru_cache(maxsize=8)
def _genome(topology: Topology, *components: tuple[str, Any]) -> Genome:
    return Genome.of(topology, **dict(components))
