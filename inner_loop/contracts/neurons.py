"""The contract of a unit model, written as code: steps of single neurons, and errors that are their derivatives."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from genomes.contract import Clauses
from genomes.evolvable import numbers
from genomes.evolve import ends
from genomes.neuron import Neuron
from genomes.streams import derive

_LIVES, _UNITS, _SAMPLES, _STEPS = 4, 3, 5, 6
_LEAK = 0.3


def check_neuron(neuron: Neuron) -> list[str]:
    """Checks a unit model over a few steps, float64, with a leak and without.

    Raises:
        InputError: the first clause that does not hold, or an error that the model itself raises, in one sentence.
    """
    return Clauses(neuron).through(lambda clauses: _neuron(clauses, neuron))


def _neuron(clauses: Clauses, neuron: Neuron) -> None:
    clauses.value()
    totals = [derive(0, "totals", step, range(_LIVES)).normal(_UNITS, _SAMPLES) for step in range(_STEPS)]
    for leaks in (False, True):
        _steps(clauses, neuron, totals, _numbers(neuron, leaks), "with a leak" if leaks else "without a leak")
    alone = neuron.step(totals[0].clone(), None, None, _numbers(neuron, False))[0]
    clauses.hold(_fits(alone), "a network without memory has the activity of one step", tuple(alone.shape))


def _steps(clauses: Clauses, neuron: Neuron, totals: list[Tensor], own: Mapping[str, Tensor], called: str) -> None:
    with torch.no_grad():
        shown, kept = _lived(neuron, [total.clone() for total in totals], own)
        order = [2, 0, 3, 1]
        other, _ = _lived(neuron, [total[order] for total in totals], {name: n[order] for name, n in own.items()})
    clauses.hold(all(_fits(y) for y in shown), f"activities are finite and (P, units, B) ({called})")
    near = all(torch.allclose(y[order], z, rtol=1e-12, atol=1e-12) for y, z in zip(shown, other, strict=True))
    clauses.hold(near, f"individuals in another order have the same activity (to 1e-12, {called})")
    kinds = {None if k is None else (k.dim(), k.shape[0], k.shape[-1]) for k in kept}
    fits = kinds <= {None, (3, _LIVES, _SAMPLES)} and len(kinds) == 1
    clauses.hold(fits, f"what it keeps is (P, n, B) at every step, or None ({called})", kinds)
    errors = [derive(1, "errors", step, range(_LIVES)).normal(_UNITS, _SAMPLES) for step in range(_STEPS)]
    leaves = [total.clone().requires_grad_() for total in totals]
    outputs, _ = _lived(neuron, [leaf.clone() for leaf in leaves], own)
    sloped = [(y, error) for y, error in zip(outputs, errors, strict=True) if y.requires_grad]
    wanted = [torch.zeros_like(total) for total in totals]
    if sloped:
        ys, slopes = zip(*sloped, strict=True)
        wanted = list(torch.autograd.grad(ys, leaves, slopes, allow_unused=True, materialize_grads=True))
    given = _back(neuron, errors, shown, kept, own)
    near = all(torch.allclose(a, b, rtol=1e-10, atol=1e-12) for a, b in zip(given, wanted, strict=True))
    clauses.hold(near, f"back is the derivative of step, or the surrogate that step gives autograd ({called})")


def _lived(neuron: Neuron, totals: list[Tensor], own: Mapping[str, Tensor]) -> tuple[list[Tensor], list[Tensor | None]]:
    """Activities, and what the neurons keep, at every step from rest."""
    before, internal, shown, kept = torch.zeros_like(totals[0]), None, [], []
    for total in totals:
        before, internal = neuron.step(total, before, internal, own)
        shown.append(before)
        kept.append(internal)
    return shown, kept


def _back(
    neuron: Neuron, errors: list[Tensor], shown: list[Tensor], kept: list[Tensor | None], own: Mapping[str, Tensor]
) -> list[Tensor]:
    """dE/d(summed input) of every step."""
    later, deltas = None, []
    for error, activity, internal in zip(errors[::-1], shown[::-1], kept[::-1], strict=True):
        delta, later = neuron.back(error.clone(), later, activity, internal, own)
        deltas.append(delta)
    return deltas[::-1]


def _numbers(neuron: Neuron, leaks: bool) -> dict[str, Tensor]:
    """Numbers of the neurons, (P, units, 1): the model's own constants, or the lowest values of those that evolve."""
    own = {number.path: ends(number.value)[0] for number in numbers(neuron) if not isinstance(number.value, str)}
    own |= {"leak": _LEAK} if leaks else {}
    return {name: torch.full((_LIVES, _UNITS, 1), value, dtype=torch.float64) for name, value in own.items()}


def _fits(activity: Tensor) -> bool:
    return activity.shape == (_LIVES, _UNITS, _SAMPLES) and bool(activity.isfinite().all())
