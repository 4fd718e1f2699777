"""Read access to a run on disk: its experiment, its history, its best genome."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np

from evo.evaluation.cohort import Assay, Cohort, Reserved, cohorts
from evo.evaluation.evaluate import evaluate
from evo.evaluation.outcome import Outcome
from evo.evaluation.stochastic_scores import is_stochastic
from evo.evolution.generation import Generation
from evo.evolution.individual import RunIndividual
from evo.evolution.thinning import judged_scores, stays_whole
from evo.experiment.config import read
from evo.experiment.experiment import Engine, Experiment
from evo.storage.checksums import CorruptFile
from evo.storage.mirror import fetched
from evo.storage.run_folder import RunFolder
from genomes.errors import require
from genomes.phenotype import Phenotype
from genomes.streams import derive
from inner_loop.environment import Split

if TYPE_CHECKING:
    import pandas


_FINALISTS = 8  # of each kind; if scores are stochastic, they are evaluated again before the best is chosen
_FINAL_BIRTHS = 8
_FURTHER = 2**32


@final
class Run:
    """Opens a run for reading; opening executes no code from the folder.

    Args:
        path: path of a folder, or a URL such as s3://bucket/run.
        allow_code: import the user modules that the experiment names.

    Raises:
        InputError: there is no run, or it cannot be read.
    """

    def __init__(self, path: str | Path, allow_code: bool = False) -> None:
        self.path = fetched(path)
        self.folder = RunFolder.open(self.path)
        self.allow_code = allow_code

    @cached_property
    def experiment(self) -> Experiment:
        """The experiment of the run, with the engine that the run began with."""
        return self.with_its_engine(self.written)

    @cached_property
    def written(self) -> Experiment:
        """The experiment as its file says it: `engine: auto` leaves the engine to the manifest."""
        return read(self.folder.experiment_yaml, f"{self.path}/experiment.yaml", allow_code=self.allow_code)

    @property
    def engine(self) -> str:
        """The engine of the run, with the reason where it is torch."""
        made = self.folder.manifest
        reason = str(made.get("engine_reason") or "it began before lives were compiled")
        return "compiled" if made.get("engine") == "compiled" else f"torch, since {reason}"

    def with_its_engine(self, experiment: Experiment) -> Experiment:
        """An experiment with the engine of this run, unless it names another; runs of before used torch."""
        engine: Engine = "compiled" if self.folder.manifest.get("engine") == "compiled" else "torch"
        return replace(experiment, engine=engine) if experiment.engine == "auto" else experiment

    @property
    def generations(self) -> list[int]:
        """Indices of the generations on disk."""
        return self.folder.generations()

    @property
    def whole(self) -> list[int]:
        """Indices of the generations with all individuals: all generations, unless the experiment thins them."""
        generations = self.generations
        return [index for index in generations if stays_whole(index, generations[-1], self.experiment.keep)]

    def generation(self, index: int) -> Generation:
        """Reads one generation."""
        try:
            return Generation.of(index, self.folder.read_generation(index))
        except CorruptFile as error:
            where = str(self.path)
            raise error if str(error).startswith(where) else CorruptFile(f"{where}: {error}") from error

    def history(self) -> pandas.DataFrame:
        """Data frame with one row per generation: mean and best of every measurement, number of failures."""
        import pandas

        rows = [summary(self.generation(index)) for index in self.generations]
        return pandas.DataFrame(rows).set_index("generation")

    def best(self) -> RunIndividual:
        """The genome with the best sum of main scores over the conditions of the goals, on the selection split.

        Of equals, the earliest. If scores are stochastic (see `is_stochastic`), the best of some generations and the
        latest individuals are evaluated again with new births and new draws of the environment on the same split, and
        these scores decide.
        """
        require(self.generations, str(self.path), "at least one finished generation", 0)
        leaders = [self.leaders(index, 1)[0] for index in self.generations]
        # an evolution strategy's centre is the first of its generation, and so is an elite
        latest = [self.individual(index, 0) for index in self.generations[-_FINALISTS:]]
        best = sorted(leaders, key=lambda leader: -leader.sum)[:_FINALISTS]
        # each once: a second evaluation would double its chance of a favourable score
        finalists = [*{(f.generation, f.slot): f for f in [*latest, *leaders[-_FINALISTS:], *best]}.values()]
        if not is_stochastic(self.experiment, np.stack([f.levels for f in finalists])):
            return max(leaders, key=lambda leader: leader.sum)
        return max(self._again(finalists), key=lambda f: f.sum if math.isfinite(f.sum) else -math.inf)

    def parents(self, individual: RunIndividual) -> list[RunIndividual]:
        """The parents of an individual, one or two; none for a founder, or if the search records no parents.

        Raises:
            InputError: a parent was not kept (`keep` above 1).
        """
        generation = self.generation(individual.generation)
        numbers = dict.fromkeys(generation.parents[generation.row(individual.slot)].tolist())
        return [self.individual(*divmod(number, self.experiment.search.lives)) for number in numbers if number >= 0]

    def leaders(self, index: int, count: int) -> list[RunIndividual]:
        """The best individuals of one generation by the sum of the main scores of selection, best first."""
        generation = self.generation(index)
        rows = generation.ranked(judged_scores(self.experiment))[:count]
        return [self._individual(generation, row) for row in rows.tolist()]

    def individual(self, index: int, slot: int) -> RunIndividual:
        """The individual of a generation and slot.

        Raises:
            InputError: the individual was not kept.
        """
        generation = self.generation(index)
        return self._individual(generation, generation.row(slot))

    def _individual(self, generation: Generation, row: int) -> RunIndividual:
        main, judged = self.experiment.main, self.experiment.judged
        scores = {c: float(generation.measurements[f"{c}.{main}"][row]) for c in judged}
        (levels,) = generation.genomes(np.array([row]), self.experiment)
        return RunIndividual(generation.index, int(generation.slots[row]), levels, scores, generation.bred)

    def _again(self, finalists: list[RunIndividual]) -> list[RunIndividual]:
        """The same genomes with scores of new births and new episodes; all genomes get the same random numbers."""
        experiment = self.experiment
        births = max(_FINAL_BIRTHS, 4 * experiment.lifetime.births)
        experiment = replace(experiment, lifetime=experiment.lifetime.repeated(births))
        again: list[RunIndividual] = []
        for cohort in cohorts(Reserved.FINAL, np.stack([f.levels for f in finalists]), experiment.cohort):
            measured = evaluate(experiment, cohort).measurements
            for row in range(cohort.real):
                scores = {c: float(measured[f"{c}.{experiment.main}"][row]) for c in self.experiment.judged}
                again.append(replace(finalists[len(again)], scores=scores))
        return again

    def phenotype(self, individual: RunIndividual, births: int = 1) -> Phenotype:
        """The network of its birth, followed by further births of the same genome, `births` in total."""
        # further births have slots that no individual of a run has
        owners = [individual.slot, *range(_FURTHER, _FURTHER + births - 1)]
        levels = np.repeat(individual.levels[None, :], births, axis=0)
        return self.experiment.birth(levels, derive(self.experiment.seed, "birth", individual.number, owners))

    def examine(self, individual: RunIndividual, split: Split = "test", resamples: int = 0) -> Outcome:
        """Repeats its birth and its life, measured on another split.

        If scores are stochastic (see `is_stochastic`): the means over a cohort of births and lives of the same genome,
        each with its own streams of random numbers that no run has used.

        Args:
            resamples: bootstrap resamples of a task's main score over its samples: see `inner_loop.lives.samples.live`.
        """
        experiment, assay = self.experiment, Assay(split, resamples=resamples)
        levels = np.repeat(individual.levels[None, :], experiment.cohort, axis=0)
        if not is_stochastic(experiment, levels[:1]):
            slots = np.full(experiment.cohort, individual.slot)
            return evaluate(experiment, Cohort(individual.number, 0, slots, levels, 1), assay)
        experiment = replace(experiment, lifetime=experiment.lifetime.repeated(common=False))
        lives = evaluate(experiment, Cohort(Reserved.TEST, 0, np.arange(len(levels)), levels, len(levels)), assay)
        return Outcome({name: m.mean(0, keepdims=True) for name, m in lives.measurements.items()}, lives.failures[:1])


def summary(generation: Generation) -> dict[str, float | int]:
    """Mean and best of every measurement over the individuals with a score, and the number of failures."""
    return {"generation": generation.index, **generation.summary.row()}
