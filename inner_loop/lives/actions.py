"""Outputs become actions, with whatever a rule explores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from genomes.errors import check_shape
from genomes.streams import Streams
from inner_loop.lives.agent import AgentState
from inner_loop.network import NOTHING, Activities
from inner_loop.rule import LearningRule
from inner_loop.world import Continuous, Discrete

BLOCK = 64
"""Steps whose random numbers are drawn at once: a draw costs hundreds of small operations."""


@final
class ActionSampler:
    """Turns outputs into actions, with the exploration of the rule."""

    def __init__(self, being: AgentState, rule: LearningRule | None, streams: Streams, episodes: int) -> None:
        tries = None if rule is None else rule.explores(being.newborn)
        for what in ("choice", "noise"):
            if getattr(tries, what, None) is not None:
                check_shape(rule, f"exploration ({what})", getattr(tries, what), {(being.newborn.lives,)})
        self._being, self._episodes = being, episodes
        self._actions, like = being.world.actions, being.newborn.like
        self._sizes = {name: being.network.topology.group(name).size for name in being.network.incoming}
        self._choice = self._noise = None
        if tries is not None and tries.choice is not None:
            self._choice = tries.choice[:, None, None]
            draw = _gumbel if isinstance(self._actions, Discrete) else Streams.normal
            self._lots = _Drawn(streams.stream("tries").stream("choice"), self._actions.outputs, episodes, draw)
        if tries is not None and tries.noise is not None:
            self._noise = tries.noise[:, None, None]
            self._shocks = _Drawn(
                streams.stream("tries").stream("noise"), sum(self._sizes.values()), episodes, Streams.normal
            )
        if isinstance(self._actions, Continuous):
            low, high = (like.new_tensor(end)[None, :, None] for end in (self._actions.low, self._actions.high))
            self._middle, self._half = (high + low) / 2.0, (high - low) / 2.0

    def noise(self, step: int) -> Activities:
        """The noise that is added to the summed inputs, by group, (P, units, B)."""
        if self._noise is None:
            return dict(NOTHING)
        drawn = self._being.inward(self._shocks.at(step), self._episodes).to(self._being.newborn.like) * self._noise
        return dict(zip(self._sizes, drawn.split(list(self._sizes.values()), dim=1), strict=True))

    def ahead(self, steps: int) -> Ahead:
        """All that is explored in an episode of so many steps, drawn at once: the same numbers as step by step."""
        lots = None if self._choice is None else self._lots.ahead(steps)
        shocks = None if self._noise is None else self._shocks.ahead(steps)
        spread, deviation = (None if part is None else part.flatten(1) for part in (self._choice, self._noise))
        return Ahead(spread, lots, deviation, shocks)

    def act(self, output: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """The action as a rule reads it, and as the world reads it."""
        tried, spread = output, self._choice
        if spread is not None:
            lots = self._being.inward(self._lots.at(step), self._episodes).to(output)
            tried = tried_at(output, spread, lots) if isinstance(self._actions, Discrete) else output + lots * spread
        if isinstance(self._actions, Discrete):
            chosen = tried.max(1).indices
            return chosen, chosen
        if isinstance(self._actions, Continuous):
            return tried, tried.clamp(-1.0, 1.0) * self._half + self._middle
        return tried, tried


@final
class _Drawn:
    """Random numbers for every step, (K, n, episodes), drawn a block of steps at a time."""

    def __init__(self, streams: Streams, count: int, episodes: int, draw: Callable[..., Tensor]) -> None:
        self._streams, self._shape, self._draw = streams, (BLOCK, episodes, count), draw
        self._block = torch.empty(0)

    def at(self, step: int) -> Tensor:
        """The numbers of one step; steps must come in order."""
        block, place = divmod(step, BLOCK)
        if place == 0:
            self._block = self._draw(self._streams.stream(block), *self._shape)
        return self._block[:, place].mT

    def ahead(self, steps: int) -> Tensor:
        """The numbers of an episode, (K, steps * n, episodes)."""
        blocks = [self._draw(self._streams.stream(block), *self._shape) for block in range(-(-steps // BLOCK))]
        return torch.cat(blocks, dim=1)[:, :steps].mT.flatten(1, 2)


@final
@dataclass(frozen=True, eq=False)
class Ahead:
    """The random numbers of an episode; None where a rule explores nothing.

    Attributes:
        spread: of the actions, (P, 1).
        lots: of the actions, (K, steps * outputs, episodes).
        deviation: of the noise, (P, 1).
        shocks: standard normal, (K, steps * neurons, episodes).
    """

    spread: Tensor | None
    lots: Tensor | None
    deviation: Tensor | None
    shocks: Tensor | None


def tried_at(output: Tensor, temperature: Tensor, gumbel: Tensor) -> Tensor:
    """Numbers whose maximum is a draw from softmax(output / temperature), by the Gumbel-max trick.

    At temperature 0, to which a knock-out silences exploration, it is the largest output.
    """
    return torch.where(temperature > 0.0, output / temperature + gumbel, output)


def _gumbel(streams: Streams, *shape: int) -> Tensor:
    return -(-streams.uniform(*shape).log()).log()
