"""No life: newborns are scored without learning, against data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, final

import torch

from genomes.errors import require
from genomes.phenotype import Phenotype
from genomes.topology import Topology
from inner_loop.answer_shapes import checked_scores
from inner_loop.environment import Environment
from inner_loop.life import Exam, HeldOut, Life, LifeStreams, Measurements
from inner_loop.objective import Objective
from inner_loop.rule import LearningRule
from inner_loop.target import Target


@final
@dataclass(frozen=True)
class Fit(Life):
    """Scores newborns only: there is no life, hence no learned score.

    Attributes:
        births: the number of births of each genome; the measurements are means over them.
        common: has no effect here, since there are no samples or episodes.
    """

    unit: ClassVar[str] = ""

    births: int = 1
    common: bool = True

    def __post_init__(self) -> None:
        require(self.births >= 1, "lifetime.births", "at least 1", self.births)

    @property
    def length(self) -> int:
        """0: there is no life."""
        return 0

    @property
    def conditions(self) -> tuple[str, ...]:
        """The condition at birth."""
        return ("innate",)

    @property
    def points(self) -> tuple[int, ...]:
        """None: there is no learning curve."""
        return ()

    def names(self, scores: Sequence[str]) -> tuple[str, ...]:
        """The scores at birth."""
        return (*(f"innate.{score}" for score in scores), "synapses")

    def lengthened(self, times: int, points: int | None = None) -> Fit:
        """Returns itself: it has no length."""
        return self

    def short(self) -> Fit:
        """One birth."""
        return replace(self, births=1)

    def check(self, environment: Environment, topology: Topology) -> None:
        """Raises InputError unless the environment is a target for networks of this topology."""
        require(isinstance(environment, Target), "lifetime", f"lives in a {environment.seam}", type(self).__name__)
        assert isinstance(environment, Target), "just required"
        environment.check(topology)

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
        """The scores of the newborns, the same on every split."""
        assert isinstance(environment, Target), "checked"
        with torch.inference_mode():
            scores = checked_scores(environment, environment.scores(newborn), newborn.lives)
        measured = {f"innate.{name}": score.double().cpu().numpy() for name, score in scores.items()}
        return measured | {"synapses": newborn.synapses_grown().cpu().numpy()}
