"""Plasticity as a polynomial: Confavreux et al. 2020, NeurIPS 33; with reward, Mehta et al. 2024, NeurIPS 37."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from genomes.errors import require
from genomes.evolvable import check_evolvables
from genomes.evolve import Evolvable, Several, Synaptic
from genomes.phenotype import Phenotype, Synapses
from genomes.streams import Streams
from inner_loop.network import Network, Weights
from inner_loop.objective import Lived
from inner_loop.plasticity.bounded import add_bounded, lives_going, of_going, side_by_side
from inner_loop.rule import LearningRule, Teacher
from inner_loop.twins.layout import Episodes, Form, Lanes

_LETTERS = "xywr"
_MANY = 16  # with more terms, two matrix products are faster than an operation for each term

Powers = tuple[int, int, int, int]
"""The powers of x, y, w and r in a term."""


@final
@dataclass(frozen=True, eq=False)
class Factors:
    """The factors of the terms of a projection, 0 in episodes that have ended.

    Attributes:
        one, reward: (P, 1, B), or (1, 1, 1) where they are the same everywhere.
        post, pre: (P, units, B).
        share: the weight of an episode in the mean.
    """

    one: Tensor
    reward: Tensor
    post: Tensor
    pre: Tensor
    share: Tensor | float

    @classmethod
    def of(cls, post: Tensor, pre: Tensor, lived: Lived, lives: int) -> Factors:
        """The factors of a step."""
        post, pre, one = post.expand(lives, -1, -1), pre.expand(lives, -1, -1), post.new_ones(1, 1, 1)
        reward = 0.0 * one if lived.reward is None else lived.reward[:, None, :]
        if lived.alive is None or post.shape[2] == 1:  # for a single episode, `add_bounded` leaves ended lives alone
            return cls(one, reward, post, pre, 1.0 / post.shape[2])
        going = lived.alive[:, None, :]
        return cls(going.to(post), torch.where(going, reward, 0.0), *of_going(post, pre, lived.alive))


@final
@dataclass(frozen=True, eq=False)
class Polynomial:
    """The rule of one projection.

    Attributes:
        rate: the learning rate, 0 where no synapse grew.
        theta: the coefficient of each term, (P, 1, 1) or (P, post, pre).
        matrix: the coefficients if terms are many and shared by synapses, (P, powers of y, of r, of w, of x).
    """

    rate: Tensor
    theta: Mapping[Powers, Tensor]
    matrix: Float[Tensor, "P y r w x"] | None

    def change(self, weight: Tensor, factors: Factors) -> Float[Tensor, "P post pre"]:
        """The change of the weights, newly allocated."""
        sums = self._by_term(weight, factors) if self.matrix is None else _by_matrix(self.matrix, factors)
        highest = max(sums)
        total = sums[highest]
        for power in range(highest - 1, -1, -1):  # by Horner's scheme
            total = torch.addcmul(sums[power], total, weight) if power in sums else total * weight
        return total.mul_(self.rate * factors.share)

    def _by_term(self, weight: Tensor, factors: Factors) -> dict[int, Tensor]:
        """By power of w, the sum over episodes and terms of theta x^a y^b r^d, (P, post, pre)."""
        single, post, pre = factors.post.shape[2] == 1, factors.post, factors.pre
        if single:
            post, pre = side_by_side(post, pre, weight)
        x, y, r = _powers(1.0, pre), _powers(factors.one, post), _powers(factors.one, factors.reward)
        moments: dict[tuple[int, int, int], Tensor] = {}
        sums: dict[int, Tensor] = {}
        for (a, b, c, d), theta in self.theta.items():
            if (a, b, d) not in moments:
                late = y[b] * r[d] if d else y[b]
                moments[a, b, d] = late * x[a] if single else torch.bmm(late, x[a].mT)
            moment = moments[a, b, d]
            sums[c] = sums[c].addcmul_(theta, moment) if c in sums else theta * moment
        return sums


def _by_matrix(matrix: Float[Tensor, "P y r w x"], factors: Factors) -> dict[int, Tensor]:
    """`_by_term` as a product of the factors in y and r with the factors in x."""
    lives, of_y, of_r, of_w, of_x = matrix.shape
    units, samples = factors.post.shape[1:]
    late = torch.stack(_powers(factors.one, factors.post)[:of_y], dim=3)
    if of_r > 1:
        rewards = torch.stack(_powers(factors.one, factors.reward)[:of_r], dim=3)
        late = (late[..., None] * rewards[..., None, :]).flatten(3)
    left = torch.bmm(late.flatten(1, 2), matrix.flatten(3).flatten(1, 2))
    left = left.view(lives, units, samples, of_w, of_x).permute(0, 3, 1, 4, 2)
    right = torch.stack(_powers(1.0, factors.pre)[:of_x], dim=1).mT
    sums = torch.bmm(left.reshape(lives, of_w * units, of_x * samples), right.reshape(lives, of_x * samples, -1))
    return dict(enumerate(sums.view(lives, of_w, units, -1).unbind(1)))


def _powers(one: Tensor | float, number: Tensor) -> list[Tensor]:
    """number^0 (with the shape of `one` broadcast), number^1, number^2, all of one shape."""
    return [torch.ones_like(number) * one, number, number * number]


@final
@dataclass(frozen=True)
class Volterra(LearningRule[tuple[Polynomial, ...]]):
    """dw_ij = learning_rate * mean_b sum_abcd theta_abcd x_j^a y_i^b w_ij^c r^d, no power above 2.

    x is presynaptic activity (of the step before in recurrent and lateral projections), y postsynaptic, w the weight
    itself, r the reward of the step, 0 without rewards. The mean is over the running episodes. Hebb's rule is xy; Oja's
    (1982) is xy - yyw; xyr is Hebb's rule with a third factor. Biases stay. Weights are bounded as in Hebbian.

    Deviation from the paper: in spiking networks, x and y of Confavreux et al. are low-pass traces of the spikes; here
    they are the present rates, without traces, as in their networks of rates and in Mehta et al.

    Attributes:
        terms: products of the letters x, y, w and r, each at most twice, such as yyw; "1" is the constant. (): all 81.
        coefficient: theta of each term, in the genome `coefficient.TERM` with the letters in the order x, y, w, r.
        fixed: numbers that are added to theta, one for each term: evolution then searches for changes of a known rule.
        learning_rate: of each synapse.
        bound: largest magnitude of a weight.
    """

    terms: tuple[str, ...] = ()
    coefficient: Annotated[Evolvable, Synaptic, Several("labels")] = 0.0
    fixed: tuple[float, ...] = ()
    learning_rate: Annotated[Evolvable, Synaptic] = 0.01
    bound: float = 1.0

    def __post_init__(self) -> None:
        for term in self.terms:
            fits = term == "1" or (term and all(x in _LETTERS and n <= 2 for x, n in Counter(term).items()))
            require(fits, "Volterra.terms", "products of x, y, w and r, each at most twice, or 1", term)
        twice = [label for label, count in Counter(self.labels).items() if count > 1]
        require(not twice, "Volterra.terms", "every term once", twice)
        count = len(self.labels)
        require(len(self.fixed) in (0, count), "Volterra.fixed", f"{count} numbers, one a term, or none", self.fixed)
        require(self.bound > 0, "Volterra.bound", "a number above 0", self.bound)
        check_evolvables(self)

    @property
    def powers(self) -> tuple[Powers, ...]:
        """The powers of each term."""
        if not self.terms:
            return tuple((a, b, c, d) for a, b, c, d in product(range(3), repeat=4))
        return tuple((t.count("x"), t.count("y"), t.count("w"), t.count("r")) for t in self.terms)

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of each term."""
        names = ("".join(x * n for x, n in zip(_LETTERS, powers, strict=True)) for powers in self.powers)
        return tuple(name or "1" for name in names)

    @property
    def teacher(self) -> Teacher:
        """A reward, if any term contains it."""
        return "reward" if any(d for *_, d in self.powers) else "nothing"

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
        state: tuple[Polynomial, ...],
        episodes: Episodes,
    ) -> Any:
        """`inner_loop.twins.rules.volterra`."""
        from inner_loop.twins.rules.volterra import twin_of

        return twin_of(state, self.powers, self.bound, lanes, network, weights)

    def init(self, network: Network, newborn: Phenotype, weights: Weights, streams: Streams) -> tuple[Polynomial, ...]:
        """The polynomial of every projection, which does not change in a life."""
        return tuple(self._polynomial(newborn.projections[edge.name]) for edge in newborn.topology.edges)

    def _polynomial(self, synapses: Synapses) -> Polynomial:
        rate = synapses.parameters["rule.learning_rate"].to(synapses.weight)
        rate = rate if synapses.mask is None else rate * synapses.mask
        theta, fixed = {}, self.fixed or (0.0,) * len(self.powers)
        for powers, label, number in zip(self.powers, self.labels, fixed, strict=True):
            theta[powers] = synapses.parameters[f"rule.coefficient.{label}"].to(rate) + number
        many = len(theta) > _MANY and all(number.shape[1:] == (1, 1) for number in theta.values())
        return Polynomial(rate, theta, _matrix(theta) if many else None)

    def step(
        self, network: Network, weights: Weights, state: tuple[Polynomial, ...], lived: Lived, newborn: Phenotype
    ) -> tuple[Weights, tuple[Polynomial, ...]]:
        """One update of every projection."""
        going = lives_going(lived)
        for edge, polynomial in zip(newborn.topology.edges, state, strict=True):
            weight = weights.projections[edge.name]
            pre = network.presynaptic(edge, lived.activities, lived.before)
            factors = Factors.of(lived.activities[edge.post], pre, lived, weight.shape[0])
            add_bounded(weight, polynomial.change(weight, factors), self.bound, going)
        return weights, state


def _matrix(theta: Mapping[Powers, Tensor]) -> Float[Tensor, "P y r w x"]:
    """Coefficients that all synapses share, 0 for terms that do not occur."""
    x, y, w, r = (1 + max(powers) for powers in zip(*theta, strict=True))
    first = next(iter(theta.values()))
    matrix = first.new_zeros(first.shape[0], y, r, w, x)
    for (a, b, c, d), number in theta.items():
        matrix[:, b, d, c, a] = number[:, 0, 0]
    return matrix
