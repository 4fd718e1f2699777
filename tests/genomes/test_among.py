"""Explicit values, truth values and categories: their bits, their values, and how they are read and mutated."""

import math
from dataclasses import dataclass, replace
from typing import Annotated, final

import numpy as np
import pytest
import torch

from evo.search.operators.variation import Variation
from genomes.errors import InputError
from genomes.evolvable import check_evolvables, endowed, evolved_spec
from genomes.evolve import Among, Category, Evolvable, Neutral, words
from genomes.spec import Field, GenomeSpec
from genomes.streams import derive
from inner_loop.contracts import specimen
from inner_loop.rules import Frozen


@final
@dataclass(frozen=True)
class Component:
    """Numbers and a word."""

    order: Annotated[Evolvable, Neutral(0.0)] = 0.0
    kind: Category = "tanh"

    def __post_init__(self):
        check_evolvables(self)


VALUES = (-4.0, -2.0, 0.0, 2.0, 4.0)


def test_bits_are_the_logarithm_of_the_number_of_values_and_zero_is_exact():
    spec = evolved_spec(Component(Among(VALUES), Among(("tanh", "relu", "sine"))), specimen.TOPOLOGY)
    assert spec.bits == math.log2(5) + math.log2(3)
    assert spec.fields[0].table.tolist() == list(VALUES)
    assert spec.categorical.tolist() == [False, True]
    assert 0.0 in spec.fields[0].table


def test_a_word_is_its_place_and_truth_values_are_0_and_1():
    component = Component(Among((False, True)), Among(("tanh", "relu")))
    spec = evolved_spec(component, specimen.TOPOLOGY)
    levels = np.array([[0, 1], [1, 0], [1, 1], [0, 0]], np.uint8)
    newborn = endowed(specimen.newborn(Frozen()), "rule", component, spec.genes(levels))
    assert newborn.traits["rule.order"].tolist() == [0.0, 1.0, 1.0, 0.0]
    assert newborn.traits["rule.kind"].tolist() == [1.0, 0.0, 1.0, 0.0]
    assert words(component.kind) == ("tanh", "relu")
    constant = endowed(specimen.newborn(Frozen()), "rule", Component(kind="sine"), {})
    assert constant.traits["rule.kind"].tolist() == [0.0] * 4
    assert words("sine") == ("sine",)


@pytest.mark.parametrize("values", [(1.0,), (1.0, 1.0), (1.0, "a"), (True, 2.0), ("a", "a"), (1.0, math.inf)])
def test_other_values_are_refused(values):
    with pytest.raises(InputError, match="among"):
        Among(values)


def test_every_level_is_stored_and_read_back():
    spec = GenomeSpec((Field("order", (2,), among=VALUES), Field("kind", (), among=(0.0, 1.0, 2.0), category=True)))
    levels = np.array([[a, b, c] for a in range(5) for b in range(5) for c in range(3)], np.uint8)
    assert np.array_equal(spec.quantise(spec.units(levels)), levels)
    assert np.array_equal(spec.from_bit_strings(spec.bit_strings(levels)), levels)
    assert torch.equal(spec.genes(levels)["kind"], torch.as_tensor(levels[:, 2], dtype=torch.float32))


@pytest.mark.parametrize("coding", ["real", "gray"])
def test_a_category_mutates_to_any_of_its_other_values_alike(coding):
    spec = GenomeSpec((Field("kind", (40,), among=tuple(map(float, range(5))), category=True),))
    units = np.full((2, 40), (0 + 0.5) / 5)
    variation = Variation(coding, crossover=0.0, mutations=20.0)
    asked = variation.offspring(units, np.zeros((2, 1)), 400, lambda p, n, s: [p[0]] * n, spec, derive(0, "x"))
    counts = np.bincount(spec.quantise(asked.units).ravel(), minlength=5) / asked.units.size
    bits = 40 if coding == "real" else 120
    assert counts[0] == pytest.approx(1 - 20 / bits, abs=0.02)
    assert counts[1:] == pytest.approx(np.full(4, 20 / bits / 4), abs=0.01)


def test_crossed_children_have_the_category_of_one_parent():
    spec = GenomeSpec((Field("kind", (40,), among=tuple(map(float, range(5))), category=True),))
    units = spec.units(np.stack([np.zeros(40, np.uint8), np.full(40, 4, np.uint8)]))
    variation = replace(Variation(), crossover=1.0, mutations=0.0)
    asked = variation.offspring(
        units, np.zeros((2, 1)), 40, lambda p, n, s: [p[0], p[1]] * (n // 2), spec, derive(0, "x")
    )
    assert set(np.unique(spec.quantise(asked.units))) == {0, 4}
