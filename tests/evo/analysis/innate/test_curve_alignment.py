"""Aligned curves: every verdict on curves that were made for it, and how often a verdict is wrong."""

from dataclasses import replace

import numpy as np
import pytest

from evo.analysis.innate import curve_alignment as alignment
from evo.analysis.innate.curve_alignment import Curves, hot_start, over_runs
from evo.analysis.statistics import mean_over_runs
from genomes.streams import derive
from inner_loop.lives.samples import Lifetime

STEPS = np.arange(0.0, 101.0, 2.0)
LONG = np.arange(0.0, 1001.0, 5.0)


def curves(lived, height, seed=0, noise=0.01):
    """Twelve lives that follow a curve, each a little above or below it."""
    away = derive(seed, "lives of a test").normal(12, 1)[0].numpy()
    return Curves(lived, height(lived) + noise * (away - away.mean()))


def rising(rate, start=0.1):
    """From the start towards 1, `rate` of the way that is left a step."""
    return lambda lived: 1 - (1 - start) * np.exp(-rate * lived)


def test_only_a_higher_start_where_the_evolved_curve_is_the_control_s_end():
    head = np.log(0.9 / 0.4) / 0.01
    found = hot_start(curves(STEPS, rising(0.01, 0.6)), curves(LONG, rising(0.01), seed=1))
    assert found.verdict == "only a higher start"
    assert found.birth == pytest.approx(0.6)
    assert found.head_start == pytest.approx(head, abs=0.01)
    assert found.span == 100
    assert found.difference.low < 0 < found.difference.high
    assert abs(found.difference.mean) < 0.0002
    assert found.adrift == 0


@pytest.mark.parametrize(("rate", "verdict"), [(0.03, "a steeper curve"), (0.002, "a flatter curve")])
def test_another_rate_from_equal_score(rate, verdict):
    own = rising(rate, 0.6)
    found = hot_start(curves(STEPS, own), curves(LONG, rising(0.01), seed=1))
    assert found.verdict == verdict
    grid = np.linspace(0, 100, 2001)
    expected = np.mean(own(grid) - rising(0.01, 0.6)(grid))
    assert found.difference.mean == pytest.approx(expected, abs=0.0002)
    assert found.difference.low < found.difference.mean < found.difference.high


def test_between_log_spaced_probes_curves_are_known_to_a_five_thousandth():
    """No noise, the probes of a task: the control is this curve, and the evolved one starts 60 steps into it."""
    short, long = (np.array(Lifetime(steps, probes=60).probed, dtype=float) for steps in (100, 1000))
    for pace in (15.0, 60.0, 250.0):
        control = rising(1 / pace)
        found = hot_start(Curves(short, control(short + 60)[None]), Curves(long, control(long)[None]))
        assert found.head_start == pytest.approx(60, abs=0.05)
        assert abs(found.difference.mean) < 0.0002


def test_a_control_that_never_gets_there():
    found = hot_start(curves(STEPS, rising(0.01, 0.9)), curves(LONG, lambda lived: 0.8 + 0 * lived, seed=1))
    assert found.verdict == "not reached"
    assert np.isnan(found.head_start)
    assert np.isnan(found.difference.mean)


def test_a_control_that_is_there_by_chance_once_has_not_got_there():
    away = np.zeros(len(LONG))
    away[50] = 0.2
    found = hot_start(curves(STEPS, rising(0.01, 0.9)), curves(LONG, lambda lived: 0.8 + away, seed=1))
    assert found.verdict == "not reached"


def test_a_control_of_which_nobody_knows_whether_it_gets_there_leaves_no_interval():
    found = hot_start(curves(STEPS, rising(0.01, 0.9)), curves(LONG, lambda lived: 0.901 * rising(0.1)(lived), seed=1))
    assert found.verdict == "only a higher start"
    assert 0.025 < found.adrift < 0.6
    assert np.isnan([found.difference.low, found.difference.high]).all()


def test_no_higher_start():
    found = hot_start(curves(STEPS, rising(0.03, 0.1)), curves(LONG, rising(0.01, 0.2), seed=1))
    assert found.verdict == "no higher start"
    assert found.head_start == 0


def test_a_life_alone_gives_no_interval():
    one, other = curves(STEPS, rising(0.03, 0.6)), curves(LONG, rising(0.01), seed=1)
    found = hot_start(Curves(STEPS, one.scores[:1]), other)
    assert found.verdict == "only a higher start"
    assert found.difference.mean > 0.05
    assert np.isnan(found.difference.low)


def test_over_runs_the_samples_that_all_share_are_in_the_interval(monkeypatch):
    monkeypatch.setattr(alignment, "RESAMPLES", 100)
    hard = np.random.default_rng(3).normal(size=50) * 0.2
    again = hard[np.random.default_rng(0).integers(50, size=(100, 50))].mean(1)

    def examined(of, on_samples):
        return Curves(of.lived, of.scores, of.scores[:, :, None] + on_samples)

    found = []
    for run in range(3):
        own, control = curves(STEPS, rising(0.012, 0.6), run), curves(LONG, rising(0.01), 10 + run)
        # the samples are hard for the evolved network alone, in every run and from its birth on
        found.append(hot_start(examined(own, again * (own.lived > 0)[:, None]), examined(control, 0 * again)))
    assert all(one.again is not None and one.again.shape == (100,) for one in found)
    together, alone = over_runs(found), mean_over_runs([one.difference.mean for one in found])
    assert together.mean == pytest.approx(alone.mean)
    assert together.samples**0.5 == pytest.approx(again.std(), rel=0.3)
    assert together.high - together.low > 2 * (alone.high - alone.low)
    lost = [replace(one, again=np.where(np.arange(100) < 10, np.nan, one.again)) for one in found]
    assert np.isnan(over_runs(lost).low), "a tenth of the resamples cannot be aligned"
    assert over_runs([replace(one, again=None) for one in found]) == alone


def test_lengths_that_do_not_match_are_compared_over_what_both_have_left():
    found = hot_start(curves(STEPS, rising(0.01, 0.6)), curves(STEPS * 1.2, rising(0.01), seed=1))
    assert found.span == pytest.approx(120 - found.head_start)


def task(draws, rate, lives=16, noise=0.01):
    """The control's curve from 60 steps on, lived `rate` times as fast; lives differ, and probes are noisy."""
    short, long = (np.array(Lifetime(steps, probes=60).probed, dtype=float) for steps in (100, 1000))

    def of(lived, at):
        away = draws.normal(size=(lives, 1)) + 0.3 * draws.normal(size=(lives, len(lived)))
        return Curves(lived, rising(1 / 60)(at) + noise * away)

    return of(short, 60 + rate * short), of(long, long)


def samples(draws, rate, noise=0.02):
    """Lives hardly differ, but the samples of their examination, of which each network finds others hard, are few."""
    found = []
    for curves in task(draws, rate, noise=0.0005):
        hard = draws.normal(size=100) * noise * 10
        order = np.random.default_rng(0).integers(100, size=(alignment.RESAMPLES, 100))
        again = curves.scores[:, :, None] + hard[order].mean(1)
        found.append(Curves(curves.lived, curves.scores + hard.mean(), again))
    return found


def world(draws, rate, lives=32, noise=60.0):
    """Single episodes, of which the return is noise for the most part."""
    short, long = np.arange(1.0, 31.0), np.arange(1.0, 301.0)

    def of(lived, at):
        return Curves(lived, 200 * rising(1 / 100, 0.0)(at) + noise * draws.normal(size=(lives, len(lived))))

    return of(short, 41 + rate * (short - 1)), of(long, long)


def verdicts(made, count, *more):
    draws = np.random.default_rng(1)
    found = [hot_start(*made(draws, *more)).verdict for _ in range(count)]
    return {verdict: found.count(verdict) for verdict in found}


@pytest.fixture
def coarse(monkeypatch):
    """Intervals of 120 replicates."""
    monkeypatch.setattr(alignment, "RESAMPLES", 120)
    monkeypatch.setattr(alignment, "_FINE", 300)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("made", "more"),
    [(task, (16, 0.01)), (task, (4, 0.01)), (task, (16, 0.0001)), (samples, ()), (world, ())],
    ids=["task", "task of four lives", "task without noise", "samples", "world"],
)
def test_where_there_is_only_a_higher_start_another_verdict_is_as_rare_as_it_says(coarse, made, more):
    found = verdicts(made, 200, 1.0, *more)
    assert found["only a higher start"] >= 181, found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("made", "more"), [(task, ()), (samples, (0.005,)), (world, (32, 15.0))], ids=["task", "samples", "world"]
)
def test_planted_steepness_is_found(coarse, made, more):
    assert verdicts(made, 20, 3.0, *more).get("a steeper curve", 0) >= 18
    assert verdicts(made, 20, 0.2, *more).get("a flatter curve", 0) >= 18
