"""Food and poison that differ in colour, where learning evolves: Todd & Miller 1991 and Ackley & Littman 1991."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, final

import torch
from jaxtyping import Int
from torch import Tensor

from genomes.errors import require
from genomes.streams import Streams
from inner_loop.twins.layout import Places
from inner_loop.world import Discrete, Moment, World

_RED, _BLUE = 1, 2
_HEADINGS = ((-1, 0), (0, 1), (1, 0), (0, -1))  # (down, across): up, right, down, left
_TURNS = (0, -1, 1)  # of the actions, in quarters to the right


class _State(NamedTuple):
    after: Tensor  # (3, cells * 4): the pose that an action leads to; a pose is cell * 4 + heading
    colours: Tensor  # (K, cells, B): of the plants, 0 for a cell without a plant
    edible: Tensor  # (K, B): the colour that is food
    ripe: Tensor  # (P, cells, B): the step at which a plant bears fruit again
    pose: Tensor  # (P, B)
    step: int


@final
@dataclass(frozen=True)
class Foraging(World):
    """A forager on a torus of cells, where plants bear red or blue fruit: one colour is food and the other is poison.

    It steps ahead, or turns to the left or to the right and steps there, and eats the fruit in the cell that it enters;
    the plant bears again some time later. If the poisonous colour is always the same one, an innate preference for the
    other is enough; if it is drawn at random, the forager must taste to know it.

    | observation | unit | range |
    |---|---|---|
    | red fruit ahead, to the left, to the right | flag | 0, 1 |
    | red fruit just eaten | flag | 0, 1 |
    | blue fruit ahead, to the left, to the right | flag | 0, 1 |
    | blue fruit just eaten | flag | 0, 1 |
    | taste: the reward just received | reward | -`harm` to `food` |

    | action | |
    |---|---|
    | 0 | ahead |
    | 1 | left |
    | 2 | right |

    Reward: `food` for a fruit that is food, -`harm` for one that is poison: the return is the food eaten less the
    poison eaten. End: truncated after `duration` steps.

    Attributes:
        size: cells along each side.
        density: share of cells with a plant; each colour has half of the plants, on average.
        regrowth: steps until a plant bears fruit again after it is eaten; longer than the duration: never.
        duration: steps of an episode.
        poisonous: always the same colour; or random, drawn for each episode; or drawn for each life and the same in
            all its episodes.
        food, harm: the reward of food, and the penalty of poison.
    """

    size: int = 8
    density: float = 0.3
    regrowth: int = 20
    duration: int = 100
    poisonous: Literal["random", "life", "red", "blue"] = "random"
    food: float = 1.0
    harm: float = 1.0

    def __post_init__(self) -> None:
        for name, least in (("size", 3), ("regrowth", 1), ("duration", 1)):
            require(getattr(self, name) >= least, f"Foraging.{name}", f"at least {least}", getattr(self, name))
        require(0 <= self.density <= 1, "Foraging.density", "0 to 1", self.density)
        for name in ("food", "harm"):
            require(0 <= getattr(self, name) < math.inf, f"Foraging.{name}", "at least 0", getattr(self, name))
        kinds = ("random", "life", "red", "blue")
        require(self.poisonous in kinds, "Foraging.poisonous", "one of " + ", ".join(kinds), self.poisonous)

    @property
    def inputs(self) -> int:
        """Four places in two colours, and the taste."""
        return 9

    @property
    def actions(self) -> Discrete:
        """Ahead, left, right."""
        return Discrete(3)

    @property
    def steps(self) -> int:
        """The duration."""
        return self.duration

    def reset(self, streams: Streams, episodes: int, life: Streams) -> tuple[_State, Moment]:
        """Gives all plants fruit; draws all random numbers of the episode."""
        plants = streams.stream("plants").uniform(episodes, self.size**2).mT
        colours = (plants < self.density).to(torch.int8) + (plants < self.density / 2.0)
        edible = streams.stream("edible").integers(2, episodes) + _RED
        if self.poisonous == "life":
            edible = (life.stream("edible").integers(2, 1) + _RED).expand_as(edible)
        elif self.poisonous != "random":
            edible = torch.full_like(edible, _RED if self.poisonous == "blue" else _BLUE)
        pose = streams.stream("pose").integers(self.size**2 * 4, episodes)
        ripe = torch.zeros_like(colours, dtype=torch.int32)
        state = _State(_after(self.size, pose.device), colours.contiguous(), edible, ripe, pose, 0)
        seen = _seen(state)
        seen[:, 3] = 0  # nothing has been eaten yet
        return state, self._moment(state, seen, torch.zeros_like(pose, dtype=torch.float32))

    def step(self, state: _State, actions: Int[Tensor, "P B"]) -> tuple[_State, Moment]:
        """One step of every life, and a bite if there is fruit."""
        pose = state.after[actions, state.pose]
        state = state._replace(pose=pose, ripe=state.ripe.expand(len(pose), -1, -1), step=state.step + 1)
        seen = _seen(state)
        eaten = seen[:, 3]
        good = eaten == state.edible
        reward = torch.where(good, self.food, torch.where(eaten > 0, -self.harm, 0.0))
        here = pose[:, None] >> 2
        later = state.ripe.gather(1, here).masked_fill(eaten[:, None] > 0, state.step + self.regrowth)
        return state._replace(ripe=state.ripe.scatter(1, here, later)), self._moment(state, seen, reward)

    @property
    def has_twin(self) -> bool:
        """True."""
        return True

    def twin(self, places: Places, state: _State) -> Any:
        """`inner_loop.twins.worlds.foraging`."""
        from inner_loop.twins.worlds.foraging import twin_of

        regrowth = min(self.regrowth, self.duration + 1)  # never, in a number of 32 bits
        return twin_of(state, self.food, self.harm, regrowth, places)

    def _moment(self, state: _State, seen: Tensor, reward: Tensor) -> Moment:
        observation = torch.cat((seen == _RED, seen == _BLUE, reward[:, None]), 1)
        never = torch.zeros_like(reward, dtype=torch.bool)
        return Moment(observation, reward, never, torch.full_like(never, state.step >= self.duration))


def _seen(state: _State) -> Tensor:
    """The colour of the fruit ahead, to the left, to the right and here, 0 for none, (P, 4, B)."""
    cells = torch.cat((state.after[:, state.pose], state.pose[None])).movedim(0, 1) >> 2
    colours = state.colours.expand(len(cells), -1, -1).gather(1, cells)
    return colours * (state.ripe.gather(1, cells) <= state.step)


def _after(size: int, device: torch.device) -> Tensor:
    """The pose that each action leads to from each pose."""
    cell = torch.arange(size**2, device=device)
    row, column = cell // size, cell % size
    moved = [(row + down) % size * size + (column + across) % size for down, across in _HEADINGS]
    poses = torch.stack(moved, 1) * 4 + torch.arange(4, device=device)
    return torch.stack([poses.roll(-turn, 1).flatten() for turn in _TURNS])
