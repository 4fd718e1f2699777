"""Compiled streams give the integers of torch."""

import pytest
import torch

from genomes import streams
from genomes.streams import derive

pytestmark = pytest.mark.slow  # compiles


@pytest.fixture
def compiled():
    from inner_loop.twins import random_numbers

    kept = dict(streams._compiled)
    streams.use_compiled(random_numbers.owned, random_numbers.derived, random_numbers.drawn)
    yield
    streams._compiled.clear()
    streams._compiled.update(kept)


def drawn(owners):
    source = derive(7, "test", 3, owners)
    return [
        source.stream("a").stream(5).keys,
        source.words(1),
        source.words(41, start=2**34 + 3),
        source.normal(3, 5),
        source.permutation(17),
    ]


@pytest.mark.parametrize("owners", [-1, range(1), range(21), [2**62, -5]])
def test_they_are_torchs(owners, compiled):
    fast = drawn(owners)
    streams._compiled.clear()
    for one, other in zip(fast, drawn(owners), strict=True):
        assert torch.equal(one, other)
    assert not streams._compiled
