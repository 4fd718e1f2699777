"""Environments of lives: samples with targets (a task), episodes of behaviour (a world), data to fit (a target)."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar, Literal

Split = Literal["train", "selection", "test"]
"""Lives learn on train; selection uses scores measured on selection; neither lives nor selection ever use test."""

SPLITS: tuple[Split, ...] = ("train", "selection", "test")

_BOUNDS = {
    **dict.fromkeys(("accuracy", "large_share", "hit_rate", "correct_rejection"), (0.0, 1.0)),
    "explained_variance": (-math.inf, 1.0),
    **dict.fromkeys(("log_likelihood", "negative_squared_error"), (-math.inf, 0.0)),
}


def bounds(score: str) -> tuple[float, float]:
    """The range of a score of this name, for any network: 0 to 1 for a share; infinite bounds for unknown names."""
    return _BOUNDS.get(score, (-math.inf, math.inf))


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
