"""Generalised Hebbian plasticity, ABCD: Najarro & Risi 2020, NeurIPS, eq. 1, with shared coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from genomes.errors import require
from genomes.evolvable import check_evolvables
from genomes.evolve import Evolvable, Synaptic
from genomes.phenotype import Phenotype, Synapses
from genomes.streams import Streams
from inner_loop.network import Network, Weights
from inner_loop.objective import Lived
from inner_loop.plasticity.bounded import add_bounded, lives_going, of_going, side_by_side
from inner_loop.rule import LearningRule, Teacher
from inner_loop.twins.layout import Episodes, Form, Lanes

_COEFFICIENTS = ("correlation", "presynaptic", "postsynaptic", "constant")


@final
@dataclass(frozen=True, eq=False)
class Coefficients:
    """eta times A, B, C and D of one projection, 0 where no synapse grew: each (P, 1, 1) or (P, post, pre)."""

    correlation: Tensor
    presynaptic: Tensor
    postsynaptic: Tensor
    constant: Tensor

    @classmethod
    def of(cls, synapses: Synapses) -> Coefficients:
        """The coefficients of newborn synapses."""
        rate = synapses.parameters["rule.learning_rate"].to(synapses.weight)
        if synapses.mask is not None:
            rate = rate * synapses.mask
        return cls(*(rate * synapses.parameters[f"rule.{name}"].to(rate) for name in _COEFFICIENTS))

    def change(self, product: Tensor, pre: Tensor, post: Tensor) -> Float[Tensor, "P post pre"]:
        """The change from the means of y x, x and y."""
        change = post * self.postsynaptic + self.constant
        return torch.addcmul(change, self.presynaptic, pre).addcmul_(self.correlation, product)


@final
@dataclass(frozen=True)
class Hebbian(LearningRule[tuple[Coefficients, ...]]):
    """dw_ij = learning_rate * mean_b (A y_i x_j + B x_j + C y_i + D), x presynaptic and y postsynaptic activity.

    A to D are those of the paper, B the pre- and C the postsynaptic term. Coefficients are shared by the individual, a
    projection, a pair of cell types or some synapses, or each synapse has its own, as in the paper. The mean is over
    the running episodes. Recurrent and lateral projections carry x of the step before. After a step, if the largest
    magnitude of a projection's weights exceeds `bound`, they are rescaled to it (the paper always divides by the
    largest), so weights cannot diverge.

    Attributes:
        learning_rate, correlation, presynaptic, postsynaptic, constant: eta, A, B, C, D.
        bound: largest magnitude of a weight.
        taught: True: while it learns, the output group shows the target in place of its own activity (supervised Hebb),
            in proportion to the target's weight.
    """

    learning_rate: Annotated[Evolvable, Synaptic] = 0.01
    correlation: Annotated[Evolvable, Synaptic] = 1.0
    presynaptic: Annotated[Evolvable, Synaptic] = 0.0
    postsynaptic: Annotated[Evolvable, Synaptic] = 0.0
    constant: Annotated[Evolvable, Synaptic] = 0.0
    bound: float = 1.0
    taught: bool = False

    def __post_init__(self) -> None:
        check_evolvables(self)
        require(self.bound > 0, "Hebbian.bound", "a number above 0", self.bound)

    @property
    def teacher(self) -> Teacher:
        """The targets, if `taught`."""
        return "targets" if self.taught else "nothing"

    @property
    def twins(self) -> frozenset[Form]:
        """Lanes, without a teacher."""
        return frozenset() if self.taught else frozenset({"lanes"})

    def lanes_twin(
        self,
        lanes: Lanes,
        network: Network,
        newborn: Phenotype,
        weights: Weights,
        state: tuple[Coefficients, ...],
        episodes: Episodes,
    ) -> Any:
        """`inner_loop.twins.rules.hebbian`."""
        from inner_loop.twins.rules.hebbian import twin_of

        return twin_of(state, self.bound, lanes, network, weights)

    def init(
        self, network: Network, newborn: Phenotype, weights: Weights, streams: Streams
    ) -> tuple[Coefficients, ...]:
        """The coefficients of every projection, which do not change in a life."""
        return _coefficients(newborn)

    def step(
        self, network: Network, weights: Weights, state: tuple[Coefficients, ...], lived: Lived, newborn: Phenotype
    ) -> tuple[Weights, tuple[Coefficients, ...]]:
        """One Hebbian update of every projection; biases stay. If the state is empty, it computes the coefficients."""
        state = state or _coefficients(newborn)
        going = lives_going(lived)
        for edge, coefficients in zip(newborn.topology.edges, state, strict=True):
            teach = self.taught and edge.post == network.output
            post = _shown(lived) if teach else lived.activities[edge.post]
            pre = network.presynaptic(edge, lived.activities, lived.before)
            weight = weights.projections[edge.name]
            change = coefficients.change(*_means(post, pre, weight, lived.alive))
            add_bounded(weight, change, self.bound, going)
        return weights, state


def _coefficients(newborn: Phenotype) -> tuple[Coefficients, ...]:
    return tuple(Coefficients.of(newborn.projections[edge.name]) for edge in newborn.topology.edges)


def _shown(lived: Lived) -> Tensor:
    """The activity of the output group under a teacher."""
    if lived.weight is None:
        return lived.targets
    return torch.lerp(lived.activities[lived.output], lived.targets, lived.weight[:, None, :])


def _means(post: Tensor, pre: Tensor, weight: Tensor, alive: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Means of y x, x and y over the running episodes, each (P, post, pre) or broadcastable to it."""
    if post.shape[2] == 1:
        y, x = side_by_side(post, pre, weight)
        return y * x, x, y
    lives = weight.shape[0]
    y, x, share = of_going(post.expand(lives, -1, -1), pre.expand(lives, -1, -1), alive)
    return torch.bmm(y, x.mT).mul_(share), x.sum(2)[:, None, :] * share, y.sum(2)[:, :, None] * share
