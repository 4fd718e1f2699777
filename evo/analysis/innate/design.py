"""Design of the innate test of one subject: births and lives on the test split, with or without interventions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np

from evo.analysis.assay_runner import AssayRunner, per_genome
from evo.analysis.scores import Rows, Scores, assay_of, main_scores
from evo.analysis.subject import Subject
from evo.evaluation.stochastic_scores import is_stochastic
from evo.experiment.experiment import Experiment
from evo.search.base import founders
from genomes.intervention import Intervention, grown
from genomes.phenotype import Phenotype
from genomes.streams import derive
from inner_loop.environment import Split
from inner_loop.life import CONDITIONS, Condition, Measurements

_FEW = 200  # resamples of the examination samples for null models, whose many draws dominate their interval
_PROBES = 60  # probes of a learning curve: with fewer, the interpolation error exceeds .0002
_FOUNDERS_BIRTHS = 4  # births of each random founder if births differ, since a single birth is noisy


@final
@dataclass(frozen=True, eq=False)
class Design:
    """A subject with the number of births of its genome and the number of draws of a null model.

    Attributes:
        subject: the subject; its first genome is tested unless stated otherwise.
        examiner: examines rows, in an experiment without held-out worlds, which are examined separately.
        births: number of births of a genome.
        draws: number of draws of each null model.
    """

    subject: Subject
    examiner: AssayRunner
    births: int
    draws: int

    @property
    def experiment(self) -> Experiment:
        """The experiment in which rows live."""
        return self.examiner.experiment

    @property
    def main(self) -> str:
        """Name of the main score."""
        return self.experiment.main

    @property
    def learns(self) -> bool:
        """True if a life changes the weights."""
        return self.experiment.learns

    @property
    def judged(self) -> tuple[str, ...]:
        """Conditions by which the genome was selected."""
        return self.experiment.judged

    @cached_property
    def measured(self) -> tuple[Condition, ...]:
        """Conditions that can differ in this experiment, and those by which the genome was selected."""
        judged = {condition for condition in self.judged if self.learns or not condition.startswith("learned")}
        possible = judged | {*self.experiment.lifetime.distinct(self.experiment.topology, self.experiment.rule)}
        return tuple(condition for condition in CONDITIONS if condition in possible)

    @cached_property
    def at_birth(self) -> tuple[Condition, ...]:
        """Tested conditions at birth: plasticity off, and those by which the genome was selected."""
        return tuple(c for c in self.measured if c == "innate" or (c.startswith("innate") and c in self.judged))

    @property
    def condition(self) -> Condition:
        """Condition at birth by which the genome was selected; `innate` if that is among them, or if there is none."""
        return "innate" if "innate" in self.judged or len(self.at_birth) == 1 else self.at_birth[1]

    @property
    def after(self) -> Condition:
        """Condition after learning that belongs to `condition`."""
        return "learned_plastic" if self.condition == "innate_plastic" else "learned"

    @cached_property
    def dense(self) -> bool:
        """True if every possible synapse grew, so that the positions of synapses carry no information."""
        return all(bool(grown(synapses).all()) for synapses in self._born.projections.values())

    @cached_property
    def stochastic(self) -> bool:
        """True if the genome can score differently at another birth."""
        return is_stochastic(self.experiment, self.subject.levels[:1], self.subject.interventions)

    @cached_property
    def _born(self) -> Phenotype:
        """Newborns of the genome."""
        levels = np.repeat(self.subject.levels[:1], max(self.births, 2), axis=0)
        streams = derive(self.experiment.seed, "birth on the bench", owners=range(len(levels)))
        newborn = self.experiment.birth(levels, streams)
        for intervention in self.subject.interventions:
            newborn = intervention.apply(newborn, streams)
        return newborn

    def newborns(self, *done: Intervention) -> Rows:
        """Returns births of the genome; the births are the same for all interventions."""
        return self._own(self.births, done)

    def drawn(self, *done: Intervention) -> Rows:
        """Returns the draws of a null model, one a row."""
        return self._own(self.draws, done)

    def founders(self) -> Rows:
        """Returns genomes of the initial distribution of a search, with several births of each if births differ."""
        # at most as many births as the tested genome: a null with less noise than the genome would reject too often
        spec, births = self.experiment.genome.spec, min(_FOUNDERS_BIRTHS, self.births) if self.stochastic else 1
        units = founders(self.draws, spec, derive(self.experiment.seed, "random founders of the innate test"))
        levels = np.repeat(spec.quantise(units), births, axis=0)
        return Rows(levels, np.arange(len(levels)), births=births)

    def life(self, times: int = 1) -> Experiment:
        """Returns the experiment with a life `times` as long, and with a learning curve."""
        return replace(self.experiment, lifetime=self.experiment.lifetime.lengthened(times, _PROBES))

    def measure(
        self,
        what: str,
        rows: Rows,
        lived: bool = False,
        experiment: Experiment | None = None,
        split: Split = "test",
        resamples: int | None = None,
    ) -> Measurements:
        """Measures every row, at birth alone in the tested conditions, or over a whole life.

        Args:
            what: name of the examination, for the progress callback.
            rows: the births to be measured.
            lived: measures the whole life.
            experiment: the experiment of the lives; by default that of the examiner.
            split: the split of the examination.
            resamples: number of bootstrap samples of the examination.
        """
        home = experiment or self.experiment
        conditions = self.measured if lived else self.at_birth
        assay = assay_of(home, split, conditions, _FEW if resamples is None else resamples, rows.done)
        found = self.examiner.examine(what, rows.levels, assay, rows.lives, experiment=home)
        return found if rows.births == 1 else {name: per_genome(m, rows.births).mean(1) for name, m in found.items()}

    def scores(self, measured: Measurements) -> dict[Condition, Scores]:
        """Returns the main score in every measured condition that can differ."""
        return main_scores(measured, self.experiment, self.measured)

    def _own(self, count: int, done: tuple[Intervention, ...]) -> Rows:
        levels = np.repeat(self.subject.levels[:1], count, axis=0)
        return Rows(levels, np.arange(count), (*self.subject.interventions, *done))
