"""Motif nulls keep degrees and are uniform; triads and bicliques are counted right; chance finds nothing in chance."""

from collections import Counter
from itertools import combinations, product

import networkx
import numpy as np
import pytest

from evo.analysis.connectomics.motifs import Measure, against_chance, bicliques, generator, rewired, triads


def random_wiring(*shape: int, density: float = 0.3, seed: int = 0) -> np.ndarray:
    return generator(seed, "wiring").random(shape) < density


@pytest.mark.parametrize("shape", [(32, 64), (10, 7), (1, 5), (5, 1), (2, 2)])
@pytest.mark.parametrize("density", [0.05, 0.3, 0.9])
def test_nulls_keep_the_degrees_of_every_neuron(shape, density):
    wiring = random_wiring(*shape, density=density)
    drawn = rewired(wiring, 50, generator(1, "draws"))
    assert (drawn.sum(1) == wiring.sum(0)).all()
    assert (drawn.sum(2) == wiring.sum(1)).all()


@pytest.mark.parametrize("autapses", [True, False])
def test_lateral_nulls_keep_degrees_and_autapses(autapses):
    wiring = random_wiring(21, 21)
    np.fill_diagonal(wiring, wiring.diagonal() & autapses)
    drawn = rewired(wiring, 100, generator(1, "draws"), lateral=True)
    assert (drawn.sum(1) == wiring.sum(0)).all()
    assert (drawn.sum(2) == wiring.sum(1)).all()
    assert (drawn.diagonal(axis1=1, axis2=2) == wiring.diagonal()).all()
    away = (drawn != wiring).mean((1, 2))
    assert away.min() > 0.2  # of 2 x .3 x .7 = .42 for wiring that forgot where it came from


def all_with_the_degrees_of(wiring: np.ndarray, lateral: bool) -> list[bytes]:
    same = []
    for bits in product((False, True), repeat=wiring.size):
        other = np.array(bits).reshape(wiring.shape)
        degrees = (other.sum(0) == wiring.sum(0)).all() and (other.sum(1) == wiring.sum(1)).all()
        if degrees and (not lateral or (other.diagonal() == wiring.diagonal()).all()):
            same.append(other.tobytes())
    return same


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wiring", "lateral", "count"),
    [
        ([[1, 1, 0], [0, 1, 1], [1, 0, 0]], False, None),
        ([[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1]], False, None),
        ([[0, 0, 1], [1, 0, 0], [0, 1, 0]], True, 2),  # a cycle, which no trade turns around
        ([[1, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 1, 0]], True, None),
    ],
)
def test_every_wiring_with_the_same_degrees_is_drawn_equally_often(wiring, lateral, count):
    from scipy.stats import chisquare

    wiring = np.array(wiring, dtype=bool)
    there = all_with_the_degrees_of(wiring, lateral)
    assert len(there) > 1
    assert count in (None, len(there))
    drawn = Counter(one.tobytes() for one in rewired(wiring, 4000, generator(5, "uniform"), lateral))
    assert drawn.keys() == set(there)
    assert chisquare([drawn[one] for one in there]).pvalue > 0.01


def test_draws_depend_on_seed_and_purpose_alone():
    wiring = random_wiring(8, 9)
    one, again = (rewired(wiring, 5, generator(1, "x")) for _ in range(2))
    assert (one == again).all()
    assert (one != rewired(wiring, 5, generator(2, "x"))).any()
    assert (one != rewired(wiring, 5, generator(1, "y"))).any()


@pytest.mark.parametrize("density", [0.1, 0.35, 0.7])
def test_the_census_of_triads_is_that_of_networkx(density):
    graphs = random_wiring(3, 13, 13, density=density)
    census = triads(graphs)
    assert len(census) == 16
    for i, graph in enumerate(graphs):
        plain = graph & ~np.eye(13, dtype=bool)
        made = networkx.from_numpy_array(plain.T, create_using=networkx.DiGraph)
        assert {name: counts[i] for name, counts in census.items()} == networkx.triadic_census(made)


@pytest.mark.parametrize("shape", [(7, 9), (9, 6)])
def test_bicliques_are_counted_as_by_hand(shape):
    graphs = random_wiring(2, *shape, density=0.5)
    found = bicliques(graphs)
    for i, graph in enumerate(graphs):
        for pre, post in product((2, 3), repeat=2):
            by_hand = sum(
                graph[np.ix_(receivers, senders)].all()
                for receivers in combinations(range(shape[0]), post)
                for senders in combinations(range(shape[1]), pre)
            )
            assert found[f"{pre} x {post}"][i] == by_hand, (pre, post)


def test_bicliques_too_many_to_count_are_left_out():
    assert "3 x 3" not in bicliques(np.zeros((40, 200, 200), dtype=bool))


def compared(wiring: np.ndarray, seed: int, draws: int):
    both = np.concatenate([wiring[None], rewired(wiring, draws, generator(seed, "null"))])
    return against_chance([Measure("a -> b", n, "degrees", v[:1], v[1:], True) for n, v in bicliques(both).items()])


def test_genes_that_many_neurons_share_make_bicliques():
    numbers = generator(0, "genes")
    pre, post = numbers.random((40, 4)) < 0.3, numbers.random((20, 4)) < 0.3
    wiring = post.astype(int) @ pre.T.astype(int) > 0
    table = compared(wiring, 0, 99)
    assert (table["p corrected"] == 0.01).all()
    assert (table["z"] > 3).all()
    assert (table["observed"] > table["expected"]).all()


@pytest.mark.slow
def test_random_wiring_shows_no_more_than_chance():
    """At most 19 of 200 at .05: an exact test finds more once in 300 times."""
    lowest = [compared(random_wiring(8, 10, seed=i), i, 19)["p corrected"].min() for i in range(200)]
    assert sum(p <= 0.05 for p in lowest) <= 19
    assert min(lowest) == 0.05  # and it is no test that never finds anything


def test_many_measures_are_corrected_together():
    drawn = np.arange(1.0, 100.0)
    calm = [Measure("all", f"calm {i}", "degrees", np.array([50.0 + i]), np.roll(drawn, i)) for i in range(20)]
    odd = Measure("all", "odd", "degrees", np.array([200.0]), drawn)
    table = against_chance([odd, *calm]).set_index("measure")
    assert table.loc["odd", ["p", "p corrected"]].tolist() == [0.01, 0.01]
    assert table.loc["odd", "z"] == pytest.approx((200 - 50) / drawn.std(ddof=1))
    # most draws of any other measure lie farther away than this one's
    assert table.loc["calm 19", "p"] < 0.65
    assert table.loc["calm 19", "p corrected"] > 0.8


@pytest.mark.parametrize(
    ("born", "drawn", "counts"),
    [([5.0], [5.0] * 20, False), ([np.nan], range(20), False), ([0.0], [0.0] * 19 + [3.0], True)],
)
def test_what_chance_cannot_change_or_what_hardly_occurs_is_no_test(born, drawn, counts):
    assert not Measure("all", "x", "degrees", np.array(born), np.array(drawn, dtype=float), counts).testable
    assert against_chance([]).empty


def test_of_many_measures_without_an_effect_few_are_found():
    """Family-wise error of 12 measures, 19 draws each: .05 is promised, and the observation is one of 20 alike.

    Counted in standard deviations of the draws alone the observation lies far out more often than any of them does.
    """
    values = generator(0, "nothing").normal(size=(200, 12, 20))
    rare = 0
    for family in values:
        measures = [Measure("all", f"{i}", "degrees", one[:1], one[1:]) for i, one in enumerate(family)]
        rare += against_chance(measures)["p corrected"].min() <= 0.05
    assert rare <= 19, rare  # 10 expected
