"""Trial and error, which keeps an accidental success: Thorndike 1898; random guessing as in Hinton & Nowlan 1987."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, final

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from genomes.phenotype import Phenotype
from genomes.streams import Streams
from inner_loop.network import Network, Weights
from inner_loop.objective import Lived
from inner_loop.rule import LearningRule, Teacher
from inner_loop.twins.layout import Episodes, Form, Lanes

_STEPS = 64  # steps drawn at once: a draw costs hundreds of small operations
_WORD = 32  # guesses in a word


@final
@dataclass(frozen=True, eq=False)
class Guesses:
    """State of a life by trial and error.

    Attributes:
        plastic: by projection name, (P, post, pre), the synapses that are guessed.
        words: (K, 64, words), a random bit for each synapse at each of 64 steps, 32 in a word.
    """

    plastic: dict[str, Bool[Tensor, "P post pre"]]
    words: Int[Tensor, "K steps words"]


@final
@dataclass(frozen=True)
class TrialAndError(LearningRule[Guesses]):
    """After a step without reward every plastic synapse is guessed again, -1 or +1; a reward keeps the guess.

    Synapses are plastic if their parameter `plastic` is above 0; without that parameter, all that grew are plastic. If
    one of several episodes side by side has a reward above 0, the guess is kept; once all have ended nothing changes.
    """

    @property
    def teacher(self) -> Teacher:
        """A reward."""
        return "reward"

    @property
    def twins(self) -> frozenset[Form]:
        """Lanes."""
        return frozenset({"lanes"})

    def lanes_twin(
        self,
        lanes: Lanes,
        network: Network,
        newborn: Phenotype,
        weights: Weights,
        state: Guesses,
        episodes: Episodes,
    ) -> Any:
        """`inner_loop.twins.rules.trial_and_error`."""
        from inner_loop.twins.rules.trial_and_error import twin_of

        blocks, synapses = range(-(-episodes.steps // _STEPS)), newborn.topology.synapses
        words = torch.cat([_words(episodes.streams, block, synapses) for block in blocks], dim=1)
        return twin_of(state.plastic, words[:, : episodes.steps], lanes, network, weights)

    def init(self, network: Network, newborn: Phenotype, weights: Weights, streams: Streams) -> Guesses:
        """The plastic synapses; no random numbers are drawn yet."""
        plastic = {}
        for edge in newborn.topology.edges:
            synapses = newborn.projections[edge.name]
            marks = synapses.parameters.get("plastic", torch.ones_like(synapses.weight)) > 0
            plastic[edge.name] = marks if synapses.mask is None else marks & synapses.mask
        return Guesses(plastic, torch.empty(0, _STEPS, 0, dtype=torch.int64))

    def step(
        self, network: Network, weights: Weights, state: Guesses, lived: Lived, newborn: Phenotype
    ) -> tuple[Weights, Guesses]:
        """One guess of every plastic synapse of the lives without a reward; biases stay."""
        block, row = divmod(lived.step, _STEPS)
        if row == 0:
            state = replace(state, words=_words(lived.streams, block, newborn.topology.synapses))
        coins = _unpacked(state.words[:, row]).to(weights.flat)
        fails, first = _fails(lived), 0
        for name, plastic in state.plastic.items():
            weight = weights.projections[name]
            last = first + weight[0].numel()
            guess = coins[:, first:last].view(-1, *weight.shape[1:])
            weight.copy_(torch.where(plastic if fails is None else plastic & fails, guess, weight))
            first = last
        return weights, state


def _words(streams: Streams, block: int, synapses: int) -> Int[Tensor, "K steps words"]:
    """The words of a block of steps, numbered by step: they do not depend on the size of the block."""
    count = _STEPS * -(-synapses // _WORD)
    return streams.stream("guesses").words(count, block * count).view(streams.owners, _STEPS, -1)


def _unpacked(words: Int[Tensor, "K words"]) -> Tensor:
    """-1 or +1 for each bit, (K, 32 * words)."""
    bits = words[:, :, None] & (1 << torch.arange(_WORD, device=words.device))
    return torch.where(bits.flatten(1) != 0, 1.0, -1.0)


def _fails(lived: Lived) -> Bool[Tensor, "P 1 1"] | None:
    """Running lives without a reward at this step; None if there are no rewards."""
    if lived.reward is None:
        return None
    going = torch.ones_like(lived.reward, dtype=torch.bool) if lived.alive is None else lived.alive
    rewarded = (lived.reward > 0) & going
    return (going.any(1) & ~rewarded.any(1))[:, None, None]
