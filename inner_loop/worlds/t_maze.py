"""A T-maze whose rewards change places: Soltoggio, Bullinaria, Mattiussi, Dürr & Floreano 2008 (Artificial Life XI)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genomes.errors import require
from genomes.streams import Streams
from inner_loop.twins.layout import Places
from inner_loop.world import Discrete, Moment, World

_STRAIGHT = 1


class _State(NamedTuple):
    first: Tensor  # (K, B): the side of the large reward at the start, 0 left, 1 right
    reversals: Tensor  # (K, B, reversals): the trials that begin with the rewards exchanged
    place: Tensor  # (P, B): steps from home
    trial: Tensor  # (P, B): number of finished trials
    large: Tensor  # (P, B): number of them with the large reward


@final
@dataclass(frozen=True)
class TMaze(World):
    """Many visits to a maze: home, a corridor, a junction, an arm with a large or a small reward, home again.

    The arm with the large reward is hidden and changes at hidden moments: only a network that learns from the rewards
    can keep finding it. If `start` is a side and there are no reversals, an innate turn to that side is as good.

    | observation | unit | range |
    |---|---|---|
    | at home | flag | 0, 1 |
    | at the junction | flag | 0, 1 |
    | at the end of an arm | flag | 0, 1 |
    | the reward just received | reward | `crash` to `large` |
    | constant | - | 1 |

    | action | |
    |---|---|
    | 0 | left |
    | 1 | straight |
    | 2 | right |

    Reward: `large` or `small` at the end of an arm, from where any action leads home; `crash` for a turn before the
    junction or for no turn at it, which also ends the trial: the agent is home again at once. A trial begins whenever
    the agent is home. End: terminated when it is home after the last trial. Scores: the return, at most large x trials;
    `large_share`, the share of trials that found the large reward.

    Deviation from the paper: there one output neuron acts, left below -1/3, right above 1/3 and straight between;
    here each of the three actions has an output, and one more input is always 1.

    Attributes:
        trials: visits in an episode.
        corridor: steps between home and the junction.
        large, small, crash: rewards; the paper's are 1, 0.2 and -0.4.
        start: the side of the large reward at the start of an episode: always the same one, or random, drawn for each
            episode, or drawn for each life and the same in all its episodes.
        reversals: the number of changes of side in an episode.
        window: number of trials in which the moment of a reversal is drawn; the windows are evenly spaced.
    """

    trials: int = 50
    corridor: int = 2
    large: float = 1.0
    small: float = 0.2
    crash: float = -0.4
    start: Literal["random", "life", "left", "right"] = "random"
    reversals: int = 1
    window: int = 10

    def __post_init__(self) -> None:
        for name, least in (("trials", 1), ("corridor", 0), ("reversals", 0), ("window", 1)):
            require(getattr(self, name) >= least, f"TMaze.{name}", f"at least {least}", getattr(self, name))
        ordered = self.crash < self.small < self.large
        require(ordered, "TMaze", "crash < small < large", [self.crash, self.small, self.large])
        sides = ("random", "life", "left", "right")
        require(self.start in sides, "TMaze.start", "one of " + ", ".join(sides), self.start)
        room = self.reversals == 0 or self.window * (self.reversals + 1) <= self.trials
        require(room, "TMaze.window", "at most trials / (reversals + 1), that reversals keep their order", self.window)

    @property
    def inputs(self) -> int:
        """Home, junction, end of an arm, reward, a constant."""
        return 5

    @property
    def actions(self) -> Discrete:
        """Left, straight, right."""
        return Discrete(3)

    @property
    def steps(self) -> int:
        """All trials without a crash: out of home, along the corridor, a turn, and home from the arm."""
        return self.trials * (self.corridor + 3)

    @property
    def score_names(self) -> tuple[str, ...]:
        """The return, the share of trials with the large reward."""
        return ("return", "large_share")

    def reset(self, streams: Streams, episodes: int, life: Streams) -> tuple[_State, Moment]:
        """Starts at home; draws all random numbers of the episode."""
        first = streams.stream("start").integers(2, episodes)
        if self.start == "life":
            first = life.stream("start").integers(2, 1).expand_as(first)
        elif self.start != "random":
            first = torch.full_like(first, self.start == "right")
        even = [(i + 1) * self.trials // (self.reversals + 1) for i in range(self.reversals)]
        regular = torch.tensor(even, dtype=torch.int64, device=first.device) - self.window // 2
        late = streams.stream("reversals").integers(self.window, episodes, self.reversals)
        none = torch.zeros_like(first)
        state = _State(first, regular + late, none, none, none)
        return state, self._moment(state, none.float())

    def step(self, state: _State, actions: Int[Tensor, "P B"]) -> tuple[_State, Moment]:
        """One step of every life."""
        straight = actions == _STRAIGHT
        at_junction, at_end = state.place == self.corridor + 1, state.place == self.corridor + 2
        crashed = (straight == at_junction) & ~at_end
        side = (state.first + (state.reversals <= state.trial[..., None]).sum(-1)) % 2
        found = at_junction & (actions == 2 * side)
        reward = torch.where(at_junction, torch.where(found, self.large, self.small), 0.0)
        reward = reward.masked_fill(crashed, self.crash)
        home = crashed | at_end
        state = state._replace(
            place=(state.place + 1).masked_fill(home, 0),
            large=state.large + (found & (state.trial < self.trials)),
            trial=state.trial + home,
        )
        return state, self._moment(state, reward)

    @property
    def has_twin(self) -> bool:
        """True."""
        return True

    def twin(self, places: Places, state: _State) -> Any:
        """`inner_loop.twins.worlds.t_maze`."""
        from inner_loop.twins.worlds.t_maze import twin_of

        numbers = {name: float(getattr(self, name)) for name in ("trials", "large", "small", "crash")}
        return twin_of(state.first, state.reversals, numbers | {"junction": self.corridor + 1.0}, places)

    def after_twin(self, places: Places, twin: Any, state: _State) -> _State:
        """The state with the number of trials with the large reward."""
        return state._replace(large=places.by_episode(twin.found)[:, 0])

    def scores(self, state: _State, returns: Float[Tensor, "P B"]) -> dict[str, Tensor]:
        """The return, and the share of trials that found the large reward."""
        return {"return": returns.mean(1), "large_share": state.large.double().mean(1) / self.trials}

    def _moment(self, state: _State, reward: Tensor) -> Moment:
        home, over = state.place == 0, state.trial >= self.trials
        at_junction, at_end = state.place == self.corridor + 1, state.place == self.corridor + 2
        observation = torch.stack((home, at_junction, at_end, reward, torch.ones_like(reward)), 1)
        return Moment(observation, reward, over, torch.zeros_like(over), trial=home & ~over)
