"""Only the readout learns, by the delta rule (Widrow & Hoff 1960): the control that shows no hidden learning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, final

from genomes.evolvable import check_evolvables
from genomes.phenotype import Phenotype
from genomes.spec import Evolvable, Synaptic
from inner_loop.network import Network, Weights
from inner_loop.objective import Lived
from inner_loop.rule import LearningRule
from inner_loop.rules.gradient_descent import Descent, begin, descend


@final
@dataclass(frozen=True)
class OutputOnly(LearningRule[Descent]):
    """Gradient descent with momentum on the synapses into the output group; the others stay as at birth.

    Attributes:
        learning_rate: of each synapse.
        momentum: of the individual, 0 to 1.
    """

    learning_rate: Annotated[Evolvable, Synaptic] = 0.1
    momentum: Evolvable = 0.9

    def __post_init__(self) -> None:
        check_evolvables(self)

    def init(self, network: Network, newborn: Phenotype, weights: Weights) -> Descent:
        """Momentum at rest."""
        return begin(newborn, weights, self.momentum, (network.output,))

    def step(
        self, network: Network, weights: Weights, state: Descent, lived: Lived, newborn: Phenotype
    ) -> tuple[Weights, Descent]:
        """One step down the gradient of the readout."""
        return descend(network, weights, state, lived, (network.output,))
