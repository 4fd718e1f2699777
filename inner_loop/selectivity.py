"""Selectivity for direction and orientation: Mazurek, Kager & Van Hooser 2014 (Front. Neural Circuits 8:92).

Responses are not negative: rates, or energies. A cell that does not respond at all has an index of 0; a response that
is nan gives nan.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def direction_index(preferred: Float[Tensor, "*cells"], null: Float[Tensor, "*cells"]) -> Float[Tensor, "*cells"]:
    """(P - N) / (P + N), -1 to 1, of the responses to motion one way and to motion the opposite way.

    It is negative if the response to the null direction is larger than that to the preferred one.
    """
    return _share(preferred - null, preferred + null)


def vector_index(
    responses: Float[Tensor, "*cells angles"], angles: Float[Tensor, " angles"], harmonic: int
) -> Float[Tensor, "*cells"]:
    """|sum r exp(i harmonic angle)| / sum r, 0 to 1: one minus the circular variance.

    Args:
        responses: the response to each direction of motion.
        angles: these directions, radians, equally spaced around the circle.
        harmonic: 1 for direction, 2 for orientation (Ringach, Shapley & Hawken 2002, J. Neurosci. 22:5639).
    """
    turned = angles * harmonic
    along, across = ((responses * part).sum(-1) for part in (turned.cos(), turned.sin()))
    return _share(torch.hypot(along, across), responses.sum(-1))


def _share(part: Tensor, whole: Tensor) -> Tensor:
    return torch.where(whole == 0.0, 0.0, part / whole)
