"""A run read back: which genome is the best of it, on which split and in what chance, and how it is born again."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from evo import Run, evolve
from evo.analysis.frames import innate_frame, knockout_frame
from evo.evaluation.cohort import SELECTION, Assay, Cohort
from evo.evaluation.evaluate import evaluate
from evo.evolution.individual import RunIndividual
from evo.experiment.goals import Scores
from evo.search.algorithms.random_search import RandomSearch
from evo.storage.checksums import CorruptFile
from genomes.encodings.random_wiring import RandomWiring
from genomes.errors import InputError
from genomes.evolve import Evolve
from genomes.streams import derive
from genomes.topology import layered
from inner_loop.lives.episodes import EpisodicLifetime
from inner_loop.lives.samples import Lifetime
from inner_loop.objectives.cross_entropy import CrossEntropy
from inner_loop.rules.backprop import Backprop
from inner_loop.rules.frozen import Frozen
from inner_loop.rules.hebbian import Hebbian
from inner_loop.tasks.digits import Digits
from inner_loop.worlds.cart_pole import CartPole

MAIN = "innate.explained_variance"


def lived(experiment, path):
    list(evolve(experiment, path))
    return Run(path)


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
    return lived(experiment, tmp_path / "run")


def test_in_a_task_the_best_is_chosen_on_the_selection_split_although_another_is_better_on_test(digits):
    main = f"innate.{digits.experiment.main}"
    recorded = np.stack([digits.generation(index).measurements[main] for index in digits.generations])
    best = digits.best()
    assert (best.generation, best.slot) == np.unravel_index(recorded.argmax(), recorded.shape)
    assert best.scores == {"innate": recorded.max()}
    leaders = [digits.leaders(index, 1)[0] for index in digits.generations]
    on_test = [digits.examine(leader, "test").measurements[main][0] for leader in leaders]
    assert int(np.argmax(on_test)) != best.generation, "or this test could not tell"


def test_in_a_task_the_best_lives_its_own_life_again_on_another_split(digits):
    best, experiment = digits.best(), digits.experiment
    levels = np.repeat(best.levels[None], experiment.cohort, axis=0)
    cohort = Cohort(best.generation, 0, np.full(experiment.cohort, best.slot), levels, 1)
    for split in ("selection", "test"):
        outcome = digits.examine(best, split)
        assert len(outcome.failures) == 1
        for name, value in evaluate(experiment, cohort, Assay(split)).measurements.items():
            assert np.array_equal(outcome.measurements[name], value), name
    assert np.array_equal(digits.examine(best).measurements["gain"], digits.examine(best, "test").measurements["gain"])


def test_an_individual_knows_its_scores_and_whose_chance_it_was_born_with():
    levels = np.zeros(3, np.uint8)
    one = RunIndividual(4, 2, levels, {"innate": 0.5, "learned": 0.75})
    assert (one.innate, one.learned, one.sum, one.number) == (0.5, 0.75, 1.25, 4)
    other = RunIndividual(4, 2, levels, {"innate_plastic": 1.0}, bred=7)
    assert np.isnan([other.innate, other.learned]).all()
    assert (other.sum, other.number) == (1.0, 7)


@pytest.mark.slow
def test_of_a_thinned_run_the_generations_that_are_whole_are_named(small, tmp_path):
    run = lived(small(generations=8, keep=3, search=RandomSearch(2), cohort=2), tmp_path / "run")
    assert run.whole == [0, 3, 6, 7]
    assert run.generations == list(range(8))
    assert lived(small(generations=2), tmp_path / "other").whole == [0, 1]


@pytest.mark.slow
def test_where_lives_vary_eight_of_each_kind_are_examined_again(small, tmp_path, monkeypatch):
    """The last ones, the last and the best leaders, each once; births, common to all, as many as tell them apart."""
    monkeypatch.setattr("evo.evolution.run.evaluate", examined := Examined())
    for births, again, common in ((1, 8, True), (3, 12, False)):
        experiment = small(
            lifetime=Lifetime(1, 4, births=births, common=common), generations=20, search=RandomSearch(2), cohort=8
        )
        run = lived(experiment, tmp_path / f"{births}")
        examined.asked.clear()
        best = run.best()
        leaders = [run.leaders(index, 1)[0] for index in run.generations]
        finest = sorted(leaders, key=lambda leader: leader.sum)[-8:]
        wanted = [*leaders[-8:], *finest, *(run.individual(index, 0) for index in range(12, 20))]
        genomes = {(f.generation, f.slot): f.levels.tobytes() for f in wanted}
        rows = np.concatenate([cohort.levels[: cohort.real] for _, cohort, _ in examined.asked])
        assert sorted(row.tobytes() for row in rows) == sorted(genomes.values())
        for asked, cohort, assay in examined.asked:
            assert (asked.lifetime.births, asked.lifetime.common) == (again, True)
            assert assay.split == "selection"
            assert cohort.generation == -1
        assert genomes[best.generation, best.slot] == best.levels.tobytes()
        assert best.sum == max(examined.sums)


class Examined:
    """Evaluates, and notes what was asked for and what the sums of both scores were."""

    def __init__(self):
        self.asked, self.sums = [], []

    def __call__(self, experiment, cohort, assay=SELECTION):
        outcome = evaluate(experiment, cohort, assay)
        self.asked.append((experiment, cohort, assay))
        scores = outcome.measurements
        self.sums = [] if len(self.asked) == 1 else self.sums
        self.sums += (scores[MAIN] + scores["learned.explained_variance"]).tolist()
        return outcome


@pytest.mark.slow
def test_a_finalist_that_fails_when_it_is_examined_again_is_not_the_best(small, tmp_path, monkeypatch):
    run = lived(small(generations=4), tmp_path / "run")
    plain, first = run.best(), []

    def fails(experiment, cohort, assay=SELECTION):
        outcome = evaluate(experiment, cohort, assay)
        for row in range(cohort.real):
            if np.array_equal(cohort.levels[row], plain.levels):
                outcome.measurements[MAIN][row] = np.nan
                first.append(row)
        return outcome

    monkeypatch.setattr("evo.evolution.run.evaluate", fails)
    other = run.best()
    assert first
    assert np.isfinite(other.sum)
    assert (other.generation, other.slot) != (plain.generation, plain.slot)


@pytest.mark.slow
def test_where_lives_vary_the_best_is_measured_in_lives_that_no_run_has_met(small, tmp_path):
    run = lived(small(), tmp_path / "run")
    best, experiment = run.best(), run.experiment
    own = replace(experiment, lifetime=replace(experiment.lifetime, common=False))
    levels = np.repeat(best.levels[None], experiment.cohort, axis=0)
    cohort = Cohort(-2, 0, np.arange(experiment.cohort), levels, experiment.cohort)
    lives, found = evaluate(own, cohort, Assay("test")).measurements, run.examine(best)
    assert found.failures == ("",)
    for name, value in lives.items():
        assert np.array_equal(found.measurements[name], value.mean(0, keepdims=True)), name
    assert len(set(lives[MAIN].tolist())) == experiment.cohort


@pytest.mark.slow
def test_a_newborn_of_the_run_is_born_again_and_further_births_are_new(small, tmp_path):
    experiment = small(encoding=RandomWiring(1.0), rule=Backprop(Evolve((1e-2, 1e-1), "log", 4), 0.5))
    run = lived(experiment, tmp_path / "run")
    one = run.individual(1, 3)
    own = experiment.birth(one.levels[None], derive(experiment.seed, "birth", 1, [3]))
    several = run.phenotype(one, births=4)
    assert (run.phenotype(one).lives, several.lives) == (1, 4)
    among = experiment.birth(np.repeat(one.levels[None], 100, axis=0), derive(experiment.seed, "birth", 1, range(100)))
    for name, synapses in several.projections.items():
        assert synapses.weight[0].equal(own.projections[name].weight[0])
        assert len(synapses.weight.flatten(1).unique(dim=0)) == 4
        for further in synapses.weight[1:]:
            assert not (among.projections[name].weight == further).flatten(1).all(1).any()
    again = run.phenotype(one, births=2)
    assert all(again.projections[name].weight.equal(s.weight[:2]) for name, s in several.projections.items())


def test_an_individual_is_examined_on_resampled_samples_where_they_are_asked_for(digits):
    best, main = digits.best(), f"innate.{digits.experiment.main}"
    assert digits.examine(best, resamples=5).measurements[f"{main}.resampled"].shape == (1, 5)
    assert f"{main}.resampled" not in digits.examine(best).measurements


@pytest.mark.slow
def test_knockouts_live_as_many_lives_as_tell_variants_apart_unless_told(small, tmp_path, monkeypatch):
    run = lived(small(), tmp_path / "run")
    monkeypatch.setattr("evo.analysis.frames.lives_of", lambda experiment, subject: 3)
    monkeypatch.setattr("evo.analysis.genetics.variants._FOUNDERS", 8)
    three = knockout_frame(run, births=3)
    assert knockout_frame(run).equals(three)
    assert not knockout_frame(run, births=2).equals(three)


def test_a_history_is_indexed_by_generation(small, tmp_path):
    history = lived(small(), tmp_path / "run").history()
    assert (history.index.name, list(history.index)) == ("generation", [0, 1])
    assert history["failures"].tolist() == [0, 0]


def test_what_cannot_be_read_says_where(small, tmp_path, refused):
    run = lived(small(), tmp_path / "run")
    (tmp_path / "run" / "generations" / "00001.npz").write_bytes(b"torn")
    with pytest.raises(CorruptFile) as raised:
        run.generation(1)
    assert str(raised.value).startswith(str(tmp_path / "run"))
    assert str(raised.value).count(str(tmp_path / "run")) == 1
    for path in (tmp_path / "run" / "generations").iterdir():
        path.unlink()
    with refused(str(tmp_path / "run"), 0):
        Run(tmp_path / "run").best()


MINE = """
from dataclasses import dataclass
from typing import final
import numpy as np
from evo.experiment.goals import Goals

@final
@dataclass(frozen=True)
class Mine(Goals):
    @property
    def count(self):
        return 1

    def check(self, known):
        pass

    def of(self, measurements):
        return np.stack([measurements["innate.return"]], axis=1)
"""


@pytest.mark.slow
def test_code_that_an_experiment_names_runs_only_where_it_is_allowed(small, tmp_path, monkeypatch):
    (tmp_path / "mine_of_a_run.py").write_text(MINE)
    monkeypatch.syspath_prepend(str(tmp_path))
    experiment = small(
        topology=layered(4, 2),
        encoding=RandomWiring(1.0),
        rule=Hebbian(Evolve((0.01, 1.0), "log", 4)),
        objective=None,
        task=None,
        world=CartPole(longest=5),
        goals=import_module("mine_of_a_run").Mine(),
        lifetime=EpisodicLifetime(1, 1, ("innate",)),
    )
    lived(experiment, tmp_path / "run")
    with pytest.raises(InputError, match="mine_of_a_run"):
        _ = Run(tmp_path / "run").experiment
    run = Run(tmp_path / "run", allow_code=True)
    assert run.experiment == replace(experiment, engine="torch")
    tested = innate_frame(run, births=2, draws=19)
    assert tested[tested["network"] == "random founders"]["draws"].tolist()[0] == 19
    assert knockout_frame(run, births=2)["unit"].tolist() == ["learning rate"]
