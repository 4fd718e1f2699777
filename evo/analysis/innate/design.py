"""One subject on the bench: its births and lives on the test split, with or without something done to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np

from evo.analysis.assay_runner import AssayRunner, per_genome
from evo.analysis.scores import Rows, Scores
from evo.analysis.subject import Subject
from evo.evaluation.cohort import Assay
from evo.evaluation.stochastic_scores import is_stochastic
from evo.experiment.experiment import Experiment
from evo.search.base import founders
from genomes.intervention import Intervention, grown
from genomes.phenotype import Phenotype
from genomes.streams import derive
from inner_loop.environment import Split
from inner_loop.life import CONDITIONS, Condition, Measurements

_FEW = 200  # resamples of the samples, for rows that are many: their interval is hardly theirs to decide
_PROBES = 60  # of a learning curve: with fewer, what lies between them is no longer known to .0002
_FOUNDERS_BIRTHS = 4  # where births differ: by luck alone a random genome may do well once


@final
@dataclass(frozen=True, eq=False)
class Design:
    """A subject, how often its genome is born, and how many draws a null model has.

    Attributes:
        subject: of its genomes the first is meant, unless others are asked for.
        examiner: in whose experiment there are no held-out worlds: they are examined as worlds of their own.
        births: of a genome.
        draws: of each null model.
    """

    subject: Subject
    examiner: AssayRunner
    births: int
    draws: int

    @property
    def experiment(self) -> Experiment:
        """What is lived in."""
        return self.examiner.experiment

    @property
    def main(self) -> str:
        """The main score."""
        return self.experiment.main

    @property
    def learns(self) -> bool:
        """Whether a life changes the weights."""
        return self.experiment.learns

    @property
    def judged(self) -> tuple[str, ...]:
        """Conditions by which the genome was chosen."""
        return self.experiment.judged

    @cached_property
    def measured(self) -> tuple[Condition, ...]:
        """Conditions that can differ here, and those by which the genome was chosen."""
        judged = {condition for condition in self.judged if self.learns or not condition.startswith("learned")}
        possible = judged | {*self.experiment.lifetime.distinct(self.experiment.topology, self.experiment.rule)}
        return tuple(condition for condition in CONDITIONS if condition in possible)

    @cached_property
    def at_birth(self) -> tuple[Condition, ...]:
        """Conditions at birth that are tested: with plasticity off, and that by which the genome was chosen."""
        return tuple(c for c in self.measured if c == "innate" or (c.startswith("innate") and c in self.judged))

    @property
    def condition(self) -> Condition:
        """The condition at birth by which the genome was chosen; `innate` where it was, or where none was."""
        return "innate" if "innate" in self.judged or len(self.at_birth) == 1 else self.at_birth[1]

    @property
    def after(self) -> Condition:
        """The same after a life."""
        return "learned_plastic" if self.condition == "innate_plastic" else "learned"

    @cached_property
    def dense(self) -> bool:
        """Whether every synapse grew that can: then where synapses are tells nothing."""
        return all(bool(grown(synapses).all()) for synapses in self._born.projections.values())

    @cached_property
    def stochastic(self) -> bool:
        """Whether the genome can score differently at another birth."""
        return is_stochastic(self.experiment, self.subject.levels[:1], self.subject.interventions)

    @cached_property
    def _born(self) -> Phenotype:
        """Some births of the genome."""
        levels = np.repeat(self.subject.levels[:1], max(self.births, 2), axis=0)
        streams = derive(self.experiment.seed, "birth on the bench", owners=range(len(levels)))
        newborn = self.experiment.birth(levels, streams)
        for intervention in self.subject.interventions:
            newborn = intervention.apply(newborn, streams)
        return newborn

    def newborns(self, *done: Intervention) -> Rows:
        """Births of the genome; whatever is done to them, they are the same births."""
        return self._own(self.births, done)

    def drawn(self, *done: Intervention) -> Rows:
        """A draw of a null model a row."""
        return self._own(self.draws, done)

    def founders(self) -> Rows:
        """Genomes from the distribution that every search begins from; several births of each where they differ."""
        # never more births than the genome itself has: a null that is surer than what is tested would reject too often
        spec, births = self.experiment.genome.spec, min(_FOUNDERS_BIRTHS, self.births) if self.stochastic else 1
        units = founders(self.draws, spec, derive(self.experiment.seed, "random founders of the innate test"))
        levels = np.repeat(spec.quantise(units), births, axis=0)
        return Rows(levels, np.arange(len(levels)), births=births)

    def life(self, times: int = 1) -> Experiment:
        """The experiment with a life so many times as long, and with a learning curve."""
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
        """What is measured of every row: of birth alone, in the conditions that are tested, or of a whole life."""
        home = experiment or self.experiment
        again = _FEW if resamples is None else resamples
        conditions = self.measured if lived else self.at_birth
        assay = Assay(split, lived and self.learns, conditions, rows.done, again if home.same_exam else 0)
        found = self.examiner.examine(what, rows.levels, assay, rows.lives, experiment=home)
        return found if rows.births == 1 else {name: per_genome(m, rows.births).mean(1) for name, m in found.items()}

    def scores(self, measured: Measurements) -> dict[Condition, Scores]:
        """The main score in every condition that was measured and can differ."""
        names = {c: f"{c}.{self.main}" for c in self.measured if f"{c}.{self.main}" in measured}
        bounds = self.experiment.bounds
        return {c: Scores(measured[n], measured.get(f"{n}.resampled"), bounds) for c, n in names.items()}

    def _own(self, count: int, done: tuple[Intervention, ...]) -> Rows:
        levels = np.repeat(self.subject.levels[:1], count, axis=0)
        return Rows(levels, np.arange(count), (*self.subject.interventions, *done))
