"""Mirrored evolution strategy with ranked goals: Salimans et al. 2017 (arXiv:1703.03864); Brockhoff et al. 2010."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import final

import numpy as np
import torch
from jaxtyping import Float64, Int, Int64
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
from evo.search.operators import noise_table
from genomes.errors import require
from genomes.spec import GenomeSpec
from genomes.streams import Streams

_HELD = 2**24  # most numbers of a generation held in memory: 128 MB


@final
@dataclass(frozen=True)
class EvolutionStrategy(Search):
    """A centre moves along the rank-weighted mean of mirrored perturbations, with Adam (Kingma & Ba 2015).

    Each goal is ranked within the generation (ties share their mean rank), and the ranks are averaged, so that goals
    of different scales have the same weight. The centre starts at a random founder.

    Deviations from the paper (Salimans et al.): no weight decay pulls the centre; Adam's second decay rate is .99, not
    the usual .999; and the estimate of the gradient is not divided by sigma, which changes nothing under Adam.

    If a generation has more than 2^24 numbers, the search is lazy: its noise comes from a table, and no process holds
    the whole generation (evo/search/operators/noise_table.py describes the bias).

    Attributes:
        population: individuals per generation, an odd number: the centre itself and pairs centre +- sigma * noise.
        sigma: standard deviation of the noise, in the unit cube.
        step: length scale of the centre's step, in the unit cube.
        sigma_end, step_end: their final values, reached geometrically over `horizon` generations.
        horizon: number of generations over which they change.
        momentum, scaling: Adam's two decay rates.
    """

    population: int = 255
    sigma: float = 0.04
    step: float = 0.02
    sigma_end: float = 0.04
    step_end: float = 0.02
    horizon: int = 300
    momentum: float = 0.9
    scaling: float = 0.99

    def __post_init__(self) -> None:
        check_population("EvolutionStrategy", self.population, 3)
        require(
            self.population % 2 == 1,
            "EvolutionStrategy.population",
            "an odd number (pairs and their centre)",
            self.population,
        )
        for name in ("sigma", "step", "sigma_end", "step_end"):
            number = getattr(self, name)
            require(0 < number <= 1, f"EvolutionStrategy.{name}", "a number above 0, at most 1", number)
        for name in ("momentum", "scaling"):
            require(0 <= getattr(self, name) < 1, f"EvolutionStrategy.{name}", "0 to below 1", getattr(self, name))
        require(self.horizon >= 1, "EvolutionStrategy.horizon", "at least 1", self.horizon)

    @property
    def lives(self) -> int:
        """The population size."""
        return self.population

    def check(self, spec: GenomeSpec, goals: int) -> None:
        """Accepts any genome and any number of goals."""

    def begin(self, spec: GenomeSpec, streams: Streams) -> State:
        """A random founder as centre, with Adam's averages at zero."""
        zero = np.zeros(spec.size)
        return {"centre": founders(1, spec, streams)[0], "mean": zero, "square": zero.copy(), "time": np.zeros(1)}

    def ask(self, state: State, spec: GenomeSpec, streams: Streams) -> Asked:
        """The centre, then mirrored pairs: i and i + (population - 1) / 2 lie on opposite sides of it."""
        if self.lazy(spec):
            return Asked(None, unrelated(self.population))
        reach = self._now(self.sigma, self.sigma_end, state) * self._noise(spec, streams)
        centre = state["centre"]
        units = np.concatenate([centre[None, :], centre + reach, centre - reach])
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
        """One step of Adam up the estimated gradient of the mean rank; the centre stays in the cube."""
        ranks = mean_rank(goals)
        worth = (ranks - 1.0) / (len(goals) - 1) - 0.5
        ahead, behind = worth[1 : self._pairs + 1], worth[self._pairs + 1 :]
        gradient = self._weighted_noise(ahead - behind, spec, streams) / self.population
        time = state["time"] + 1.0
        mean = self.momentum * state["mean"] + (1.0 - self.momentum) * gradient
        square = self.scaling * state["square"] + (1.0 - self.scaling) * gradient**2
        direction = mean / (1.0 - self.momentum**time) / (np.sqrt(square / (1.0 - self.scaling**time)) + 1e-12)
        centre = state["centre"] + self._now(self.step, self.step_end, state) * direction
        return {"centre": centre.clip(0.0, 1.0), "mean": mean, "square": square, "time": time}

    def lazy(self, spec: GenomeSpec) -> bool:
        """True if a generation has more than 2^24 numbers."""
        return self.population * spec.size > _HELD

    def source(self, state: State) -> State:
        """The centre and the time."""
        return {"centre": state["centre"], "time": state["time"]}

    def rows(
        self, state: State, rows: Int[ndarray, " R"], spec: GenomeSpec, streams: Streams
    ) -> Float64[ndarray, "R G"]:
        """Rows of the centre and the mirrored pairs; a lazy search reads one window of the table per pair."""
        if not self.lazy(spec):
            return super().rows(state, rows, spec, streams)
        side = np.where(rows == 0, 0.0, np.where(rows <= self._pairs, 1.0, -1.0))
        start = self._starts(spec, streams)[(rows - 1) % self._pairs]
        reach = self._now(self.sigma, self.sigma_end, state) * side
        units = reach[:, None] * noise_table.windows(start, spec.size)
        units += state["centre"]
        return units.clip(0.0, 1.0, out=units)

    @property
    def _pairs(self) -> int:
        return (self.population - 1) // 2

    def _noise(self, spec: GenomeSpec, streams: Streams) -> Float64[ndarray, "pairs G"]:
        return _drawn(tuple(streams.keys[0].tolist()), self._pairs, spec.size)

    def _starts(self, spec: GenomeSpec, streams: Streams) -> Int64[ndarray, " pairs"]:
        return noise_table.starts(self._pairs, spec.size, streams)

    def _weighted_noise(
        self, weights: Float64[ndarray, " pairs"], spec: GenomeSpec, streams: Streams
    ) -> Float64[ndarray, " G"]:
        if self.lazy(spec):
            return noise_table.weighted_sum(weights, self._starts(spec, streams), spec.size)
        return weights @ self._noise(spec, streams)

    def _now(self, first: float, last: float, state: State) -> float:
        progress = min(float(state["time"][0]) / self.horizon, 1.0)
        return math.exp(math.log(first) + progress * (math.log(last) - math.log(first)))


@lru_cache(maxsize=1)
def _drawn(key: tuple[int, int], pairs: int, genes: int) -> Float64[ndarray, "pairs G"]:
    """The noise of a generation, drawn once for both `ask` and `tell`."""
    noise = Streams(torch.tensor([key])).stream("noise").normal(pairs, genes)[0].numpy()
    noise.setflags(write=False)
    return noise
