"""The scale of inputs: decided once for a data set, by its training split, and the same for all of its samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from jaxtyping import Float32, Int64
from numpy import ndarray

from genomes.errors import InputError, require

Scale = Literal["standard", "unit", "none"]
"""Zero mean and unit variance; [0, 1]; as they are."""

_FAR = 10.0  # times unit scale, and times the training split
_LOOKED_AT = 1000  # samples of which a size is told


def scaled(
    raw: dict[str, ndarray], training: Int64[ndarray, " m"], scale: Scale | None, where: dict[str, str]
) -> dict[str, Float32[ndarray, "n input"]]:
    """Inputs as networks see them, part by part, (n, inputs) each.

    `standard`: every feature less its mean in training, over its standard deviation there. `unit`: bytes over 255, of
    other numbers every feature less its least value in training, over its range there; beyond it samples of the other
    splits leave [0, 1]. A feature that is constant in training is only moved. None: bytes as `unit`, others as `none`.

    Args:
        raw: real numbers of any type.
        training: which samples of the part `train` the lives learn from.
        where: what a sentence calls each part.

    Raises:
        InputError: numbers that are not finite; bytes in one part and none in another, where no scale is asked for.
    """
    for part, numbers in raw.items():
        _check_finite(numbers, where[part])
    asked = _asked(raw, training, scale, where)
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold becomes infinite and is refused
        inputs = {part: asked(numbers) for part, numbers in raw.items()}
    for part, numbers in inputs.items():
        _check_finite(numbers, where[part])
    return inputs


def doubts_about(
    raw: dict[str, ndarray], inputs: dict[str, Float32[ndarray, "n input"]], scale: Scale | None, path: str
) -> list[str]:
    """What a user should know of the scale of inputs, a sentence each.

    Args:
        raw: as they were given, by part.
        inputs: as networks see them, by part.
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
    """From the least to the largest, in words."""
    return f"from {numbers.min():.3g} to {numbers.max():.3g}"


def _asked(
    raw: dict[str, ndarray], training: ndarray, scale: Scale | None, where: dict[str, str]
) -> Callable[[ndarray], ndarray]:
    """What is done to every sample, of whatever part."""
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
    width = np.where(least == largest, 1.0, width)  # and not what rounding made of its deviation
    return lambda numbers: ((numbers - middle) / width).astype(np.float32)


def _sizes(numbers: ndarray) -> ndarray:
    """Root mean square of each feature, over samples spread evenly."""
    with np.errstate(over="ignore"):
        return np.sqrt(np.square(numbers[:: max(1, len(numbers) // _LOOKED_AT)], dtype=np.float64).mean(0))


def _check_finite(numbers: ndarray, where: str) -> None:
    bad = ~np.isfinite(numbers)
    if bad.any():
        sample, column = np.argwhere(bad)[0].tolist()
        raise InputError(f"{where}: expected finite numbers, got {numbers[sample, column]} in sample {sample}")
