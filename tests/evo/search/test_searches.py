"""Properties of every search: its contract, a better result than chance, and a state that can be stored."""

import io

import numpy as np
import pytest

from evo.experiment.contracts import check_search
from evo.search.algorithms import SEARCHES
from evo.search.algorithms.cma_es import CMAES
from evo.search.algorithms.evolution_strategy import EvolutionStrategy
from evo.search.algorithms.genetic import Genetic
from evo.search.algorithms.nsga2 import NSGA2
from evo.search.algorithms.nsga3 import NSGA3
from evo.search.algorithms.random_search import RandomSearch
from evo.search.algorithms.steady_state import SteadyState
from evo.search.operators.variation import Variation
from genomes.errors import InputError
from genomes.spec import Field, GenomeSpec
from genomes.streams import derive

SPEC = GenomeSpec((Field("x", (8,), bits=16),))
SMALL = (
    EvolutionStrategy(17, sigma=0.1, step=0.05),
    Genetic(16),
    Genetic(16, variation=Variation("gray")),
    NSGA2(16),
    NSGA3(16),
    CMAES(16),
    SteadyState(16, 16),
)
EVERY = (*SMALL, RandomSearch(16))


def towards(units, *optima):
    """A goal an optimum: minus the squared distance of a genome to it."""
    return np.stack([-((units - optimum) ** 2).sum(1) for optimum in optima], axis=1)


def bred(search, generations, seed=0, goals=lambda units: towards(units, 0.3, 0.5), state=None, start=0):
    """State after some generations, and what was asked for in each."""
    state, every = state or search.begin(SPEC, derive(seed, "search", -1)), []
    for generation in range(start, start + generations):
        streams = derive(seed, "search", generation)
        asked = search.ask(state, SPEC, streams)
        state = search.tell(state, asked, goals(asked.units), SPEC, streams)
        every.append(asked)
    return state, every


def name(search):
    return type(search).__name__ + ("-gray" if getattr(search, "variation", Variation()).coding == "gray" else "")


@pytest.mark.slow
@pytest.mark.parametrize("kind", SEARCHES)
def test_the_contract_holds(kind):
    assert len(check_search(kind())) == 3


@pytest.mark.parametrize("search", EVERY, ids=name)
def test_the_contract_holds_of_small_ones(search):
    assert check_search(search)[0] == f"{type(search).__name__} asks for {search.lives} genomes in the unit cube"


@pytest.mark.slow
@pytest.mark.parametrize("search", SMALL, ids=name)
@pytest.mark.parametrize("seed", range(4))
def test_it_finds_more_than_chance_does(search, seed):
    def best(searching):
        _, every = bred(searching, 25, seed)
        return max(towards(asked.units, 0.3, 0.5).sum(1).max() for asked in every)

    assert best(search) > best(RandomSearch(17)) + 0.05


def test_a_steady_state_keeps_the_best_of_all_that_ever_lived():
    search = SteadyState(8, 4)
    state, every = bred(search, 12)
    goals = np.concatenate([towards(asked.units, 0.3, 0.5) for asked in every])
    assert len(state["units"]) == 8
    assert all(len(asked.units) == 4 for asked in every)
    assert (every[0].parents == -1).all()
    assert (every[1].parents == -1).all(), "the population was not complete"
    assert (every[2].parents[:, 0] >= 0).all()
    assert not (every[0].units == every[1].units).any(), "founders differ"
    assert state["goals"].max() == goals.max(), "the best in a goal is never lost"
    units = np.concatenate([asked.units for asked in every])
    assert (units[state["born"]] == state["units"]).all(), "numbers of the run"


@pytest.mark.parametrize("search", EVERY, ids=name)
def test_a_state_goes_through_a_file_and_goes_on_the_same(search, same_bytes):
    state, _ = bred(search, 3)
    file = io.BytesIO()
    np.savez(file, **state)
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        thawed = dict(arrays)
    assert same_bytes(thawed, state)
    straight, asked = bred(search, 2, state=state, start=3)
    resumed, again = bred(search, 2, state=thawed, start=3)
    assert same_bytes(resumed, straight)
    assert all(one.units.tobytes() == two.units.tobytes() for one, two in zip(asked, again, strict=True))
    assert bred(search, 5)[1][4].units.tobytes() == asked[1].units.tobytes(), "as if it had never stopped"


@pytest.mark.parametrize("search", EVERY, ids=name)
def test_another_seed_is_another_search(search):
    (_, one), (_, two) = bred(search, 2, 0), bred(search, 2, 1)
    assert not any((a.units == b.units).all(1).any() for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("search", EVERY, ids=name)
def test_what_is_asked_lies_in_the_unit_cube(search):
    _, every = bred(search, 8, goals=lambda units: towards(units, 0.0, 1.0))
    assert all(((asked.units >= 0.0) & (asked.units <= 1.0)).all() for asked in every)


@pytest.mark.parametrize("search", EVERY, ids=name)
@pytest.mark.parametrize(
    "goals",
    [
        lambda units: np.zeros((len(units), 2)),
        lambda units: np.column_stack([towards(units, 0.3), np.full(len(units), -5298.0)]),
        lambda units: towards(units, 0.3, 0.5) * 1e30,
    ],
    ids=["all equal", "one of them constant", "of any size"],
)
def test_goals_that_say_little_do_no_harm(search, goals):
    state, every = bred(search, 6, goals=goals)
    assert all(np.isfinite(array).all() for array in state.values())
    assert all(np.isfinite(asked.units).all() for asked in every)


@pytest.mark.parametrize("search", [s for s in SMALL if not isinstance(s, NSGA2 | NSGA3)], ids=name)
def test_ranks_are_told_so_that_the_scale_of_a_goal_does_not_matter(search, same_bytes):
    one, _ = bred(search, 4, goals=lambda units: towards(units, 0.3, 0.5))
    two, _ = bred(search, 4, goals=lambda units: np.exp(towards(units, 0.3, 0.5) * [0.5, 3.0]) * [1e-6, 1e6])
    kept = [{name: array for name, array in state.items() if name != "goals"} for state in (one, two)]
    assert same_bytes(*kept)


@pytest.mark.parametrize("search", [Genetic(8), NSGA2(8), NSGA3(8), Genetic(7, 1)], ids=name)
def test_lineage_names_parents_by_their_numbers_in_the_run(search):
    spec = GenomeSpec((Field("x", (60,)),))
    variation = Variation("real", 0.0, 2.0)
    search = type(search)(**{**vars(search), "variation": variation})
    state, units, older = search.begin(spec, derive(1, "search", -1)), np.zeros((0, 60)), False
    for generation in range(6):
        streams = derive(1, "search", generation)
        asked = search.ask(state, spec, streams)
        assert asked.parents.dtype == np.int64
        mother = asked.parents[:, 0]
        if generation == 0:
            assert (asked.parents == -1).all()
        else:
            assert ((mother >= 0) & (mother < len(units))).all()
            assert (asked.parents[:, 1] == -1).all(), "not crossed"
            shared = (asked.units[:, None, :] == units).sum(2)  # genes in common with everyone who ever lived
            assert (shared[np.arange(len(mother)), mother] >= 50).all()
            assert (shared[np.arange(len(mother)), mother] == shared.max(1)).mean() > 0.8
            older |= bool((mother < len(units) - search.lives).any())
        units = np.concatenate([units, asked.units])
        state = search.tell(state, asked, towards(asked.units, 0.3, 0.6), spec, streams)
    assert older == (not isinstance(search, Genetic)), "in a front parents may be older than a generation"


@pytest.mark.parametrize("search", [EvolutionStrategy(9), CMAES(8), RandomSearch(8)], ids=name)
def test_samples_have_no_parents(search):
    assert all((asked.parents == -1).all() for asked in bred(search, 3)[1])


def test_random_search_never_asks_twice_and_learns_nothing():
    state, every = bred(RandomSearch(50), 4)
    assert state == {}
    units = np.concatenate([asked.units for asked in every])
    assert len(np.unique(units[:, 0])) == 200
    assert abs(units.mean() - 0.5) < 0.03


@pytest.mark.parametrize(
    ("search", "numbers", "goals", "sentence"),
    [
        (NSGA2(8), 4, 1, "search NSGA2: expected at least two goals, got 1"),
        (NSGA3(8), 4, 1, "search NSGA3: expected at least two goals, got 1"),
        (CMAES(8), 3001, 1, "search CMAES: expected a genome of at most 3000 numbers, got 3001"),
        (NSGA3(8, 100), 4, 40, "search NSGA3.divisions: 100 for 40 goals: expected at most 10000 reference points"),
    ],
)
def test_a_search_that_cannot_work_says_so(search, numbers, goals, sentence):
    with pytest.raises(InputError) as caught:
        search.check(GenomeSpec((Field("x", (numbers,)),)), goals)
    assert str(caught.value).startswith(sentence)


def test_what_a_search_can_work_with_passes():
    CMAES(8).check(GenomeSpec((Field("x", (3000,)),)), 1)
    NSGA3(8, 12).check(SPEC, 3)
    for search in (EvolutionStrategy(9), Genetic(8), RandomSearch(8)):
        search.check(GenomeSpec((Field("x", (100_000,)),)), 1)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: RandomSearch(1), "RandomSearch.population: expected at least 2, got 1"),
        (lambda: Genetic(1), "Genetic.population: expected at least 2, got 1"),
        (lambda: Genetic(4, elites=4), "Genetic.elites: expected 0 to below the population, got 4"),
        (lambda: Genetic(4, tournament=0), "Genetic.tournament: expected at least 1, got 0"),
        (lambda: NSGA2(6), "NSGA2.population: expected a multiple of 4, got 6"),
        (lambda: NSGA3(8, 0), "NSGA3.divisions: expected at least 1, got 0"),
        (lambda: CMAES(3), "CMAES.population: expected at least 4, got 3"),
        (lambda: CMAES(8, 0.0), "CMAES.sigma: expected a number above 0, at most 1, got 0.0"),
        (lambda: EvolutionStrategy(8), "EvolutionStrategy.population: expected an odd number (pairs and their centre)"),
        (lambda: EvolutionStrategy(9, step=2.0), "EvolutionStrategy.step: expected a number above 0, at most 1"),
        (lambda: EvolutionStrategy(9, momentum=1.0), "EvolutionStrategy.momentum: expected 0 to below 1, got 1.0"),
        (lambda: EvolutionStrategy(9, horizon=0), "EvolutionStrategy.horizon: expected at least 1, got 0"),
    ],
)
def test_numbers_that_make_no_search_are_refused(build, sentence):
    with pytest.raises(InputError) as caught:
        build()
    assert str(caught.value).startswith(sentence)
