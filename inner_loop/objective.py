"""The interface of objectives: the error that learning descends. Selection never reads it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from genomes.errors import InputError, check_shape
from genomes.phenotype import scoped

if TYPE_CHECKING:
    from genomes.phenotype import Phenotype
    from genomes.streams import Streams
    from inner_loop.network import Activities, Network, Weights


@final
@dataclass(frozen=True, eq=False)
class Lived:
    """One step of P lives. Fields that only worlds have are None in tasks.

    Attributes:
        activities: by group, (P, units, B); the sensory group's may be (1, units, B).
        targets: (P, output units, B) or (1, output units, B); one-hot where the target is a class; (1, 0, B)
            in a world without a teacher.
        output: name of the output group.
        objective: the objective of the life; None without one.
        step: index of the step, from 0; in a task it counts in the life, in a world in the episode.
        streams: streams of this life (of this episode), P or common to all.
        traits: numbers of the individuals by config path, (P,), such as `objective.smoothing`.
        before: activities of the step before, zero at the first step; None in networks without memory.
        internal: by group, what its unit model keeps beside the activity, (P, n, B), such as membrane potentials.
        actions: the actions taken: (P, B) int64, or (P, outputs, B) before clipping to their range.
        reward: (P, B), for that action.
        alive: (P, B), False once an episode has ended: from then on nothing may change.
        weight: (P, B) or (1, B), the weight of the targets.
        noise: by group, (P, units, B), the exploration noise in the summed input.
        weights: at this step; None if the objective is evaluated without a network.
        memory: the objective's memory from earlier steps.
    """

    activities: Activities
    targets: Tensor
    output: str
    objective: Objective | None
    step: int
    streams: Streams
    traits: Mapping[str, Tensor] = field(default_factory=dict)
    before: Activities | None = None
    internal: Activities = field(default_factory=dict)
    actions: Tensor | None = None
    reward: Tensor | None = None
    alive: Tensor | None = None
    weight: Tensor | None = None
    noise: Activities = field(default_factory=dict)
    weights: Weights | None = None
    memory: Any = ()

    def within(self, path: str, objective: Objective, memory: Any = ()) -> Lived:
        """The same step for an objective inside another one; its numbers are under `objective.path`."""
        return replace(self, objective=objective, memory=memory, traits=scoped(self.traits, "objective", path))

    def weight_error(self) -> dict[str, Tensor]:
        """dE/dW, the direct dependence on the weights, by projection, (P, post, pre); {} without one."""
        return {} if self.objective is None else self.objective.weight_error(self)

    def error(self) -> dict[str, Tensor]:
        """dE/dactivity by group, the gradient of the mean over the samples; zero where an episode has ended."""
        if self.objective is None:
            raise InputError("objective: expected one, for a rule that descends an error, got none")
        errors = errors_of(self.objective, self)
        for counts in (self.alive, self.weight):
            if counts is not None:
                for error in errors.values():
                    error.mul_(counts[:, None, :])
        return errors


class Objective(ABC):
    """A quantity that a life minimises. Implementations are frozen dataclasses: only the memory changes in a life.

    `loss`, `error` and `weight_error` are pure: rules may call them as often as they like. They read all activities,
    those of the step before, the weights and the memory from `lived`.
    """

    def init(self, network: Network, newborn: Phenotype) -> Any:
        """The memory at birth, tensors with a leading axis P; () without a memory.

        A life on samples keeps it from step to step; every episode of a world begins with the memory of birth.
        """
        return ()

    def after(self, lived: Lived) -> Any:
        """The memory after a step; called once for each step."""
        return lived.memory

    def weight_error(self, lived: Lived) -> dict[str, Tensor]:
        """dE/dW by projection, (P, post, pre), for an E that depends on weights directly, such as a wiring cost.

        Rules that descend an error add it, once in each update, to the gradient from the chain rule.
        """
        return {}

    @property
    def has_twin(self) -> bool:
        """True if the objective has a compiled twin of `error`; False by default."""
        return False

    def twin(self, newborn: Phenotype) -> Any:
        """The twin for P lives, a NamedTuple of numbers: see `inner_loop.twins.seam`."""
        raise NotImplementedError("asked only of an objective that has a twin")

    @abstractmethod
    def loss(self, lived: Lived) -> Float[Tensor, " P"]:
        """E, mean over the samples, (P,)."""

    @abstractmethod
    def error(self, lived: Lived) -> dict[str, Tensor]:
        """dE/dactivity in closed form for each group on which E depends directly, (P, units, B), newly allocated."""


def errors_of(objective: Objective, lived: Lived) -> dict[str, Tensor]:
    """The errors of an objective; each must have the size of its group's activity.

    Raises:
        ShapeError: errors of other sizes, or of an unknown group.
    """
    errors = objective.error(lived)
    for name, error in errors.items():
        activity = lived.activities.get(name)
        check_shape(objective, f"the error of {name}", error, set() if activity is None else {activity.shape})
    return errors


def error_by_autograd(objective: Objective, lived: Lived) -> dict[str, Tensor]:
    """`objective.error`, derived from `loss`: for tests, and for objectives without a closed form."""
    with torch.inference_mode(mode=False), torch.enable_grad():
        leaves = {name: y.clone().requires_grad_() for name, y in lived.activities.items()}
        targets = lived.targets.clone()
        copy = replace(lived, activities=leaves, targets=targets, objective=objective)
        loss = objective.loss(copy).sum()
        if not loss.requires_grad:
            return {}
        gradients = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    return {name: g for name, g in zip(leaves, gradients, strict=True) if g is not None}


def weight_error_by_autograd(objective: Objective, lived: Lived) -> dict[str, Tensor]:
    """`objective.weight_error`, derived from `loss`."""
    assert lived.weights is not None, "asked of a network"
    with torch.inference_mode(mode=False), torch.enable_grad():
        leaves = {name: weight.clone().requires_grad_() for name, weight in lived.weights.projections.items()}
        copy = replace(lived, weights=replace(lived.weights, projections=leaves), objective=objective)
        loss = objective.loss(copy).sum()
        if not loss.requires_grad:
            return {}
        gradients = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    return {name: g for name, g in zip(leaves, gradients, strict=True) if g is not None}
