"""The seam of worlds: episodes in which what is observed depends on what was done."""

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

LabelKind = Literal["class", "target", "action", "direction", "nothing"]
"""What is known of a stimulus: the class of a sample, its target, the best action, the direction of motion, nothing."""


@final
@dataclass(frozen=True)
class Discrete:
    """One of `count` actions, given to the world as (P, B) int64: the index of the largest output.

    Attributes:
        count: actions, each with an output unit of its own.
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
    """Real actions, (P, outputs, B): an output of -1 is the low end, +1 the high end; beyond is taken to the end.

    Attributes:
        low, high: of each action, in the units of the world.
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
    """No action: the world looks at the output activity itself, (P, outputs, B).

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
    """What a world shows at one step: K x B episodes, K = P lives, or 1 while nothing differs between lives.

    Attributes:
        observation: (K, inputs, B), finite, also after the end of an episode.
        reward: (K, B), for the action just taken; 0 at the reset.
        terminated: (K, B), the episode has come to an end of its own.
        truncated: (K, B), the episode has been cut off: time is up.
        trial: (K, B), a new trial begins with this observation; None where the reset alone begins one.
        target: (K, outputs, B), what a teacher would have the network show in answer to this observation (one-hot
            where it is a choice); None in worlds without a teacher.
        weight: (K, B), how much the target counts at this moment; None: 1 always.
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
    """What stimuli are: read-outs relate activity to them.

    Attributes:
        kind: of the label.
        targets: (stimuli, L) a label a row; of classes, actions and directions one-hot.
        angles: (L,) in radians, of directions; None for other kinds.
    """

    kind: LabelKind
    targets: Float64[ndarray, "stimuli L"]
    angles: Float64[ndarray, " L"] | None = None


class World(Environment):
    """Implementations are frozen dataclasses: their parameters, no state. A world of other parameters is held out.

    All chance of an episode comes from the stream that it is reset with. `step` gives a new state and leaves the old
    one alone, except where somebody else's simulator owns it. Tensors live on the device of the chance.
    """

    @property
    @abstractmethod
    def actions(self) -> Actions:
        """What the output of a network means here."""

    @property
    @abstractmethod
    def steps(self) -> int:
        """The longest episode: it is truncated after so many steps at the latest."""

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
        """Units of the output group: those that the actions take."""
        return self.actions.outputs

    @property
    def score_names(self) -> tuple[str, ...]:
        """The return: the sum of rewards of an episode."""
        return ("return",)

    @property
    def varies(self) -> bool:
        """Episodes are drawn from the chance of a life."""
        return True

    def labels(self, step: Int64[ndarray, " stimuli"]) -> Labels | None:
        """Of what is shown at each step of an episode, where the world knows it by the step alone; None: it does not.

        A world with labels is recorded at every step, others at steps evenly chosen.
        """
        return None

    @abstractmethod
    def reset(self, streams: Streams, episodes: int, life: Streams) -> tuple[Any, Moment]:
        """Begins `episodes` episodes (B) for each of the K streams of chance.

        Episode b of a stream depends on the stream and on b alone: not on how many others there are beside it.

        Args:
            streams: K streams of these episodes.
            episodes: how many run side by side.
            life: K streams that stay the same in all episodes of a life, for what is hidden in it and lasts.

        Returns:
            state: whatever the world needs to go on.
            moment: the first observations, (K, inputs, B).
        """

    @abstractmethod
    def step(self, state: Any, actions: Tensor) -> tuple[Any, Moment]:
        """Takes the actions of P lives, P = K or any number where K is 1; (P, B) int64 or (P, outputs, B) by `actions`.

        What an episode shows after its end is of no account, but finite.
        """

    def scores(self, state: Any, returns: Float[Tensor, "P B"]) -> dict[str, Tensor]:
        """Each score by name, over the B episodes, (P,) float64.

        Args:
            state: after the last step.
            returns: sums of the rewards of each episode until its end, float64.
        """
        return {"return": returns.mean(1)}
