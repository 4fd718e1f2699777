"""Only the readout learns, by the delta rule (Widrow & Hoff 1960): the control that shows no hidden learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from inner_loop.network import Network
from inner_loop.rules.gradient_descent import GradientDescent


@final
@dataclass(frozen=True)
class OutputOnly(GradientDescent):
    """Gradient descent with momentum on the synapses into the output group; the others stay as at birth."""

    def plastic(self, network: Network) -> tuple[str, ...]:
        """The output group."""
        return (network.output,)
