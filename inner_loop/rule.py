"""The interface of plasticity: a rule changes the weights at every step of a life."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeVar, final

from jaxtyping import Float
from torch import Tensor

from genomes.phenotype import Phenotype
from genomes.streams import Streams
from genomes.topology import Topology
from inner_loop.network import Activities, Network, Weights
from inner_loop.objective import Lived
from inner_loop.twins.layout import Episodes, Form, Lanes, Rows

State = TypeVar("State")

Teacher = Literal["nothing", "targets", "error", "reward"]
"""The information that a rule needs beside activity: targets, the error of an objective (with targets), a reward."""


@final
@dataclass(frozen=True, eq=False)
class Exploration:
    """The random variation of actions and activity in a world while a rule learns.

    Attributes:
        choice: (P,), softmax temperature of discrete actions, or standard deviation of the noise added to continuous
            actions; None: the largest output is chosen, or the output is the action.
        noise: (P,), standard deviation of the noise added to the summed input of every unit behind the sensory group;
            None: no noise.
    """

    choice: Float[Tensor, " P"] | None = None
    noise: Float[Tensor, " P"] | None = None


class LearningRule(ABC, Generic[State]):
    """Implementations are frozen dataclasses without state: learning changes the weights and the returned state.

    Numbers of the rule that are Evolvable stand in the newborn under their config path: `newborn.traits["rule.x"]`,
    (P,), or, where they may differ between synapses, `newborn.projections[name].parameters["rule.x"]`.
    """

    learns: ClassVar[bool] = True
    """True if a life can change the weights: False for the innate control."""

    @property
    def teacher(self) -> Teacher:
        """The information that the rule needs and that not every environment provides."""
        return "nothing"

    def check(self, topology: Topology) -> None:
        """Raises InputError when the rule cannot work in this topology."""

    @abstractmethod
    def init(self, network: Network, newborn: Phenotype, weights: Weights, streams: Streams) -> State:
        """Traces, momentum, feedback weights ... at birth, each with a leading axis P; () without a state.

        Args:
            streams: P streams, one for each individual, for random numbers at birth: an individual draws the same
                numbers alone as in a cohort.
        """

    def explores(self, newborn: Phenotype) -> Exploration:
        """The exploration while this rule learns in a world; none by default."""
        return Exploration()

    @abstractmethod
    def step(
        self, network: Network, weights: Weights, state: State, lived: Lived, newborn: Phenotype
    ) -> tuple[Weights, State]:
        """Changes the weights after one step; may write into `weights` and `state`, and returns them."""

    @property
    def twins(self) -> frozenset[Form]:
        """The forms in which the rule, with these settings, has a compiled twin of `step`; none by default."""
        return frozenset()

    def lanes_twin(
        self,
        lanes: Lanes,
        network: Network,
        newborn: Phenotype,
        weights: Weights,
        state: State,
        episodes: Episodes,
    ) -> Any:
        """The twin that learns in lanes, a NamedTuple of numbers: see `inner_loop.twins.seam`.

        Args:
            lanes: the way of numbers into lanes.
            state: of the rule, before the episodes.
            episodes: those that follow.
        """
        raise NotImplementedError("asked only of a rule whose `twins` names lanes")

    def after_lanes(
        self, lanes: Lanes, twin: Any, network: Network, newborn: Phenotype, weights: Weights, state: State
    ) -> State:
        """The state of the rule after the episodes of a twin, before `consolidate`; by default it has not changed."""
        return state

    def resident_twin(self, rows: Rows, network: Network, newborn: Phenotype, weights: Weights, state: State) -> Any:
        """The twin that learns from B samples at once, one life after the other: see `inner_loop.twins.resident`.

        Args:
            rows: the layout of numbers.
            state: of the rule, at birth.
        """
        raise NotImplementedError("asked only of a rule whose `twins` names resident")

    def panels_twin(
        self, rows: Rows, network: Network, newborn: Phenotype, weights: Weights, state: State, steps: int
    ) -> Any:
        """The twin that learns from whole episodes of one life at their end: see `inner_loop.twins.panels`.

        Args:
            rows: the layout of numbers.
            state: of the rule, before the episodes.
            steps: of the longest episode.
        """
        raise NotImplementedError("asked only of a rule whose `twins` names panels")

    def after_panels(self, rows: Rows, network: Network, twin: Any, state: State) -> State:
        """The state of the rule after the episodes of such a twin; by default it has not changed."""
        return state

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
        """Changes the weights after an episode of a world; traces that must not reach the next episode end here."""
        return weights, state
