"""What a run came to: its best genome on the held-out test split, random founders beside it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any, final

import numpy as np

from evo.evaluation.cohort import Assay, cohorts
from evo.evaluation.evaluate import evaluate
from evo.evolution.run import Run
from evo.experiment.experiment import Experiment
from evo.search.base import founders
from genomes.streams import derive

_FOUNDERS = 64


@final
@dataclass(frozen=True)
class RunResult:
    """The numbers that a run is cited by; all scores are main scores on the test split.

    Attributes:
        run: where it lies.
        generations: evaluated.
        lifetimes: lived, births included.
        seconds: spent evolving, over all sessions, as far as the log knows.
        failures: individuals without a score.
        why: how many of them by reason; timeout, memory and lost are the machine's, and recorded rather than derived.
        genome_bits: of the best genome.
        wiring_bits: of the weights that it unfolds into.
        founders_innate: mean over 64 random genomes, at birth.
        innate, learned: of the best genome.
        founders: mean over the random genomes in every condition.
        best: of the best genome in every condition.
        held_out: of the best genome in worlds unseen, by their name and condition.
    """

    run: str
    generations: int
    lifetimes: int
    seconds: float
    failures: int
    why: dict[str, int]
    genome_bits: float
    wiring_bits: float
    founders_innate: float
    innate: float
    learned: float | None
    founders: dict[str, float]
    best: dict[str, float]
    held_out: dict[str, dict[str, float]]

    @property
    def gain(self) -> float:
        """What a life adds to the score at birth; nan where nothing is lived."""
        return float("nan") if self.learned is None else self.learned - self.innate

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def result(run: Run) -> RunResult:
    """Chooses on the selection split, then looks at the test split once."""
    experiment, best = run.experiment, run.best()
    measured = run.examine(best, "test").measurements
    ending = f".{experiment.main}"
    scores = {key.removesuffix(ending): float(m[0]) for key, m in measured.items() if key.endswith(ending)}
    why = sum((Counter(run.generation(index).counted_failures) for index in run.generations), Counter[str]())
    of_founders, done = founders_scores(experiment), len(run.generations)
    return RunResult(
        run=str(run.path),
        generations=done,
        lifetimes=done * experiment.search.lives * experiment.lifetime.births,
        seconds=round(sum((_seconds(line) for line in run.folder.log.read()), 0.0), 1),
        failures=why.total(),
        why=dict(why),
        genome_bits=float(measured["genome_bits"][0]),
        wiring_bits=float(measured["wiring_bits"][0]),
        founders_innate=of_founders["innate"],
        innate=scores["innate"],
        learned=scores.get("learned"),
        founders=of_founders,
        best={name: score for name, score in scores.items() if "." not in name},
        held_out={
            name: {key.rpartition(".")[2]: s for key, s in scores.items() if key.startswith(f"held_out.{name}.")}
            for name, _ in experiment.held_out
        },
    )


def _seconds(line: dict[str, Any]) -> float:
    """Nobody knows how long it took, where a driver died before it said so."""
    seconds = line.get("seconds")
    return float(seconds) if isinstance(seconds, int | float) else 0.0


def founders_scores(experiment: Experiment) -> dict[str, float]:
    """Mean main score of random genomes on the test split: at birth and, in a world, in every condition."""
    spec = experiment.genome.spec
    experiment = replace(experiment, held_out=())
    units = founders(_FOUNDERS, spec, derive(experiment.seed, "random founders"))
    conditions = experiment.lifetime.of_founders
    outcomes = [
        evaluate(experiment, cohort, Assay("test", learn="learned" in conditions))
        for cohort in cohorts(0, spec.quantise(units), experiment.cohort)
    ]
    return {
        condition: float(
            np.nanmean(np.concatenate([o.measurements[f"{condition}.{experiment.main}"] for o in outcomes]))
        )
        for condition in conditions
    }
