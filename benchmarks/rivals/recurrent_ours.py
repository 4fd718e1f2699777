"""`behave`, compiled and in torch, with `BPTT`, an episode a sequence, in a world that plays recorded sequences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import torch
from rivals.recurrent_workload import HIDDEN, INPUTS, LEARNING_RATE, MOMENTUM, OUTPUTS, Newborns
from rivals.workload import Life
from torch import Tensor

from genomes.phenotype import Phenotype, Synapses
from genomes.streams import Streams, derive
from genomes.topology import Group, Topology
from inner_loop.contracts.specimen import own_streams
from inner_loop.lives import compiled_episodes
from inner_loop.lives.agent import AgentState
from inner_loop.lives.behaviour import Behaved, behave
from inner_loop.network import Network, Weights
from inner_loop.objectives import SquaredError
from inner_loop.rules.bptt import BPTT
from inner_loop.twins.layout import Places
from inner_loop.world import Moment, Response, World

TOPOLOGY = Topology(
    (Group("input", INPUTS), Group("hidden", HIDDEN, "tanh"), Group("output", OUTPUTS)),
    ("input -> hidden", "hidden -> hidden", "hidden -> output"),
)
RATE = LEARNING_RATE * 2 / OUTPUTS  # SquaredError is half the sum over the outputs, not their mean


@final
@dataclass(frozen=True, eq=False)
class Recorded(World):
    """Sequences that are always the same, and what to answer.

    Attributes:
        moments: one for each step and one for the end.
        shown, answers: sequences (T, 8, B) and answers (T, 4, B), of which the moments are made.
    """

    moments: tuple[Moment, ...]
    shown: Tensor
    answers: Tensor

    @classmethod
    def of(cls, inputs: Tensor, targets: Tensor) -> Recorded:
        """Sequences (T, 8, B) and answers (T, 4, B), the same for all lives."""
        nothing, last = inputs.new_zeros(1, inputs.shape[2]), len(inputs) - 1
        goes_on, ends = nothing > 0.0, nothing == 0.0
        return cls(
            tuple(
                Moment(inputs[None, min(t, last)], nothing, goes_on, ends if t > last else goes_on, target=target)
                for t, target in enumerate([*targets[:, None], targets[None, last]])
            ),
            inputs,
            targets,
        )

    @property
    def inputs(self) -> int:
        return INPUTS

    @property
    def actions(self) -> Response:
        return Response(OUTPUTS)

    @property
    def steps(self) -> int:
        return len(self.moments) - 1

    @property
    def teaches(self) -> bool:
        return True

    def reset(self, streams: Streams, episodes: int, life: Streams) -> tuple[int, Moment]:
        return 0, self.moments[0]

    def step(self, state: int, actions: Tensor) -> tuple[int, Moment]:
        return state + 1, self.moments[state + 1]

    @property
    def has_twin(self) -> bool:
        return True

    def twin(self, places: Places, state: int) -> Any:
        from rivals.recorded_twin import twin_of

        return twin_of(self.shown, self.answers, places)


def phenotype(newborns: Newborns) -> Phenotype:
    """The cohort as phenotypes."""
    rate = {"rule.learning_rate": torch.full((newborns.workload.cohort, 1, 1), RATE)}
    return Phenotype(
        TOPOLOGY,
        {edge.name: Synapses(w, None, rate) for edge, w in zip(TOPOLOGY.edges, newborns.weights, strict=True)},
        {group.name: {"bias": b} for group, b in zip(TOPOLOGY.groups[1:], newborns.biases, strict=True)},
    )


def prepare(newborns: Newborns) -> Life:
    """The whole cohort by compiled twins; each sequence takes the weights into compiled code and back."""
    return _lives(newborns, compiled_episodes.behave)


def prepare_torch(newborns: Newborns) -> Life:
    """The whole cohort at once, step by step in torch."""
    return _lives(newborns, behave)


def _lives(newborns: Newborns, behave: Callable[..., Behaved]) -> Life:
    newborn, rule, streams = phenotype(newborns), BPTT(RATE, MOMENTUM), derive(0, "life")
    worlds = [Recorded.of(x, y) for x, y in zip(newborns.inputs, newborns.targets, strict=True)]

    def live_all() -> list[Tensor]:
        with torch.inference_mode():
            network, weights, objective = Network(TOPOLOGY), Weights.born(newborn), SquaredError()
            state = rule.init(network, newborn, weights, own_streams(newborn))
            for world in worlds:
                being = AgentState(network, newborn, world, objective)
                lived = behave(being, weights, streams, streams, newborns.workload.samples, rule, state)
                weights, state = lived.weights, lived.state
        return list(weights.projections.values())

    return live_all
