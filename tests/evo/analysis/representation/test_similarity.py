"""Against slow formulas written out, and against what is known of codes that were made to be alike or not."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from evo.analysis.representation.similarity import (
    debiased_cka,
    dissimilarities,
    halves,
    interval,
    kernel_cka,
    linear_kernel,
    noise_ceiling,
    rsa,
    selectivity,
    shuffled,
)
from genomes.streams import derive


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def hsic_1(k, l):
    """Song et al. 2012, eq. 5, from kernels whose diagonal is taken out; raw products, nothing centred."""
    n, one = len(k), np.ones(len(k))
    k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))
    means = (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2))
    return (np.trace(k @ l) + means - 2 / (n - 2) * (one @ k @ l @ one)) / (n * (n - 3))


def by_quadruples(k, l):
    """The same as the mean over all ordered quadruples of different stimuli, which is why it has no bias."""
    terms = [k[i, j] * (l[i, j] + l[q, r] - 2 * l[i, q]) for i, j, q, r in itertools.permutations(range(len(k)), 4)]
    return np.mean(terms)


def biased_cka(x, y):
    x, y = x - x.mean(0), y - y.mean(0)
    return np.square(y.T @ x).sum() / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))


@pytest.mark.parametrize("slow", [hsic_1, by_quadruples])
def test_debiased_cka_is_the_ratio_of_unbiased_hsics(slow):
    x, y = normal(7, 3), normal(7, 5, seed=1) + 2.0
    k, l = x @ x.T, y @ y.T
    expected = slow(k, l) / math.sqrt(slow(k, k) * slow(l, l))
    assert debiased_cka(x, y) == pytest.approx(expected, abs=1e-12)


def test_independent_codes_are_unlike_and_only_the_biased_estimator_calls_them_alike():
    pairs = [(normal(60, 200, seed=2 * i), normal(60, 200, seed=2 * i + 1)) for i in range(60)]
    found = np.array([debiased_cka(x, y) for x, y in pairs])
    assert abs(found.mean()) < 3 * found.std(ddof=1) / math.sqrt(len(found))
    assert found.std() > 1e-3
    assert np.mean([biased_cka(x, y) for x, y in pairs]) > 0.7


def test_a_code_is_like_itself_however_it_is_turned_scaled_and_moved():
    x = normal(40, 12)
    turned = np.linalg.qr(normal(12, 12, seed=3))[0]
    assert debiased_cka(x, 3.0 * x @ turned + 5.0) == pytest.approx(1.0, abs=1e-12)
    assert debiased_cka(x, x @ np.diag(np.arange(12.0))) < 0.95


def test_what_does_not_differ_between_stimuli_or_is_no_number_is_like_nothing():
    x, silent, broken = normal(20, 4), np.full((20, 3), 0.1), normal(20, 4, seed=1)
    broken[3, 2] = np.inf
    for other in (silent, broken):
        assert math.isnan(debiased_cka(x, other))
        assert math.isnan(rsa(dissimilarities(x), dissimilarities(other)))
        assert math.isnan(rsa(*(dissimilarities(each, "squared_euclidean") for each in (x, other))))
    assert math.isnan(debiased_cka(x[:3], x[:3]))


def test_dissimilarities_by_hand():
    x = normal(9, 6)
    expected = [[1 - np.corrcoef(a, b)[0, 1] for b in x] for a in x]
    assert dissimilarities(x) == pytest.approx(np.array(expected), abs=1e-12)
    expected = [[np.square(a - b).sum() for b in x] for a in x]
    assert dissimilarities(x, "squared_euclidean") == pytest.approx(np.array(expected), abs=1e-12)
    assert (np.diag(dissimilarities(x)) == 0).all()


def test_a_flat_pattern_has_no_correlation_and_takes_no_other_with_it():
    x = normal(9, 6)
    flat = x.copy()
    flat[4] = 2.0
    far = dissimilarities(flat)
    assert np.isnan(far[4]).all()
    others = np.delete(np.arange(9), 4)
    assert far[np.ix_(others, others)] == pytest.approx(dissimilarities(x[others]))
    assert rsa(far, dissimilarities(x)) == pytest.approx(1.0)


def test_rsa_with_ties_against_scipy_and_against_pairs_of_pairs():
    one, other = (np.round(dissimilarities(normal(8, 5, seed=s)), 1) for s in (0, 1))
    pairs = np.triu_indices(8, 1)
    assert rsa(one, other) == pytest.approx(stats.spearmanr(one[pairs], other[pairs]).statistic, abs=1e-12)
    quads = list(itertools.combinations(range(28), 2))
    a, b = one[pairs], other[pairs]
    signs = [np.sign(a[i] - a[j]) * np.sign(b[i] - b[j]) for i, j in quads]
    assert rsa(one, other, correlation="kendall") == pytest.approx(np.mean(signs), abs=1e-12)
    assert rsa(one, one, correlation="kendall") < 1.0 == pytest.approx(rsa(one, one))
    assert math.isnan(rsa(one, np.ones((8, 8)), correlation="kendall"))


def trials(seed, count=8, moments=6):
    """Two codes that have nothing in common but the trials in which their stimuli come."""
    each = [np.repeat(normal(count, 5, seed=2 * seed + i), moments, axis=0) for i in (0, 1)]
    return *(e + 0.3 * normal(*e.shape, seed=900 + seed) for e in each), np.repeat(np.arange(count), moments)


def test_moments_of_one_episode_are_no_evidence_that_codes_are_alike():
    naive, apart = [], []
    for seed in range(60):
        x, y, blocks = trials(seed)
        kernels, far = [linear_kernel(e) for e in (x, y)], [dissimilarities(e) for e in (x, y)]
        naive.append((kernel_cka(*kernels), rsa(*far)))
        apart.append((kernel_cka(*kernels, blocks), rsa(*far, blocks)))
    assert (np.mean(naive, axis=0) > 0.15).all()
    assert (np.abs(np.mean(apart, axis=0)) < 3 * np.std(apart, axis=0) / math.sqrt(60)).all()


def test_blocks_of_one_are_none_and_fewer_than_four_say_nothing():
    k, l = linear_kernel(normal(12, 4)), linear_kernel(normal(12, 4, seed=1))
    assert kernel_cka(k, l, np.arange(12) * 3) == kernel_cka(k, l)
    assert math.isnan(kernel_cka(k, l, np.arange(12) % 3))
    assert math.isfinite(kernel_cka(k, l, np.arange(12) % 4))


@pytest.mark.slow
def test_the_interval_holds_the_truth():
    mix = normal(5, 16, seed=9), normal(5, 12, seed=10)

    def codes(count, seed):
        z = normal(count, 5, seed=seed)
        return [np.tanh(z @ m) + 0.8 * normal(count, m.shape[1], seed=(seed + 1) * 7919 + i) for i, m in enumerate(mix)]

    truth, hits, widths = debiased_cka(*codes(1000, 1000)), 0, []
    for seed in range(60):
        k, l = (linear_kernel(code) for code in codes(60, seed))
        parts = [
            kernel_cka(k[np.ix_(h, h)], l[np.ix_(h, h)]) for h in halves(np.arange(60), 60, derive(seed, "halves"))
        ]
        low, high = interval(kernel_cka(k, l), parts, 60)
        hits += low <= truth <= high
        widths.append(high - low)
    assert hits >= 53  # of 60 at 95 %: fewer are one in 100
    assert np.mean(widths) < 0.35


def test_halves_take_whole_blocks_and_do_not_repeat_them():
    blocks = np.repeat(np.arange(9), 3)
    drawn = halves(blocks, 20, derive(0, "halves"))
    assert all(len(half) == 12 and np.unique(blocks[half], return_counts=True)[1].tolist() == [3] * 4 for half in drawn)
    assert len({tuple(half) for half in drawn}) > 15
    assert halves(blocks[:21], 20, derive(0, "halves")) == []
    assert all(map(math.isnan, interval(0.5, [], 7)))
    assert all(map(math.isnan, interval(0.5, [0.4, math.nan], 9)))


def test_of_few_blocks_the_interval_is_wider():
    parts = [0.4, 0.5, 0.6]
    few, many = (interval(0.5, parts, blocks) for blocks in (8, 10_000))
    assert many == pytest.approx((0.405, 0.595), abs=1e-3)
    assert few[1] - 0.5 == pytest.approx((many[1] - 0.5) * stats.t.ppf(0.975, 7) / 1.96, rel=1e-3)


def test_the_noise_ceiling_of_repeats():
    truth = normal(12, 30)
    quiet, noisy = (
        np.stack([dissimilarities(truth + noise * normal(12, 30, seed=s)) for s in range(1, 6)]) for noise in (0.1, 1.0)
    )
    low, high = noise_ceiling(noisy)
    assert 0.2 < low < high < 0.95
    assert noise_ceiling(quiet)[0] > 0.97
    pairs = np.triu_indices(12, 1)
    ranks = np.array([stats.rankdata(matrix[pairs]) for matrix in noisy])
    rest = [stats.spearmanr(own, np.delete(ranks, i, axis=0).mean(0)).statistic for i, own in enumerate(ranks)]
    assert low == pytest.approx(np.mean(rest))
    assert math.isnan(noise_ceiling(noisy[:1])[0])


CLASSES = np.arange(90) % 3


def test_selectivity_of_single_stimuli_is_epsilon_squared():
    activities = normal(4, 90) + np.outer([0.0, 0.5, 1.0, 3.0], CLASSES)
    others = shuffled(CLASSES, np.arange(90), 2000, derive(0, "orders"))
    index, p = selectivity(activities, CLASSES, others)
    f = [stats.f_oneway(*(a[c == CLASSES] for c in range(3))) for a in activities]
    eta = np.array([each.statistic * 2 / (each.statistic * 2 + 87) for each in f])
    assert index == pytest.approx(1 - (1 - eta) * 89 / 87, abs=2e-3)
    assert p == pytest.approx([max(each.pvalue, 1 / 2001) for each in f], abs=0.02)
    assert p[3] == 1 / 2001


def test_neurons_that_know_nothing_have_a_selectivity_of_zero_and_no_small_p_too_often():
    others = shuffled(CLASSES, np.arange(90), 199, derive(0, "orders"))
    index, p = selectivity(normal(1000, 90), CLASSES, others)
    assert abs(index.mean()) < 3 * index.std() / math.sqrt(1000)
    assert 0.03 < (p <= 0.05).mean() < 0.07


def test_a_neuron_that_only_knows_the_trial_is_not_tuned_to_what_was_asked_in_it():
    trial = np.repeat(np.arange(24), 10)
    asked = (np.arange(24) * 7 % 24 // 8)[trial]
    activities = np.repeat(normal(400, 24), 10, axis=1)
    _, honest = selectivity(activities, asked, shuffled(asked, trial, 199, derive(0, "orders")))
    _, naive = selectivity(activities, asked, shuffled(asked, np.arange(240), 199, derive(0, "o")))
    assert (honest <= 0.05).mean() < 0.10
    assert (naive <= 0.05).mean() > 0.5


def test_shuffling_keeps_stretches_together():
    asked, blocks = np.array([0, 0, 1, 1, 1, 2, 2]), np.array([0, 0, 0, 0, 0, 0, 1])
    orders = shuffled(asked, blocks, 50, derive(0, "orders"))
    assert all(o[0] == o[1] and o[2] == o[3] == o[4] for o in orders)
    assert all(sorted(o[[0, 2, 5, 6]].tolist()) == [0, 1, 2, 2] for o in orders)
    assert any(o[5] != o[6] for o in orders)


def test_a_silent_neuron_is_not_tuned_and_one_that_is_no_number_neither():
    activities = np.stack([np.full(90, 0.1), np.r_[np.inf, np.ones(89)], CLASSES.astype(float)])
    others = shuffled(CLASSES, np.arange(90), 99, derive(0, "orders"))
    index, p = selectivity(activities, CLASSES, others)
    assert np.isnan(index).tolist() == [True, True, False]
    assert p.tolist() == [1.0, 1.0, 0.01]
    assert index[2] == pytest.approx(1.0)


def test_a_class_for_every_stimulus_explains_nothing_that_could_be_told_from_chance():
    own = np.arange(12)
    index, p = selectivity(normal(3, 12), own, shuffled(own, own, 19, derive(0, "orders")))
    assert np.isnan(index).all()
    assert (p == 1.0).all()


def test_directions_have_the_vector_index_of_their_energies():
    angles = np.arange(8) * (math.pi / 4)
    shown = np.tile(np.repeat(np.arange(8), 5), 4)
    energy = 1.0 + 0.5 * np.cos(angles - 1.0)
    activities = np.stack([np.sqrt(energy)[shown], np.where(shown == 3, 2.0, -1.0), np.ones(160), np.full(160, -1.0)])
    activities[2, ::2] = 0.5
    others = shuffled(shown, np.repeat(np.arange(4), 40), 99, derive(0, "orders"))
    index, p = selectivity(activities, shown, others, angles)
    assert index[:2] == pytest.approx([0.25, 1.0])
    assert index[2] < 0.15
    assert math.isnan(index[3])
    assert p[0] == 0.01
    assert p[2] > 0.05
