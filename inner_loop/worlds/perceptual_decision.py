"""The direction of motion of most random dots: Britten, Shadlen, Newsome & Movshon 1992 (J. Neurosci. 12:4745)."""

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
    picked,
    tuned,
)
from inner_loop.trials.trial_world import TrialWorld
from inner_loop.world import Discrete, Moment


@final
@dataclass(frozen=True)
class PerceptualDecision(TrialWorld):
    """The network integrates noisy evidence over time, and answers when the stimulus is gone.

    Periods, noise and rewards are those of NeuroGym's PerceptualDecisionMaking-v0: fixation, stimulus, delay, decision.

    | observation | unit | range |
    |---|---|---|
    | fixation point, in the fixation period alone | flag | 0, 1 |
    | motion energy in each direction, in the stimulus period | - | 0.5 +- coherence / 200, with noise |

    | action | |
    |---|---|
    | 0 | fixate |
    | 1 and more | saccade in that direction |

    Reward, end, teacher: `Scheme`; by default 1 for the right direction, 0 for another or none, -0.1 for each action in
    the fixation period. Terminated by the answer or at the end of the decision period.
    Scores: `accuracy`, the share of trials with the right answer in the decision period; the return. At a coherence of
    0 there is no evidence: by default no network can be right in more than 0.90 of the trials.

    Attributes:
        directions: alternatives, at even angles; the energy decreases with the cosine of the angle.
        coherences: percent, equally frequent.
        sigma: standard deviation of the noise at a step of 1 ms; at a step of `dt` it is sigma / sqrt(dt).
        dt: ms of a step.
        fixation, stimulus, delay, decision: ms.
        fail: reward for a wrong answer.
        scheme: other rewards, and the end of a trial.
    """

    order = ("fixation", "stimulus", "delay", "decision")

    directions: int = 2
    coherences: tuple[float, ...] = (0.0, 6.4, 12.8, 25.6, 51.2)
    sigma: float = 1.0
    dt: float = 100.0
    fixation: Duration = 100.0
    stimulus: Duration = 2000.0
    delay: Duration = 0.0
    decision: Duration = 100.0
    fail: float = 0.0
    scheme: Scheme = USUAL

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.directions >= 2, "PerceptualDecision.directions", "at least 2", self.directions)
        fine = self.coherences and all(0.0 <= coherence <= 100.0 for coherence in self.coherences)
        require(fine, "PerceptualDecision.coherences", "at least one, 0 to 100 percent", self.coherences)
        require(0.0 <= self.sigma < math.inf, "PerceptualDecision.sigma", "a number of at least 0", self.sigma)

    @property
    def inputs(self) -> int:
        """Fixation point, directions."""
        return 1 + self.directions

    @property
    def actions(self) -> Discrete:
        """Fixate, directions."""
        return Discrete(1 + self.directions)

    def reset(self, streams: Streams, episodes: int, life: Streams) -> tuple[Ongoing, Moment]:
        """Draws new trials."""
        periods = self.periods(streams, episodes)
        direction = streams.stream("direction").integers(self.directions, episodes)
        coherence = picked(self.coherences, streams.stream("coherence"), episodes)
        energy = 0.5 + tuned(direction, self.directions) * coherence[:, None] / 200.0
        most, deviation = extent(self.stimulus, self.dt)[1], self.sigma / math.sqrt(self.dt)
        stimulus = periods.noisy("stimulus", energy, deviation, most, streams.stream("noise"))
        observation = torch.cat((periods.during("fixation"), stimulus), 2)
        truth = periods.during("decision") * (1 + direction)[:, None]
        return self.scheme.begin(periods, observation, truth, self.outputs, fail=self.fail)
