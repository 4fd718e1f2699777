"""A needle in a haystack, found by guessing: Hinton & Nowlan 1987, "How learning can guide evolution"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from genomes.errors import require
from genomes.streams import Streams
from inner_loop.twins.layout import Places
from inner_loop.world import Moment, Response, World


@final
@dataclass(frozen=True)
class HintonNowlan(World):
    """A row of switches with a reward only if all of them are right. A step is a learning trial.

    | observation | unit | range |
    |---|---|---|
    | always the same | - | 1 |

    | response | |
    |---|---|
    | one output a switch | right above 0, wrong otherwise |

    Reward: 1 + 19 n / trials at the first trial at which all switches are right, 0 before. n trials remain, including
    that trial: a network that is right at birth has n = trials and the fitness 20; without success the fitness is 1.
    End: terminated by success; truncated after all trials.

    Attributes:
        loci: switches.
        trials: the number of trials in a life.
    """

    loci: int = 20
    trials: int = 1000

    def __post_init__(self) -> None:
        for name in ("loci", "trials"):
            require(getattr(self, name) >= 1, f"HintonNowlan.{name}", "at least 1", getattr(self, name))

    @property
    def inputs(self) -> int:
        """One input, always 1."""
        return 1

    @property
    def actions(self) -> Response:
        """The switches themselves."""
        return Response(self.loci)

    @property
    def steps(self) -> int:
        """The trials of a life."""
        return self.trials

    @property
    def score_names(self) -> tuple[str, ...]:
        """The paper's fitness, 1 to 20."""
        return ("fitness",)

    def reset(self, streams: Streams, episodes: int, life: Streams) -> tuple[int, Moment]:
        """The state is the number of trials so far; this world draws no random numbers."""
        none = torch.zeros(streams.owners, episodes, dtype=torch.bool, device=streams.keys.device)
        return 0, _moment(none.float(), none, none)

    def step(self, state: int, actions: Float[Tensor, "P loci B"]) -> tuple[int, Moment]:
        """One trial of every life."""
        right = (actions > 0).all(1)
        worth = 1.0 + 19.0 * (self.trials - state) / self.trials
        state += 1
        return state, _moment(right * worth, right, torch.full_like(right, state >= self.trials))

    @property
    def has_twin(self) -> bool:
        """True."""
        return True

    def twin(self, places: Places, state: int) -> Any:
        """`inner_loop.twins.worlds.hinton_nowlan`."""
        from inner_loop.twins.worlds.hinton_nowlan import HintonNowlanTwin

        return HintonNowlanTwin(self.loci, self.trials)

    def scores(self, state: int, returns: Float[Tensor, "P B"]) -> dict[str, Tensor]:
        """Fitness, mean over the episodes; 1 for an episode without success."""
        return {"fitness": returns.clamp(min=1.0).mean(1)}


def _moment(reward: Tensor, terminated: Tensor, truncated: Tensor) -> Moment:
    return Moment(torch.ones_like(reward)[:, None, :], reward, terminated, truncated)
