"""`behave`, compiled and in torch, with `Hebbian` on `CartPole`, in episodes of full length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, final

import torch
from rivals.hebbian_workload import BOUND, COEFFICIENTS, LEARNING_RATE, SIZES, Newborns, streams
from rivals.workload import Life
from torch import Tensor

from genomes.phenotype import Phenotype, Synapses
from genomes.streams import Streams
from genomes.topology import Group, Topology
from inner_loop.contracts.specimen import own_streams
from inner_loop.lives import compiled_episodes
from inner_loop.lives.agent import AgentState
from inner_loop.lives.behaviour import Behaved, behave
from inner_loop.network import Network, Weights
from inner_loop.rules.hebbian import Hebbian
from inner_loop.twins.layout import Places
from inner_loop.world import Discrete, Moment, World
from inner_loop.worlds.cart_pole import CartPole

TOPOLOGY = Topology(
    (Group("senses", SIZES[0]), Group("hidden", SIZES[1], "tanh"), Group("action", SIZES[2], "tanh")),
    ("senses -> hidden", "hidden -> action"),
)


@final
@dataclass(frozen=True)
class Unending(World):
    """A world in which no episode ends before its time: after a fall it only gives no more rewards.

    Attributes:
        world: the world with the original ends.
        begun: state and first observation after the reset, drawn beforehand.
    """

    world: CartPole
    begun: tuple[Any, Moment]

    @property
    def inputs(self) -> int:
        return self.world.inputs

    @property
    def actions(self) -> Discrete:
        return self.world.actions

    @property
    def steps(self) -> int:
        return self.world.steps

    def reset(self, streams: Streams, episodes: int, life: Streams) -> tuple[Any, Moment]:
        return self.begun

    def step(self, state: Any, actions: Tensor) -> tuple[Any, Moment]:
        after, moment = self.world.step(state, actions)
        # no episode ends before its time
        return after, replace(moment, reward=moment.reward * ~state.fallen, terminated=moment.truncated)

    @property
    def has_twin(self) -> bool:
        return True

    def twin(self, places: Places, state: Any) -> Any:
        from rivals.unending_twin import twin_of

        return twin_of(self.world.twin(places, state))


def phenotype(newborns: Newborns) -> Phenotype:
    """The cohort as phenotypes."""
    synapses = []
    for weight, rule in zip(newborns.weights, newborns.coefficients, strict=True):
        numbers = dict(zip(COEFFICIENTS, rule.T[:, :, None, None], strict=True))
        numbers["learning_rate"] = torch.full_like(numbers["constant"], LEARNING_RATE)
        synapses.append(Synapses(weight, None, {f"rule.{name}": number for name, number in numbers.items()}))
    return Phenotype(TOPOLOGY, dict(zip([edge.name for edge in TOPOLOGY.edges], synapses, strict=True)))


def prepare(newborns: Newborns) -> Life:
    """The whole cohort at once, by compiled twins; each episode takes the weights into compiled code and back."""
    return _lives(newborns, compiled_episodes.behave)


def prepare_torch(newborns: Newborns) -> Life:
    """The whole cohort at once, step by step in torch."""
    return _lives(newborns, behave)


def _lives(newborns: Newborns, behave: Callable[..., Behaved]) -> Life:
    newborn, rule, workload = phenotype(newborns), Hebbian(LEARNING_RATE, bound=BOUND), newborns.workload
    world, episodes = CartPole(longest=workload.steps), [streams(episode) for episode in range(workload.episodes)]
    worlds = [Unending(world, world.reset(own.stream("world"), 1, own)) for own in episodes]
    network, own = Network(TOPOLOGY), own_streams(newborn)

    def live_all() -> list[Tensor]:
        with torch.inference_mode():
            weights, returns = Weights.born(newborn), 0.0
            state = rule.init(network, newborn, weights, own)
            for world, chance in zip(worlds, episodes, strict=True):
                lived = behave(AgentState(network, newborn, world, None), weights, chance, chance, 1, rule, state)
                weights, state, returns = lived.weights, lived.state, lived.scores["return"] + returns
        return [*weights.projections.values(), returns[:, None].float()]

    return live_all
