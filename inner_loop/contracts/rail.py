"""A small world with a compiled twin, in which contracts compare a rule's twin with its `step`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, final

import torch
from torch import Tensor

from genomes.streams import Streams
from inner_loop.twins.layout import Places
from inner_loop.world import Discrete, Moment, World

_FRICTION, _PUSH, _PACE, _END = 0.8, 0.2, 0.3, 1.0
"""What is left of the velocity, the push of an action, the length of a time step, and the end of the rail."""


class State(NamedTuple):
    """Carts on a rail, float64.

    Attributes:
        place, speed: (P, B).
        wind: (K, B), added to the velocity at every step.
        last: (K, B), the step after which an episode ends at the latest.
        over: (P, B), True where the episode has ended.
        time: steps so far.
    """

    place: Tensor
    speed: Tensor
    wind: Tensor
    last: Tensor
    over: Tensor
    time: int


@final
@dataclass(frozen=True)
class Rail(World):
    """A cart in the wind is pushed to the left or to the right.

    Rewards are 1 or -0.5, whose sums are exact: 1 if the cart moves towards the middle. Episodes end at different
    steps. Small differences between two activities do not grow.
    """

    @property
    def inputs(self) -> int:
        """Place, velocity, wind, 1."""
        return 4

    @property
    def actions(self) -> Discrete:
        """Left, right."""
        return Discrete(2)

    @property
    def teaches(self) -> bool:
        """The push towards the middle; every second step counts twice."""
        return True

    @property
    def steps(self) -> int:
        """Of the longest episode."""
        return 24

    def reset(self, streams: Streams, episodes: int, life: Streams) -> tuple[State, Moment]:
        """Draws places, velocities, winds and ends."""
        place, speed, wind = (streams.stream("start").uniform(episodes, 3) - 0.5).unbind(2)
        last = streams.stream("ends").integers(self.steps // 2, episodes).double() + (self.steps // 2 + 1)
        state = State(place, speed, wind * 0.2, last, torch.zeros_like(place, dtype=torch.bool), 0)
        return state, self._moment(state, torch.zeros_like(place))

    def step(self, state: State, actions: Tensor) -> tuple[State, Moment]:
        """One push; episodes that have ended do not move."""
        speed = state.speed * _FRICTION + state.wind + (actions.double() * 2.0 - 1.0) * _PUSH
        place = state.place + speed * _PACE
        reward = torch.where(state.place * speed < 0.0, 1.0, -0.5)
        place, speed = torch.where(state.over, state.place, place), torch.where(state.over, state.speed, speed)
        over = (place.abs() > _END) | (state.last <= state.time + 1)
        state = State(place, speed, state.wind, state.last, over, state.time + 1)
        return state, self._moment(state, reward)

    def _moment(self, state: State, reward: Tensor) -> Moment:
        parts = torch.broadcast_tensors(state.place, state.speed, state.wind, torch.ones_like(state.place))
        never = torch.zeros_like(state.over)
        left = torch.stack((state.place > 0.0, state.place <= 0.0), dim=1).float()  # the push towards the middle
        weight = torch.full_like(reward, 1.0 + state.time % 2).float()
        seen = torch.stack(parts, dim=1).float()
        return Moment(seen, reward.float(), state.over, never, target=left, weight=weight)

    @property
    def has_twin(self) -> bool:
        """True."""
        return True

    def twin(self, places: Places, state: State) -> Any:
        """`inner_loop.contracts.rail_twin`."""
        from inner_loop.contracts.rail_twin import RailTwin

        starts = torch.stack([state.place, state.speed, state.wind, state.last], dim=1)
        return RailTwin(_FRICTION, _PUSH, _PACE, _END, places.of_episodes(starts))
