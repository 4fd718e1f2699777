"""The best genome of a run is chosen on the selection split, in a task too; no other split has a say in it."""

import numpy as np
import pytest

from evo import Run, evolve
from evo.goals import Scores
from evo.search.random_search import RandomSearch
from genomes.topology import layered
from inner_loop.lifetime import Lifetime
from inner_loop.objectives.cross_entropy import CrossEntropy
from inner_loop.rules.frozen import Frozen
from inner_loop.tasks.digits import Digits


@pytest.fixture
def digits(small, tmp_path):
    """Six generations of random genomes that are looked at on splits so small that their orders differ."""
    experiment = small(
        topology=layered(64, 4, 10),
        task=Digits(train=10, selection=50, test=50),
        rule=Frozen(),
        objective=CrossEntropy(),
        goals=Scores(("innate.log_likelihood",)),
        lifetime=Lifetime(0),
        search=RandomSearch(4),
        generations=6,
        seed=2,
    )
    list(evolve(experiment, tmp_path / "run"))
    return Run(tmp_path / "run")


def test_in_a_task_the_best_is_chosen_on_the_selection_split_although_another_is_better_on_test(digits):
    main = f"innate.{digits.experiment.main}"
    recorded = np.stack([digits.generation(index).measurements[main] for index in digits.generations])
    best = digits.best()
    assert (best.generation, best.slot) == np.unravel_index(recorded.argmax(), recorded.shape)
    assert best.scores == {"innate": recorded.max()}
    leaders = [digits.leaders(index, 1)[0] for index in digits.generations]
    on_test = [digits.examine(leader, "test").measurements[main][0] for leader in leaders]
    assert int(np.argmax(on_test)) != best.generation, "or this test could not tell"
