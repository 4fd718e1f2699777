"""Hot start: every verdict on curves that were made for it, and the reasons for having none."""

from dataclasses import replace

import numpy as np
import pytest

from evo.innate.battery import battery
from evo.innate.hot_start import Curves, _picture, hot_start, section
from genomes.chance import chance

STEPS = np.arange(0.0, 101.0, 2.0)
LONG = np.arange(0.0, 1001.0, 5.0)


def curves(lived, height, seed=0, noise=0.01):
    """Twelve lives that follow a curve, each a little above or below it."""
    away = chance(seed, "lives of a test").normal(12, 1)[0].numpy()
    return Curves(lived, height(lived) + noise * (away - away.mean()))


def rising(rate, start=0.1):
    """From the start towards 1, `rate` of the way that is left a step."""
    return lambda lived: 1 - (1 - start) * np.exp(-rate * lived)


def test_only_a_higher_start_where_the_evolved_curve_is_the_control_s_end():
    head = np.log(0.9 / 0.4) / 0.01
    found = hot_start(curves(STEPS, rising(0.01, 0.6)), curves(LONG, rising(0.01), seed=1))
    assert found.verdict == "only a higher start"
    assert found.birth == pytest.approx(0.6)
    assert found.head_start == pytest.approx(head, abs=0.5)
    assert found.span == 100
    assert found.difference.low < 0 < found.difference.high
    assert abs(found.difference.mean) < 0.002


@pytest.mark.parametrize(("rate", "verdict"), [(0.03, "a steeper curve"), (0.002, "a flatter curve")])
def test_another_rate_from_equal_score(rate, verdict):
    own = rising(rate, 0.6)
    found = hot_start(curves(STEPS, own), curves(LONG, rising(0.01), seed=1))
    assert found.verdict == verdict
    grid = np.linspace(0, 100, 2001)
    expected = np.mean(own(grid) - rising(0.01, 0.6)(grid))
    assert found.difference.mean == pytest.approx(expected, abs=0.002)
    assert found.difference.low < found.difference.mean < found.difference.high


def test_a_control_that_never_gets_there():
    found = hot_start(curves(STEPS, rising(0.01, 0.9)), curves(LONG, lambda lived: 0.8 + 0 * lived, seed=1))
    assert found.verdict == "not reached"
    assert np.isnan(found.head_start)
    assert np.isnan(found.difference.mean)


def test_no_higher_start():
    found = hot_start(curves(STEPS, rising(0.03, 0.1)), curves(LONG, rising(0.01, 0.2), seed=1))
    assert found.verdict == "no higher start"
    assert found.head_start == 0


def test_an_empty_panel_says_why_it_is_empty():
    control = curves(LONG, rising(0.01, 0.2), seed=1)
    for own, why in ((rising(0.03, 0.1), "the control begins as high"), (rising(0.01, 5.0), "never at equal score")):
        pair = (curves(STEPS, own), control)
        drawn = _picture([pair], [hot_start(*pair)], "steps")
        assert [text.get_text() for text in drawn.figure.axes[1].texts] == [why]


def test_lengths_that_do_not_match_are_compared_over_what_both_have_left():
    found = hot_start(curves(STEPS, rising(0.01, 0.6)), curves(STEPS * 1.2, rising(0.01), seed=1))
    assert found.span == pytest.approx(120 - found.head_start)


def test_of_lives_that_learn(bench_of, learning):
    batteries = [battery(bench_of(replace(learning, seed=seed), births=4)) for seed in (0, 1)]
    one = section(batteries[:1])
    verdicts, frame = one.tables["verdicts"], one.tables["curves"]
    assert len(verdicts) == 1
    assert one.sentences[0].startswith("The evolved genome starts at ")
    ends = frame.groupby("network")["lived"].max()
    assert (ends["evolved genome"], ends["control"]) == (20, 200)
    born = frame[(frame["network"] == "evolved genome") & (frame["lived"] == 0)]["mean"].item()
    assert verdicts.at[0, "birth"] == pytest.approx(born)
    both = section(batteries)
    assert len(both.tables["verdicts"]) == 2
    assert both.sentences[0].startswith("In 2 runs: ")


def test_of_lives_in_a_world(bench_of, world):
    found = section([battery(bench_of(world, draws=20))])
    frame = found.tables["curves"]
    assert frame[frame["network"] == "control"]["lived"].tolist() == list(range(1, 21))
    assert frame[frame["network"] == "evolved genome"]["lived"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"episodes": 0}, "lives do not learn here"),
        ({"episodes": 1}, "a life is one episode"),
        ({"episodes": 2, "persist": False}, "begins with the weights of birth"),
    ],
)
def test_where_there_are_no_curves_it_is_said_why(bench_of, world, changes, why):
    lifetime = replace(world.lifetime, **changes)
    found = section([battery(bench_of(replace(world, lifetime=lifetime), draws=20))])
    assert why in found.sentences[0]
    assert not found.tables
    assert not found.pictures
