"""Generalised Hebbian plasticity, ABCD: Najarro & Risi 2020, NeurIPS, eq. 1, with shared coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, final

import torch
from torch import Tensor

from genomes.evolvable import check_evolvables
from genomes.expect import expect
from genomes.phenotype import Phenotype, Synapses
from genomes.spec import Evolvable, Synaptic
from inner_loop.network import Network, Weights
from inner_loop.objective import Lived
from inner_loop.rule import LearningRule


@final
@dataclass(frozen=True)
class Hebbian(LearningRule[tuple[()]]):
    """dw_ij = learning_rate * mean_b (A y_i x_j + B x_j + C y_i + D), x presynaptic and y postsynaptic activity.

    A to D are those of the paper, B the pre- and C the postsynaptic term. Coefficients are shared by the individual, a
    projection or a pair of cell types. After a step, the weights of a projection whose largest magnitude passes `bound`
    are scaled back to it (the paper divides by the largest always), so nothing blows up.

    Attributes:
        learning_rate, correlation, presynaptic, postsynaptic, constant: eta, A, B, C, D.
        bound: largest magnitude of a weight.
        taught: while it learns, the output group shows the target in place of its own activity (supervised Hebb).
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
        expect(self.bound > 0, "Hebbian.bound", "a number above 0", self.bound)

    def init(self, network: Network, newborn: Phenotype, weights: Weights) -> tuple[()]:
        """Nothing to remember."""
        return ()

    def step(
        self, network: Network, weights: Weights, state: tuple[()], lived: Lived, newborn: Phenotype
    ) -> tuple[Weights, tuple[()]]:
        """One Hebbian update of every projection; biases stay."""
        for group, edges in network.incoming.items():
            teach = self.taught and group == network.output
            post = lived.targets if teach else lived.activities[group]
            for edge in edges:
                weight = weights.projections[edge.name]
                synapses = newborn.projections[edge.name]
                change = abcd_update(post, lived.activities[edge.pre], synapses)
                if synapses.mask is not None:
                    change *= synapses.mask
                weight += change
                largest = weight.abs().amax((1, 2), keepdim=True)
                weight *= (self.bound / largest).clamp_(max=1.0)
        return weights, state


def abcd_update(post: Tensor, pre: Tensor, synapses: Synapses) -> Tensor:
    """The ABCD change of one projection, mean over the samples, (P, post, pre); post and pre are (P or 1, units, B)."""
    eta, a, b, c, d = (
        synapses.parameters[f"rule.{name}"]
        for name in ("learning_rate", "correlation", "presynaptic", "postsynaptic", "constant")
    )
    lives, samples = synapses.weight.shape[0], pre.shape[2]
    product = torch.bmm(post.expand(lives, -1, -1), pre.expand(lives, -1, -1).mT) / samples
    mean_pre, mean_post = pre.mean(2)[:, None, :], post.mean(2)[:, :, None]
    return eta * (a * product + b * mean_pre + c * mean_post + d)
