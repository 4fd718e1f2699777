"""The common part of worlds of single trials: periods in their order, a teacher at every step, rewards and ends."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from jaxtyping import Float, Int
from torch import Tensor

from genomes.errors import require
from genomes.streams import Streams
from inner_loop.trials.periods import SCORES, Duration, Ongoing, Periods, Scheme, check_timing, lengths, longest
from inner_loop.twins.layout import Places
from inner_loop.world import Moment, World


class TrialWorld(World):
    """Implementations are frozen dataclasses; their `reset` writes the table of a trial, by `scheme.begin`.

    Attributes:
        order: names of the periods in their order; each is a field of the implementation, its duration in ms.
        dt: ms of a step, a field of every implementation.
        fail: reward for a wrong answer, a field of every implementation.
        scheme: rewards, the end of a trial, and the weights of a teacher; a field of every implementation.
    """

    order: ClassVar[tuple[str, ...]]

    dt: float
    fail: float
    scheme: Scheme

    def __post_init__(self) -> None:
        """Raises InputError when a duration is none, or a reward is not finite."""
        called = type(self).__name__
        require(math.isfinite(self.fail), f"{called}.fail", "a finite number", self.fail)
        check_timing(called, self.dt, self.durations)

    @property
    def durations(self) -> dict[str, Duration]:
        """Periods in their order."""
        return {name: getattr(self, name) for name in self.order}

    @property
    def steps(self) -> int:
        """The longest trial."""
        return longest(self.durations, self.dt)

    def periods(self, streams: Streams, episodes: int) -> Periods:
        """The periods of new trials, with durations drawn where they vary."""
        return Periods.in_turn(lengths(self.durations, self.dt, streams.stream("periods"), episodes), self.steps)

    @property
    def score_names(self) -> tuple[str, ...]:
        """Accuracy, return."""
        return SCORES

    @property
    def teaches(self) -> bool:
        """True: the right action is known at every step."""
        return True

    def step(self, state: Ongoing, actions: Int[Tensor, "P B"]) -> tuple[Ongoing, Moment]:
        """One step of every trial."""
        return self.scheme.step(state, actions)

    @property
    def has_twin(self) -> bool:
        """True."""
        return True

    def twin(self, places: Places, state: Ongoing) -> Any:
        """`inner_loop.twins.worlds.trials`."""
        from inner_loop.twins.worlds.trials import twin_of

        return twin_of(state.trial, self.steps, self.scheme.interrupt, places)

    def after_twin(self, places: Places, twin: Any, state: Ongoing) -> Ongoing:
        """The trials with those that are correct."""
        return state._replace(correct=places.by_episode(twin.correct)[:, 0] > 0)

    def scores(self, state: Ongoing, returns: Float[Tensor, "P B"]) -> dict[str, Tensor]:
        """Accuracy, return."""
        return self.scheme.scores(state, returns)
