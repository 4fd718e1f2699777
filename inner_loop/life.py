"""The interface of lives: newborns live in an environment, and measurements are taken.

There are three kinds: a life on samples, a life of episodes, and no life (newborns are scored without learning).
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
"""Measurements of P lives for selection by name, (P,) float64; `curve` is (P, probes). See docs/measurements.md."""

Condition = Literal["innate", "innate_memory", "innate_plastic", "learned", "learned_plastic"]
"""Three conditions at birth: plasticity off, and activity, last action and reward reset at each trial; plasticity off,
activity kept as memory (a frozen recurrent network can adapt by its dynamics alone); plasticity on, from birth. Two
conditions after a life: plasticity off (with memory), and on."""

CONDITIONS: tuple[Condition, ...] = get_args(Condition)

HeldOut = Sequence[tuple[str, Environment]]
"""Environments that neither lives nor selection use, by name."""


@final
@dataclass(frozen=True)
class Exam:
    """The settings of an examination; by default those of selection.

    Attributes:
        split: the split on which birth and learning are measured; on `test`, every condition and every held-out world.
        learn: False measures birth only, and `learned` equals `innate`.
        conditions: measures these conditions in a world instead.
        compiled: True: lives by compiled twins; only where `Life.without_twin` is empty.
        resamples: R bootstrap samples of a task's examination, on which the main score is measured too.
    """

    split: Split = "selection"
    learn: bool = True
    conditions: tuple[Condition, ...] | None = None
    resamples: int = 0
    compiled: bool = False


@final
@dataclass(frozen=True, eq=False)
class LifeStreams:
    """Random numbers of P lives.

    Attributes:
        met: the streams of the samples or episodes: 1 stream that all lives share, or P.
        own: P streams, one for each individual: a rule draws from them at birth, for example fixed feedback weights.
    """

    met: Streams
    own: Streams

    @classmethod
    def of(cls, met: Streams, newborn: Phenotype) -> LifeStreams:
        """Streams for lives outside a run: the individuals' own streams are numbered from 0."""
        own = derive(0, "own", owners=range(newborn.lives))
        return cls(met, own.to(met.keys.device))


def check_size(environment: Environment, group: Group, units: int, whose: str) -> None:
    """Raises InputError unless a group has as many units as the environment asks for."""
    if group.size != units:
        environment.ready()  # reports changed data first, since then the data do not fit, not the group
    wanted = f"{units} units, the {whose} of {type(environment).__name__}"
    require(group.size == units, f"topology.groups.{group.name}.size", wanted, group.size)


@dataclass(frozen=True)
class Life(ABC):
    """The length and the portions of a life. Implementations are frozen dataclasses: configuration, no state."""

    unit: ClassVar[str]
    """The unit in which a life is counted: `step`, `episode`; empty if there is no life."""

    side_by_side: ClassVar[bool] = False
    """True if the births of a genome live side by side, False if one after the other."""

    @property
    @abstractmethod
    def births(self) -> int:
        """The number of births of each genome; the measurements are means over them."""

    @property
    @abstractmethod
    def common(self) -> bool:
        """True if all individuals of a generation meet the same samples or episodes."""

    @property
    @abstractmethod
    def length(self) -> int:
        """Units of a life; 0 measures only birth."""

    @property
    @abstractmethod
    def conditions(self) -> tuple[str, ...]:
        """The conditions that are measured in every generation."""

    @property
    def reported(self) -> tuple[str, ...]:
        """The conditions that the result of a run reports."""
        return self.conditions

    @property
    def of_founders(self) -> tuple[Condition, ...]:
        """The conditions in which the result of a run also reports random founders."""
        return ("innate",)

    def distinct(self, topology: Topology, rule: LearningRule) -> tuple[Condition, ...]:
        """The conditions that can differ in networks of this topology."""
        return ("innate", "learned") if self.length and rule.learns else ("innate",)

    @property
    def no_curve(self) -> str:
        """The reason why learning curves of such lives cannot be compared; empty if they can."""
        return ""

    @property
    @abstractmethod
    def points(self) -> tuple[int, ...]:
        """The units after which the learning curve is measured."""

    @abstractmethod
    def names(self, scores: Sequence[str]) -> tuple[str, ...]:
        """The measurements of a generation: one number a life each."""

    @abstractmethod
    def lengthened(self, times: int, points: int | None = None) -> Life:
        """Returns a life that is `times` as long.

        Args:
            points: maximal number of points of the learning curve, if the life can choose their number.
        """

    def repeated(self, births: int | None = None, common: bool = True) -> Life:
        """Returns a life with this number of births of each genome; None keeps the number.

        Args:
            common: True if all individuals meet the same samples or episodes.
        """
        changes: dict[str, Any] = {"births": self.births if births is None else births, "common": common}
        return replace(self, **changes)

    @abstractmethod
    def short(self) -> Life:
        """The shortest life that meets everything: for fingerprints of a machine's computations."""

    def examined(self, episodes: int) -> Life:
        """Returns a life with this number of episodes in each examination.

        Raises:
            InputError: its examinations have no episodes.
        """
        require(False, "--episodes", "a world: nothing else is examined in episodes", type(self).__name__)
        return self

    def resamples(self, environment: Environment) -> bool:
        """True if all lives are examined on the same samples, so that a bootstrap can resample them."""
        return False

    def check(self, environment: Environment, topology: Topology) -> None:
        """Raises InputError when networks of this topology cannot live such a life in the environment."""

    def without_twin(
        self, rule: LearningRule, objective: Objective | None, environment: Environment, topology: Topology
    ) -> str:
        """The reason why such lives cannot be compiled; empty if they can. By default, they cannot."""
        return f"{type(self).__name__} has no compiled form"

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
        """Measurements of P lives side by side.

        Args:
            held_out: environments in which every condition is measured too, if the split is `test`.
        """
