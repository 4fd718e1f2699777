"""The result of a run: its best genome and separate random founders, all on the test split."""

import numpy as np
import pytest

from evo import Run, evolve
from evo.evaluation.cohort import Assay, cohorts
from evo.evaluation.evaluate import evaluate
from evo.evolution.result import founders_scores, result
from evo.experiment.goals import Scores
from evo.search.algorithms import EvolutionStrategy
from evo.search.base import founders
from genomes.streams import derive
from genomes.topology import layered
from inner_loop.lives.samples import Lifetime
from inner_loop.objectives.cross_entropy import CrossEntropy
from inner_loop.tasks.digits import Digits


@pytest.mark.slow
def test_random_founders_are_none_that_the_search_began_with(small, tmp_path, monkeypatch):
    """An evolution strategy's first centre, or a first generation, would be the genome beside itself."""
    seen = []

    def watched(experiment, cohort, assay):
        seen.append(cohort.levels[: cohort.real])
        return evaluate(experiment, cohort, assay)

    monkeypatch.setattr("evo.evolution.result.evaluate", watched)
    for name, search in (("strategy", EvolutionStrategy(5)), ("random", small().search)):
        experiment = small(search=search)
        list(evolve(experiment, tmp_path / name))
        seen.clear()
        founders_scores(experiment)
        random = {row.tobytes() for row in np.concatenate(seen)}
        assert len(random) == 64
        run = Run(tmp_path / name)
        assert not random & {row.tobytes() for index in run.generations for row in run.generation(index).levels}
        spec = experiment.genome.spec
        for number in (-1, 0, 1):  # what a search draws from before and in its generations
            own = spec.quantise(founders(64, spec, derive(experiment.seed, "search", number)))
            assert not random & {row.tobytes() for row in own}


@pytest.mark.slow
def test_random_founders_and_the_best_are_measured_on_the_test_split(small, tmp_path):
    experiment = small(
        topology=layered(64, 4, 10),
        task=Digits(train=20, selection=50, test=70),
        objective=CrossEntropy(),
        goals=Scores(("innate.accuracy",)),
        lifetime=Lifetime(1, 4),
    )
    list(evolve(experiment, tmp_path / "run"))
    found, spec = result(Run(tmp_path / "run")), experiment.genome.spec
    levels = spec.quantise(founders(64, spec, derive(experiment.seed, "random founders")))
    means = {
        split: np.mean(
            [
                evaluate(experiment, each, Assay(split, learn=False)).measurements["innate.accuracy"]
                for each in cohorts(0, levels, experiment.cohort)
            ]
        )
        for split in ("selection", "test")
    }
    assert found.founders_innate == found.founders["innate"] == means["test"] != means["selection"]
    for score in (found.innate, found.learned):
        assert score * 70 == np.round(score * 70), "a share of the 70 samples of the test split"
        assert score * 50 != np.round(score * 50), "or this test could not tell"
