"""Delayed match to sample, recognition after a delay: Miller, Erickson & Desimone 1996 (J. Neurosci. 16:5154)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch

from genomes.errors import require
from genomes.streams import Streams
from inner_loop.trials.periods import (
    USUAL,
    Duration,
    Ongoing,
    Scheme,
    extent,
    tuned,
)
from inner_loop.trials.trial_world import TrialWorld
from inner_loop.world import Discrete, Moment


@final
@dataclass(frozen=True)
class DelayedMatch(TrialWorld):
    """The network remembers a sample over a delay and compares it with a test: the same direction, or the opposite.

    Periods, noise and rewards are those of NeuroGym's DelayMatchSample-v0: fixation, sample, delay, test, decision.

    | observation | unit | range |
    |---|---|---|
    | fixation point, until the decision period | flag | 0, 1 |
    | each channel of the ring, in the sample and test periods | - | 0 to 1, with noise |

    | action | |
    |---|---|
    | 0 | fixate |
    | 1 | match |
    | 2 | no match |

    Reward, end, teacher: `Scheme`; by default 1 for the right answer, 0 for the wrong one or none, -0.1 for each action
    in the fixation period. Terminated by the answer or at the end of the decision period.
    Scores: `accuracy`, the share of trials with the right answer in the decision period; the return.

    Attributes:
        directions: channels at even angles around a ring; the sample is one of these angles.
        sigma: standard deviation of the noise at a step of 1 ms; at a step of `dt` it is sigma / sqrt(dt).
        dt: ms of a step.
        fixation, sample, delay, test, decision: ms.
        fail: reward for a wrong answer.
        scheme: other rewards, and the end of a trial.
    """

    order = ("fixation", "sample", "delay", "test", "decision")

    directions: int = 2
    sigma: float = 1.0
    dt: float = 100.0
    fixation: Duration = 300.0
    sample: Duration = 500.0
    delay: Duration = 1000.0
    test: Duration = 500.0
    decision: Duration = 900.0
    fail: float = 0.0
    scheme: Scheme = USUAL

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.directions >= 2, "DelayedMatch.directions", "at least 2", self.directions)
        require(0.0 <= self.sigma < math.inf, "DelayedMatch.sigma", "a number of at least 0", self.sigma)

    @property
    def inputs(self) -> int:
        """Fixation point, ring."""
        return 1 + self.directions

    @property
    def actions(self) -> Discrete:
        """Fixate, match, no match."""
        return Discrete(3)

    def reset(self, streams: Streams, episodes: int, life: Streams) -> tuple[Ongoing, Moment]:
        """Draws new trials."""
        periods = self.periods(streams, episodes)
        likeness = tuned(streams.stream("sample").integers(self.directions, episodes), self.directions)
        differs = streams.stream("match").integers(2, episodes)
        deviation = self.sigma / math.sqrt(self.dt)
        sample, test = 0.5 + 0.5 * likeness, 0.5 + 0.5 * likeness * (1 - 2 * differs)[:, None]  # cos(x + pi) = -cos(x)
        stimulus = periods.noisy(
            "sample", sample, deviation, extent(self.sample, self.dt)[1], streams.stream("sample noise")
        ) + periods.noisy("test", test, deviation, extent(self.test, self.dt)[1], streams.stream("test noise"))
        observation = torch.cat((periods.during("fixation", "test"), stimulus), 2)
        truth = periods.during("decision") * (1 + differs)[:, None]
        return self.scheme.begin(periods, observation, truth, self.outputs, fail=self.fail)
