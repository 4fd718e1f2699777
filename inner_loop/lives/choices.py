"""Choices on samples: a task that pays the right one lets rules learn from reward, each sample an episode of a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import final

import torch
from torch import Tensor

from genomes.phenotype import Phenotype
from genomes.streams import Streams
from inner_loop.lives.actions import tried_at
from inner_loop.network import NOTHING, Network, NetworkState, Weights
from inner_loop.objective import Lived
from inner_loop.rule import LearningRule

Pay = Callable[[Tensor, Tensor], Tensor]
"""`Task.pay`: choices (P, B) and targets (K, outputs, B) to rewards (P, B)."""


@final
class Choices:
    """Chooses by the network's output, with what the rule explores, and pays.

    Args:
        streams: of the lives, P or 1.
    """

    def __init__(self, network: Network, newborn: Phenotype, rule: LearningRule, streams: Streams, pay: Pay) -> None:
        self._network, self._newborn, self._pay = network, newborn, pay
        self._tries, self._streams = rule.explores(newborn), streams.stream("tries")
        self._sizes = {name: network.topology.group(name).size for name in network.incoming}

    def paid(
        self, lived: Lived, weights: Weights, inputs: Tensor, before: NetworkState | None, number: int
    ) -> tuple[NetworkState, Lived]:
        """The step with the choice that was made and its reward; activities are those with exploration in them.

        Args:
            before: the network at the step before; None without memory.
            number: of the step in the life, which numbers its random choices.
        """
        now, noise = NetworkState(lived.activities, lived.internal), self._noise(number, inputs)
        if noise:
            now = self._network.advance(weights, inputs, before, noise)
            lived = replace(lived, activities=now.activities, internal=now.internal)
        output = lived.activities[lived.output]
        if self._tries.choice is not None:
            uniform = self._streams.stream("choice").stream(number).uniform(output.shape[2], output.shape[1]).mT
            output = tried_at(output, self._tries.choice[:, None, None], -(-uniform.log()).log().to(output))
        actions = output.max(1).indices
        reward = self._pay(actions, lived.targets).to(output)
        reward = reward if lived.weight is None else reward * lived.weight
        alive = torch.ones_like(reward, dtype=torch.bool)
        return now, replace(lived, actions=actions, reward=reward, alive=alive, noise=noise)

    def _noise(self, step: int, inputs: Tensor) -> dict[str, Tensor]:
        if self._tries.noise is None:
            return dict(NOTHING)
        units = sum(self._sizes.values())
        drawn = self._streams.stream("noise").stream(step).normal(inputs.shape[2], units).mT.to(inputs)
        drawn = drawn * self._tries.noise[:, None, None]
        return dict(zip(self._sizes, drawn.split(list(self._sizes.values()), dim=1), strict=True))
