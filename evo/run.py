"""A run that is somewhere on disk, read back: its experiment, its history, its best genome."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np
from jaxtyping import Integer
from numpy import ndarray

from evo.config import read
from evo.evaluate import Cohort, Outcome, evaluate
from evo.experiment import Experiment, birth
from evo.record import Generation
from evo.store import RunFolder
from genomes.chance import chance
from genomes.expect import expect
from genomes.phenotype import Phenotype
from inner_loop.task import Split

if TYPE_CHECKING:
    import pandas


@final
@dataclass(frozen=True, eq=False)
class Best:
    """An individual of a run.

    Attributes:
        generation, slot: where it was born.
        levels: (G,) its genome.
        innate, learned: the task's main score on the selection split, at birth and after its life.
    """

    generation: int
    slot: int
    levels: Integer[ndarray, " G"]
    innate: float
    learned: float


@final
class Run:
    """Opens a run folder for reading; opening executes nothing that the folder holds.

    Raises:
        Unexpected: no run there, or one that cannot be read.
    """

    def __init__(self, path: str | Path, allow_code: bool = False) -> None:
        self.folder = RunFolder.open(Path(path))
        self.path = Path(path)
        self._allow_code = allow_code

    @cached_property
    def experiment(self) -> Experiment:
        """What was run."""
        return read(self.folder.experiment_yaml, f"{self.path}/experiment.yaml", allow_code=self._allow_code)

    @property
    def generations(self) -> list[int]:
        """Indices of the generations on disk."""
        return self.folder.generations()

    def generation(self, index: int) -> Generation:
        """One generation."""
        return Generation.of(index, self.folder.read_generation(index))

    def history(self) -> pandas.DataFrame:
        """A row a generation: mean and best of every measurement, goals and failures."""
        import pandas

        rows = [summary(self.generation(index)) for index in self.generations]
        return pandas.DataFrame(rows).set_index("generation")

    def best(self) -> Best:
        """The genome with the best innate + learned main score on the selection split; the earliest of equals."""
        expect(self.generations, str(self.path), "at least one finished generation", 0)
        main, found = self.experiment.task.score_names[0], None
        for index in self.generations:
            generation = self.generation(index)
            measured = generation.measurements
            innate, learned = measured[f"innate.{main}"], measured[f"learned.{main}"]
            slot = int(np.argmax(np.nan_to_num(innate + learned, nan=-np.inf)))
            if found is None or innate[slot] + learned[slot] > found.innate + found.learned:
                found = Best(index, slot, generation.levels[slot], float(innate[slot]), float(learned[slot]))
        assert found is not None
        return found

    def phenotype(self, individual: Best) -> Phenotype:
        """The network that it was born with, in a cohort of one."""
        owners = [individual.slot]
        return birth(
            self.experiment,
            individual.levels[None, :],
            chance(self.experiment.seed, "birth", individual.generation, owners),
        )

    def examine(self, individual: Best, split: Split = "test") -> Outcome:
        """The same birth and the same life once more, measured on another split."""
        return evaluate(self.experiment, _alone(self.experiment, individual), split)


def _alone(experiment: Experiment, individual: Best) -> Cohort:
    slots = np.full(experiment.cohort, individual.slot)
    levels = np.repeat(individual.levels[None, :], experiment.cohort, axis=0)
    return Cohort(individual.generation, 0, slots, levels, 1)


def summary(generation: Generation) -> dict[str, float | int]:
    """Mean and best of every measurement over the individuals that lived, and how many failed."""
    row: dict[str, float | int] = {"generation": generation.index}
    lived = np.array([not failure for failure in generation.failures])
    for name, measured in generation.measurements.items():
        if measured.ndim == 1:
            row[f"{name}.mean"] = float(measured[lived].mean())
            row[f"{name}.best"] = float(measured[lived].max())
    row["failures"] = int((~lived).sum())
    return row
