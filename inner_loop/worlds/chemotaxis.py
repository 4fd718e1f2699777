"""Up a gradient by turning more when it falls: Pierce-Shimomura, Morse & Lockery 1999 (J. Neurosci. 19:9557)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import torch
from jaxtyping import Int
from torch import Tensor

from genomes.errors import require
from genomes.streams import Streams
from inner_loop.twins.layout import Places
from inner_loop.world import Discrete, Moment, World


class _State(NamedTuple):
    step: int
    x: Tensor  # (P, B), the peak is the origin
    y: Tensor  # (P, B)
    heading: Tensor  # (P, B), radians
    start: Tensor  # (K, B), the first distance from the peak
    sensed: Tensor  # (P, B), the last sensed concentration
    bends: Tensor  # (steps, K, B), uniform in [-1, 1]
    noise: Tensor | None  # (steps + 1, K, B), N(0, noise)


@final
@dataclass(frozen=True)
class Chemotaxis(World):
    """A worm crawls at a constant speed; it senses the concentration at its place, never the direction of the gradient.

    It runs on or turns by a random angle (klinokinesis): it cannot choose a direction, only the moment to leave one.
    The concentration is exp(-r^2 / (2 width^2)) at the distance r from its peak. The worm starts at a random distance
    and heads anywhere. Lengths are in one unit throughout, say cm.

    | observation | unit | range |
    |---|---|---|
    | concentration | of the peak | [0, 1] and noise |
    | its change in the last step, times `gain`; only if `change` | of the peak | about [-1, 1] |
    | constant | - | 1 |

    | action | |
    |---|---|
    | 0 | run: the heading drifts by an angle uniform in [-wander, wander] |
    | 1 | turn: by an angle uniform in [-turn, turn] |

    Reward: (1 - r / first r) / duration, each at least -1 / duration; its negative for a repellent. The return is the
    chemotaxis index, the mean closeness: 1 on the peak, 0 where the worm began, -1 at twice that distance or beyond.
    End: truncated after `duration` steps.

    Attributes:
        duration: steps of an episode.
        speed: length of a step.
        width: standard deviation of the concentration, a length.
        nearest, farthest: range of the first distance from the peak, uniform.
        turn, wander: degrees.
        noise: standard deviation of the sensed concentration, in units of the peak; the change includes this noise.
        gain: factor of the change.
        change: True makes the change an input; without it a network needs a memory.
        repellent: True makes the peak a place to avoid.
    """

    duration: int = 200
    speed: float = 0.05
    width: float = 2.0
    nearest: float = 2.0
    farthest: float = 4.0
    turn: float = 180.0
    wander: float = 10.0
    noise: float = 0.0
    gain: float = 50.0
    change: bool = True
    repellent: bool = False

    def __post_init__(self) -> None:
        require(self.duration >= 1, "Chemotaxis.duration", "at least 1 step", self.duration)
        for name in ("speed", "width", "nearest", "gain"):
            value = getattr(self, name)
            require(0 < value < math.inf, f"Chemotaxis.{name}", "a number above 0", value)
        distances = (self.nearest, self.farthest)
        require(self.nearest <= self.farthest < math.inf, "Chemotaxis.farthest", "at least nearest", distances)
        for name in ("turn", "wander"):
            require(0 <= getattr(self, name) <= 180, f"Chemotaxis.{name}", "0 to 180 degrees", getattr(self, name))
        require(0 <= self.noise < math.inf, "Chemotaxis.noise", "at least 0", self.noise)

    @property
    def inputs(self) -> int:
        """Concentration, its change if it is given, a constant."""
        return 3 if self.change else 2

    @property
    def actions(self) -> Discrete:
        """Run, turn."""
        return Discrete(2)

    @property
    def steps(self) -> int:
        """The duration."""
        return self.duration

    def reset(self, streams: Streams, episodes: int, life: Streams) -> tuple[_State, Moment]:
        """Starts around the peak; draws every angle of the episode, and the noise if there is any."""
        place = streams.stream("place").uniform(episodes, 3).float()
        start = self.nearest + (self.farthest - self.nearest) * place[..., 0]
        bearing = 2.0 * math.pi * place[..., 1]
        x, y, heading = start * bearing.cos(), start * bearing.sin(), 2.0 * math.pi * place[..., 2]
        bends = _first(streams.stream("bends").uniform(episodes, self.duration) * 2.0 - 1.0)
        noise = None
        if self.noise:
            noise = _first(streams.stream("noise").normal(episodes, self.duration + 1) * self.noise)
        sensed = self._sense(x.square() + y.square(), noise, 0)
        state = _State(0, x, y, heading, start, sensed, bends, noise)
        return state, self._moment(state, torch.zeros_like(x), torch.zeros_like(x))

    def step(self, state: _State, actions: Int[Tensor, "P B"]) -> tuple[_State, Moment]:
        """Moves every life by one step length."""
        reach = torch.where(actions == 1, math.radians(self.turn), math.radians(self.wander))
        heading = state.heading + reach * state.bends[state.step % self.duration]
        x = torch.add(state.x, heading.cos(), alpha=self.speed)
        y = torch.add(state.y, heading.sin(), alpha=self.speed)
        squared = x.square() + y.square()
        step = state.step + 1
        sensed = self._sense(squared, state.noise, step % (self.duration + 1))
        closeness = (1.0 - squared.sqrt() / state.start).clamp(min=-1.0)
        reward = closeness * ((-1.0 if self.repellent else 1.0) / self.duration)
        change = (sensed - state.sensed) * self.gain
        state = state._replace(step=step, x=x, y=y, heading=heading, sensed=sensed)
        return state, self._moment(state, change, reward)

    @property
    def has_twin(self) -> bool:
        """True."""
        return True

    def twin(self, places: Places, state: _State) -> Any:
        """`inner_loop.twins.worlds.chemotaxis`."""
        from inner_loop.twins.worlds.chemotaxis import twin_of

        numbers = {
            "speed": self.speed,
            "gain": self.gain,
            "turn": math.radians(self.turn),
            "wander": math.radians(self.wander),
            "sharpness": -0.5 / self.width**2,
            "worth": (-1.0 if self.repellent else 1.0) / self.duration,
        }
        return twin_of(state, numbers, self.change, places)

    def _sense(self, squared: Tensor, noise: Tensor | None, step: int) -> Tensor:
        clean = (squared * (-0.5 / self.width**2)).exp()
        return clean if noise is None else clean + noise[step]

    def _moment(self, state: _State, change: Tensor, reward: Tensor) -> Moment:
        one = torch.ones_like(state.sensed)
        observation = torch.stack((state.sensed, change, one) if self.change else (state.sensed, one), 1)
        never = torch.zeros_like(one, dtype=torch.bool)
        return Moment(observation, reward, never, torch.full_like(never, state.step >= self.duration))


def _first(drawn: Tensor) -> Tensor:
    """(K, B, steps) to (steps, K, B), contiguous."""
    return drawn.float().movedim(-1, 0).contiguous()
