"""The battery: knowledge that was planted is found, none is found where there is none, and what the numbers mean."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats

from evo.analysis.innate.battery import DIRECT, EVOLVED, LONG, Battery, battery, genomes, picture, superiority, table
from evo.analysis.innate.learning_rate import PACES
from evo.analysis.innate.null_models import FOUNDERS, SHUFFLED, SIGNS, STANDARD
from evo.analysis.report.style import CONDITIONS
from evo.analysis.scores import Scores
from evo.analysis.statistics import holm
from genomes.interventions.faster import Faster

TESTED = (FOUNDERS.name, SHUFFLED.name, STANDARD.name)


@pytest.mark.slow
def test_planted_knowledge_is_found(bench_of, task, planted):
    frame = table([battery(bench_of(task, planted, draws=200))])
    assert frame.at[(EVOLVED, "innate"), "mean"] > 0.95
    for name in TESTED:
        row = frame.loc[(name, "innate")]
        assert row["p"] == 1 / 201
        assert row["p corrected"] == pytest.approx(3 / 201)
        assert row["effect size"] > 1.5
        assert row["superiority"] == 1.0
        assert row["draws"] == 200
        assert row["low"] < row["mean"] < row["high"]


@pytest.mark.slow
def test_of_random_genomes_shuffled_wiring_shows_no_advantage(bench_of, task, levels_of):
    """At most 19 of 200 tests at .05, where there is nothing to be found; against random founders too."""
    task = replace(task, cohort=200)

    def innate(what, rows):
        return bench.scores(bench.measure(what, rows, resamples=1))["innate"]

    bench, tables = bench_of(task, draws=200), []
    random = innate("founders", bench.founders())  # the same for every genome
    for levels in levels_of(task, 200):
        bench = bench_of(task, levels[None], births=1, draws=200)
        scores = {EVOLVED: innate("own", bench.newborns()), FOUNDERS.name: random}
        scores[SHUFFLED.name] = innate("shuffled", SHUFFLED.rows(bench))
        tables.append(table([Battery(bench, {(name, "innate"): one for name, one in scores.items()}, {})]))
    for name in (FOUNDERS.name, SHUFFLED.name):
        assert 1 <= sum(frame.at[(name, "innate"), "p"] < 0.05 for frame in tables) <= 19


@pytest.mark.slow
def test_the_same_bytes_whatever_the_order_of_the_cohorts(bench_of, learning, recording):
    learning = replace(learning, cohort=16)
    frames = [table([battery(bench_of(learning, draws=20, executor=executor))]) for executor in (None, None, recording)]
    assert frames[0].to_csv() == frames[1].to_csv() == frames[2].to_csv()
    assert len(recording.asked) > 4
    paced = {Faster(times) for times in PACES}
    for _, assay in recording.asked:
        assert assay.split == "test" or paced & set(assay.interventions), "on selection a learning rate is tuned alone"


@pytest.mark.slow
def test_ceilings_are_lives_of_networks_without_a_bottleneck(bench_of, learning, task):
    frame = table([battery(bench_of(learning, births=8))])
    assert frame.at[(LONG, "learned"), "mean"] > frame.at[(DIRECT, "learned"), "mean"]
    assert frame.at[(DIRECT, "learned"), "mean"] > frame.at[(STANDARD.name, "innate"), "mean"]
    assert frame.at[(EVOLVED, "learned"), "mean"] > frame.at[(EVOLVED, "innate"), "mean"]
    assert (LONG, "learned") not in table([battery(bench_of(task))]).index


@pytest.mark.slow
def test_in_a_world_every_condition_is_measured_and_those_of_birth_are_tested(bench_of, world):
    frame = table([battery(bench_of(world, draws=20))])
    conditions = ["innate", "innate_plastic", "learned", "learned_plastic"]
    assert [c for network, c in frame.index if network == EVOLVED] == conditions
    assert [c for network, c in frame.index if network == FOUNDERS.name] == conditions
    tested = frame[frame["p"].notna()].index.tolist()
    assert tested == [(name, c) for name in TESTED for c in conditions[:2]]
    assert frame.loc[tested, "p corrected"].tolist() == holm(frame.loc[tested, "p"].tolist())
    assert frame["p"].drop(tested).isna().all()
    assert np.isnan(frame.at[(SIGNS.name, "innate"), "p"]), "nothing is drawn: nothing is tested"


def made_up(bench, own, null):
    scores = {(EVOLVED, "innate"): Scores(np.array(own)), (SHUFFLED.name, "innate"): Scores(np.array(null))}
    return Battery(bench, scores, {})


def test_of_several_runs_the_runs_are_counted(bench_of, task):
    bench = bench_of(task)
    owns, nulls = [[0.9, 0.8], [0.7, 0.7], [0.6, 0.8]], [[0.1, 0.2, 0.0], [0.3, 0.1, 0.2], [0.4, 0.0, 0.1]]
    frame = table([made_up(bench, own, null) for own, null in zip(owns, nulls, strict=True)])
    means = np.mean(owns, axis=1)
    row = frame.loc[(EVOLVED, "innate")]
    low, high = scipy.stats.t.interval(0.95, 2, means.mean(), scipy.stats.sem(means))
    assert np.allclose([row["mean"], row["low"], row["high"]], [means.mean(), low, high])
    difference = means - np.mean(nulls, axis=1)
    expected = scipy.stats.ttest_1samp(difference, 0, alternative="greater").pvalue
    assert frame.at[(SHUFFLED.name, "innate"), "p"] == pytest.approx(expected)
    assert frame.at[(SHUFFLED.name, "innate"), "superiority"] == 1.0
    assert frame.at[(SHUFFLED.name, "innate"), "draws"] == 9


def test_what_has_no_number_has_no_probability(bench_of, task):
    bench, nan = bench_of(task), np.nan
    frame = table([made_up(bench, [nan, nan], [0.1, 0.2])])
    assert np.isnan(frame.at[(SHUFFLED.name, "innate"), "p"])
    frame = table([made_up(bench, [0.3, nan], [0.1, nan, 0.5])])
    assert frame.at[(EVOLVED, "innate"), "mean"] == 0.3
    assert frame.at[(SHUFFLED.name, "innate"), "p"] == 2 / 3
    frame = table([made_up(bench, [0.3], [0.1]), made_up(bench, [0.4], [0.2])])
    assert frame.at[(SHUFFLED.name, "innate"), "p"] == 1 / 4, "two runs that differ by nothing but rounding: two coins"


def test_superiority_counts_ties_half():
    assert superiority(np.array([1.0, 2.0]), np.array([1.0, 3.0])) == (0 + 0.5 + 1) / 4 == 0.375


def test_further_genomes_are_tested_each(bench_of, task, levels_of, planted):
    levels = np.concatenate([planted, levels_of(task, 2)])
    bench = bench_of(task, levels, draws=100)
    measured = battery(bench)
    frame = genomes(measured)
    assert frame["genome"].tolist() == ["genome 0", "genome 1", "genome 2"]
    assert frame.at[0, "mean"] == pytest.approx(table([measured]).at[(EVOLVED, "innate"), "mean"])
    assert frame.at[0, "p"] == 1 / 101
    assert (frame["p"][1:] > 1 / 101).all()
    assert frame["p corrected"].tolist() == holm(frame["p"].tolist())


@pytest.mark.slow
def test_the_picture_shows_every_draw(bench_of, learning):
    measured = battery(bench_of(learning, draws=30))
    shown = picture([measured], table([measured]))
    (axis,) = shown.figure.axes
    dots = sum(len(drawn.get_offsets()) for drawn in axis.collections if hasattr(drawn, "get_sizes"))
    assert dots == 3 * (30 + 1) + 3 * (2 + 1), "three nulls, signs and two ceilings, and the mean of each"
    assert set(shown.tips) == {"evolved-innate-innate", "evolved-innate-learned"}


def test_rounding_is_no_spread(bench_of, task):
    alike = Scores(np.array([0.1475, 0.1475 + 3e-17, 0.1475 - 3e-17]))
    apart = Scores(np.array([0.1475, 0.1475 + 1e-6]))
    found = {(EVOLVED, c): s for c, s in (("innate", alike), ("learned", apart))}
    assert (table([Battery(bench_of(task), found, {})])["sd"] > 0).tolist() == [False, True]


def test_p_is_that_of_the_mean_of_births_and_not_of_the_best_of_them(bench_of, task):
    null = [0.5, 0.65, 0.7]
    frame = table([made_up(bench_of(task), [0.3, 0.9], null)])
    assert frame.at[(SHUFFLED.name, "innate"), "p"] == 3 / 4, "two of three draws are above .6"
    frame = table([made_up(bench_of(task), [0.6, 0.0], null)])
    assert frame.at[(SHUFFLED.name, "innate"), "p"] == 1.0, "and all of them above .3"


@pytest.mark.slow
def test_p_of_further_genomes_is_that_of_the_mean_of_their_births(bench_of, world, levels_of):
    bench = bench_of(world, levels_of(world, 2), births=4, draws=20)
    measured = battery(bench)
    frame = genomes(measured).set_index("condition")
    for condition in bench.at_birth:
        null = measured.scores[FOUNDERS.name, condition].values
        rows = frame.loc[CONDITIONS[condition][0]]
        for mean, p in zip(rows["mean"], rows["p"], strict=True):
            assert p == pytest.approx((np.sum(null >= mean - 1e-12) + 1) / 21)
