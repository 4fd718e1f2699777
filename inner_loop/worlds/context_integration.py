"""Two kinds of evidence, and a context that says which one counts: Mante, Sussillo, Shenoy & Newsome 2013 (Nature)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, final, get_args

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

Context = Literal["cued", "first", "second"]


@final
@dataclass(frozen=True)
class ContextIntegration(TrialWorld):
    """Two noisy stimuli at once, such as motion and colour; the network integrates one and ignores the other.

    Periods, noise and rewards are those of NeuroGym's ContextDecisionMaking-v0: fixation, stimulus, delay, decision.
    There the context is cued only with `use_expl_context=True`; here it is cued by default, as in the paper.

    | observation | unit | range |
    |---|---|---|
    | fixation point, in the fixation period alone | flag | 0, 1 |
    | first modality, each direction, in the stimulus period | - | 0.5 +- coherence / 200, with noise |
    | second modality, likewise | - | likewise |
    | the first one counts; the second one counts; throughout the trial; only if cued | flag | 0, 1 |

    | action | |
    |---|---|
    | 0 | fixate |
    | 1 and more | saccade in that direction |

    Reward, end, teacher: `Scheme`; by default 1 for the right direction, 0 for another or none, -0.1 for each action in
    the fixation period. Terminated by the answer or at the end of the decision period.
    Scores: `accuracy`, the share of trials with the right answer in the decision period; the return. By default no
    network can be right in more than 0.94 of the trials; one that ignores the context is right in at most 0.75.

    Attributes:
        directions: alternatives, at even angles; evidence decreases with the cosine of the angle.
        coherences: percent, equally frequent in each modality.
        context: drawn for each trial and cued; or always the first or the second modality, without a cue.
        sigma: standard deviation of the noise at a step of 1 ms; at a step of `dt` it is sigma / sqrt(dt).
        dt: ms of a step.
        fixation, stimulus, delay, decision: ms.
        fail: reward for a wrong answer.
        scheme: other rewards, and the end of a trial.
    """

    order = ("fixation", "stimulus", "delay", "decision")

    directions: int = 2
    coherences: tuple[float, ...] = (5.0, 15.0, 50.0)
    context: Context = "cued"
    sigma: float = 1.0
    dt: float = 100.0
    fixation: Duration = 300.0
    stimulus: Duration = 750.0
    delay: Duration = ("truncated_exponential", (600.0, 300.0, 3000.0))
    decision: Duration = 100.0
    fail: float = 0.0
    scheme: Scheme = USUAL

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.directions >= 2, "ContextIntegration.directions", "at least 2", self.directions)
        fine = self.coherences and all(0.0 <= coherence <= 100.0 for coherence in self.coherences)
        require(fine, "ContextIntegration.coherences", "at least one, 0 to 100 percent", self.coherences)
        known = get_args(Context)
        require(self.context in known, "ContextIntegration.context", "one of " + ", ".join(known), self.context)
        require(0.0 <= self.sigma < math.inf, "ContextIntegration.sigma", "a number of at least 0", self.sigma)

    @property
    def inputs(self) -> int:
        """Fixation point, both modalities, the cue."""
        return 1 + 2 * self.directions + 2 * (self.context == "cued")

    @property
    def actions(self) -> Discrete:
        """Fixate, directions."""
        return Discrete(1 + self.directions)

    def reset(self, streams: Streams, episodes: int, life: Streams) -> tuple[Ongoing, Moment]:
        """Draws new trials."""
        periods = self.periods(streams, episodes)
        shown, energies = [], []
        for name in ("first", "second"):
            shown.append(streams.stream(f"{name} direction").integers(self.directions, episodes))
            coherence = picked(self.coherences, streams.stream(f"{name} coherence"), episodes)
            energies.append(0.5 + tuned(shown[-1], self.directions) * coherence[:, None] / 200.0)
        most, deviation = extent(self.stimulus, self.dt)[1], self.sigma / math.sqrt(self.dt)
        stimulus = periods.noisy("stimulus", torch.cat(energies, 1), deviation, most, streams.stream("noise"))
        second = torch.full_like(shown[0], self.context == "second")
        parts = [periods.during("fixation"), stimulus]
        if self.context == "cued":
            second = streams.stream("context").integers(2, episodes)
            parts.append(periods.during("fixation", "decision") * torch.stack((1 - second, second), 1))
        truth = periods.during("decision") * (1 + torch.where(second == 1, shown[1], shown[0]))[:, None]
        return self.scheme.begin(periods, torch.cat(parts, 2), truth, self.outputs, fail=self.fail)
