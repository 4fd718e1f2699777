"""Fitness-proportional selection: shares of the roulette, children of two parents cut at one point, its contract."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from evo.experiment.contracts import check_search
from evo.search.algorithms.fitness_proportional import FitnessProportional
from evo.search.base import Search
from genomes.errors import InputError
from genomes.spec import Field, GenomeSpec
from genomes.streams import derive

SPEC = GenomeSpec((Field("x", (20,), bits=16),))


def bred(search, goals, spec=SPEC, seed=0):
    """The founders of a search and their children, given the founders' goal."""
    streams = [derive(seed, "search", generation) for generation in (-1, 0, 1)]
    state = search.begin(spec, streams[0])
    founders = search.ask(state, spec, streams[1])
    state = search.tell(state, founders, np.asarray(goals, dtype=np.float64)[:, None], spec, streams[1])
    return founders, search.ask(state, spec, streams[2])


@dataclass(frozen=True)
class OneGoal(Search):
    """A search told the first goal alone, so that a contract of several can try it."""

    search: FitnessProportional

    lives = property(lambda self: self.search.lives)

    def check(self, spec, goals):
        self.search.check(spec, 1)

    def begin(self, spec, streams):
        return self.search.begin(spec, streams)

    def ask(self, state, spec, streams):
        return self.search.ask(state, spec, streams)

    def tell(self, state, asked, goals, spec, streams, measurements=None):
        return self.search.tell(state, asked, goals[:, :1], spec, streams)


@pytest.mark.parametrize("search", [FitnessProportional(16), FitnessProportional(17, mutation=0.2)], ids=repr)
def test_the_contract_holds(search):
    assert len(check_search(OneGoal(search))) == 3


@pytest.mark.slow
def test_parents_are_drawn_in_proportion_to_their_goal():
    population = 4000
    goals = np.tile([1.0, 2.0, 5.0, 20.0, 0.0, -3.0, 1e-9, 12.0], population // 8)
    _, children = bred(FitnessProportional(population), goals)
    drawn = np.bincount(children.parents.ravel() % 8, minlength=8) / (2 * population)
    wanted = np.array([1, 2, 5, 20, 0, 0, 0, 12]) / 40
    error = np.sqrt(wanted * (1 - wanted) / (2 * population))
    assert (np.abs(drawn - wanted) <= 4 * error).all()
    one, two = children.parents.T
    assert abs(np.corrcoef(goals[one], goals[two])[0, 1]) < 4 / population**0.5, "a mate is drawn on its own"


@pytest.mark.parametrize("goals", [np.zeros(200), np.linspace(-9.0, 0.0, 200), np.full(200, 1e308)])
def test_where_no_goal_is_above_zero_or_all_are_equal_everybody_has_the_same_share(goals):
    _, children = bred(FitnessProportional(200), goals)
    shares = np.bincount(children.parents.ravel(), minlength=200)
    assert shares.max() <= 9, "two on average"
    assert (shares > 0).mean() > 0.75


@pytest.mark.parametrize("goals", [[1e-300, 3e-300] * 8, [1e308, 1.7e308] * 8, [5e-324, 0.0] * 8])
def test_goals_of_any_size_fill_the_population(goals):
    _, children = bred(FitnessProportional(16), goals)
    assert children.parents.shape == (16, 2)
    assert (children.parents >= 0).all()


def test_a_child_begins_as_one_parent_and_ends_as_the_other():
    founders, children = bred(FitnessProportional(500), np.ones(500))
    before, cuts = founders.units.copy(), []
    for child, (one, two) in zip(children.units, children.parents, strict=True):
        if one == two:
            assert (child == before[one]).all()
            continue
        cut = int((child == before[one]).sum())
        assert (child == np.concatenate([before[one, :cut], before[two, cut:]])).all()
        cuts.append(cut)
    assert set(cuts) == set(range(1, 20)), "everywhere between two genes, never before the first"
    assert np.abs(np.bincount(cuts, minlength=20)[1:] - len(cuts) / 19).max() < 5 * (len(cuts) / 19) ** 0.5


def test_parents_are_numbered_within_the_run_and_every_generation_is_new():
    search, streams = FitnessProportional(6), derive(4, "search", 0)
    state, earlier = search.begin(SPEC, streams), np.zeros((0, 20))
    for generation in range(4):
        asked = search.ask(state, SPEC, derive(4, "search", generation))
        assert ((asked.parents == -1).all()) == (generation == 0)
        assert generation == 0 or set(asked.parents.ravel().tolist()) <= set(range(len(earlier) - 6, len(earlier)))
        if generation:
            assert (asked.units[:, 0] == earlier[asked.parents[:, 0], 0]).all()
            assert (asked.units[:, -1] == earlier[asked.parents[:, 1], -1]).all()
        earlier = np.concatenate([earlier, asked.units])
        state = search.tell(state, asked, asked.units[:, :1] + 1.0, SPEC, streams)


@pytest.mark.slow
def test_nothing_mutates_unless_it_is_asked_for():
    _, plain = bred(FitnessProportional(400), np.ones(400))
    _, mutated = bred(FitnessProportional(400, mutation=0.1), np.ones(400))
    assert (mutated.parents == plain.parents).all()
    changed = mutated.units != plain.units
    assert abs(changed.mean() - 0.1) < 4 * (0.09 / changed.size) ** 0.5
    assert abs(mutated.units[changed].mean() - 0.5) < 0.06, "drawn anew"
    assert len(np.unique(mutated.units[changed])) == changed.sum()
    _, all_new = bred(FitnessProportional(400, mutation=1.0), np.ones(400))
    assert not (all_new.units == plain.units).any()


def test_breeding_depends_on_its_own_chance_alone():
    goals = np.arange(50.0)
    one, again, another = (bred(FitnessProportional(50), goals, seed=seed)[1] for seed in (0, 0, 1))
    assert one.units.tobytes() == again.units.tobytes()
    assert (one.parents == again.parents).all()
    assert (one.parents != another.parents).any()


def test_it_climbs():
    search = FitnessProportional(60)
    state, best = search.begin(SPEC, derive(0, "search", -1)), []
    for generation in range(30):
        streams = derive(0, "search", generation)
        asked = search.ask(state, SPEC, streams)
        goals = np.exp(4 * asked.units.mean(1))[:, None] ** 3
        best.append(asked.units.mean())
        state = search.tell(state, asked, goals, SPEC, streams)
    assert best[-1] > best[0] + 0.15


def test_what_it_cannot_work_with_is_refused_in_a_sentence():
    search = FitnessProportional(8)
    search.check(SPEC, 1)
    for spec, goals, sentence in (
        (SPEC, 2, "search FitnessProportional: expected exactly one goal, got 2"),
        (
            GenomeSpec((Field("x"),)),
            1,
            "search FitnessProportional: expected a genome of at least 2 numbers, got 1",
        ),
    ):
        with pytest.raises(InputError) as caught:
            search.check(spec, goals)
        assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"population": 1}, "FitnessProportional.population: expected at least 2, got 1"),
        ({"mutation": 1.5}, "FitnessProportional.mutation: expected a probability, got 1.5"),
        ({"mutation": float("nan")}, "FitnessProportional.mutation: expected a probability, got nan"),
    ],
)
def test_numbers_that_make_no_search_are_refused(changes, sentence):
    with pytest.raises(InputError) as caught:
        replace(FitnessProportional(), **changes)
    assert str(caught.value) == sentence
