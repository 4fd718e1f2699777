"""Non-dominated sorting and crowding of NSGA-II (Deb, Pratap, Agarwal & Meyarivan 2002, IEEE TEC 6:182), in arrays.

The results are exactly those of DEAP's `sortLogNondominated`, `assignCrowdingDist` and `selNSGA2`. DEAP's sort is as
fast if there are few fronts, but quadratic if there are many, as when goals agree; moocore's sort is not.
"""

from __future__ import annotations

import moocore
import numpy as np
from jaxtyping import Float64, Int
from numpy import ndarray


def fronts(goals: Float64[ndarray, "N goals"]) -> tuple[Int[ndarray, " N"], Int[ndarray, " N"]]:
    """Rows ordered by front, and the front of each, from 0; goals are finite and maximised.

    Within a front, rows are ordered by decreasing first goal; ties by the next goal, and finally by row number.
    """
    front = moocore.pareto_rank(goals, maximise=True)
    order = np.lexsort((*-goals.T[::-1], front))
    return order, front[order]


def crowding(goals: Float64[ndarray, "N goals"]) -> Float64[ndarray, " N"]:
    """Crowding distance: the gap between each row's neighbours in its front, summed over goals; infinite at the ends.

    Each goal's stable sort starts from the order of the previous goal, which determines the neighbours of tied rows.
    """
    order, front = fronts(goals)
    first = np.diff(front, prepend=-1) > 0
    last = np.roll(first, -1)
    sizes = np.bincount(front)
    distance = np.zeros(len(goals))
    with np.errstate(over="ignore", invalid="ignore"):  # goals that span more than a float64 does
        for goal in goals.T:
            order = order[np.lexsort((goal[order], front))]
            distance[order[first | last]] = np.inf
            sorted_goal = goal[order]
            span = np.repeat(sorted_goal[last] - sorted_goal[first], sizes)
            inner = np.flatnonzero(~(first | last) & (span != 0.0))
            gap = sorted_goal[inner + 1] - sorted_goal[inner - 1]
            distance[order[inner]] += gap / (goals.shape[1] * span[inner])
    return distance


def best(goals: Float64[ndarray, "N goals"], count: int) -> Int[ndarray, " count"]:
    """Rows of the first fronts, and from the next front those with the largest crowding distance."""
    order, front = fronts(goals)
    rivals = order[front == front[count - 1]]
    certain = order[front < front[count - 1]]
    distance = crowding(goals[rivals])
    apart = sorted(range(len(rivals)), key=distance.__getitem__, reverse=True)
    return np.concatenate([certain, rivals[apart[: count - len(certain)]]])
