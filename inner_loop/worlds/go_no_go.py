"""Action after one stimulus, no action after the other: delayed go/no-go, Zhang et al. 2019 (eLife 8:e43191)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch

from genomes.errors import require
from genomes.streams import Streams
from inner_loop.trials.periods import USUAL, Duration, Ongoing, Scheme
from inner_loop.trials.trial_world import TrialWorld
from inner_loop.world import Discrete, Moment


@final
@dataclass(frozen=True)
class GoNoGo(TrialWorld):
    """A stimulus, a delay, and then a decision period, in which the network goes or holds still.

    Periods and rewards are those of NeuroGym's GoNogo-v0: fixation (of length 0), stimulus, delay, decision.

    | observation | unit | range |
    |---|---|---|
    | fixation point, until the decision period | flag | 0, 1 |
    | the no-go stimulus, in the stimulus period | flag | 0, 1 |
    | the go stimulus, likewise | flag | 0, 1 |

    | action | |
    |---|---|
    | 0 | hold still |
    | 1 | go |

    Reward, end, teacher: `Scheme`; by default 1 for going after a go stimulus, -0.5 at the end for not going after it,
    -0.5 for going after a no-go stimulus, 0 for holding still. Terminated by going in the decision period, or at its
    end.
    Scores: `accuracy`, the share of trials in which the network went after a go stimulus, or held still throughout the
    decision period after a no-go stimulus; a network that always holds still is right in all no-go trials; the return.

    Attributes:
        go: share of trials with a go stimulus.
        dt: ms of a step.
        fixation, stimulus, delay, decision: ms.
        fail, miss: reward for going after a no-go stimulus, and at the end for not going after a go stimulus.
        scheme: other rewards, and the end of a trial.
    """

    order = ("fixation", "stimulus", "delay", "decision")

    go: float = 0.5
    dt: float = 100.0
    fixation: Duration = 0.0
    stimulus: Duration = 500.0
    delay: Duration = 500.0
    decision: Duration = 500.0
    fail: float = -0.5
    miss: float = -0.5
    scheme: Scheme = USUAL

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0.0 <= self.go <= 1.0, "GoNoGo.go", "a share from 0 to 1", self.go)
        require(math.isfinite(self.miss), "GoNoGo.miss", "a finite number", self.miss)

    @property
    def inputs(self) -> int:
        """Fixation point, no-go, go."""
        return 3

    @property
    def actions(self) -> Discrete:
        """Hold still, go."""
        return Discrete(2)

    def reset(self, streams: Streams, episodes: int, life: Streams) -> tuple[Ongoing, Moment]:
        """Draws new trials."""
        periods = self.periods(streams, episodes)
        go = (streams.stream("go").uniform(episodes) < self.go)[:, None]
        deciding = periods.during("decision")
        stimulus = periods.during("stimulus") & torch.cat((~go, go), 1)
        observation = torch.cat((periods.during("fixation", "delay"), stimulus), 2).float()
        goes = torch.tensor([[False], [True]], device=go.device)
        right = torch.where(goes, deciding & go, periods.last() & ~go)
        truth = (deciding & go).long()
        # holding still is right, but it has no reward
        return self.scheme.begin(periods, observation, truth, self.outputs, right, goes, self.fail, self.miss)
