"""DEAP's fitness and individuals without its class factory: nothing is shared, nothing forgets its class."""

import copy
import pickle
import random

import numpy as np
import pytest
from deap import base, tools

from evo.search.operators.deap_individual import Fitness, Individual, individuals, matrix


def test_a_fitness_is_maximised_in_every_goal():
    assert Fitness((1.0, 2.0)).values == (1.0, 2.0)
    assert Fitness((1.0, 2.0)) < Fitness((1.0, 3.0)) < Fitness((2.0, 0.0))
    assert Fitness((1.0, 2.0)) == Fitness((1.0, 2.0)) != Fitness((1.0, 2.5))
    assert Fitness((2.0, 3.0)).dominates(Fitness((2.0, 1.0)))
    assert not Fitness((2.0, 1.0)).dominates(Fitness((1.0, 3.0)))
    assert not Fitness((2.0, 1.0)).dominates(Fitness((2.0, 1.0)))
    assert isinstance(Fitness((1.0,)), base.Fitness)


def test_a_fitness_holds_plain_floats():
    values = Fitness((np.float64(0.1), np.float64(2.0), 3.0)).values
    assert [type(value) for value in values] == [float] * 3
    assert repr(values) == "(0.1, 2.0, 3.0)"
    assert not Fitness().valid
    assert Fitness((0.0,)).valid


def test_a_fitness_deep_copied_keeps_the_values_of_its_own():
    fitness = Fitness((1.0, 2.0))
    twin = copy.deepcopy(fitness)
    twin.values = (5.0, 6.0)
    assert fitness.values == (1.0, 2.0)
    assert type(twin) is Fitness


@pytest.mark.parametrize(
    "copied",
    [
        Individual.clone,
        copy.copy,
        copy.deepcopy,
        *(lambda one, p=p: pickle.loads(pickle.dumps(one, p)) for p in range(pickle.HIGHEST_PROTOCOL + 1)),
    ],
)
def test_a_copy_keeps_class_and_contents_and_shares_nothing(copied):
    one = Individual([0.1, 0.2, 0.3], (1.0, 2.0), 7)
    two = copied(one)
    assert type(two) is Individual
    assert (two, two.fitness, two.row) == (one, one.fitness, 7)
    two[0], two.fitness.values, two.row = 0.9, (3.0, 4.0), 1
    assert list(one) == [0.1, 0.2, 0.3]
    assert (one.fitness.values, one.row) == ((1.0, 2.0), 7)


def test_an_individual_copies_the_numbers_that_it_is_made_of():
    numbers = np.array([[0.1, 0.2], [0.3, 0.4]])
    made = individuals(numbers, np.array([[1.0], [2.0]]))
    made[0][0] = 0.9
    assert numbers[0, 0] == 0.1
    assert [(one.row, one.fitness.values) for one in made] == [(0, (1.0,)), (1, (2.0,))]
    assert matrix(made).tolist() == [[0.9, 0.2], [0.3, 0.4]]
    assert Individual(np.array([1, 0, 1], dtype=np.int8)).tolist() == [1.0, 0.0, 1.0]


def test_slices_are_copies_so_that_two_point_crossover_exchanges_and_corrupts_nothing():
    zeros, ones = Individual(np.zeros(8)), Individual(np.ones(8))
    one, two = zeros.clone(), ones.clone()
    state = random.getstate()
    try:
        random.seed(3)
        tools.cxTwoPoint(one, two)
    finally:
        random.setstate(state)
    assert 0 < sum(one) < 8
    assert (matrix([one]) + matrix([two]) == 1.0).all(), "what one child has lost the other has got"
    assert (list(zeros), list(ones)) == ([0.0] * 8, [1.0] * 8), "parents are as they were: children are clones"


def test_a_selection_gives_aliases_and_clones_of_them_are_apart():
    best = tools.selBest(individuals(np.zeros((3, 2)), np.array([[1.0], [3.0], [2.0]])), 1)
    chosen = [*best, *best]
    assert chosen[0] is chosen[1]
    one, two = (individual.clone() for individual in chosen)
    one[0] = 1.0
    assert list(two) == [0.0, 0.0]
    assert one.row == two.row == 1
