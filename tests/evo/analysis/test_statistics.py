"""Intervals cover what they say, p values are as rare as they say, Holm is Holm."""

import numpy as np
import pytest
from scipy.stats import norm, sem, ttest_1samp
from scipy.stats import t as student

from evo.analysis.statistics import (
    NORMAL,
    Estimate,
    above,
    clear,
    effect_size,
    estimate,
    exceeds,
    holm,
    mean_over_runs,
    nothing,
    widened,
)
from genomes.streams import derive
from inner_loop.environment import KNOWN, Score


def draws(*shape, seed=0):
    return derive(seed, "statistics test").normal(*shape)[0].numpy()


def test_the_interval_over_lives_covers_the_mean_about_as_often_as_it_says():
    samples = draws(400, 40)
    found = [estimate(sample) for sample in samples]
    covered = sum(e.low <= 0 <= e.high for e in found)
    assert 364 <= covered <= 396, covered  # .95 of 400 and three standard errors, a little less for small samples
    assert all(e.mean == sample.mean() for e, sample in zip(found, samples, strict=True))


def test_the_interval_over_samples_counts_the_samples_even_when_all_lives_are_alike():
    """64 lives that are copies of one another are no evidence: the interval is that of the 400 samples."""
    hits = (draws(400) > -1.6).astype(float)
    order = derive(0, "resamples").integers(400, 500, 400)[0].numpy()
    resampled = np.tile(hits[order].mean(1), (64, 1))
    one = estimate(np.full(64, hits.mean()), resampled)
    textbook = 1.96 * np.sqrt(hits.mean() * (1 - hits.mean()) / 400)
    assert one.high - one.low == pytest.approx(2 * textbook, rel=0.15)


def test_both_lives_and_samples_widen_the_interval():
    lives, resampled = draws(50), draws(200) * 0.2
    of_lives, both = estimate(lives), estimate(lives, lives[:, None] + resampled[None, :])
    assert both.high - both.low > of_lives.high - of_lives.low


def test_failed_lives_are_left_out_and_one_life_has_no_interval():
    whole = estimate(np.array([1.0, np.nan, 3.0]))
    assert whole.mean == 2.0
    alone = estimate(np.array([0.5]))
    assert (alone.mean, np.isnan(alone.low), np.isnan(alone.high)) == (0.5, True, True)
    assert np.isnan(estimate(np.array([np.nan])).mean)


def test_where_runs_are_counted_the_interval_is_students():
    found = mean_over_runs([1.0, 2.0, 3.0])
    assert found.mean == 2.0
    assert found.high - 2.0 == pytest.approx(4.302653 / np.sqrt(3), rel=1e-6)
    assert np.isnan(mean_over_runs([1.0]).low)


def test_p_counts_the_draws_that_are_at_least_as_good_and_is_never_zero():
    null = np.arange(199.0)
    assert above(500.0, null) == 1 / 200
    assert above(198.0, null) == 2 / 200
    assert above(-1.0, null) == 1.0
    assert above(198.0, np.append(null, np.nan)) == 2 / 200
    assert np.isnan(above(float("nan"), null))
    assert np.isnan(above(1.0, np.array([np.nan])))


def test_under_the_null_p_is_as_rare_as_it_says():
    everything = draws(300, 201)
    rare = sum(above(one[0], one[1:]) < 0.05 for one in everything)
    assert rare <= 24, rare  # 15 expected


def test_effect_size_is_in_standard_deviations_of_the_null():
    assert effect_size(3.0, np.array([0.0, 2.0])) == pytest.approx(2.0 / np.sqrt(2.0))
    assert effect_size(1.0, np.zeros(5)) == np.inf
    assert effect_size(0.0, np.zeros(5)) == 0.0


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    corrected = holm([0.01, float("nan")])
    assert corrected[0] == 0.01
    assert np.isnan(corrected[1])


def test_p_of_lives_alone_is_students():
    for sample in draws(5, 6):
        assert nothing(estimate(sample)) == pytest.approx(ttest_1samp(sample, 0.0).pvalue, rel=0.1)
    assert nothing(Estimate(0.0, 0.0, 0.0, 0.0)) == 1.0
    assert np.isnan(nothing(estimate(np.array([np.nan]))))
    assert exceeds(estimate(np.array([1.0, 1.2, 0.9]))) == pytest.approx(
        ttest_1samp([1.0, 1.2, 0.9], 0.0, alternative="greater").pvalue, rel=0.1
    )


@pytest.mark.parametrize("lives", [2, 4, 8, 32])
def test_where_all_lives_differ_equally_p_is_that_of_exchanged_signs_and_never_zero(lives):
    for score in (1.0, -0.1, 1 / 3):
        assert nothing(estimate(np.full(lives, score))) == 2.0 ** (1 - lives)
        assert nothing(estimate(np.full(lives, score), np.full((lives, 50), score))) == 2.0 ** (1 - lives)
        assert nothing(mean_over_runs([score] * lives)) == 2.0 ** (1 - lives)
    assert nothing(estimate(np.zeros(lives), np.zeros((lives, 50)))) == 1.0


def test_one_life_alone_has_no_p_and_one_on_samples_that_all_agree_no_evidence():
    assert np.isnan(nothing(estimate(np.array([1.0]))))
    assert nothing(estimate(np.array([1.0]), np.ones((1, 50)))) == 1.0


@pytest.mark.parametrize("lives", [2, 3, 4, 5])
def test_effects_that_are_a_coins_are_found_no_more_often_than_promised(lives):
    """Differences of +-1 by a coin: an error of 0 taken for certainty makes an effect of half of all pairs of lives."""
    found = sum(nothing(estimate(one)) <= 0.05 for one in 2.0 * (draws(200, lives) > 0) - 1)
    assert found <= 22, found  # 10 and four standard errors


@pytest.mark.parametrize("lives", [2, 4])
@pytest.mark.parametrize("samples", [0.0, 0.3, 1.0])
def test_p_and_interval_agree_and_are_as_rare_as_they_say_with_few_lives_and_common_samples(lives, samples):
    p, outside = [], []
    for one, common, again in zip(draws(150, lives), draws(150, seed=1), draws(150, 200, seed=2), strict=True):
        scores = one + samples * common
        found = estimate(scores, scores[:, None] + samples * again if samples else None)
        p.append(nothing(found))
        outside.append(not found.low <= 0 <= found.high)
    assert sum(value < 0.05 for value in p) <= 17, "7.5 are promised"
    assert abs(sum(value < 0.05 for value in p) - sum(outside)) <= 3


def probit(runs, effect, seed, count=400):
    """Right answers of runs on common samples: latent normal, the samples' part common to all runs."""
    streams = derive(seed, "runs of a test")
    hard = streams.stream("samples").normal(count)[0].numpy()
    own, noise = streams.stream("runs").normal(runs)[0].numpy(), streams.stream("noise").normal(runs, count)[0].numpy()
    return (1.48 + effect * own[:, None] + 0.8 * hard + 0.6 * noise > 0).astype(float)


@pytest.mark.slow
@pytest.mark.parametrize("runs", [3, 5])
@pytest.mark.parametrize("effect", [0.1, 0.3])
def test_the_interval_over_runs_covers_the_score_on_samples_unseen(runs, effect):
    """Runs alone, at the smallest effect: in 4 of 5 cases rather than in 19 of 20."""
    truth = float(norm.cdf(1.48 / (1 + effect**2) ** 0.5))
    often = np.stack([np.bincount(o, minlength=400) for o in derive(0, "r").integers(400, 200, 400)[0].numpy()]) / 400
    covered, alone = 0, 0
    for seed in range(150):
        right = probit(runs, effect, seed)
        found, of_runs = mean_over_runs(right.mean(1), right @ often.T), mean_over_runs(right.mean(1))
        covered += found.low <= truth <= found.high
        alone += of_runs.low <= truth <= of_runs.high
    assert 135 <= covered <= 150, covered  # .92 to .98, and the error of 150
    assert alone < covered


def test_an_interval_ends_where_the_score_cannot_lie():
    wide = Estimate(0.5, -0.9, 1.9, 0.1, 0.0, 1.0)
    assert (wide.within((0.0, 1.0)).low, wide.within((0.0, 1.0)).high) == (0.0, 1.0)
    assert wide.within(KNOWN["log_likelihood"].bounds) == wide, "a mean beyond: another score of that name"
    assert wide.within(Score("return").bounds) == wide
    assert (
        KNOWN["accuracy"].bounds,
        KNOWN["explained_variance"].bounds[1],
    ) == ((0.0, 1.0), 1.0)
    alone = Estimate(0.5, np.nan, np.nan).within((0.0, 1.0))
    assert np.isnan([alone.low, alone.high]).all()


@pytest.mark.slow
@pytest.mark.parametrize("crossed", [False, True])
def test_of_sixty_effects_that_are_none_hardly_any_is_found_with_four_lives(crossed):
    """Family-wise error after Holm, of 60 paired differences: .05 is promised, in lives alone and over samples too."""
    found = 0
    for seed in range(60):
        families = draws(60, 4, seed=seed)
        samples = draws(60, 200, seed=1000 + seed) if crossed else None
        p = [
            nothing(estimate(one, None if samples is None else one[:, None] + samples[i][None, :]))
            for i, one in enumerate(families)
        ]
        found += min(holm(p)) < 0.05
    assert found <= 8, found


@pytest.mark.parametrize("count", [2, 4, 12])
@pytest.mark.parametrize("crossed", [False, True])
def test_an_interval_is_a_bootstrap_over_lives_and_samples_widened_to_students(count, crossed):
    """By hand: percentiles of the means of drawn lives, a column of samples each, and what t has more than they."""
    scores = draws(count, seed=count)
    resampled = scores[:, None] + 0.5 * draws(300, seed=9)[None, :] if crossed else None
    columns = resampled if crossed else np.tile(scores[:, None], (1, 1000))
    drawn = derive(0, "bootstrap over lives").integers(count, columns.shape[1], count)[0].numpy()
    means = [np.mean([columns[life, k] for life in lives]) for k, lives in enumerate(drawn)]
    more = (
        scores.var(ddof=1) / count * (student.ppf(0.975, count - 1) ** 2 - norm.ppf(0.975) ** 2 * (count - 1) / count)
    )
    low, high = (np.sqrt((scores.mean() - np.percentile(means, end)) ** 2 + more) for end in (2.5, 97.5))
    found = estimate(scores, resampled)
    assert found.mean == pytest.approx(scores.mean())
    assert (found.mean - found.low, found.high - found.mean) == pytest.approx((low, high), rel=1e-6)


def test_one_life_has_the_interval_of_its_samples_and_no_life_has_none():
    resampled = draws(1, 500)
    one = estimate(np.array([0.3]), resampled)
    assert (one.mean, one.low, one.high) == pytest.approx((0.3, *np.percentile(resampled[0], (2.5, 97.5))))
    for nothing_known in (estimate(np.array([np.nan, np.nan]), draws(2, 5)), estimate(np.zeros(0))):
        assert np.isnan([nothing_known.mean, nothing_known.low, nothing_known.high]).all()
    lived = estimate(np.array([np.nan, 1.0, 3.0]), np.array([[9.0] * 50, [1.0] * 50, [3.0] * 50]))
    assert lived.mean == 2.0
    assert lived.high < 20


def test_runs_by_hand():
    for means in ([1.0, 4.0], [0.5, 0.5, 0.75, 1.0]):
        found = mean_over_runs(means)
        low, high = student.interval(0.95, len(means) - 1, np.mean(means), sem(means))
        assert (found.mean, found.low, found.high) == pytest.approx((np.mean(means), low, high))
    one = mean_over_runs([3.0])
    assert (one.mean, np.isnan(one.low), np.isnan(one.high)) == (3.0, True, True)


def test_no_effect_and_certain_effects():
    same = estimate(np.zeros(5))
    assert (same.low, same.high, nothing(same)) == (0.0, 0.0, 1.0)
    for shift in (-5.0, 5.0):
        assert nothing(estimate(draws(12) + shift)) < 1e-5
    assert 0.3 < nothing(estimate(draws(12) - draws(12).mean() + 0.1)) < 1.0


def test_effect_sizes_at_the_edges():
    null = np.array([1.0, 3.0, np.nan])
    assert effect_size(4.0, null) == pytest.approx(2 / np.sqrt(2.0))
    assert effect_size(0.0, null) == pytest.approx(-2 / np.sqrt(2.0))
    assert effect_size(-1.0, np.zeros(5)) == -np.inf
    assert np.isnan(effect_size(1.0, np.array([0.5]))), "one draw has no spread"
    rounded = 0.3 + np.array([0.0, 1e-16, -1e-16])
    assert effect_size(0.5, rounded) == np.inf, "draws that differ by rounding do not differ"
    assert effect_size(0.3 + 1e-6, 0.3 + np.array([0.0, 1e-9])) < np.inf
    assert effect_size(0.0, np.array([1e-13, -1e-13, 3e-13])) < 0, "nor is what is small by itself rounding"
    assert effect_size(1e-13, 1e6 + np.array([0.0, 1e-7])) == -np.inf, "relative to the larger of both"


def test_p_at_the_edges():
    assert above(0.5, np.array([0.5])) == 1.0
    assert above(0.5, np.array([0.5, np.nan, 0.4])) == 2 / 3
    assert above(0.6, np.array([0.5, np.nan, 0.4])) == 1 / 3
    assert np.isnan(above(1.0, np.zeros(0)))
    assert np.isnan(above(np.inf, np.array([1.0])))


def test_holm_keeps_the_order_given_and_never_falls():
    assert holm([0.04, 0.001, 0.03, 0.2]) == pytest.approx([0.09, 0.004, 0.09, 0.2])
    assert holm([0.02, 0.021]) == pytest.approx([0.04, 0.04])
    assert holm([]) == []
    corrected = holm([np.nan, 0.02, np.nan, 0.01])
    assert np.isnan([corrected[0], corrected[2]]).all()
    assert corrected[1::2] == pytest.approx([0.02, 0.02])


def crossed_with(lives, spread):
    """Scores of lives on 4000 resamples, whose samples are worth a standard error of `spread`."""
    samples = draws(4000, seed=5)
    return lives, lives[:, None] + spread * ((samples - samples.mean()) / samples.std())[None, :]


@pytest.mark.parametrize("count", [1, 2, 4, 16])
def test_p_is_the_normal_ones_where_samples_make_the_error(count):
    lives = 0.3 + 1e-4 * draws(count, seed=2)
    assert nothing(estimate(*crossed_with(lives, 0.2))) == pytest.approx(2 * norm.sf(lives.mean() / 0.2), rel=0.08)


@pytest.mark.parametrize("count", [4, 6, 16])
def test_p_is_students_where_lives_make_the_error(count):
    lives = 0.4 + draws(count, seed=3) - draws(count, seed=3).mean()
    found = nothing(estimate(*crossed_with(lives, 1e-3)))
    assert found == pytest.approx(ttest_1samp(lives, 0.0).pvalue, rel=0.08)


def test_p_counts_both_errors_where_both_matter():
    lives = draws(40, seed=4)
    lives = 0.4 + (lives - lives.mean()) / lives.std(ddof=1)  # a standard error of .158
    found = nothing(estimate(*crossed_with(lives, 0.2)))
    assert found == pytest.approx(2 * norm.sf(0.4 / np.hypot(0.2, 40**-0.5)), rel=0.12)


def test_what_is_due_to_lives_and_what_to_samples_by_hand():
    """A bootstrap of n lives sees (n - 1) / n of their variance; what is left of its interval is the samples'."""
    found = widened(Estimate(1.0, 0.0, 2.0), np.array([0.5, 1.5]))
    assert (found.lives, found.freedom) == (0.25, 1.0)
    assert found.samples == pytest.approx(NORMAL**-2 - 0.25 / 2, rel=1e-12)
    half = np.sqrt(1.0 + 0.25 * (student.ppf(0.975, 1) ** 2 - NORMAL**2 / 2))
    assert (found.low, found.high) == pytest.approx((1.0 - half, 1.0 + half), rel=1e-12)


@pytest.mark.parametrize("scores", [[], [0.5]])
def test_without_two_lives_an_interval_is_that_of_the_samples(scores):
    found = widened(Estimate(0.5, 0.4, 0.6), np.array(scores))
    assert (found.low, found.high, found.lives, found.freedom) == (0.4, 0.6, 0.0, 0.0)
    assert found.samples == pytest.approx((0.1 / NORMAL) ** 2, rel=1e-12)


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e4])
def test_lives_that_differ_by_rounding_are_alike_whatever_their_scale(scale):
    alike, apart = scale * np.array([[1.0, 1.0 + 4e-16], [1.0, 1.0 + 1e-7]])
    assert estimate(alike).lives == mean_over_runs(alike).lives == 0.0
    for found in (estimate(apart), mean_over_runs(apart)):
        assert found.lives == pytest.approx((scale * 1e-7 / 2) ** 2, rel=1e-6, abs=0)


@pytest.mark.parametrize("mean", [0.0, 1.0])
def test_the_interval_of_a_mean_at_the_bound_ends_there_too(mean):
    found = Estimate(mean, mean - 0.1, mean + 0.1).within((0.0, 1.0))
    assert (found.low, found.high) == (max(0.0, mean - 0.1), min(1.0, mean + 0.1))


def test_p_where_lives_and_samples_both_count_by_hand():
    """Its level is that at which the interval, made of both, ends at 0."""
    for lives, samples, freedom in ((0.04, 0.04, 3.0), (0.04, 0.09, 5.0), (0.2, 1e-9, 2.0)):
        p = nothing(Estimate(1.0, 0.0, 2.0, lives, samples, freedom))
        ends = np.hypot(lives**0.5 * student.isf(p / 2, freedom), samples**0.5 * norm.isf(p / 2))
        assert ends == pytest.approx(1.0, rel=1e-6)
    for samples in (0.005, 0.25, 1.0, 4.0):
        assert nothing(Estimate(1.0, 0.0, 2.0, 0.0, samples, 1.0)) == pytest.approx(
            2 * norm.sf(samples**-0.5), rel=1e-6, abs=0
        )
    assert nothing(Estimate(0.0, -1.0, 1.0, 0.1, 0.1, 3.0)) == 1.0
    assert nothing(Estimate(1.0, 0.9, 1.1, 0.0, 1e-6, 1.0)) == pytest.approx(np.exp(-230), rel=1e-6, abs=0)


def test_a_mean_is_clear_below_one_in_twenty_on_either_side():
    assert clear(Estimate(1.0, 1.0, 1.0, 0.0, 0.0, 5.0)), "1 in 32"
    assert not clear(Estimate(1.0, 1.0, 1.0, 0.0, 0.0, 4.0)), "1 in 16"
    assert clear(Estimate(-1.0, -1.0, -1.0, 0.0, 0.0, 5.0))


def test_one_side_of_p_is_half_of_both_where_the_mean_is_above():
    for mean in (0.5, 2.0):
        assert exceeds(Estimate(mean, 0.0, 0.0, 0.0, 0.0, 4.0)) == 1 / 32
        assert exceeds(Estimate(-mean, 0.0, 0.0, 0.0, 0.0, 4.0)) == 31 / 32


def test_a_run_without_a_score_leaves_no_mean_over_runs():
    assert np.isnan(mean_over_runs([0.5, np.nan]).mean)
    assert np.isnan(mean_over_runs([0.5, np.nan], np.full((2, 50), 0.5)).mean)
