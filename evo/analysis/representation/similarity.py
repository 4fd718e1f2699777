"""Similarity of two codes of the same stimuli, by RSA and debiased CKA, and selectivity of neurons.

Kriegeskorte, Mur & Bandettini 2008 (Front. Syst. Neurosci. 2:4); Kornblith, Norouzi, Lee & Hinton 2019 (ICML), with the
unbiased estimator of Song, Smola, Gretton, Bedo & Borgwardt 2012 (JMLR 13:1393): the biased estimator is high for
independent codes with many neurons. All functions are pure and use float64; undefined results are nan.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from scipy import linalg, stats

from genomes.streams import Streams
from inner_loop.selectivity import vector_index

Distance = Literal["correlation", "squared_euclidean"]
"""1 - Pearson's correlation of two patterns over the neurons, or the squared distance between them."""

LEAST = 4
"""Smallest number of stimuli, or of their blocks: the unbiased estimator divides by n - 3."""


def dissimilarities(
    responses: Float[ndarray, "stimuli neurons"], distance: Distance = "correlation"
) -> Float[ndarray, "stimuli stimuli"]:
    """Computes the representational dissimilarity matrix.

    With correlation, the entries of a pattern that is constant over neurons are nan, and so are all entries with a
    single neuron. If any response is not finite, the whole matrix is nan.
    """
    patterns = np.asarray(responses, dtype=np.float64)
    if not np.isfinite(patterns).all():
        return np.full((len(patterns), len(patterns)), np.nan)
    if distance == "correlation":
        patterns = _from_first(patterns.T).T
        with np.errstate(invalid="ignore"):
            patterns = patterns / np.linalg.norm(patterns, axis=1, keepdims=True)
        far = 1.0 - patterns @ patterns.T
    else:
        product = (patterns := _from_first(patterns)) @ patterns.T
        far = np.diag(product)[:, None] + np.diag(product)[None, :] - 2.0 * product
    far = np.maximum((far + far.T) / 2.0, 0.0)  # rounding
    far[np.diag_indices_from(far)] = np.diag(far) * 0.0
    return far


def rsa(
    one: Float[ndarray, "stimuli stimuli"],
    other: Float[ndarray, "stimuli stimuli"],
    blocks: Int[ndarray, " stimuli"] | None = None,
    correlation: Literal["spearman", "kendall"] = "spearman",
) -> float:
    """Computes the rank correlation of two dissimilarity matrices over the pairs of stimuli, -1 to 1.

    Args:
        one, other: the matrices.
        blocks: the episode of each stimulus; pairs within an episode are left out. None: all stimuli are separate.
        correlation: Spearman's, with mean ranks for ties; or Kendall's tau-a, which does not favour a matrix that
            predicts ties (Nili et al. 2014, PLoS Comput. Biol. 10:e1003553).

    Returns:
        the correlation; nan if all pairs that are finite in both have the same value in one of them.
    """
    pairs = np.triu(_apart(len(one), blocks))
    known = pairs & np.isfinite(one) & np.isfinite(other)
    a, b = one[known], other[known]
    if correlation == "spearman":
        return _cosine(*(_from_first(stats.rankdata(each)) for each in (a, b)))
    counts = [np.unique(each, return_counts=True)[1] for each in (a, b)]
    if min(map(len, counts), default=0) < 2:
        return float("nan")
    # tau-b divides by the pairs that are no ties, tau-a by all of them
    untied = [1.0 - (n * (n - 1.0)).sum() / (len(a) * (len(a) - 1.0)) for n in counts]
    return float(stats.kendalltau(a, b).statistic * np.sqrt(untied[0] * untied[1]))


def linear_kernel(responses: Float[ndarray, "stimuli neurons"]) -> Float[ndarray, "stimuli stimuli"]:
    """Computes the linear kernel of a code, the inner products of its centred patterns, which CKA compares.

    The kernel of a subset of the stimuli can be taken from it by indexing. If any response is not finite, the whole
    kernel is nan.
    """
    patterns = np.asarray(responses, dtype=np.float64)
    if not np.isfinite(patterns).all():
        return np.full((len(patterns), len(patterns)), np.nan)
    centred = _from_first(patterns)
    return centred @ centred.T


def kernel_cka(
    one: Float[ndarray, "stimuli stimuli"],
    other: Float[ndarray, "stimuli stimuli"],
    blocks: Int[ndarray, " stimuli"] | None = None,
) -> float:
    """Computes the debiased CKA of two kernels, HSIC_1(K, L) / sqrt(HSIC_1(K, K) HSIC_1(L, L)).

    It is -1 to 1 and about 0 for independent codes. It is the cosine of the two U-centred kernels, whose product is
    n (n - 3) HSIC_1 (Szekely & Rizzo 2014, Ann. Statist. 42:2382): the residuals of the pairs of different stimuli
    after a fit of the sum of one number for each stimulus of a pair. Pairs of a stimulus with itself cause the bias,
    and so do pairs within an episode.

    Args:
        one, other: the kernels.
        blocks: the episode of each stimulus; pairs within an episode are left out. None: all stimuli are separate.

    Returns:
        the CKA; nan if one of the codes does not differ between stimuli, or with fewer than 4 blocks.
    """
    if len(one if blocks is None else np.unique(blocks)) < LEAST:
        return float("nan")
    return _cosine(*_u_centred([one, other], _apart(len(one), blocks)))


def debiased_cka(x: Float[ndarray, "stimuli neurons"], y: Float[ndarray, "stimuli others"]) -> float:
    """Computes the debiased linear CKA of two codes of the same stimuli; see `kernel_cka`."""
    return kernel_cka(linear_kernel(x), linear_kernel(y))


def noise_ceiling(
    matrices: Float[ndarray, "repeats stimuli stimuli"], blocks: Int[ndarray, " stimuli"] | None = None
) -> tuple[float, float]:
    """Computes the noise ceiling by RSA: lower and upper bound of the best possible mean over repeats or subjects.

    The bounds correlate each repeat with the mean ranks of the others, and with the mean ranks of all (Nili et al.
    2014). They are nan for a single repeat.
    """
    if len(matrices) < 2:
        return float("nan"), float("nan")
    pairs = np.triu(_apart(matrices.shape[1], blocks))
    ranks = np.stack([_from_first(stats.rankdata(matrix[pairs])) for matrix in matrices])
    total = ranks.sum(0)
    bounds = [[_spearman(own, total - own * left_out) for own in ranks] for left_out in (1.0, 0.0)]
    return float(np.mean(bounds[0])), float(np.mean(bounds[1]))


def halves(blocks: Int[ndarray, " stimuli"], times: int, streams: Streams) -> list[Int[ndarray, " some"]]:
    """Draws the stimuli of random halves of the blocks, `times` times; none if half of the blocks are fewer than 4.

    Halves are drawn without replacement. A bootstrap would draw a stimulus twice, which is a pair without any distance
    in every code.
    """
    names, block = np.unique(blocks, return_inverse=True)
    half = len(names) // 2
    if half < LEAST:
        return []
    return [np.flatnonzero(np.isin(block, order[:half])) for order in _orders(len(names), times, streams)]


def interval(whole: float, parts: Sequence[float], blocks: int) -> tuple[float, float]:
    """Computes a 95 % interval from random halves by the delete-half jackknife (Shao & Wu 1989, Ann. Stat. 17:1176).

    The estimates from halves scatter around that of the whole sample as the latter does around the true value. With
    few blocks this scatter is itself uncertain, so the interval is widened by the ratio of Student's t to the normal.
    """
    finite = np.array([part for part in parts if np.isfinite(part)])
    if len(finite) < len(parts) or not len(finite) or not np.isfinite(whole):
        return float("nan"), float("nan")
    wider = stats.t.ppf(0.975, blocks - 1) / stats.norm.ppf(0.975)
    low, high = whole + wider * (np.percentile(finite, (2.5, 97.5)) - whole)
    return max(float(low), -1.0), min(float(high), 1.0)


def shuffled(
    classes: Int[ndarray, " stimuli"], blocks: Int[ndarray, " stimuli"], times: int, streams: Streams
) -> list[Int[ndarray, " stimuli"]]:
    """Shuffles the classes; consecutive stimuli of the same class and block stay together.

    Stimuli of one trial are similar for other reasons than their class, so they are not independent evidence.
    """
    begins = np.r_[True, (np.diff(classes) != 0) | (np.diff(blocks) != 0)]
    stretch, own = begins.cumsum() - 1, classes[begins]
    return list(own[_orders(len(own), times, streams)][:, stretch])


def selectivity(
    activities: Float[ndarray, "neurons stimuli"],
    classes: Int[ndarray, " stimuli"],
    others: Sequence[Int[ndarray, " stimuli"]],
    angles: Float[ndarray, " classes"] | None = None,
) -> tuple[Float[ndarray, " neurons"], Float[ndarray, " neurons"]]:
    """Computes the share of the activity of each neuron that the class explains, and its p value.

    Args:
        activities: activity of each neuron for each stimulus.
        classes: class of each stimulus, from 0.
        others: R random orders of the classes; see `shuffled`.
        angles: directions of the classes in radians, if the classes are directions of motion.

    Returns:
        index: share of variance between classes, corrected by the mean e over random orders: (eta^2 - e) / (1 - e),
            which is epsilon^2 for single stimuli (Kelley 1935, PNAS 21:554); for directions the vector index of the
            mean squared positive activity, 0 to 1. nan for a neuron with constant or non-finite activity.
        p: (k + 1) / (R + 1), where k of R random orders explain at least as much; 1 for such a neuron.
    """
    activities = np.where(np.isfinite(activities).all(1, keepdims=True), activities, 0.0)
    activities = _from_first(activities.T).T if angles is None else np.square(np.maximum(activities, 0.0))
    found = _index(activities, classes, angles)
    random = np.stack([_index(activities, other, angles) for other in others])
    p = (1.0 + (random >= found - 1e-12).sum(0)) / (1.0 + len(others))
    p = np.where(np.isfinite(found), p, 1.0)
    if angles is not None:
        return found, p
    expected = random.mean(0)
    # if every stimulus has its own class, any order explains all variance
    room = np.where(expected < 1.0 - 1e-9, 1.0 - expected, np.nan)
    return (found - expected) / room, p


def _index(activities: ndarray, classes: ndarray, angles: ndarray | None) -> ndarray:
    """Computes eta^2 of centred activities, or the vector index of energies, (neurons,)."""
    sizes = np.bincount(classes, minlength=0 if angles is None else len(angles))
    means = activities @ np.eye(len(sizes))[classes] / np.maximum(sizes, 1)
    if angles is not None:
        index: ndarray = vector_index(torch.tensor(means), torch.tensor(angles), 1).numpy()
        return np.where((activities != activities[:, :1]).any(1), index, np.nan)
    with np.errstate(invalid="ignore"):
        return (np.square(means) * sizes).sum(1) / np.square(activities).sum(1)


def _from_first(values: ndarray) -> ndarray:
    """Centres values along the first axis; constant columns become exactly 0, without rounding errors."""
    values = values - values[:1]
    return values - values.mean(0) if len(values) else values


def _orders(count: int, times: int, streams: Streams) -> Int[ndarray, "times count"]:
    """Draws `times` random orders of `count` items at once."""
    keys = streams.words(2 * times).view(times, 2)
    return Streams(keys).permutation(count).numpy()


def _apart(count: int, blocks: ndarray | None) -> ndarray:
    """Returns True for pairs of stimuli from different blocks, (stimuli, stimuli)."""
    blocks = np.arange(count) if blocks is None else blocks
    return blocks[:, None] != blocks[None, :]


def _u_centred(kernels: Sequence[ndarray], apart: ndarray) -> list[ndarray]:
    """Subtracts from the pairs that are apart their additive fit by least squares, so that every row sums to 0."""
    sums = np.stack([(kernel * apart).sum(1) for kernel in kernels], axis=1)
    own = linalg.solve(np.diag(apart.sum(1)) + apart, sums, assume_a="pos", check_finite=False).T
    return [(kernel - each[:, None] - each[None, :]) * apart for kernel, each in zip(kernels, own, strict=True)]


def _spearman(one: ndarray, other: ndarray) -> float:
    return _cosine(*(_from_first(stats.rankdata(each)) for each in (one, other)))


def _cosine(one: ndarray, other: ndarray) -> float:
    length = float(np.sqrt(np.square(one).sum() * np.square(other).sum()))
    return float((one * other).sum() / length) if length > 0.0 else float("nan")
