"""The scale of inputs: set once for a data set, from its training split, and the same for all of its samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from jaxtyping import Float32, Int64
from numpy import ndarray

from genomes.errors import InputError, require

Scale = Literal["standard", "unit", "none"]
"""Zero mean and unit variance; [0, 1]; as they are."""

_FAR = 10.0  # factor from unit scale, and from the training split, beyond which a doubt is raised
_LOOKED_AT = 1000  # samples from which the size of a feature is computed


def scaled(
    raw: dict[str, ndarray], training: Int64[ndarray, " m"], scale: Scale | None, where: dict[str, str]
) -> dict[str, Float32[ndarray, "n input"]]:
    """Inputs as networks receive them, part by part, (n, inputs) each.

    `standard`: subtracts the mean of every feature in training and divides by its standard deviation there. `unit`:
    divides bytes by 255; for other numbers, subtracts the minimum of every feature in training and divides by its range
    there, so samples of the other splits can leave [0, 1]. A feature that is constant in training is only shifted.
    None: bytes as `unit`, others as `none`.

    Args:
        raw: real numbers of any type.
        training: the samples of the part `train` that lives learn from.
        where: the name of each part in messages.

    Raises:
        InputError: numbers that are not finite; bytes in one part only, if no scale is given.
    """
    for part, numbers in raw.items():
        _check_finite(numbers, where[part])
    asked = _asked(raw, training, scale, where)
    with np.errstate(over="ignore", invalid="ignore"):  # numbers too large for float32 become infinite and are refused
        inputs = {part: asked(numbers) for part, numbers in raw.items()}
    for part, numbers in inputs.items():
        _check_finite(numbers, where[part])
    return inputs


def doubts_about(
    raw: dict[str, ndarray], inputs: dict[str, Float32[ndarray, "n input"]], scale: Scale | None, path: str
) -> list[str]:
    """Warnings about the scale of inputs, a sentence each.

    Args:
        raw: the inputs as given, by part.
        inputs: the inputs as networks receive them, by part.
    """
    doubts, seen = [], inputs["train"]
    sizes = {part: float(_sizes(numbers).max()) for part, numbers in raw.items()}
    if scale is None and not (_sizes(seen).max() <= _FAR and np.abs(seen).max() >= 1.0 / _FAR):
        doubts.append(
            f"{path}: inputs {ranged(seen)} are far from the scale of 1 that random weights and learning rates are "
            "meant for; `scale: standard` or `scale: unit` brings them there, `scale: none` keeps them"
        )
    if "test" in sizes and not sizes["train"] / _FAR <= sizes["test"] <= sizes["train"] * _FAR:
        doubts.append(
            f"{path}: inputs of the test split, {ranged(raw['test'])}, are on another scale than those of training, "
            f"{ranged(raw['train'])}"
        )
    return doubts


def ranged(numbers: ndarray) -> str:
    """The range of the numbers, in words."""
    return f"from {numbers.min():.3g} to {numbers.max():.3g}"


def _asked(
    raw: dict[str, ndarray], training: ndarray, scale: Scale | None, where: dict[str, str]
) -> Callable[[ndarray], ndarray]:
    """The function that scales the samples of every part."""
    types = {part: str(numbers.dtype) for part, numbers in raw.items()}
    of_bytes = [kind == "uint8" for kind in types.values()]
    if scale is None and any(of_bytes) and not all(of_bytes):
        both = " and ".join(where[part] for part in raw)
        expected = "bytes (uint8, which become 0 to 1) in both or in neither, or a `scale` given for both"
        raise InputError(f"{both}: expected {expected}, got {' and '.join(types.values())}")
    if all(of_bytes) and scale in (None, "unit"):
        return lambda numbers: numbers.astype(np.float32) / np.float32(255.0)
    if scale in (None, "none"):
        return lambda numbers: numbers.astype(np.float32)
    known = raw["train"][training].astype(np.float64)
    require(len(known), where["train"], "at least one sample in the train split", "none")
    least, largest = known.min(0), known.max(0)
    middle, width = (known.mean(0), known.std(0)) if scale == "standard" else (least, largest - least)
    width = np.where(least == largest, 1.0, width)  # for constants, rounding can make the deviation differ from 0
    return lambda numbers: ((numbers - middle) / width).astype(np.float32)


def _sizes(numbers: ndarray) -> ndarray:
    """Root mean square of each feature, over evenly spaced samples."""
    with np.errstate(over="ignore"):
        return np.sqrt(np.square(numbers[:: max(1, len(numbers) // _LOOKED_AT)], dtype=np.float64).mean(0))


def _check_finite(numbers: ndarray, where: str) -> None:
    bad = ~np.isfinite(numbers)
    if bad.any():
        sample, column = np.argwhere(bad)[0].tolist()
        raise InputError(f"{where}: expected finite numbers, got {numbers[sample, column]} in sample {sample}")
