"""The interface of unit models: how the neurons of a group turn their summed input into activity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

from genomes.errors import InputError, nearest

if TYPE_CHECKING:
    from torch import Tensor

FUNCTIONS = (
    "linear",
    "tanh",
    "relu",
    "sigmoid",
    "sine",
    "cosine",
    "gaussian",
    "absolute",
    "square",
    "step",
    "inverse",
)
"""The names of the activation functions of rate units; a `function` of a unit is an index into this tuple."""

Numbers = Mapping[str, "Tensor"]
"""Numbers of the neurons of a group by name, (P, units, 1): `leak`, `function`, `present`, those of a unit model."""


def check_function(name: str, where: str) -> None:
    """Raises InputError when no activation function has this name."""
    if name not in FUNCTIONS:
        near = nearest(name, FUNCTIONS)
        others = f" ({', '.join(sorted(FUNCTIONS))})" if near.startswith("did you mean") else ""
        raise InputError(f"{where}: no activation '{name}'; {near}{others}")


class Neuron(ABC):
    """A unit model. Implementations are frozen dataclasses: configuration, no state.

    A field of the type Evolvable is a number of each neuron; it may evolve, one for the group or `per: types`. All
    tensors are (P, units, B) for P networks and B samples, numbers (P, units, 1).
    """

    has_memory: bool = True
    """True if a neuron's activity depends on the step before even where the group's leak is 1."""

    @abstractmethod
    def step(
        self, total: Tensor, before: Tensor | None, internal: Tensor | None, numbers: Numbers
    ) -> tuple[Tensor, Tensor | None]:
        """One step of the neurons.

        Args:
            total: the summed input; may be overwritten.
            before: activity of the step before, zero at the first; None in a network without memory.
            internal: the internal variables of the step before; None at the first step.

        Returns:
            activity: (P, units, B).
            internal: what the next step or `back` needs beside the activity, (P, n, B), such as membrane potentials;
                None if nothing.
        """

    @abstractmethod
    def back(
        self, error: Tensor, later: Tensor | None, activity: Tensor, internal: Tensor | None, numbers: Numbers
    ) -> tuple[Tensor, Tensor | None]:
        """The step backwards: the chain rule, or the surrogate gradient of a model without a derivative.

        Args:
            error: dE/dactivity; may be overwritten.
            later: the error that the step after hands back within the neuron; None at the last step.
            activity, internal: as `step` returned them.

        Returns:
            delta: dE/d(summed input), (P, units, B).
            earlier: `later` of the step before; None if the neuron has no memory.
        """
