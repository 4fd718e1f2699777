"""The seam of lives: how newborns live in an environment, and what is measured of them.

A life on samples, a life of episodes, and no life at all (a newborn is scored as it is) are three kinds of one thing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, final, get_args

from numpy import ndarray

from genomes.errors import require
from genomes.phenotype import Phenotype
from genomes.streams import Streams, derive
from genomes.topology import Group, Topology
from inner_loop.environment import Environment, Split
from inner_loop.objective import Objective
from inner_loop.rule import LearningRule

Measurements = dict[str, ndarray]
"""What selection sees of P lives, by name, (P,) float64 each; `curve` is (P, probes). See docs/measurements.md."""

Condition = Literal["innate", "innate_memory", "innate_plastic", "learned", "learned_plastic"]
"""Three ways to behave at birth: plasticity off, and activity, last action and reward forgotten at each trial;
plasticity off, with memory in the activity (a frozen recurrent network can adapt by its dynamics alone); plasticity on,
from birth. Two after a life: plasticity off (with memory), and on."""

CONDITIONS: tuple[Condition, ...] = get_args(Condition)

HeldOut = Sequence[tuple[str, Environment]]
"""Environments that no life and no selection sees, by name."""


@final
@dataclass(frozen=True)
class Exam:
    """How a life is examined; as it stands, the way selection does it.

    Attributes:
        split: on which birth and learning are measured; on `test` every condition and every held-out world.
        learn: False: only birth is measured, `learned` equals `innate`.
        conditions: that are measured in a world, instead.
        resamples: R bootstrap samples of a task's examination, on which the main score is measured too.
    """

    split: Split = "selection"
    learn: bool = True
    conditions: tuple[Condition, ...] | None = None
    resamples: int = 0


@final
@dataclass(frozen=True, eq=False)
class LifeStreams:
    """Random numbers of P lives.

    Attributes:
        met: 1 stream where what the lives meet is common to all of them, or P.
        own: P streams of the individuals alone: what a rule draws at birth, such as fixed feedback weights.
    """

    met: Streams
    own: Streams

    @classmethod
    def of(cls, met: Streams, newborn: Phenotype) -> LifeStreams:
        """Streams for lives outside a run: the individuals' own ones are numbered from 0."""
        own = derive(0, "own", owners=range(newborn.lives))
        return cls(met, own.to(met.keys.device))


def check_size(environment: Environment, group: Group, units: int, whose: str) -> None:
    """Raises InputError unless a group has as many units as the environment asks for."""
    if group.size != units:
        environment.ready()  # where the data have changed it is they that do not fit
    wanted = f"{units} units, the {whose} of {type(environment).__name__}"
    require(group.size == units, f"topology.groups.{group.name}.size", wanted, group.size)


@dataclass(frozen=True)
class Life(ABC):
    """How long and in what portions networks live. Implementations are frozen dataclasses: configuration, no state."""

    unit: ClassVar[str]
    """What a life is counted in: `step`, `episode`; empty where nothing is lived."""

    side_by_side: ClassVar[bool] = False
    """Whether the births of a genome live side by side, or one after the other."""

    @property
    @abstractmethod
    def births(self) -> int:
        """How many times each genome develops and lives; the measurements are means over them."""

    @property
    @abstractmethod
    def common(self) -> bool:
        """Whether all individuals of a generation meet the same samples or episodes."""

    @property
    @abstractmethod
    def length(self) -> int:
        """Units of a life; 0 measures birth alone."""

    @property
    @abstractmethod
    def conditions(self) -> tuple[str, ...]:
        """Conditions that are measured in every generation."""

    @property
    def reported(self) -> tuple[str, ...]:
        """Conditions that the result of a run reports."""
        return self.conditions

    @property
    def of_founders(self) -> tuple[Condition, ...]:
        """Conditions in which that result reports random founders too."""
        return ("innate",)

    def distinct(self, topology: Topology, rule: LearningRule) -> tuple[Condition, ...]:
        """Conditions that can differ in networks of this topology."""
        return ("innate", "learned") if self.length and rule.learns else ("innate",)

    @property
    def no_curve(self) -> str:
        """Why learning curves of such lives cannot be compared; empty where they can."""
        return ""

    @property
    @abstractmethod
    def points(self) -> tuple[int, ...]:
        """Units after which the learning curve is measured."""

    @abstractmethod
    def names(self, scores: Sequence[str]) -> tuple[str, ...]:
        """The measurements of a generation: one number a life each."""

    @abstractmethod
    def lengthened(self, times: int, points: int | None = None) -> Life:
        """A life so many times as long.

        Args:
            points: at most so many points of the learning curve, where their number is free.
        """

    def repeated(self, births: int | None = None, common: bool = True) -> Life:
        """The same for so many births of each genome; None: as many.

        Args:
            common: whether all individuals meet the same.
        """
        changes: dict[str, Any] = {"births": self.births if births is None else births, "common": common}
        return replace(self, **changes)

    @abstractmethod
    def short(self) -> Life:
        """The shortest life that meets everything: for fingerprints of what a machine computes."""

    def examined(self, episodes: int) -> Life:
        """The same with so many episodes in each examination.

        Raises:
            InputError: its examinations have no episodes.
        """
        require(False, "--episodes", "a world: nothing else is examined in episodes", type(self).__name__)
        return self

    def resamples(self, environment: Environment) -> bool:
        """Whether all lives are examined on the same samples, which a bootstrap can then resample."""
        return False

    def check(self, environment: Environment, topology: Topology) -> None:
        """Raises InputError when networks of this topology cannot live so in the environment."""

    @abstractmethod
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
        """P lives side by side.

        Args:
            held_out: environments in which every condition is measured too, where the split is `test`.
        """
