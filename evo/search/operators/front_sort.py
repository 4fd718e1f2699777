"""Non-dominated sorting and crowding of NSGA-II (Deb, Pratap, Agarwal & Meyarivan 2002, IEEE TEC 6:182), in arrays.

Row for row and float for float what DEAP's `sortLogNondominated`, `assignCrowdingDist` and `selNSGA2` give. DEAP's sort
is as quick where fronts are few, but quadratic where they are many, as when goals agree; moocore's is not.
"""

from __future__ import annotations

import moocore
import numpy as np
from jaxtyping import Float64, Int
from numpy import ndarray


def fronts(goals: Float64[ndarray, "N goals"]) -> tuple[Int[ndarray, " N"], Int[ndarray, " N"]]:
    """Rows, those of the first front first, and the front of each, from 0; goals are finite and maximised.

    Within a front the rows stand from the largest first goal down, ties by the next goal and at last by their number.
    """
    front = moocore.pareto_rank(goals, maximise=True)
    order = np.lexsort((*-goals.T[::-1], front))
    return order, front[order]


def crowding(goals: Float64[ndarray, "N goals"]) -> Float64[ndarray, " N"]:
    """How far apart the neighbours of each row are within its front, summed over goals; infinite at the ends.

    Each goal sorts anew what the goal before it has left, which decides whose neighbours are whose among the tied.
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
    """Rows of the first fronts, and of the front that has no place for all those that lie farthest from the others."""
    order, front = fronts(goals)
    rivals = order[front == front[count - 1]]
    certain = order[front < front[count - 1]]
    distance = crowding(goals[rivals])
    apart = sorted(range(len(rivals)), key=distance.__getitem__, reverse=True)
    return np.concatenate([certain, rivals[apart[: count - len(certain)]]])
