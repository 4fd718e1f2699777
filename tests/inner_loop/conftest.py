"""Shared by the tests of lives in worlds: a world of two numbers that can be computed by hand, and its networks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, final

import pytest
import torch
from torch import Tensor

from genomes.phenotype import Phenotype, Synapses
from genomes.streams import derive
from genomes.topology import Group, Topology
from inner_loop.world import Continuous, Discrete, Moment, Response, World


class _State(NamedTuple):
    noise: Tensor  # (K, B, steps + 1)
    side: Tensor  # (K, 1), -1 or 1
    place: Tensor  # (P, B)
    ended: Tensor  # (P, B)
    gone: Tensor  # (P, B), ended a step before
    time: int


@final
@dataclass(frozen=True)
class Corridor(World):
    """A walker in a corridor, float64; reaching either end ends the episode.

    | observation | |
    |---|---|
    | noise | uniform in (0, 1), drawn for every step of every episode |
    | side | -1 or 1, hidden in the life: the direction of the walk |
    | place | 0 at the start |

    Place moves by `stride * side * action`: -1 or 1 for a discrete action, a number, or the sum of two outputs.
    Reward: the place, and the noise of the new observation, seen by the walker of that side. Ends beyond +-1.

    Attributes:
        kind: of the actions.
        walk: maximal number of steps of an episode.
        trial: steps after which a new trial begins; 0: never.
        taught: True if the side is a target, in the last step of each trial.
        stride: length of a step.
        aftermath: number added to rewards and observations after the moment at which an episode ends.
    """

    kind: Literal["discrete", "continuous", "response"] = "discrete"
    walk: int = 12
    trial: int = 3
    taught: bool = False
    stride: float = 0.375
    aftermath: float = 0.0

    @property
    def inputs(self) -> int:
        return 3

    @property
    def actions(self) -> Discrete | Continuous | Response:
        kinds = {"discrete": Discrete(2), "continuous": Continuous((-2.0, 0.0), (1.0, 0.5)), "response": Response(2)}
        return kinds[self.kind]

    @property
    def steps(self) -> int:
        return self.walk

    @property
    def score_names(self) -> tuple[str, ...]:
        return ("return", "place")

    @property
    def teaches(self) -> bool:
        return self.taught

    def reset(self, streams, episodes, life):
        noise = streams.stream("noise").uniform(episodes, self.walk + 1)
        side = life.stream("side").integers(2, 1) * 2.0 - 1.0
        place = torch.zeros_like(noise[..., 0])
        never = torch.zeros_like(place, dtype=torch.bool)
        state = _State(noise, side.double(), place, never, never, 0)
        return state, self._moment(state)

    def step(self, state, actions):
        pushed = actions * 2.0 - 1.0 if self.kind == "discrete" else actions.double().sum(1)
        after = torch.where(state.ended, state.place, state.place + self.stride * state.side * pushed)
        ended = state.ended | (after.abs() > 1)
        state = _State(state.noise, state.side, after, ended, state.ended.expand_as(ended), state.time + 1)
        return state, self._moment(state)

    def scores(self, state, returns):
        return {"return": returns.mean(1), "place": state.place.mean(1)}

    def _moment(self, state):
        noise, after = state.noise[:, :, state.time], state.gone * self.aftermath
        seen = torch.broadcast_tensors(noise + after, state.side + after, state.place + after)
        reward = state.side * noise + state.place + after if state.time else torch.zeros_like(state.place)
        late = torch.full_like(state.ended, state.time >= self.walk)
        begins = torch.full_like(state.ended, state.time % self.trial == 0) if self.trial else None
        if not self.taught:
            return Moment(torch.stack(seen, 1), reward, state.ended, late, begins)
        sides = torch.stack([state.side < 0, state.side > 0], 1).double().expand(len(late), -1, late.shape[1])
        last = torch.full_like(state.place, self.trial > 0 and state.time % self.trial == self.trial - 1)
        return Moment(torch.stack(seen, 1), reward, state.ended, late, begins, sides, last)


@pytest.fixture(scope="session")
def corridor() -> type[Corridor]:
    """The world: `corridor(kind=..., walk=...)`."""
    return Corridor


MEMORY = ("senses -> hidden", "hidden -> hidden", "action -> hidden", "hidden -> action", "senses -> action")


def walkers(owners, memory: bool = True, dtype: torch.dtype = torch.float64, feedback: bool = False) -> Phenotype:
    """Random networks with biases and, with memory, late projections and leaks; the same owner is the same network."""
    groups = (Group("senses", 6 if feedback else 3), Group("hidden", 4, "tanh", leak=0.5 if memory else 1.0))
    topology = Topology((*groups, Group("action", 2)), MEMORY if memory else MEMORY[::3])
    source, projections = derive(0, "walkers", owners=list(owners)), {}
    for edge in topology.edges:
        projections[edge.name] = Synapses(source.stream(edge.name).normal(*topology.shape(edge)).to(dtype) * 0.5)
    units = {g.name: {"bias": source.stream(g.name).normal(g.size).to(dtype) * 0.1} for g in topology.groups[1:]}
    if memory:
        units["hidden"]["leak"] = source.stream("leak").uniform(4).to(dtype)
    return Phenotype(topology, projections, units)


@pytest.fixture(scope="session")
def networks() -> Callable[..., Phenotype]:
    """Networks for the corridor: `networks(owners, memory=True, dtype=torch.float64, feedback=False)`."""
    return walkers
