"""Offspring by DEAP's operators: inside the cube, on levels where bits are bred, with the right parents."""

import random

import numpy as np
import pytest
from deap import tools

from evo.search.base import deap_seeded
from evo.search.operators.deap_individual import individuals
from evo.search.operators.variation import Variation
from genomes.errors import InputError
from genomes.spec import Field, GenomeSpec
from genomes.streams import derive

SPEC = GenomeSpec((Field("real", (20,), -1.0, 1.0), Field("kind", (5,), choices=3), Field("on", (7,), choices=2)))
PARENTS = derive(0, "parents").uniform(8, SPEC.size)[0].numpy()
GOALS = np.arange(8.0)[:, None]


def in_order(parents, count, streams):
    return [parents[i % len(parents)] for i in range(count)]


def bred(variation, units=PARENTS, count=8, choose=in_order, purpose="variation"):
    return variation.offspring(units, GOALS[: len(units)], count, choose, SPEC, derive(0, purpose))


@pytest.mark.parametrize("coding", ["real", "gray"])
def test_children_stay_in_the_cube_and_parents_as_they_were(coding):
    before = PARENTS.copy()
    asked = bred(Variation(coding, 1.0, 20.0, 2.0), count=40)
    assert asked.units.shape == (40, SPEC.size)
    assert ((asked.units >= 0.0) & (asked.units <= 1.0)).all()
    assert np.array_equal(PARENTS, before)
    assert not (asked.units[:8] == PARENTS).all(1).any(), "all were changed"


def test_children_bred_as_bits_are_levels():
    units = bred(Variation("gray", 0.9, 6.0), count=30).units
    levels = SPEC.quantise(units)
    assert (units == SPEC.units(levels)).all()
    assert (levels < SPEC.level_counts).all(), "a code beyond the last choice is none"
    assert set(np.unique(levels[:, 20:25])) == {0, 1, 2}


def test_without_crossover_and_mutation_children_are_their_parents():
    asked = bred(Variation("real", 0.0, 0.0))
    assert (asked.units == PARENTS).all()
    assert asked.parents.tolist() == [[i, -1] for i in range(8)]
    assert (SPEC.quantise(bred(Variation("gray", 0.0, 0.0)).units) == SPEC.quantise(PARENTS)).all()


def test_crossed_bits_come_from_the_two_parents_that_are_named():
    asked = bred(Variation("gray", 1.0, 0.0))
    assert asked.parents.tolist() == [[0, 1], [1, 0], [2, 3], [3, 2], [4, 5], [5, 4], [6, 7], [7, 6]]
    strings, parents = (SPEC.bit_strings(SPEC.quantise(units))[:, :120] for units in (asked.units, PARENTS))
    for child, (one, two) in zip(strings, asked.parents, strict=True):
        assert ((child == parents[one]) | (child == parents[two])).all()
        assert (child != parents[one]).any()
        assert (child != parents[two]).any()


def test_simulated_binary_crossover_keeps_the_mean_of_the_parents():
    inner = 0.45 + 0.1 * PARENTS
    asked = bred(Variation("real", 1.0, 0.0, 30.0), inner)
    assert np.allclose(asked.units[::2] + asked.units[1::2], inner[::2] + inner[1::2])
    assert not np.allclose(asked.units, inner)


@pytest.mark.parametrize(("coding", "wanted"), [("real", 3.0), ("gray", 3.0)])
def test_as_many_mutate_as_asked_for(coding, wanted):
    centres = SPEC.units(SPEC.quantise(np.full((8, SPEC.size), 0.5)))
    variation = Variation(coding, 0.0, wanted)
    units = bred(variation, centres, 400).units
    if coding == "real":
        changed = (units != centres[0]).sum(1)
    else:
        # the last level of three takes two bit strings: count on fields where every string is a level of its own
        strings, before = (SPEC.bit_strings(SPEC.quantise(u)) for u in (units, centres[:1]))
        changed = (strings != before)[:, :120].sum(1) * SPEC.string_length / 120
    assert wanted - 0.3 < changed.mean() < wanted + 0.3


def test_an_odd_number_of_children_can_be_asked_for():
    asked = bred(Variation(), count=5)
    assert asked.units.shape == (5, SPEC.size)
    assert asked.parents.shape == (5, 2)


def test_parents_are_chosen_by_their_goals():
    asked = bred(Variation("real", 0.0, 0.0), choose=lambda parents, count, streams: tools.selBest(parents, count))
    assert asked.parents[:, 0].tolist() == [7, 6, 5, 4, 3, 2, 1, 0]


def test_parents_that_are_chosen_twice_have_children_of_their_own():
    asked = bred(Variation("real", 0.0, 3.0), choose=lambda parents, count, streams: [parents[0]] * count)
    assert len(np.unique(asked.units, axis=0)) == 8
    assert set(asked.parents[:, 0]) == {0}


def test_breeding_depends_on_its_own_chance_alone():
    first = bred(Variation()).units
    with deap_seeded(derive(9, "elsewhere")):  # another state of the global generators
        assert (bred(Variation()).units == first).all()
    assert (bred(Variation(), purpose="another").units != first).any()


@pytest.mark.parametrize("error", [None, ZeroDivisionError])
def test_the_global_generators_are_restored(error):
    installed = deap_seeded(derive(0, "x"))
    # nothing between here and the end may be checked by beartype, which draws from the same generator
    before = (random.getstate(), str(np.random.get_state()))
    try:
        with installed:
            random.random(), np.random.random()
            if error:
                raise error
    except ZeroDivisionError:
        pass
    assert (random.getstate(), str(np.random.get_state())) == before


def test_the_installed_state_differs_between_chances():
    def numbers(source):
        with deap_seeded(source):
            return random.random(), float(np.random.random())

    drawn = [numbers(derive(seed, "search", generation)) for seed in (0, 1) for generation in (0, 1)]
    assert len({number for pair in drawn for number in pair}) == 8, "nor do the two draw the same numbers"
    assert drawn[0] == numbers(derive(0, "search", 0))


def test_individuals_of_bits_are_encoded_and_decoded():
    variation = Variation("gray")
    bits = variation.encoded(PARENTS, SPEC)
    assert bits.shape == (8, SPEC.string_length)
    assert set(np.unique(bits)) == {0.0, 1.0}
    assert (variation.decoded(bits, SPEC) == SPEC.units(SPEC.quantise(PARENTS))).all()
    assert all(one.tolist() == row.tolist() for one, row in zip(individuals(bits, GOALS), bits, strict=True))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"crossover": 1.5}, "variation.crossover: expected a probability, got 1.5"),
        ({"crossover": float("nan")}, "variation.crossover: expected a probability, got nan"),
        ({"mutations": -1.0}, "variation.mutations: expected at least 0, got -1.0"),
        ({"eta": 0.0}, "variation.eta: expected a number above 0, got 0.0"),
    ],
)
def test_what_cannot_be_is_refused(changes, sentence):
    with pytest.raises(InputError) as caught:
        Variation(**changes)
    assert str(caught.value) == sentence
