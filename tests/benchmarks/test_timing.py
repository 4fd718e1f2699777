"""benchmarks/timing.py: rivals in turns, and what is said of their speeds."""

from itertools import count
from pathlib import Path

import pytest


@pytest.fixture
def timing(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    import timing

    return timing


def test_rivals_alternate_the_other_way_round_every_other_time(timing, monkeypatch):
    ran = []
    clock = map(float, count())
    monkeypatch.setattr(timing.time, "process_time", lambda: next(clock))
    seconds = timing.in_turns({name: lambda name=name: ran.append(name) for name in "abc"}, 3)
    assert "".join(ran) == "abccbaabc"
    assert seconds == dict.fromkeys("abc", [1.0] * 3)


def test_a_ratio_is_taken_within_each_repeat(timing):
    """A machine that is slower for a while slows both down, and their ratio is what it was."""
    ours, theirs = [1.0, 10.0, 1.0, 1.0], [2.0, 20.0, 2.2, 1.8]
    ratio = timing.Ratio.of(ours, theirs)
    assert (ratio.median, ratio.lowest, ratio.highest) == (2.0, 1.8, 2.2)
    assert str(ratio) == "2.00x (1.80-2.20)"
    assert str(timing.Ratio.of(theirs, ours)) == "0.50x (0.45-0.56)"


def test_the_table_says_where_there_is_no_jax(timing):
    *_, both, alone, _ = timing.against_jax({"W1": ([0.1], [0.005], [0.0025]), "W2": ([0.1], [0.05], None)})
    assert both == "| W1 | 10.0 | 200.0 | 400.0 | 20.0x (20.0-20.0) | 0.50x (0.50-0.50) |"
    assert alone == "| W2 | 10.0 | 20.0 | - | 2.00x (2.00-2.00) | - |"
