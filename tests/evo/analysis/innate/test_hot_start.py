"""Hot start: the curves of lives, and the reasons for having none."""

from dataclasses import replace

import numpy as np
import pytest

from evo.analysis.innate.battery import LONG, battery
from evo.analysis.innate.curve_alignment import Curves, hot_start
from evo.analysis.innate.hot_start import _picture, _sentence, section

STEPS = np.arange(0.0, 101.0)


def pair(birth, top=1.0):
    """Lives that start at a height, and a control that starts at .2 and comes to the top."""
    own, control = (
        np.array([[a], [0.0], [-a]]) + top - (top - start) * np.exp(-0.05 * STEPS)
        for a, start in ((0.01, birth), (0.02, 0.2))
    )
    return Curves(STEPS, own), Curves(STEPS, control)


@pytest.mark.slow
def test_an_empty_panel_says_why_it_is_empty():
    for birth, why in ((0.1, "the control begins as high"), (5.0, "never at equal score")):
        drawn = _picture([pair(birth)], [hot_start(*pair(birth))], "steps")
        assert [text.get_text() for text in drawn.figure.axes[1].texts] == [why]


@pytest.mark.slow
def test_an_interval_that_there_is_not_is_not_written_down():
    known, unknown = (_sentence(hot_start(*pair(birth, 0.8)), "steps", 100.0, 3.0) for birth in (0.5, 0.79))
    assert "only a higher start (mean height above the control over" in known
    assert "3 times the genome's" in known
    assert known.endswith("]).")
    assert "and no interval: in " in unknown
    assert "nan" not in unknown
    own, control = pair(0.5)
    alone = _sentence(hot_start(Curves(STEPS, own.scores[:1]), control), "steps", 100.0, None)
    assert "no learning rate that could be tuned" in alone
    assert alone.endswith("and no interval: a single life has none).")


@pytest.mark.slow
def test_the_samples_of_the_examination_are_in_the_interval(bench_of, learning):
    """The interval is narrower if every resample scores like the samples themselves."""
    home = battery(bench_of(learning, births=4))
    assert home.lives[LONG]["curve.resampled"].shape == (*home.lives[LONG]["curve"].shape, 20)
    fewer = {
        name: {"curve": m["curve"], "curve.resampled": np.repeat(m["curve"][..., None], 20, axis=2)}
        for name, m in home.lives.items()
    }
    wide, narrow = (section([replace(home, lives=lives)]).tables["verdicts"].iloc[0] for lives in (home.lives, fewer))
    assert wide.difference == narrow.difference
    assert wide.high - wide.low > narrow.high - narrow.low


@pytest.mark.slow
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
    assert verdicts.at[0, "pace"] == batteries[0].paces[LONG]
    assert any(sentence.startswith("The control's learning rate, tuned for it, is ") for sentence in both.sentences)
    assert both.sentences[0].startswith("In 2 runs: ")


@pytest.mark.slow
def test_of_lives_in_a_world(bench_of, world):
    found = section([battery(bench_of(world, draws=20))])
    frame = found.tables["curves"]
    assert frame[frame["network"] == "control"]["lived"].tolist() == list(range(1, 21))
    assert frame[frame["network"] == "evolved genome"]["lived"].tolist() == [1, 2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"episodes": 0}, "a life is its examination, and learning goes on within it"),
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
