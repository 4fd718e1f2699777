"""The workload of the cluster benchmark: experiments, and evaluators that do all, do nothing, or only sleep."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from evo.evaluation.cohort import SELECTION, Assay, Cohort, cohorts, written_out
from evo.evaluation.fault_isolation import evaluate_in_worker
from evo.evaluation.outcome import Outcome
from evo.experiment.config import load
from evo.experiment.experiment import Experiment
from evo.experiment.goals import Scores
from evo.search.algorithms import EvolutionStrategy
from genomes.encodings import Direct
from genomes.streams import derive
from genomes.topology import layered
from inner_loop.lives.samples import Lifetime
from inner_loop.objectives import SquaredError
from inner_loop.rules import Backprop
from inner_loop.tasks import Teacher

COHORT = 32
SPREAD = 0.25  # standard deviation of the logarithm of a cohort's time, for cohorts that only sleep


def digits(population: int, steps: int = 200) -> Experiment:
    """Lives of 64-256-10 on the digits, under an evolution strategy: a cohort of 32 takes about half a second."""
    one = load("digits", (f"search.population={population}", f"cohort={COHORT}", f"lifetime.steps={steps}"))
    return replace(one, topology=layered(64, 256, 10))


def ten_thousand_genes(population: int, cohort: int = COHORT) -> Experiment:
    """100 x (99 + 1) genes, one a weight, and lives of a single step."""
    return Experiment(
        topology=layered(99, 100),
        encoding=Direct(bias=True),
        rule=Backprop(0.1),
        objective=SquaredError(),
        task=Teacher(99, 100, hidden=0, measured=4),
        goals=Scores(("innate.negative_squared_error", "learned.negative_squared_error")),
        search=EvolutionStrategy(population=population),
        lifetime=Lifetime(steps=1, batch=2),
        generations=2,
        cohort=cohort,
    )


@lru_cache(maxsize=4)
def known(experiment: Experiment) -> Outcome:
    """The outcome of a cohort with the middle of every gene, evaluated once in a process."""
    spec = experiment.genome.spec
    levels = spec.quantise(np.full((experiment.cohort, spec.size), 0.5))
    return evaluate_in_worker(experiment, cohorts(0, levels, experiment.cohort)[0])


def at_once(experiment: Experiment, cohort: Cohort, assay: Assay = SELECTION) -> Outcome:
    """An outcome of the right size without lives: repeats the known one for all real individuals."""
    outcome = known(experiment)
    measurements = {name: m[: cohort.real] for name, m in outcome.measurements.items()}
    return Outcome(measurements, outcome.failures[: cohort.real])


def seconds_of(cohort: Cohort, typical: float) -> float:
    """The time of a sleeping cohort: log-normal around the typical one; depends only on its generation and number."""
    factors = _factors()
    return typical * factors[(cohort.generation * 7919 + cohort.number) % len(factors)]


@lru_cache(maxsize=1)
def _factors() -> list[float]:
    return np.exp(SPREAD * derive(0, "sleep").normal(2**13)[0].numpy()).tolist()


def asleep(typical: float, experiment: Experiment, cohort: Cohort, assay: Assay = SELECTION) -> Outcome:
    """A worker that only sleeps, typically for `typical` seconds."""
    outcome = at_once(experiment, cohort)
    time.sleep(seconds_of(cohort, typical))
    return outcome


def timed(clocks: Path, experiment: Experiment, cohort: Cohort, assay: Assay = SELECTION) -> Outcome:
    """Evaluates as usual; appends the CPU seconds to a file of the worker."""
    cpu = time.process_time()
    outcome = evaluate_in_worker(experiment, cohort, assay)
    with open(clocks / str(os.getpid()), "a") as clock:
        clock.write(f"{cohort.generation} {time.process_time() - cpu}\n")
    return outcome


def witnessed(seen: Path, experiment: Experiment, cohort: Cohort, assay: Assay = SELECTION) -> Outcome:
    """Evaluates as usual; writes the SHA-256 of each evaluated genome to a file."""
    levels = written_out(experiment, cohort).levels
    assert levels is not None, "written out"
    lines = [f"{cohort.generation} {slot} {digest(row)}\n" for slot, row in zip(cohort.slots, levels, strict=True)]
    (seen / f"{cohort.generation}-{cohort.number}").write_text("".join(lines[: cohort.real]))
    return evaluate_in_worker(experiment, cohort, assay)


def digest(levels: np.ndarray) -> str:
    """SHA-256 of a genome."""
    return hashlib.sha256(np.ascontiguousarray(levels).tobytes()).hexdigest()
