"""The interface of worlds: episodes in which observations depend on the actions."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Literal, final

from jaxtyping import Bool, Float, Float64, Int64
from numpy import ndarray
from torch import Tensor

from genomes.errors import require
from genomes.streams import Streams
from inner_loop.environment import Environment
from inner_loop.twins.layout import Places

LabelKind = Literal["class", "target", "action", "direction", "nothing"]
"""The kind of label of a stimulus: the class of a sample, its target, the best action, a direction of motion, none."""


@final
@dataclass(frozen=True)
class Discrete:
    """One of `count` actions, given to the world as (P, B) int64: the index of the largest output.

    Attributes:
        count: the number of actions; each has an output unit of its own.
    """

    count: int

    def __post_init__(self) -> None:
        require(self.count >= 2, "Discrete", "at least 2 actions", self.count)

    @property
    def outputs(self) -> int:
        """Units of the output group."""
        return self.count


@final
@dataclass(frozen=True)
class Continuous:
    """Real actions, (P, outputs, B): an output of -1 is the low end, +1 the high end; outputs beyond are clipped.

    Attributes:
        low, high: the ends of each action's range, in the units of the world.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]

    def __post_init__(self) -> None:
        ends = len(self.low) == len(self.high) >= 1 and all(
            math.isfinite(a) and math.isfinite(b) and a < b for a, b in zip(self.low, self.high, strict=True)
        )
        require(ends, "Continuous", "a finite low below a finite high for each action", [self.low, self.high])

    @property
    def outputs(self) -> int:
        """Units of the output group."""
        return len(self.low)


@final
@dataclass(frozen=True)
class Response:
    """No action: the world reads the output activity itself, (P, outputs, B).

    Attributes:
        outputs: units of the output group.
    """

    outputs: int

    def __post_init__(self) -> None:
        require(self.outputs >= 1, "Response", "at least 1 output", self.outputs)


Actions = Discrete | Continuous | Response


@final
@dataclass(frozen=True, eq=False)
class Moment:
    """The state of a world as seen at one step: K x B episodes, K = P lives, or 1 while all lives are the same.

    Attributes:
        observation: (K, inputs, B), finite, also after the end of an episode.
        reward: (K, B), for the action just taken; 0 at the reset.
        terminated: (K, B), the episode has ended by itself.
        truncated: (K, B), the episode has been stopped: time is up.
        trial: (K, B), a new trial begins with this observation; None if only the reset begins one.
        target: (K, outputs, B), the output that a teacher wants for this observation (one-hot for discrete actions);
            None in worlds without a teacher.
        weight: (K, B), the weight of the target at this moment; None: always 1.
    """

    observation: Float[Tensor, "K inputs B"]
    reward: Float[Tensor, "K B"]
    terminated: Bool[Tensor, "K B"]
    truncated: Bool[Tensor, "K B"]
    trial: Bool[Tensor, "K B"] | None = None
    target: Float[Tensor, "K outputs B"] | None = None
    weight: Float[Tensor, "K B"] | None = None


@final
@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of stimuli, which read-outs relate to activity.

    Attributes:
        kind: of the label.
        targets: (stimuli, L) a label a row; one-hot for classes, actions and directions.
        angles: (L,) in radians, of directions; None for other kinds.
    """

    kind: LabelKind
    targets: Float64[ndarray, "stimuli L"]
    angles: Float64[ndarray, " L"] | None = None


class World(Environment):
    """Implementations are frozen dataclasses: parameters, no state. A held-out world is one with other parameters.

    All random numbers of an episode come from the stream given to `reset`. `step` returns a new state and does not
    change the old one, except where a foreign simulator owns it. Tensors are on the device of the streams.
    """

    @property
    @abstractmethod
    def actions(self) -> Actions:
        """The meaning of the outputs of a network here."""

    @property
    @abstractmethod
    def steps(self) -> int:
        """The length of the longest episode: the world truncates it after this number of steps at the latest."""

    seam = "world"

    @property
    def rewards(self) -> bool:
        """Every moment has a reward."""
        return True

    @property
    @abstractmethod
    def inputs(self) -> int:
        """Units of the sensory group."""

    @property
    def outputs(self) -> int:
        """Units of the output group that the actions need."""
        return self.actions.outputs

    @property
    def score_names(self) -> tuple[str, ...]:
        """The return: the sum of rewards of an episode."""
        return ("return",)

    @property
    def varies(self) -> bool:
        """True: episodes are drawn from the streams of a life."""
        return True

    def labels(self, step: Int64[ndarray, " stimuli"]) -> Labels | None:
        """The labels of the observations at these steps, if the step alone determines them; None if it does not.

        A world with labels is recorded at every step, others at evenly spaced steps.
        """
        return None

    @abstractmethod
    def reset(self, streams: Streams, episodes: int, life: Streams) -> tuple[Any, Moment]:
        """Begins `episodes` episodes (B) for each of the K streams.

        Episode b of a stream depends only on the stream and on b, not on the number of episodes beside it.

        Args:
            streams: K streams of these episodes.
            episodes: the number of episodes side by side.
            life: K streams that stay the same in all episodes of a life, for hidden variables that stay constant in it.

        Returns:
            state: all that the world needs to continue.
            moment: the first observations, (K, inputs, B).
        """

    @abstractmethod
    def step(self, state: Any, actions: Tensor) -> tuple[Any, Moment]:
        """Takes the actions of P lives, P = K or any number if K is 1; (P, B) int64 or (P, outputs, B) by `actions`.

        Observations after the end of an episode have no effect, but must be finite.
        """

    @property
    def has_twin(self) -> bool:
        """True if the world, with these settings, has a compiled twin of `step`; False by default."""
        return False

    def twin(self, places: Places, state: Any) -> Any:
        """The twin of episodes after a reset, a NamedTuple of numbers: see `inner_loop.twins.seam`.

        Args:
            places: the way of numbers into compiled code.
            state: after the reset.
        """
        raise NotImplementedError("asked only of a world that has a twin")

    def after_twin(self, places: Places, twin: Any, state: Any) -> Any:
        """The state that `scores` reads after the episodes of a twin; by default that of the reset."""
        return state

    def scores(self, state: Any, returns: Float[Tensor, "P B"]) -> dict[str, Tensor]:
        """Each score by name, over the B episodes, (P,) float64.

        Args:
            state: after the last step.
            returns: sums of the rewards of each episode until its end, float64.
        """
        return {"return": returns.mean(1)}
