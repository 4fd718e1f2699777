"""Measurement and production of an interval: Jazayeri & Shadlen 2010 (Nat. Neurosci. 13:1020)."""

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
    Periods,
    Scheme,
    check_timing,
    extent,
    length,
    lengths,
)
from inner_loop.trials.trial_world import TrialWorld
from inner_loop.world import Discrete, Moment


@final
@dataclass(frozen=True)
class ReadySetGo(TrialWorld):
    """Ready and Set are an interval apart; the network goes the same time after Set, or `gain` times that.

    Periods and rewards are those of NeuroGym's ReadySetGo-v0: fixation, measure (with Ready at its start), set, and a
    decision period of twice the interval to be produced.

    | observation | unit | range |
    |---|---|---|
    | fixation point, until the end of Set | flag | 0, 1 |
    | Ready | flag | 0, 1 |
    | Set | flag | 0, 1 |

    | action | |
    |---|---|
    | 0 | wait |
    | 1 | go |

    Reward, end, teacher: `Scheme`. The produced interval counts from the start of Set. With an error of e ms, and an
    allowed error w = margin x interval + slack, going has the reward max(0.1, (1 - e / w) ** 1.5), and 0 beyond w;
    -0.1 for each action in the fixation period. Terminated by going in the decision period, or at its end.
    The target counts from the end of Set, as NeuroGym's ground truth does: a step later than the best-rewarded step,
    yet within the margin; `aligned` puts it at the best step. Scores: `accuracy`, the share of trials with an error
    within the margin; the return.

    Attributes:
        gain: ratio of the interval to be produced to the measured one.
        margin, slack: allowed error, as a share of the interval, and ms in addition.
        aligned: True puts the target at the step with the largest reward.
        dt: ms of a step.
        fixation, ready_cue, measure, set_cue: ms; Ready lies within the measured interval.
        fail: reward for a wrong answer.
        scheme: other rewards, and the end of a trial.
    """

    order = ("fixation", "measure", "set_cue")

    gain: float = 1.0
    margin: float = 0.2
    slack: float = 25.0
    aligned: bool = False
    dt: float = 80.0
    fixation: Duration = 100.0
    ready_cue: Duration = 83.0
    measure: Duration = ("uniform", (800.0, 1500.0))
    set_cue: Duration = 83.0
    fail: float = 0.0
    scheme: Scheme = USUAL

    def __post_init__(self) -> None:
        super().__post_init__()
        check_timing("ReadySetGo", self.dt, {"ready_cue": self.ready_cue})
        require(0.0 < self.gain < math.inf, "ReadySetGo.gain", "a number above 0", self.gain)
        enough = extent(self.measure, self.dt)[0] * self.gain >= 1.0
        require(enough, "ReadySetGo.measure", f"at least {self.dt:g} ms to be produced", self.measure)
        for name in ("margin", "slack"):
            number = getattr(self, name)
            require(0.0 <= number < math.inf, f"ReadySetGo.{name}", "a number of at least 0", number)
        require(self.margin + self.slack > 0.0, "ReadySetGo.margin", "above 0 where there is no slack", self.margin)

    @property
    def inputs(self) -> int:
        """Fixation point, Ready, Set."""
        return 3

    @property
    def actions(self) -> Discrete:
        """Wait, go."""
        return Discrete(2)

    @property
    def steps(self) -> int:
        """The longest trial."""
        measured = extent(self.measure, self.dt)[1]
        return super().steps + int(2.0 * (measured * self.dt * self.gain) / self.dt)

    def reset(self, streams: Streams, episodes: int, life: Streams) -> tuple[Ongoing, Moment]:
        """Draws new trials."""
        taken = lengths(self.durations, self.dt, streams.stream("periods"), episodes)
        interval = taken["measure"].double() * self.dt * self.gain  # to be produced, ms
        periods = Periods.in_turn(taken | {"decision": (2.0 * interval / self.dt).long()}, self.steps)
        deciding, since = periods.during("decision"), periods.since("measure")
        ready = (since >= 0) & (since < length(self.ready_cue, self.dt, streams.stream("ready"), episodes))
        seen = (periods.during("fixation", "set_cue"), ready[:, :, None], periods.during("set_cue"))
        goes = periods.since("set_cue" if self.aligned else "decision") == (interval / self.dt).long()
        error = (periods.since("set_cue") * self.dt - interval).abs()
        allowed = interval * self.margin + self.slack
        right = torch.stack((torch.zeros_like(ready), deciding[:, :, 0] & (error <= allowed)), 2)
        worth = (1.0 - error / allowed).clamp(min=0.0).pow(1.5).clamp(min=0.1)[:, :, None].float()
        truth = (deciding & goes[:, :, None]).long()
        return self.scheme.begin(periods, torch.cat(seen, 2).float(), truth, self.outputs, right, worth, self.fail)
