"""Reads a measured representation from an `.npz` file: responses to the test stimuli, or their dissimilarities."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from evo.analysis.representation.similarity import Distance, dissimilarities
from evo.storage.arrays import Arrays, unpack_foreign
from genomes.errors import InputError, nearest, require

_FEWEST, _MOST = 8, 3000
_MEMORY = 2**30  # maximum bytes of the matrices of a file
_WANTED = ("responses", "dissimilarity")


@final
@dataclass(frozen=True, eq=False)
class Measured:
    """A measured representation, to be compared with those of a network.

    Attributes:
        name: name of the file.
        stimuli: numbers of the stimuli, ascending: samples of the test split, or episode * steps + step of a world.
        matrices: dissimilarities of each repeat or subject; a single matrix without repeats.
        responses: responses of each repeat or subject; None if the file contains dissimilarities only.
    """

    name: str
    stimuli: Int[ndarray, " stimuli"]
    matrices: Float[ndarray, "repeats stimuli stimuli"]
    responses: Float[ndarray, "repeats stimuli neurons"] | None = None


def read_measured(path: str | Path, there: int) -> Measured:
    """Reads `responses`, (stimuli, neurons) or (repeats, stimuli, neurons), or `dissimilarity`, (stimuli, stimuli).

    Dissimilarities of responses are 1 - Pearson's correlation, or squared distances where there are fewer than 3
    neurons. The stimuli are those of the test split in its order, unless an array `stimuli` gives their numbers.

    Args:
        path: the file.
        there: total number of stimuli; see `stimuli_there`.

    Raises:
        InputError: the file or the array is missing, the stimuli do not fit, or numbers are not finite. Pickled data
            is never read.
    """
    path = Path(path)
    arrays = unpack_foreign(path)
    name = next((wanted for wanted in _WANTED if wanted in arrays), None)
    if name is None:
        raise InputError(f"{path}: expected {' or '.join(_WANTED)}, got {_near(arrays)}")
    where, values = f"{path}: {name}", arrays[name]
    require(values.dtype.kind in "biuf", where, "real numbers", str(values.dtype))
    shapes = (2, 3) if name == "responses" else (2,)
    form = "(stimuli, neurons) or (repeats, stimuli, neurons)" if name == "responses" else "(stimuli, stimuli)"
    require(values.ndim in shapes and values.size, where, f"an array {form}", values.shape)
    stimuli = _stimuli(str(path), arrays, values.shape[-2], there)
    needed = 8 * (values.size + (values.shape[0] if values.ndim == 3 else 1) * len(stimuli) ** 2)
    require(needed <= _MEMORY, where, f"dissimilarities that take at most {_MEMORY} bytes", needed)
    values = values.astype(np.float64)
    require(np.isfinite(values).all(), where, "finite numbers", f"{int((~np.isfinite(values)).sum())} that are not")
    order = np.argsort(stimuli)
    if name == "dissimilarity":
        _check_dissimilarity(where, values)
        return Measured(path.name, stimuli[order], values[np.ix_(order, order)][None])
    responses = values.reshape(-1, *values.shape[-2:])[:, order]
    matrices = np.stack([dissimilarities(each, distance(responses.shape[2])) for each in responses])
    # a pattern that is the same in all neurons has nan on the diagonal too
    flat = int(np.isnan(np.diagonal(matrices, axis1=1, axis2=2)).sum())
    require(not flat, where, "responses that differ between neurons, for every stimulus", f"{flat} that do not")
    return Measured(path.name, stimuli[order], matrices, responses)


def distance(neurons: int) -> Distance:
    """Returns the distance for a number of neurons: patterns of two or fewer neurons cannot be correlated."""
    return "correlation" if neurons > 2 else "squared_euclidean"


def _near(arrays: Arrays) -> str:
    offers = [nearest(name, _WANTED) for name in sorted(arrays)]
    offers = [offer for offer in offers if offer.startswith("did you mean")]
    return f"{sorted(arrays)[:5]}" + (f"; {offers[0]}" if offers else "")


def _stimuli(where: str, arrays: Arrays, count: int, there: int) -> Int[ndarray, " stimuli"]:
    """Returns the numbers of the stimuli, in the order of the file."""
    require(_FEWEST <= count <= _MOST, where, f"{_FEWEST} to {_MOST:,} stimuli", count)
    if "stimuli" not in arrays:
        said = f"the {there:,} stimuli of the test split, or `stimuli`, an array of their numbers"
        require(count == there, where, said, f"{count:,} stimuli")
        return np.arange(count)
    stimuli, where = arrays["stimuli"], f"{where}: stimuli"
    require(stimuli.dtype.kind in "iu" and stimuli.shape == (count,), where, f"{count} integers", stimuli.shape)
    inside = stimuli.min() >= 0 and stimuli.max() < there and len(np.unique(stimuli)) == count
    require(inside, where, f"numbers from 0 to {there - 1}, each once", f"{stimuli.min()} to {stimuli.max()}")
    return stimuli.astype(np.int64)


def _check_dissimilarity(where: str, values: ndarray) -> None:
    require(values.shape[0] == values.shape[1], where, "a square matrix", values.shape)
    scale = float(np.abs(values).max())
    require(np.allclose(values, values.T, rtol=0.0, atol=1e-6 * scale), where, "a symmetric matrix", "one that is not")
    largest = float(np.abs(np.diag(values)).max())
    require(largest <= 1e-6 * scale, where, "zeros on the diagonal", largest)
