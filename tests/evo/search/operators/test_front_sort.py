"""Sorting and crowding in arrays against DEAP's own, row for row and bit for bit."""

import numpy as np
import pytest
from deap import tools

from evo.search.algorithms.nsga2 import NSGA2
from evo.search.algorithms.nsga3 import NSGA3
from evo.search.base import deap_seeded
from evo.search.operators.deap_individual import individuals
from evo.search.operators.front_sort import best, crowding, fronts
from genomes.streams import derive


def streams(seed):
    return derive(seed, "front sort")


def rows_for_deap(goals):
    return individuals(np.zeros((len(goals), 1)), goals)


def numbers(seed, rows, count):
    """Goals of many shapes: spread, tied, on one front, all in a chain, some of them equal, of all sizes and signs."""
    drawn = streams(seed).uniform(rows, count)[0].numpy()
    shapes = (
        lambda: drawn,
        lambda: np.floor(drawn * 4),
        lambda: np.floor(drawn * 2) * -0.0 + np.floor(drawn * 3 - 1),
        lambda: drawn / drawn.sum(1, keepdims=True),
        lambda: np.floor(drawn[:, :1] * 30) + np.zeros(count),
        lambda: np.concatenate([drawn[: rows // 2], drawn[: rows - rows // 2]]),
        lambda: np.concatenate([drawn[:, :1], np.full((rows, count - 1), -7.0)], axis=1),
        lambda: np.full((rows, count), 0.1),
        lambda: np.floor(drawn * 5) * [1e-310, 1.0, 1e30, 1e-3][:count],
        lambda: (np.floor(drawn * 8) - 4) * 2e307,
    )
    return shapes[seed % len(shapes)]()


SETS = [
    (seed, rows, count)
    for seed in range(60)
    for rows, count in ((1, 2), (2, 3), (4, 2), (7, 4), (24, 2), (24, 3), (80, 2), (80, 3), (80, 4))
]


@pytest.fixture(scope="module")
def sets():
    """Hundreds of goals: (seed, goals)."""
    return [(seed, numbers(seed, rows, count)) for seed, rows, count in SETS]


@pytest.mark.slow
def test_fronts_are_deaps_in_deaps_order(sets):
    for _, goals in sets:
        order, front = fronts(goals)
        expected = tools.emo.sortLogNondominated(rows_for_deap(goals), len(goals))
        assert order.tolist() == [one.row for rows in expected for one in rows]
        assert front.tolist() == [place for place, rows in enumerate(expected) for _ in rows]


@pytest.mark.slow
def test_crowding_is_deaps_to_the_bit(sets):
    for _, goals in sets:
        rows = rows_for_deap(goals)
        for front in tools.emo.sortLogNondominated(rows, len(rows)):
            tools.emo.assignCrowdingDist(front)
        assert crowding(goals).tobytes() == np.array([row.fitness.crowding_dist for row in rows]).tobytes()


@pytest.mark.slow
def test_the_best_are_those_of_deaps_nsga2_in_its_order(sets):
    for seed, goals in sets:
        for count in {1, len(goals) // 3 + 1, len(goals) // 2 + seed % 2, len(goals)}:
            expected = tools.selNSGA2(rows_for_deap(goals), count, nd="log")
            assert best(goals, count).tolist() == [row.row for row in expected]


@pytest.mark.slow
def test_the_survivors_of_nsga3_are_deaps_in_its_order(sets):
    for seed, goals in sets:
        count = len(goals) // 2 + seed % 2
        if count < 2 or np.abs(goals).max() > 1e300:  # DEAP's own arithmetic overflows there, and warns
            continue
        points = tools.uniform_reference_points(goals.shape[1], 5)
        with deap_seeded(streams(seed)):
            expected = tools.selNSGA3(rows_for_deap(goals), count, points, nd="log")
        assert NSGA3(count, 5).survivors(goals, streams(seed)).tolist() == [row.row for row in expected]


@pytest.mark.slow
def test_the_mates_of_nsga2_are_those_of_deaps_tournaments(sets):
    for seed, goals in sets:
        if len(goals) % 4:
            continue
        by_hand = rows_for_deap(goals)
        for front in tools.emo.sortLogNondominated(by_hand, len(by_hand)):
            tools.emo.assignCrowdingDist(front)
        with deap_seeded(streams(seed)):
            expected = tools.selTournamentDCD(by_hand, len(by_hand))
        mates = NSGA2(len(goals)).mates(rows_for_deap(goals), len(goals), streams(seed))
        assert [mate.row for mate in mates] == [row.row for row in expected]


def test_a_front_by_hand():
    goals = np.array([[1.0, 1.0], [4.0, 0.0], [3.0, 2.0], [0.0, 4.0], [1.0, 1.0], [2.0, 3.0]])
    order, front = fronts(goals)
    assert order.tolist() == [1, 2, 5, 3, 0, 4]
    assert front.tolist() == [0, 0, 0, 0, 1, 1]
    # the neighbours of (3, 2) are 2 of 4 apart in one goal and 3 of 4 in the other; of two goals each counts half
    assert crowding(goals).tolist() == [np.inf, np.inf, 0.625, np.inf, np.inf, 0.625]
    assert best(goals, 4).tolist() == [1, 3, 2, 5]
    assert best(goals, 3).tolist() == [1, 3, 2]
