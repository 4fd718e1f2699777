"""Random numbers: the published values of Philox, independent streams, and correct distributions."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from genomes.streams import SHARED, derive, philox

PI = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)
PI_KEY = (0xA4093822, 0x299F31D0)
ONES = 0xFFFFFFFF
INT64 = st.integers(-(2**63), 2**63 - 1)


@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ONES,) * 4, (ONES,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (PI, PI_KEY, (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
    ],
    ids=["zeros", "ones", "pi"],
)
def test_philox_gives_the_known_answers_of_random123(counter, key, answer):
    words = philox([torch.tensor([c]) for c in counter], [torch.tensor([k]) for k in key])
    assert tuple(word.item() for word in words) == answer


def philox_in_whole_numbers(counter: list[int], key: list[int]) -> list[int]:
    """The same function with Python's unbounded integers, which cannot wrap."""
    c, k = list(counter), list(key)
    for _ in range(10):
        p, q = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(q >> 32) ^ c[1] ^ k[0], q & ONES, (p >> 32) ^ c[3] ^ k[1], p & ONES]
        k = [(k[0] + 0x9E3779B9) & ONES, (k[1] + 0xBB67AE85) & ONES]
    return c


@given(st.lists(st.integers(0, ONES), min_size=6, max_size=6))
@settings(max_examples=50)
def test_wrapped_products_are_the_products_of_unbounded_integers(words):
    got = philox([torch.tensor([w]) for w in words[:4]], [torch.tensor([w]) for w in words[4:]])
    assert [w.item() for w in got] == philox_in_whole_numbers(words[:4], words[4:])


@pytest.mark.slow
@given(
    seed=st.integers(), owners=st.lists(INT64, min_size=1, max_size=5), count=st.integers(0, 20), more=st.integers(0, 9)
)
@settings(max_examples=60)
def test_a_number_depends_on_nothing_but_its_address(seed, owners, count, more):
    cohort = derive(seed, "birth", 3, owners)
    assert cohort.owners == len(owners)
    words = cohort.words(count + more)
    assert words.shape == (len(owners), count + more)
    assert ((words >= 0) & (words <= ONES)).all()
    assert torch.equal(cohort.words(count), words[:, :count])
    assert torch.equal(cohort.words(more, start=count), words[:, count:])
    for i, owner in enumerate(owners):
        assert torch.equal(derive(seed, "birth", 3, [owner]).words(count + more)[0], words[i])


def test_fifteen_words_are_the_first_of_sixteen():
    stream = derive(0, "birth", owners=[5, 6])
    assert torch.equal(stream.words(15), stream.words(16)[:, :15])


@pytest.mark.parametrize("draw", ["words", "uniform", "normal", "integers"])
def test_start_continues_where_a_longer_draw_would_be(draw):
    stream = derive(1, "lessons", owners=range(3))
    arguments = (10,) if draw == "integers" else ()
    whole = getattr(stream, draw)(*arguments, 23)
    for start in (0, 1, 4, 7, 22):
        assert torch.equal(getattr(stream, draw)(*arguments, 23 - start, start=start), whole[:, start:])


def test_start_reaches_beyond_32_bits_of_blocks():
    stream = derive(1, "lessons")
    far = 4 * 2**32 + 2
    assert torch.equal(stream.words(9, start=far), stream.words(11, start=far - 2)[:, 2:])
    assert not torch.equal(stream.words(9, start=far), stream.words(9, start=2))


def test_every_part_of_the_address_matters():
    draws = [
        derive(0, "birth", 0, [1]),
        derive(1, "birth", 0, [1]),
        derive(-1, "birth", 0, [1]),
        derive(2**200, "birth", 0, [1]),
        derive(2**200 + 1, "birth", 0, [1]),
        derive(0, "life", 0, [1]),
        derive(0, "birth", 1, [1]),
        derive(0, "birth", 0, [1], replicate=1),
        derive(0, "birth", 0, [2]),
        derive(0, "birth", 0, [1 + 2**32]),
        derive(0, "birth", 0, [2**63 - 1]),
        derive(0, "birth", 0, [-(2**63)]),
        derive(0, "birth", 0, [-2]),
        derive(0, "birth", 0, SHARED),
        derive(0, "birth", 0, [1]).stream("exam"),
        derive(0, "birth", 0, [1]).stream("lessons"),
        derive(0, "birth", 0, [1]).stream("exam").stream("exam"),
        derive(0, "birth", 0, [1]).stream(0),
        derive(0, "birth", 0, [1]).stream(1),
    ]
    assert len({tuple(c.words(4)[0].tolist()) for c in draws}) == len(draws)


def test_common_numbers_have_one_owner():
    assert derive(0, "life").owners == 1
    assert derive(0, "life", owners=SHARED).owners == 1
    assert torch.equal(derive(0, "life", owners=7).words(4), derive(0, "life", owners=[7]).words(4))


def test_streams_of_a_cohort_are_those_of_its_members():
    cohort = derive(0, "life", 2, range(10)).stream("exam")
    assert torch.equal(cohort.words(6)[7:8], derive(0, "life", 2, [7]).stream("exam").words(6))


def test_uniform_lies_strictly_inside_and_is_uniform():
    numbers = derive(0, "uniform", owners=range(4)).uniform(50, 100)
    assert numbers.shape == (4, 50, 100)
    assert numbers.dtype == torch.float64
    assert numbers.min() > 0
    assert numbers.max() < 1
    assert stats.kstest(numbers.flatten().numpy(), "uniform").pvalue > 1e-3


@pytest.mark.parametrize(("word", "number"), [(0, 0.5 / 2**32), (ONES, 1 - 0.5 / 2**32)])
def test_the_outermost_words_are_still_inside(monkeypatch, word, number):
    stream = derive(0, "uniform")
    monkeypatch.setattr(type(stream), "words", lambda self, count, start=0: torch.full((1, count), word))
    assert stream.uniform(1).item() == number
    assert math.isfinite(stream.normal(1).item())


def test_normal_has_the_moments_of_a_standard_normal():
    numbers = derive(3, "normal", owners=[8]).normal(200, 200)
    assert numbers.shape == (1, 200, 200)
    flat = numbers.flatten().numpy()
    assert abs(flat.mean()) < 0.02
    assert abs(flat.std() - 1) < 0.02
    assert abs(stats.skew(flat)) < 0.05
    assert abs(stats.kurtosis(flat)) < 0.1
    assert stats.kstest(flat, "norm").pvalue > 1e-3


def test_integers_are_in_range_and_near_uniform():
    numbers = derive(4, "integers").integers(7, 20, 1000)
    assert numbers.shape == (1, 20, 1000)
    counts = torch.bincount(numbers.flatten(), minlength=7)
    assert len(counts) == 7
    assert stats.chisquare(counts.numpy()).pvalue > 1e-3


def test_integers_up_to_the_highest_promised():
    numbers = derive(4, "integers", owners=range(3)).integers(2**31, 1000)
    assert numbers.min() >= 0
    assert 2**30 < numbers.max() < 2**31
    assert (derive(4, "integers").integers(1, 10) == 0).all()


def test_neighbouring_owners_are_not_correlated():
    numbers = derive(0, "birth", owners=range(100)).normal(1000)
    off_diagonal = torch.corrcoef(numbers) - torch.eye(100)
    assert off_diagonal.abs().max() < 0.2
    assert off_diagonal.sum().abs() / 9900 < 0.01


def test_permutation_is_one_for_each_owner():
    orders = derive(5, "order", owners=range(6)).permutation(50)
    assert all(sorted(row) == list(range(50)) for row in orders.tolist())
    assert len({tuple(row) for row in orders.tolist()}) == 6
    firsts = derive(5, "order", owners=range(2000)).permutation(5)[:, 0]
    assert stats.chisquare(torch.bincount(firsts, minlength=5).numpy()).pvalue > 1e-3


def test_the_same_call_gives_the_same_numbers_and_moves_with_its_keys():
    stream = derive(6, "life", owners=[3])
    assert torch.equal(stream.uniform(5), stream.uniform(5))
    assert torch.equal(stream.to("cpu").uniform(5), stream.uniform(5))


def test_global_generators_are_neither_read_nor_moved():
    before = torch.get_rng_state()
    torch.manual_seed(1)
    one = derive(0, "life").normal(4)
    torch.manual_seed(2)
    two = derive(0, "life").normal(4)
    moved = torch.get_rng_state()
    torch.manual_seed(2)
    assert torch.equal(moved, torch.get_rng_state())
    torch.set_rng_state(before)
    assert torch.equal(one, two)
