"""The seam of plasticity: how a step of life changes the weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from genomes.phenotype import Phenotype
from inner_loop.network import Network, Weights
from inner_loop.objective import Lived

State = TypeVar("State")


class LearningRule(ABC, Generic[State]):
    """Implementations are frozen dataclasses without state: what learns is in the weights and in the state given back.

    Numbers of the rule that are Evolvable are found in the newborn under their config path: `newborn.traits["rule.x"]`,
    (P,), or, where they may differ between synapses, `newborn.projections[name].parameters["rule.x"]`.
    """

    @abstractmethod
    def init(self, network: Network, newborn: Phenotype, weights: Weights) -> State:
        """Traces, momentum, feedback weights ... at birth, each with a leading axis P; () if there are none."""

    @abstractmethod
    def step(
        self, network: Network, weights: Weights, state: State, lived: Lived, newborn: Phenotype
    ) -> tuple[Weights, State]:
        """Changes the weights after one step; may write into `weights` and `state`, and gives them back."""
