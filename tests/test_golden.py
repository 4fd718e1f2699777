"""A golden trace: what a small run gave when this file was last changed on purpose.

Integers must agree exactly; measurements as far as another processor's kernels may round. A change that alters these
numbers alters every run's: say so in CHANGELOG.md, and write the new trace with `python tests/test_golden.py`.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from evo.evaluation.cohort import cohorts
from evo.evaluation.evaluate import evaluate
from evo.evaluation.numerics import settle
from evo.evaluation.outcome import joined
from evo.evolution.generation import screened
from evo.experiment.config import load
from genomes.streams import derive

GOLDEN = Path(__file__).with_name("golden.json")
SEARCHES = {
    "EvolutionStrategy": "{kind: EvolutionStrategy, population: 5}",
    "Genetic": "{kind: Genetic, population: 6}",
    "NSGA2": "{kind: NSGA2, population: 8}",
    "CMAES": "{kind: CMAES, population: 6}",
}


def trace(search):
    """Founders' first levels, and the goals of three generations."""
    experiment = load("teacher", (f"search={SEARCHES[search]}", "cohort=3", "lifetime.steps=5", "task.measured=32"))
    spec, bred = experiment.genome.spec, experiment.search
    state, goals = bred.begin(spec, derive(1, "search", -1)), []
    for generation in range(3):
        streams = derive(1, "search", generation)
        asked = bred.ask(state, spec, streams)
        lives = [evaluate(experiment, c) for c in cohorts(generation, spec.quantise(asked.units), experiment.cohort)]
        goals.append(screened(experiment.goals, *joined(lives)))
        state = bred.tell(state, asked, goals[-1], spec, streams)
        if generation == 0:
            levels = spec.quantise(asked.units)[0, :20].tolist()
    return {"levels": levels, "goals": np.array(goals).round(6).tolist()}


@pytest.mark.parametrize("search", SEARCHES)
def test_the_trace_has_not_changed(search):
    golden, now = json.loads(GOLDEN.read_text())[search], trace(search)
    assert now["levels"] == golden["levels"]
    assert np.allclose(now["goals"], golden["goals"], rtol=1e-3, atol=1e-4)


if __name__ == "__main__":
    settle()
    GOLDEN.write_text(json.dumps({search: trace(search) for search in SEARCHES}, indent=1) + "\n")
