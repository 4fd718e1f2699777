"""Environments of lives: samples with targets (a task), episodes of behaviour (a world), data to fit (a target)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar, Literal

Split = Literal["train", "selection", "test"]
"""Lives learn on train; what is selected for is measured on selection; no life and no selection ever sees test."""

SPLITS: tuple[Split, ...] = ("train", "selection", "test")

_BOUNDS = {
    **dict.fromkeys(("accuracy", "large_share", "hit_rate", "correct_rejection"), (0.0, 1.0)),
    "explained_variance": (-math.inf, 1.0),
    **dict.fromkeys(("log_likelihood", "negative_squared_error"), (-math.inf, 0.0)),
}


def bounds(score: str) -> tuple[float, float]:
    """Between which a score of this name lies, whatever a network does: a share between 0 and 1; else no bounds."""
    return _BOUNDS.get(score, (-math.inf, math.inf))


class Environment(ABC):
    """What tasks and worlds have in common. Implementations are frozen dataclasses: their own configuration, no state.

    The first name in `score_names` is the main score: the one that curves, gains and criteria speak of.
    """

    seam: ClassVar[str]
    """The key of a config that it stands at: `task`, `world` or `target`."""

    @property
    def teaches(self) -> bool:
        """Whether it shows targets, as rules that descend an error need."""
        return False

    @property
    def rewards(self) -> bool:
        """Whether it pays for what is done."""
        return False

    @property
    @abstractmethod
    def score_names(self) -> tuple[str, ...]:
        """The scores that lives are given here, the main one first; larger is better in all of them."""

    @property
    def things(self) -> str | None:
        """What it consists of, for sentences: `samples`, `digits`; None where it has no parts that are answered."""
        return None

    @property
    def class_names(self) -> tuple[str, ...]:
        """What each output unit stands for; empty where classes have no name but their number, or there are none."""
        return ()

    @property
    def varies(self) -> bool:
        """Whether lives meet something else each time, drawn from their chance: then a score is partly luck."""
        return False

    def ready(self) -> None:
        """Raises InputError when something is missing without which no life can begin, such as a file of data."""

    def pinned(self, fingerprint: str) -> Environment:
        """The same, which refuses data of another fingerprint, where it can; as it stands, it cannot."""
        return self

    def fingerprint(self) -> str:
        """A hash of whatever comes from outside; empty where nothing does."""
        return ""

    def summary(self) -> str:
        """A sentence on what comes from outside, for the first lines of a run; empty where nothing does."""
        return ""

    def doubts(self) -> tuple[str, ...]:
        """What a user should know before a run begins, a sentence each; that which is wrong is raised instead."""
        return ()
