"""What a run came to: its best genome on the held-out test split, random founders beside it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, final

import numpy as np

from evo.evaluate import cohorts, evaluate
from evo.experiment import Experiment, assemble
from evo.run import Run
from evo.search.base import founders
from genomes.chance import chance

_FOUNDERS = 64


@final
@dataclass(frozen=True)
class Result:
    """The numbers that a run is cited by.

    Attributes:
        run: where it lies.
        generations: evaluated.
        lifetimes: lived, births included.
        seconds: spent evolving, over all sessions.
        failures: individuals without a score.
        genome_bits: of the best genome.
        wiring_bits: of the weights that it unfolds into.
        founders_innate: mean innate main score of 64 random genomes, test split.
        innate, learned: main score of the best genome, test split.
    """

    run: str
    generations: int
    lifetimes: int
    seconds: float
    failures: int
    genome_bits: float
    wiring_bits: float
    founders_innate: float
    innate: float
    learned: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def result(run: Run) -> Result:
    """Chooses on the selection split, then looks at the test split once."""
    experiment, best = run.experiment, run.best()
    main = experiment.task.score_names[0]
    measured = run.examine(best, "test").measurements
    done = len(run.generations)
    return Result(
        run=str(run.path),
        generations=done,
        lifetimes=done * experiment.search.lives * experiment.lifetime.births,
        seconds=round(sum(line["seconds"] for line in run.folder.read_log()), 1),
        failures=sum(sum(run.generation(index).counted_failures.values()) for index in run.generations),
        genome_bits=float(measured["genome_bits"][0]),
        wiring_bits=float(measured["wiring_bits"][0]),
        founders_innate=founders_innate(experiment),
        innate=float(measured[f"innate.{main}"][0]),
        learned=float(measured[f"learned.{main}"][0]),
    )


def founders_innate(experiment: Experiment) -> float:
    """Mean innate main score of random genomes on the test split."""
    spec = assemble(experiment)
    units = founders(_FOUNDERS, spec, chance(experiment.seed, "random founders"))
    main = experiment.task.score_names[0]
    outcomes = [
        evaluate(experiment, cohort, "test", learn=False)
        for cohort in cohorts(0, spec.quantise(units), experiment.cohort)
    ]
    return float(np.nanmean(np.concatenate([o.measurements[f"innate.{main}"] for o in outcomes])))
