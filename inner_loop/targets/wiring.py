"""A measured wiring: which synapses there are, scored by the log-likelihood of connection probabilities."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import final

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from genomes.errors import InputError, require
from genomes.phenotype import Phenotype
from genomes.topology import Topology
from inner_loop.target import Target

_LEAST = 1e-6  # a probability of 0 for an existing synapse would give a likelihood of minus infinity


@final
@dataclass(frozen=True)
class Wiring(Target):
    """An .npz with an array of 0 and 1 for each projection, (post, pre), under its name `pre -> post`.

    Scores: `log_likelihood`, mean over the measured synapses, in nats, where a synapse has the probability
    `parameters["probability"]` that its encoding gives, or else |tanh w|; `agreement`, the share of pairs for which the
    probability is above one half exactly if the synapse exists.

    Attributes:
        path: the path of the file.
    """

    path: str = ""

    @property
    def score_names(self) -> tuple[str, ...]:
        """Log-likelihood, which selection uses, and agreement."""
        return ("log_likelihood", "agreement")

    def ready(self) -> None:
        """Reads the file."""
        _measured(self.path, _stamp(self.path))

    def fingerprint(self) -> str:
        """SHA-256 of the file."""
        _stamp(self.path)
        return hashlib.sha256(Path(self.path).read_bytes()).hexdigest()

    def check(self, topology: Topology) -> None:
        """Raises InputError unless every array fits a projection, and there is at least one."""
        measured = _measured(self.path, _stamp(self.path))
        require(measured, "Wiring.path", "an array for at least one projection", "none")
        edges = {edge.name: topology.shape(edge) for edge in topology.edges}
        for name, matrix in measured.items():
            require(name in edges, "Wiring.path", f"projections among {', '.join(edges)}", name)
            require(matrix.shape == edges[name], f"Wiring.path: {name}", f"{edges[name]}, (post, pre)", matrix.shape)

    def scores(self, newborn: Phenotype) -> dict[str, Tensor]:
        """Means over all measured synapses, (P,)."""
        likelihoods, agreements = [], []
        for name, matrix in _measured(self.path, _stamp(self.path)).items():
            synapses = newborn.projections[name]
            given = synapses.parameters.get("probability")
            probability = (synapses.weight.tanh().abs() if given is None else given).double()
            probability = probability.expand(newborn.lives, *matrix.shape).clamp(_LEAST, 1.0 - _LEAST)
            there = torch.as_tensor(matrix, device=probability.device)
            likelihoods.append(torch.where(there, probability, 1.0 - probability).log().flatten(1))
            agreements.append(((probability > 0.5) == there).double().flatten(1))
        return {
            "log_likelihood": torch.cat(likelihoods, dim=1).mean(1),
            "agreement": torch.cat(agreements, dim=1).mean(1),
        }


def _stamp(path: str) -> tuple[int, int]:
    """Changes with the file."""
    if not Path(path).is_file():
        raise InputError(f"Wiring.path: expected an .npz of measured synapses, got {path!r}: no such file")
    status = Path(path).stat()
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=4)
def _measured(path: str, stamp: tuple[int, int]) -> dict[str, ndarray]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            measured = {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError) as error:
        raise InputError(f"Wiring.path: expected an .npz of measured synapses, got {path!r} ({error})") from error
    for name, matrix in measured.items():
        fits = matrix.ndim == 2 and bool(np.isin(matrix, (0, 1)).all())
        require(fits, f"Wiring.path: {name}", "0 and 1 for every synapse, (post, pre)", f"an array {matrix.shape}")
    return {name: matrix.astype(bool) for name, matrix in measured.items()}
