"""Each search against its formula, or against DEAP run by hand."""

import math

import numpy as np
import pytest
from deap import base, cma, tools

from evo.search.algorithms.cma_es import CMAES
from evo.search.algorithms.evolution_strategy import EvolutionStrategy
from evo.search.algorithms.genetic import Genetic
from evo.search.algorithms.nsga2 import NSGA2
from evo.search.algorithms.nsga3 import NSGA3
from evo.search.base import Asked, deap_seeded, founders, unrelated
from evo.search.operators.deap_individual import Fitness, Individual
from evo.search.operators.variation import Variation
from genomes.spec import Field, GenomeSpec
from genomes.streams import derive

SPEC = GenomeSpec((Field("x", (3,), bits=8),))


def streams(generation):
    return derive(0, "search", generation)


class Goals(base.Fitness):
    weights = (1.0, 1.0)


class Row(list):
    def __init__(self, numbers, goals):
        super().__init__(numbers)
        self.fitness = Goals(goals)


# evolution strategy


def test_an_evolution_strategy_asks_for_its_centre_and_mirrored_pairs():
    search = EvolutionStrategy(9, sigma=0.01)
    state = search.begin(SPEC, streams(-1)) | {"centre": np.full(3, 0.5)}
    units = search.ask(state, SPEC, streams(0)).units
    assert (units[0] == 0.5).all()
    assert np.allclose(units[1:5] - 0.5, 0.5 - units[5:], rtol=0, atol=1e-15)
    assert len(np.unique(np.abs(units[1:] - 0.5).round(12), axis=0)) == 4


def test_a_step_is_adams_up_the_mean_of_ranks_that_share_ties():
    search = EvolutionStrategy(5, sigma=0.1, step=0.02, sigma_end=0.1, step_end=0.02, momentum=0.8, scaling=0.9)
    state = search.begin(SPEC, streams(-1)) | {"centre": np.array([0.5, 0.4, 0.999])}
    centre, mean, square = state["centre"].tolist(), [0.0] * 3, [0.0] * 3
    tables = [
        # goals of the five, and by hand their mean rank from 1 to 5, the tied sharing theirs
        ([[5.0, 0.0], [7.0, 0.0], [7.0, 0.0], [1.0, 0.0], [9.0, 0.0]], [2.5, 3.25, 3.25, 2.0, 4.0]),
        ([[1.0, 9.0], [2.0, 8.0], [3.0, 8.0], [4.0, 8.0], [5.0, -1e9]], [3.0, 2.5, 3.0, 3.5, 3.0]),
    ]
    for time, (goals, ranks) in enumerate(tables, start=1):
        asked = search.ask(state, SPEC, streams(time))
        noise = derive(0, "search", time).stream("noise").normal(2, 3)[0].tolist()
        state = search.tell(state, asked, np.array(goals), SPEC, streams(time))
        worth = [(rank - 1) / 4 - 0.5 for rank in ranks]
        for gene in range(3):
            pairs = [(worth[1 + pair] - worth[3 + pair]) * noise[pair][gene] for pair in range(2)]
            slope = sum(pairs) / 5
            mean[gene] = 0.8 * mean[gene] + 0.2 * slope
            square[gene] = 0.9 * square[gene] + 0.1 * slope * slope
            direction = mean[gene] / (1 - 0.8**time) / (math.sqrt(square[gene] / (1 - 0.9**time)) + 1e-12)
            centre[gene] = min(max(centre[gene] + 0.02 * direction, 0.0), 1.0)
        assert np.allclose(state["centre"], centre, rtol=0, atol=1e-12)
        assert np.allclose(state["mean"], mean, rtol=1e-12)
        assert np.allclose(state["square"], square, rtol=1e-12)
        assert state["time"] == time


def test_noise_and_step_shrink_geometrically_and_then_stay():
    search = EvolutionStrategy(3, sigma=0.08, step=0.04, sigma_end=0.02, step_end=0.01, horizon=10)
    rest = {"centre": np.full(3, 0.5), "mean": np.zeros(3), "square": np.zeros(3)}

    def reach_and_step(time):
        state = rest | {"time": np.array([float(time)])}
        asked = search.ask(state, SPEC, streams(0))
        noise = streams(0).stream("noise").normal(1, 3)[0].numpy()
        told = search.tell(state, asked, np.array([[0.0], [1.0], [-1.0]]), SPEC, streams(0))
        reach = ((asked.units[1:2] - 0.5) / noise).mean()
        # Adam's first step at rest: its bias corrections are known
        ratio = (1 - 0.9) / (1 - 0.9 ** (time + 1)) / math.sqrt((1 - 0.99) / (1 - 0.99 ** (time + 1)))
        return reach, np.abs(told["centre"] - 0.5).mean() / ratio

    for time, share in ((0, 1.0), (5, 0.5), (10, 0.25), (1000, 0.25)):
        assert np.allclose(reach_and_step(time), (0.08 * share, 0.04 * share), rtol=1e-6)


def test_without_annealing_everything_stays():
    search = EvolutionStrategy(3)
    assert (search.sigma, search.step) == (search.sigma_end, search.step_end)


# CMA-ES


def test_cma_es_is_deaps_strategy_run_by_hand_with_the_same_samples():
    search = CMAES(10, sigma=0.3)
    state = search.begin(SPEC, streams(-1))
    strategy = cma.Strategy(founders(1, SPEC, streams(-1))[0], 0.3, lambda_=10)
    clipped = 0
    for generation in range(8):
        asked = search.ask(state, SPEC, streams(generation))
        noise = streams(generation).stream("samples").normal(10, 3)[0].numpy()
        samples = strategy.centroid + strategy.sigma * noise @ (strategy.BD @ strategy.B.T)
        clipped += ((samples < 0) | (samples > 1)).sum()
        samples = samples.clip(0.0, 1.0)
        assert np.allclose(asked.units, samples, rtol=0, atol=1e-12)
        goals = -((samples - 0.3) ** 2).sum(1)
        state = search.tell(state, asked, goals[:, None], SPEC, streams(generation))
        strategy.update([Row(sample, (goal, 0.0)) for sample, goal in zip(samples, goals, strict=True)])
        for key, value in (
            ("centroid", strategy.centroid),
            ("sigma", strategy.sigma),
            ("covariance", strategy.C),
            ("covariance_path", strategy.pc),
            ("sigma_path", strategy.ps),
            ("updates", generation + 1),
        ):
            assert np.allclose(state[key], value, rtol=1e-9, atol=1e-12), key
    assert clipped > 0, "samples outside the cube are taken to its border before they are told"
    assert not np.allclose(state["covariance"], np.eye(3), atol=0.01)


# genetic algorithm


def told(search, goals, generation=0):
    asked = search.ask(search.begin(SPEC, streams(-1)), SPEC, streams(0))
    return asked, search.tell(search.begin(SPEC, streams(-1)), asked, np.asarray(goals, dtype=float), SPEC, streams(0))


def test_elites_live_on_unchanged_the_best_first():
    goals = [[3.0], [9.0], [1.0], [9.5], [2.0], [0.0]]
    asked, state = told(Genetic(6, elites=2), goals)
    following = Genetic(6, elites=2).ask(state, SPEC, streams(1))
    assert (following.units[:2] == asked.units[[3, 1]]).all()
    assert following.parents[:2].tolist() == [[3, -1], [1, -1]]
    assert not (following.units[2:, None] == asked.units[[3, 1]]).all(2).all()


def test_several_goals_weigh_the_same_whatever_their_scale():
    _, state = told(Genetic(4), [[1.0, 4e9], [2.0, 3e9], [3.0, 2e9], [4.0, 5e9]])
    assert state["worth"].tolist() == [2.0, 2.0, 2.0, 4.0]


def test_a_tournament_of_one_is_drift():
    def children(tournament, goals):
        search = Genetic(40, elites=0, tournament=tournament, variation=Variation("real", 0.5, 1.0))
        _, state = told(search, goals)
        return search.ask(state, SPEC, streams(1))

    up, down = np.arange(40.0)[:, None], -np.arange(40.0)[:, None]
    assert (children(1, up).units == children(1, down).units).all(), "goals do not matter"
    assert 12.0 < children(1, up).parents[:, 0].mean() < 27.0
    assert children(5, up).parents[:, 0].mean() > 28.0
    assert children(5, down).parents[:, 0].mean() < 12.0


def test_children_bred_as_gray_code_are_levels():
    search = Genetic(20, elites=0, variation=Variation("gray"))
    _, state = told(search, np.arange(20.0)[:, None])
    units = search.ask(state, SPEC, streams(1)).units
    assert (units == SPEC.units(SPEC.quantise(units))).all()


# fronts


def two_generations(search, goals_of):
    """Returns the competitors, the choice of DEAP, and the choice of the search."""
    state = search.begin(SPEC, streams(-1))
    asked = search.ask(state, SPEC, streams(0))
    state = search.tell(state, asked, goals_of(asked.units), SPEC, streams(0))
    before, asked = state, search.ask(state, SPEC, streams(1))
    after = search.tell(state, asked, goals_of(asked.units), SPEC, streams(1))
    goals = np.concatenate([before["goals"], goals_of(asked.units)])
    return np.concatenate([before["units"], asked.units]), goals, after


def conflicting(units):
    return -np.stack([((units - 0.2) ** 2).sum(1), ((units - 0.8) ** 2).sum(1)], axis=1)


@pytest.mark.parametrize(
    ("search", "chosen"),
    [
        (NSGA2(16), lambda rows: tools.selNSGA2(rows, 16, nd="log")),
        (NSGA3(16, 7), lambda rows: tools.selNSGA3(rows, 16, tools.uniform_reference_points(2, 7), nd="log")),
    ],
    ids=["NSGA2", "NSGA3"],
)
def test_survivors_are_those_of_deaps_own_selection(search, chosen):
    units, goals, after = two_generations(search, conflicting)
    rows = [Row([float(i)], goal) for i, goal in enumerate(goals)]
    with deap_seeded(streams(1).stream("selection")):
        kept = [int(row[0]) for row in chosen(rows)]
    assert (after["units"] == units[kept]).all()
    assert (after["goals"] == goals[kept]).all()


@pytest.mark.parametrize("search", [NSGA2(16), NSGA3(16)], ids=["NSGA2", "NSGA3"])
def test_nobody_who_was_dropped_dominates_a_survivor(search):
    units, goals, after = two_generations(search, conflicting)
    for goal, unit in zip(goals, units, strict=True):
        dominated = (goal >= after["goals"]).all(1) & (goal > after["goals"]).any(1)
        assert not dominated.any() or (after["units"] == unit).all(1).any()
    assert len(np.unique(after["units"], axis=0)) == 16, "no individual twice"


@pytest.mark.slow
@pytest.mark.parametrize("search", [NSGA2(24), NSGA3(24, 23)], ids=["NSGA2", "NSGA3"])
@pytest.mark.parametrize("seed", range(3))
def test_the_front_of_two_goals_is_found_and_spread(search, seed):
    state = search.begin(SPEC, derive(seed, "search", -1))
    for generation in range(60):
        asked = search.ask(state, SPEC, derive(seed, "search", generation))
        state = search.tell(state, asked, conflicting(asked.units), SPEC, derive(seed, "search", generation))
    place = np.sort(state["units"].mean(1))
    assert place[0] < 0.27
    assert place[-1] > 0.73
    assert np.diff(place).max() < 0.12
    assert np.ptp(state["units"], axis=1).max() < 0.25, "on the line between the optima, nearly"


def test_mates_are_those_who_dominate_or_lie_apart():
    search = NSGA2(8)
    parents = [Individual([float(i)], (float(i), float(i)), i) for i in range(8)]
    mates = [mate.row for mate in search.mates(parents, 8, streams(0))]
    assert np.mean(mates) > 4.0
    assert 0 not in mates, "the one that all others dominate wins no tournament"


def test_nobody_mates_by_goals_in_nsga3():
    parents = [Individual([float(i)], (float(i), float(i)), i) for i in range(100)]
    assert 40 < np.mean([mate.row for mate in NSGA3(100).mates(parents, 400, streams(0))]) < 60


def test_what_deap_leaves_on_a_fitness_is_not_carried_along():
    fitness = Fitness((1.0, 2.0))
    fitness.crowding_dist = 3.0
    parent = Individual([0.5], (1.0, 2.0))
    parent.fitness = fitness
    assert not hasattr(parent.clone().fitness, "crowding_dist")


def test_founders_are_uniform_in_the_cube():
    units = founders(4000, SPEC, streams(-1))
    assert np.allclose(np.quantile(units, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.02)
    assert unrelated(3).tolist() == [[-1, -1]] * 3
    assert isinstance(Genetic(4).ask(Genetic(4).begin(SPEC, streams(-1)), SPEC, streams(0)), Asked)
