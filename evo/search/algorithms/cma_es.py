"""CMA-ES: Hansen & Ostermeier 2001, Evolutionary Computation 9:159; DEAP's implementation with explicit state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from deap import cma
from jaxtyping import Float64
from numpy import ndarray

from evo.search.base import (
    NOTHING_MEASURED,
    Asked,
    Measurements,
    Search,
    State,
    check_population,
    founders,
    mean_rank,
    unrelated,
)
from evo.search.operators.deap_individual import individuals
from genomes.errors import require
from genomes.spec import GenomeSpec
from genomes.streams import Streams

_LARGEST = 3000


@final
@dataclass(frozen=True)
class CMAES(Search):
    """Adapts the covariance of the samples; for genomes of up to 3,000 numbers, because a step takes cubic time.

    Several goals are combined by the mean of their ranks within the generation. Samples are moved to the nearest point
    of the unit cube before they are evaluated and told.

    Attributes:
        population: individuals per generation.
        sigma: standard deviation of the first samples, in the unit cube.
    """

    population: int = 64
    sigma: float = 0.15

    def __post_init__(self) -> None:
        check_population("CMAES", self.population, 4)
        require(0 < self.sigma <= 1, "CMAES.sigma", "a number above 0, at most 1", self.sigma)

    @property
    def lives(self) -> int:
        """The population size."""
        return self.population

    def check(self, spec: GenomeSpec, goals: int) -> None:
        """Raises InputError if the covariance would be too large."""
        require(spec.size <= _LARGEST, "search CMAES", f"a genome of at most {_LARGEST} numbers", spec.size)

    def begin(self, spec: GenomeSpec, streams: Streams) -> State:
        """A random founder as centroid, and the identity as covariance."""
        return _state(cma.Strategy(founders(1, spec, streams)[0], self.sigma, lambda_=self.population))

    def ask(self, state: State, spec: GenomeSpec, streams: Streams) -> Asked:
        """Samples of N(centroid, sigma^2 C), C = B D^2 B^T.

        The symmetric root B D B^T is used, because it does not depend on the signs and the order of the eigenvectors,
        which differ between machines.
        """
        noise = streams.stream("samples").normal(self.population, spec.size)[0].numpy()
        reach = noise @ ((state["basis"] * state["axes"]) @ state["basis"].T)
        units = state["centroid"] + state["sigma"] * reach
        return Asked(units.clip(0.0, 1.0), unrelated(self.population))

    def tell(
        self,
        state: State,
        asked: Asked,
        goals: Float64[ndarray, "N goals"],
        spec: GenomeSpec,
        streams: Streams,
        measurements: Measurements = NOTHING_MEASURED,
    ) -> State:
        """DEAP's update of centroid, paths, covariance and step size."""
        strategy = cma.Strategy(
            state["centroid"], float(state["sigma"][0]), lambda_=self.population, cmatrix=state["covariance"]
        )
        strategy.pc, strategy.ps = state["covariance_path"], state["sigma_path"]
        strategy.update_count = int(state["updates"][0])
        worth = mean_rank(goals)
        strategy.update(individuals(asked.held, worth[:, None]))
        return _state(strategy)


def _state(strategy: cma.Strategy) -> State:
    return {
        "centroid": np.asarray(strategy.centroid),
        "sigma": np.array([strategy.sigma], dtype=np.float64),
        "covariance": np.asarray(strategy.C),
        "covariance_path": np.asarray(strategy.pc),
        "sigma_path": np.asarray(strategy.ps),
        "basis": np.asarray(strategy.B),
        "axes": np.asarray(strategy.diagD),
        "updates": np.array([strategy.update_count], dtype=np.int64),
    }
