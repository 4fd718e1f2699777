"""The common part of worlds of single trials: a teacher at every step, and a scheme of rewards and ends."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor

from inner_loop.trials.periods import SCORES, Ongoing, Scheme
from inner_loop.world import Moment, World


class TrialWorld(World):
    """Implementations are frozen dataclasses; their `reset` writes the table of a trial, by `scheme.begin`.

    Attributes:
        scheme: rewards, the end of a trial, and the weights of a teacher; a field of every implementation.
    """

    scheme: Scheme

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

    def scores(self, state: Ongoing, returns: Float[Tensor, "P B"]) -> dict[str, Tensor]:
        """Accuracy, return."""
        return self.scheme.scores(state, returns)
