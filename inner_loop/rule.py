"""The seam of plasticity: how a step of life changes the weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, TypeVar, final

from jaxtyping import Float
from torch import Tensor

from genomes.phenotype import Phenotype
from genomes.streams import Streams
from genomes.topology import Topology
from inner_loop.network import Activities, Network, Weights
from inner_loop.objective import Lived

State = TypeVar("State")

Teacher = Literal["nothing", "targets", "error", "reward"]
"""What a rule must be told beside the activities: targets, the error of an objective (which has targets), a reward."""


@final
@dataclass(frozen=True, eq=False)
class Exploration:
    """What a life in a world tries beyond what its network says.

    Attributes:
        choice: (P,), softmax temperature of discrete actions, or standard deviation of what is added to the outputs
            that are continuous actions; None: the largest output is chosen, the output is done.
        noise: (P,), standard deviation of what is added to the summed input of every unit behind the sensory group;
            None: nothing.
    """

    choice: Float[Tensor, " P"] | None = None
    noise: Float[Tensor, " P"] | None = None


class LearningRule(ABC, Generic[State]):
    """Implementations are frozen dataclasses without state: what learns is in the weights and in the state given back.

    Numbers of the rule that are Evolvable are found in the newborn under their config path: `newborn.traits["rule.x"]`,
    (P,), or, where they may differ between synapses, `newborn.projections[name].parameters["rule.x"]`.
    """

    learns: ClassVar[bool] = True
    """Whether a life can change the weights: False for the innate control."""

    @property
    def teacher(self) -> Teacher:
        """What the rule must be told, which is not to be had in every environment."""
        return "nothing"

    def check(self, topology: Topology) -> None:
        """Raises InputError when the rule cannot work in this topology."""

    @abstractmethod
    def init(self, network: Network, newborn: Phenotype, weights: Weights, streams: Streams) -> State:
        """Traces, momentum, feedback weights ... at birth, each with a leading axis P; () if there are none.

        Args:
            streams: P streams of the individuals alone, for what is drawn at birth: an individual alone draws as it
                draws in company.
        """

    def explores(self, newborn: Phenotype) -> Exploration:
        """What is tried while this rule learns in a world; nothing unless the rule says so."""
        return Exploration()

    @abstractmethod
    def step(
        self, network: Network, weights: Weights, state: State, lived: Lived, newborn: Phenotype
    ) -> tuple[Weights, State]:
        """Changes the weights after one step; may write into `weights` and `state`, and gives them back."""

    def answer(
        self, network: Network, weights: Weights, inputs: Float[Tensor, "K input B"], newborn: Phenotype
    ) -> Activities:
        """Activities by which a network that learns by this rule is examined on samples, at birth as after learning.

        One pass through the network, unless the rule answers in its own way: by a settled activity, a free phase, or
        the label whose goodness is largest.

        Returns:
            By group, (P, units, B); the sensory group's may be (1, units, B).
        """
        return network.activity(weights, inputs)

    @property
    def answers_itself(self) -> bool:
        """True if the rule answers in its own way."""
        return type(self).answer is not LearningRule.answer

    def consolidate(
        self, network: Network, weights: Weights, state: State, newborn: Phenotype
    ) -> tuple[Weights, State]:
        """Changes the weights after an episode of a world; traces that must not reach into the next one end here."""
        return weights, state
