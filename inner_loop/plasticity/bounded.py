"""Bounded weight changes in episodes; only lives and episodes that are still running change."""

from __future__ import annotations

import torch
from jaxtyping import Bool
from torch import Tensor

from inner_loop.objective import Lived


def lives_going(lived: Lived) -> Bool[Tensor, "P 1 1"] | None:
    """True for lives with a running episode; None if there are no episodes."""
    return None if lived.alive is None else lived.alive.any(1)[:, None, None]


def add_bounded(weight: Tensor, change: Tensor, bound: float, going: Bool[Tensor, "P 1 1"] | None) -> None:
    """weight <- weight + change, rescaled to the bound if the largest exceeds it; ended lives stay exactly the same.

    Args:
        weight: (P, post, pre).
        change: (P, post, pre); modified in place.
        bound: largest magnitude of a weight.
        going: lives that change; None: every life.
    """
    changed = change.add_(weight)
    largest = changed.abs().amax((1, 2), keepdim=True)
    changed /= (largest / bound).clamp_(min=1.0)
    if going is None:
        weight.copy_(changed)
    else:  # not by a factor of 0: activity after the end of an episode need not be finite
        torch.where(going, changed, weight, out=weight)


def side_by_side(post: Tensor, pre: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """y and x of a single episode for every synapse, (P, post, pre): contiguous copies, faster than broadcasting."""
    return post.expand_as(weight).contiguous(), pre.mT.expand_as(weight).contiguous()


def of_going(post: Tensor, pre: Tensor, alive: Bool[Tensor, "P B"] | None) -> tuple[Tensor, Tensor, Tensor | float]:
    """y and x, 0 in episodes that have ended, and the weight of each running episode in their mean."""
    if alive is None:
        return post, pre, 1.0 / post.shape[2]
    going = alive[:, None, :]
    share = 1.0 / alive.sum(1).clamp(min=1).to(post)[:, None, None]
    return torch.where(going, post, 0.0), torch.where(going, pre, 0.0), share
