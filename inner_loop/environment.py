"""Environments of lives: samples with targets (a task), episodes of behaviour (a world), data to fit (a target)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, final

Split = Literal["train", "selection", "test"]
"""Lives learn on train; selection uses scores measured on selection; neither lives nor selection ever use test."""

SPLITS: tuple[Split, ...] = ("train", "selection", "test")


@final
@dataclass(frozen=True)
class Score:
    """What a score is, for sentences, axes and intervals. Larger is better in every score: selection maximises.

    Attributes:
        name: as measurements write it.
        unit: such as `nats`; empty for numbers without one.
        share: True for a share of answers, which sentences give in per cent.
        low, high: bounds that no network can pass.
    """

    name: str
    unit: str = ""
    share: bool = False
    low: float = -math.inf
    high: float = math.inf

    @property
    def label(self) -> str:
        """The name in words."""
        return self.name.replace("_", " ")

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest value."""
        return self.low, self.high


KNOWN = {
    score.name: score
    for score in (
        *(Score(n, "", True, 0.0, 1.0) for n in ("accuracy", "agreement")),
        *(Score(n, "", False, 0.0, 1.0) for n in ("large_share", "hit_rate", "correct_rejection")),
        Score("explained_variance", high=1.0),
        Score("log_likelihood", "nats", high=0.0),
        Score("negative_squared_error", high=0.0),
    )
}
"""Scores that several environments report; `Environment.score` says what others are."""


class Environment(ABC):
    """The common interface of tasks, worlds and targets. Implementations are frozen dataclasses: no state.

    The first name in `score_names` is the main score: curves, gains and criteria use it.
    """

    seam: ClassVar[str]
    """The key of a config under which it stands: `task`, `world` or `target`."""

    @property
    def teaches(self) -> bool:
        """True if it provides targets, which rules that descend an error need."""
        return False

    @property
    def rewards(self) -> bool:
        """True if it gives rewards for actions."""
        return False

    @property
    @abstractmethod
    def score_names(self) -> tuple[str, ...]:
        """The scores that lives get here, the main one first; larger is better in all of them."""

    def score(self, name: str) -> Score:
        """What one of `score_names` is; of a name that nothing is known of, a number without bounds."""
        return KNOWN.get(name, Score(name))

    @property
    def things(self) -> str | None:
        """The name of its parts in messages: `samples`, `digits`; None if it has no parts that networks answer."""
        return None

    @property
    def class_names(self) -> tuple[str, ...]:
        """The name of the class of each output unit; empty if classes have only a number, or there are no classes."""
        return ()

    @property
    def varies(self) -> bool:
        """True if each life meets other samples or episodes, drawn from its streams: a score is then partly random."""
        return False

    def ready(self) -> None:
        """Raises InputError when something is missing that every life needs, such as a data file."""

    def pinned(self, fingerprint: str) -> Environment:
        """Returns a copy that refuses data of another fingerprint, where possible; by default it is not."""
        return self

    def fingerprint(self) -> str:
        """A hash of all data from outside; empty if there are none."""
        return ""

    def summary(self) -> str:
        """A sentence about data from outside, for the first lines of a run; empty if there are none."""
        return ""

    def doubts(self) -> tuple[str, ...]:
        """Warnings that a user should see before a run begins, a sentence each; errors are raised instead."""
        return ()
