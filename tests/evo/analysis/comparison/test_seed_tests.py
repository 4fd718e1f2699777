from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from evo.analysis.comparison.seed_tests import EXCHANGES, difference
from genomes.streams import derive


def seeds(*scores: float, first: int = 0) -> dict[int, float]:
    return dict(enumerate(scores, first))


ONE, OTHER = (1.0, 2.0, 3.5, 4.0), (0.5, 1.0, 1.0, 3.3)


def test_seeds_that_both_have_are_paired() -> None:
    got = difference(seeds(*ONE), seeds(*OTHER))
    expected = stats.ttest_rel(ONE, OTHER)
    away = np.subtract(ONE, OTHER)
    assert (got.test, got.seeds) == ("paired t", "4 pairs")
    assert got.p == pytest.approx(expected.pvalue, rel=1e-12)
    assert (got.low, got.high) == pytest.approx(tuple(expected.confidence_interval(0.95)), rel=1e-12)
    assert got.difference == pytest.approx(away.mean())
    assert got.effect == pytest.approx(away.mean() / away.std(ddof=1))
    flipped = [abs(np.mean(np.multiply(signs, away))) for signs in product((-1, 1), repeat=4)]
    assert got.p_exact == np.mean(np.array(flipped) >= abs(away.mean()) - 1e-12)
    assert got.p_smallest == 2 / 2**4


def test_seeds_that_only_one_has_are_not_paired() -> None:
    got = difference(seeds(*ONE), seeds(*OTHER[:3], first=10))
    expected = stats.ttest_ind(ONE, OTHER[:3], equal_var=False)
    assert (got.test, got.seeds) == ("Welch's t", "4 and 3")
    assert got.p == pytest.approx(expected.pvalue, rel=1e-12)
    assert (got.low, got.high) == pytest.approx(tuple(expected.confidence_interval(0.95)), rel=1e-12)
    pooled = np.sqrt((3 * np.var(ONE, ddof=1) + 2 * np.var(OTHER[:3], ddof=1)) / 5)
    assert got.effect == pytest.approx((np.mean(ONE) - np.mean(OTHER[:3])) / pooled)
    every = np.array([*ONE, *OTHER[:3]])
    away = np.array([every[[*c]].mean() - np.delete(every, c).mean() for c in combinations(range(7), 4)])
    more, less = np.mean(away >= got.difference - 1e-12), np.mean(away <= got.difference + 1e-12)
    assert got.p_exact == pytest.approx(min(1.0, 2 * min(more, less)))
    assert got.p_smallest == 2 / 35


def test_pairs_are_taken_where_they_are_half_of_the_larger() -> None:
    many = seeds(*ONE, 2.0, 2.5)
    assert difference(many, seeds(*OTHER[:3])).seeds == "3 pairs"
    assert difference(many, seeds(*OTHER[:2])).seeds == "6 and 2"
    assert difference(seeds(1.0, 2.0), seeds(4.0, 2.0, first=1)).seeds == "2 and 2", "one pair is none"
    mixed = {2: 1.0, 0: 5.0, 1: 3.0}
    assert difference(mixed, {0: 4.0, 1: 2.5, 2: 0.0}).difference == pytest.approx(2.5 / 3), "by seed, not by place"


def test_what_cannot_be_said_is_not_said() -> None:
    alone = difference(seeds(1.0), seeds(2.0))
    assert (alone.difference, alone.test, alone.seeds) == (-1.0, "none", "1 and 1")
    assert np.isnan([alone.low, alone.high, alone.effect, alone.p, alone.p_exact, alone.p_smallest]).all()
    flat = difference(seeds(0.3, 0.3), seeds(0.1, 0.2, 0.4, first=9))
    assert (flat.test, np.isfinite(flat.p)) == ("Welch's t", True), "spread in one of the two is enough"
    for other in (seeds(0.3, 0.3, 0.3), seeds(0.3, 0.3, 0.3, first=9)):
        same = difference(seeds(0.1 + 0.2, 0.3, 0.3), other)
        assert same.test == "none"
        assert np.isnan([same.low, same.high, same.effect, same.p]).all()
    apart = difference(seeds(1.0, 1.0, 1.0), seeds(0.0, 0.0, 0.0))
    assert (apart.difference, apart.p_exact, apart.p_smallest) == (1.0, 0.25, 0.25)
    many = seeds(*np.sin(np.arange(14.0)).tolist())
    large = difference(many, seeds(*np.cos(np.arange(14.0)).tolist()))
    assert EXCHANGES < 2**14
    assert np.isnan(large.p_exact)
    assert np.isfinite(large.p)


@pytest.mark.slow
@pytest.mark.parametrize("first", [0, 100], ids=["paired", "unpaired"])
def test_samples_that_all_seeds_share_are_in_interval_and_p(first: int) -> None:
    """Two conditions that differ by what the samples of this test split happen to be, and by little noise of seeds."""
    reject, alone = 0, 0
    for seed in range(60):
        streams = derive(seed, "shared samples")
        each, noise = (
            streams.stream("samples").normal(100)[0].numpy(),
            streams.stream("seeds").normal(2, 4)[0].numpy() * 0.02,
        )
        often = np.stack([np.bincount(o, minlength=100) for o in streams.integers(100, 200, 100)[0].numpy()]) / 100
        common = often @ each
        one, other = seeds(*(each.mean() + noise[0])), seeds(*noise[1], first=first)
        again = {s: common - common.mean() + v for s, v in one.items()}, {s: np.full(200, v) for s, v in other.items()}
        found = difference(one, other, again)
        reject += found.p < 0.05
        alone += difference(one, other).p < 0.05
        assert (found.p < 0.05) == (not found.low <= 0 <= found.high) or abs(found.p - 0.05) < 0.02
        assert found.p_exact == difference(one, other).p_exact
    assert reject <= 7, "3 are promised"
    assert alone > 25, "without the samples half of all comparisons find what is not there"


@pytest.mark.slow
@pytest.mark.parametrize("first", [0, 100], ids=["paired", "unpaired"])
def test_the_interval_covers_no_difference_where_there_is_none(first: int) -> None:
    drawn = derive(1, "planted nothing").normal(200, 2, 5)[0].numpy()
    got = [difference(seeds(*one), seeds(*other, first=first)) for one, other in drawn]
    assert 181 <= sum(each.low <= 0 <= each.high for each in got) <= 198
    assert sum(each.p < 0.05 for each in got) == sum(not each.low <= 0 <= each.high for each in got)
    found = [difference(seeds(*(one + 3)), seeds(*other, first=first)) for one, other in drawn[:60]]
    assert sum(each.low > 0 for each in found) > 45, "a planted difference of 3 standard deviations"
