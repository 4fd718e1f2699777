"""Trials that are made of periods, as in NeuroGym (Molano-Mazón et al. 2022) and in Yang et al. 2019 (Nat. Neurosci.).

A trial is a table that is written at the reset, one row a step: the observation, the right action, the reward of each
action. A step of all lives is then a look-up of one row. T is the longest trial; row T is the silence after it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, final

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from genomes.errors import require
from genomes.streams import Streams
from inner_loop.world import Moment

SCORES = ("accuracy", "return")
"""Accuracy comes first: the return also counts broken fixations, and depends on the scale of rewards."""

Duration = float | tuple[Literal["choice", "uniform", "truncated_exponential"], tuple[float, ...]]
"""The duration of a period, ms; the period takes the whole steps that fit into it. It is constant, or drawn for each
trial and written as in NeuroGym: ("choice", (some, times)), ("uniform", (low, high)), or ("truncated_exponential",
(mean, low, high)), drawn from the exponential distribution of that mean until it lies in the range."""


def check_timing(world: str, dt: float, durations: Mapping[str, Duration]) -> None:
    """Raises InputError when a duration is invalid, or when there is no time for a decision."""
    require(0.0 < dt < math.inf, f"{world}.dt", "a number of ms above 0", dt)
    for name, duration in durations.items():
        kind, times = _drawn_from(duration)
        numbers = {"choice": max(len(times), 1), "uniform": 2, "truncated_exponential": 3}.get(kind)
        fine = len(times) == numbers and all(0.0 <= time < math.inf for time in times)
        fine = fine and (kind == "choice" or ((times[0] > 0.0 or kind == "uniform") and times[-2] < times[-1]))
        require(fine, f"{world}.{name}", "ms, or choice, uniform or truncated_exponential with its numbers", duration)
    if "decision" in durations:
        shortest = extent(durations["decision"], dt)[0]
        require(shortest >= 1, f"{world}.decision", f"at least a step of {dt:g} ms", durations["decision"])


def extent(duration: Duration, dt: float) -> tuple[int, int]:
    """The smallest and the largest number of steps of `dt` ms."""
    kind, times = _drawn_from(duration)
    if kind == "choice":
        return int(min(times) // dt), int(max(times) // dt)
    low, high = times[-2:]
    return int(low // dt), math.ceil(high / dt) - 1


def longest(durations: Mapping[str, Duration], dt: float) -> int:
    """Steps of the longest trial."""
    return sum(extent(duration, dt)[1] for duration in durations.values())


def lengths(durations: Mapping[str, Duration], dt: float, streams: Streams, episodes: int) -> dict[str, Tensor]:
    """The number of steps of each period in each trial, (K, B)."""
    return {name: length(duration, dt, streams.stream(name), episodes) for name, duration in durations.items()}


def length(duration: Duration, dt: float, streams: Streams, episodes: int) -> Int[Tensor, "K B"]:
    """The number of steps of a period in each trial."""
    shortest, most = extent(duration, dt)
    if shortest == most:
        return streams.keys.new_full((streams.owners, episodes), most)
    kind, times = _drawn_from(duration)
    if kind == "choice":
        time = picked(times, streams, episodes)
    elif kind == "uniform":
        time = times[0] + (times[1] - times[0]) * streams.uniform(episodes)
    else:
        mean, low, high = times
        share = -math.expm1((low - high) / mean)  # the part of the exponential beyond `low` that lies in the range
        time = low - mean * torch.log1p(-share * streams.uniform(episodes))
    return (time / dt).floor().long().clamp(shortest, most)


def _drawn_from(duration: Duration) -> tuple[str, tuple[float, ...]]:
    return duration if isinstance(duration, tuple) else ("choice", (duration,))


def picked(values: tuple[float, ...], streams: Streams, episodes: int) -> Float64[Tensor, "K B"]:
    """One of the values for each trial, all equally likely."""
    return torch.tensor(values, dtype=torch.float64, device=streams.keys.device)[
        streams.integers(len(values), episodes)
    ]


def tuned(direction: Int[Tensor, "K B"], directions: int) -> Float64[Tensor, "K directions B"]:
    """Cosine of the angle between a direction and the preferred direction of each channel of a ring."""
    angle = torch.arange(directions, dtype=torch.float64, device=direction.device) * (2.0 * math.pi / directions)
    return torch.cos(angle[:, None] - angle[direction][:, None])


@final
@dataclass(frozen=True, eq=False)
class Periods:
    """The periods of K x B trials, by steps. The last period is called decision.

    Attributes:
        start, end: the first step of a period, and of the part after it, by name, each (K, B).
        steps: T, the length of the longest trial.
    """

    start: Mapping[str, Tensor]
    end: Mapping[str, Tensor]
    steps: int

    @staticmethod
    def in_turn(taken: Mapping[str, Tensor], steps: int) -> Periods:
        """Periods in sequence, from the number of steps of each."""
        end = dict(zip(taken, torch.stack(list(taken.values())).cumsum(0), strict=True))
        return Periods({name: end[name] - taken[name] for name in taken}, end, steps)

    def since(self, name: str) -> Int[Tensor, "rows K B"]:
        """Steps since the first step of a period, for every row of the table."""
        start = self.start[name]
        return torch.arange(self.steps + 1, device=start.device)[:, None, None] - start

    def during(self, first: str, last: str | None = None) -> Bool[Tensor, "rows K 1 B"]:
        """True for rows in a period, or in one of those from the first to the last."""
        since = self.since(first)
        return ((since >= 0) & (since < self.end[last or first] - self.start[first]))[:, :, None]

    def last(self) -> Bool[Tensor, "rows K 1 B"]:
        """True for the last step of each trial."""
        return (self.since("decision") == self.end["decision"] - self.start["decision"] - 1)[:, :, None]

    def noisy(
        self, name: str, mean: Float[Tensor, "K n B"], deviation: float, most: int, streams: Streams
    ) -> Float[Tensor, "rows K n B"]:
        """A stimulus in a period of at most `most` steps: normal around its mean, drawn at each step; 0 elsewhere."""
        channels, episodes = mean.shape[1:]
        noise = streams.normal(episodes, max(most, 1), channels).permute(2, 0, 3, 1)
        step = self.since(name).clamp(0, max(most, 1) - 1)[:, :, None].expand(-1, -1, channels, -1)
        return (self.during(name) * (mean + deviation * noise.gather(0, step))).float()


class Trial(NamedTuple):
    """The tables of K x B trials, a row a step: each (T + 1, K, n, B) or (T + 1, K, B); lives may share one."""

    observation: Tensor
    target: Tensor  # one-hot over the actions
    weight: Tensor
    pay: Tensor  # reward of each action, before the trial is decided
    right: Tensor  # flags, for each action: it is a success, before the trial is decided
    decides: Tensor  # flags: any action but fixation is the answer
    last: Tensor  # flags: the last step

    def of(self, lives: int) -> Trial:
        """The same trials for this number of lives; without a copy."""
        if self.weight.shape[1] == lives:
            return self
        return Trial(*(table.expand(-1, lives, *table.shape[2:]) for table in self))


class Ongoing(NamedTuple):
    """Trials, and the present step in them."""

    trial: Trial
    step: int
    closed: Tensor  # (P, B): decided, aborted or over
    correct: Tensor  # (P, B)


@final
@dataclass(frozen=True)
class Scheme:
    """Rewards, the end of a trial, and the weights of a teacher; names and numbers as in NeuroGym.

    Action 0 is to fixate. The first other action in the decision period is the answer; in the fixation period its
    reward is `abort`; between the two it has no consequence.

    Attributes:
        correct: reward of a right answer.
        abort: reward of each step of the fixation period without fixation.
        must_fixate: True: an action in the fixation period makes the trial a failure (NeuroGym's `abort=True`).
        interrupt: True: the trial ends once it is decided; False: it goes on to its last step, and later actions do
            not count, so that a teacher has a target at every step.
        decision_weight: weight of a step of the decision period for a teacher; other steps have 1. Yang et al. 2019
            have 5, and grace periods of 100 ms at the start and at the go cue, which are left out here, since a whole
            decision period may be as short.
    """

    correct: float = 1.0
    abort: float = -0.1
    must_fixate: bool = False
    interrupt: bool = True
    decision_weight: float = 5.0

    def __post_init__(self) -> None:
        for name in ("correct", "abort"):
            require(math.isfinite(getattr(self, name)), f"Scheme.{name}", "a finite number", getattr(self, name))
        weight = self.decision_weight
        require(0.0 <= weight < math.inf, "Scheme.decision_weight", "a number of at least 0", weight)

    def begin(
        self,
        periods: Periods,
        observation: Float[Tensor, "rows K n B"],
        truth: Int[Tensor, "rows K 1 B"],
        actions: int,
        right: Bool[Tensor, "rows K actions B"] | None = None,
        worth: Tensor | float = 1.0,
        fail: float = 0.0,
        miss: float = 0.0,
    ) -> tuple[Ongoing, Moment]:
        """Writes the table and returns its first row.

        Args:
            truth: the action of a teacher: 0 before the decision period.
            right: the successful answers at each step; None: the teacher's action, if it is not to fixate.
            worth: of a success, in units of `correct`; spreads to (rows, K, actions, B).
            fail: reward of a wrong answer.
            miss: reward at the end for no answer where one was due.
        """
        action = torch.arange(actions, device=truth.device)[:, None]
        deciding, fixating = periods.during("decision"), periods.during("fixation")
        target, acts = truth == action, action > 0
        right = target & acts if right is None else right
        otherwise = acts * (deciding * fail + fixating * self.abort) + (~acts & periods.last()) * miss
        pay = torch.where(right, self.correct * worth, otherwise)
        weight = periods.during(next(iter(periods.start)), "decision") + deciding * (self.decision_weight - 1.0)
        decides = deciding | fixating if self.must_fixate else deciding
        trial = Trial(
            observation, target.float(), weight[:, :, 0], pay, right, decides[:, :, 0], periods.last()[:, :, 0]
        )
        none = torch.zeros_like(trial.last[0])
        return Ongoing(trial, 0, none, none), _moment(trial, 0, none.float(), none)

    def step(self, state: Ongoing, actions: Int[Tensor, "P B"]) -> tuple[Ongoing, Moment]:
        """The reward of the action in this row, and the next row."""
        trial, row, chosen, undecided = state.trial.of(len(actions)), state.step, actions[:, None], ~state.closed
        reward = trial.pay[row].gather(1, chosen)[:, 0] * undecided
        correct = state.correct | (trial.right[row].gather(1, chosen)[:, 0] & undecided)
        closed = state.closed | ((actions > 0) & trial.decides[row]) | trial.last[row]
        after = min(row + 1, len(trial.weight) - 1)
        ended = closed if self.interrupt else trial.last[row]
        return Ongoing(trial, after, closed, correct), _moment(trial, after, reward, ended)

    def scores(self, state: Ongoing, returns: Float[Tensor, "P B"]) -> dict[str, Tensor]:
        """The share of trials with a right decision; the mean return."""
        return {"accuracy": state.correct.double().mean(1), "return": returns.mean(1)}


USUAL = Scheme()
"""The rewards of most tasks of NeuroGym."""


def _moment(trial: Trial, row: int, reward: Tensor, ended: Tensor) -> Moment:
    shown, target, weight = trial.observation[row], trial.target[row], trial.weight[row]
    return Moment(shown, reward, ended, torch.zeros_like(ended), target=target, weight=weight)
