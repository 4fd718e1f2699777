"""The contract of objectives, written as code, for those of instinct and for user-defined ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from genomes.contract import Clauses
from inner_loop.contracts import specimen
from inner_loop.contracts.specimen import OTHERS, WRONG, nearly, rows_of, same_bytes
from inner_loop.objective import Lived, Objective, error_by_autograd, weight_error_by_autograd


def check_objective(objective: Objective) -> list[str]:
    """Checks an objective: its error is the gradient of its loss, a mean over the samples.

    Raises:
        InputError: the first clause that does not hold, or an error that the objective itself raises, in one sentence.
    """
    return Clauses(objective).through(lambda clauses: _objective(clauses, objective))


def _objective(clauses: Clauses, objective: Objective) -> None:
    clauses.value()
    lived = specimen.moment(objective)
    before = {name: y.clone() for name, y in (*lived.activities.items(), ("targets", lived.targets))}
    loss = objective.loss(lived)
    clauses.hold(loss.shape == (len(specimen.OWNERS),), "loss is one number a life, (P,)", tuple(loss.shape))
    clauses.hold(bool(loss.isfinite().all()), "loss is finite")
    error, by_weights = objective.error(lived), objective.weight_error(lived)
    told = bool(error or by_weights) and set(error) <= set(lived.activities)
    clauses.hold(told, "errors are named by group, or by projection those of the weights", [*error, *by_weights])
    shapes = {name: tuple(e.shape) for name, e in error.items()}
    wanted = {name: tuple(lived.activities[name].shape) for name in error}
    clauses.hold(shapes == wanted, "errors have the shape of the activity, (P, units, B)", shapes)
    given = {**lived.activities, "targets": lived.targets}
    clauses.hold(same_bytes(before, given), "neither loss nor error writes into the activity or the targets")
    lent = {t.untyped_storage().data_ptr() for t in given.values()}
    new = all(e.untyped_storage().data_ptr() not in lent for e in error.values())
    clauses.hold(new, "errors are newly allocated, so that a rule may write into them")
    _check_error(clauses, objective, lived, loss, error)
    slopes = weight_error_by_autograd(objective, lived)
    assert lived.weights is not None, "a specimen has weights"
    nothing = {name: torch.zeros_like(w) for name, w in lived.weights.projections.items()}
    equal = all(nearly({**nothing, **by_weights}[n], {**nothing, **slopes}[n], 1e-12) for n in nothing)
    clauses.hold(equal, "weight_error is the gradient of loss by the weights (autograd, to 1e-12)")
    _check_memory(clauses, objective, lived)


def _check_memory(clauses: Clauses, objective: Objective, lived: Lived) -> None:
    """Checks that `after` is pure, and that the memory of an individual does not depend on the others."""
    kept = [part.clone() for part in _remembered(lived.memory)]
    once, again = objective.after(lived), objective.after(lived)
    pure = all(map(torch.equal, _remembered(once), _remembered(again)))
    clauses.hold(pure, "the same step twice is remembered in the same way")
    clauses.hold(all(map(torch.equal, _remembered(lived.memory), kept)), "after does not write into the memory")
    wrong = {name: y.clone().index_fill_(0, torch.tensor(WRONG), torch.nan) for name, y in lived.activities.items()}
    beside = _remembered(objective.after(replace(lived, activities=wrong)))
    own = all(torch.equal(a[OTHERS], b[OTHERS]) for a, b in zip(beside, _remembered(once), strict=True))
    clauses.hold(own, "an individual that is not a number leaves its neighbours' memory alone")


def _remembered(memory: Any) -> list[Tensor]:
    """All tensors of a memory."""
    if isinstance(memory, Tensor):
        return [memory]
    inner = memory.values() if isinstance(memory, Mapping) else memory if isinstance(memory, (tuple, list)) else ()
    return [tensor for part in inner for tensor in _remembered(part)]


def _check_error(clauses: Clauses, objective: Objective, lived: Lived, loss: Tensor, error: dict[str, Tensor]) -> None:
    slopes = error_by_autograd(objective, lived)
    nothing = {name: torch.zeros_like(y) for name, y in lived.activities.items()}
    equal = all(nearly({**nothing, **error}[n], {**nothing, **slopes}[n], 1e-12) for n in nothing)
    clauses.hold(equal, "error is the gradient of loss (autograd, to 1e-12)")
    doubled = {name: torch.cat([y, y], 2) for name, y in lived.activities.items()}
    twice = objective.loss(replace(lived, activities=doubled, targets=torch.cat([lived.targets] * 2, 2)))
    clauses.hold(nearly(twice, loss, 1e-12), "loss is a mean over the samples: each of them twice changes nothing")
    wrong = {name: y.clone().index_fill_(0, torch.tensor(WRONG), torch.nan) for name, y in lived.activities.items()}
    beside = objective.error(replace(lived, activities=wrong))
    same = same_bytes(rows_of(beside, OTHERS), rows_of(error, OTHERS))
    clauses.hold(same, "an individual that is not a number leaves its neighbours' errors alone")
