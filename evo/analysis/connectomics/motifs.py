"""Motifs against chance (Milo et al. 2002, Science 298:824): triads, bicliques, and random wiring with equal degrees.

Genetic identity predicts bicliques: all neurons with one gene connect to all neurons with another (Barabasi & Barabasi
2020, Neuron 105:435). Random wiring with the same degrees is drawn by the curveball algorithm (Strona et al. 2014, Nat.
Commun. 5:4114), in which all neurons trade at once (Carstens et al. 2018, ESA). All statistics of the same draws are
corrected together by their largest deviation (Westfall & Young 1993, Resampling-Based Multiple Testing).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from jaxtyping import Bool, Float64
from numpy import ndarray

from evo.analysis.connectomics.graph import (
    assembled,
    clustering,
    is_bipartite,
    is_reciprocal,
    modularity,
    path_length,
    reciprocity,
    wire_lengths,
)
from genomes.intervention import grown
from genomes.phenotype import Phenotype
from genomes.streams import derive
from genomes.topology import Projection

if TYPE_CHECKING:
    import pandas

_ROUNDS = 32  # number of rounds, in each of which every neuron trades once
_MOST_OPERATIONS = 2e10  # limit for the count of 3 x 3 bicliques


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Returns a numpy generator that depends on seed and purpose alone."""
    low, high = derive(seed, purpose).words(2)[0].tolist()
    return np.random.Generator(np.random.Philox(key=low << 32 | high))


def rewired(
    wiring: Bool[ndarray, "post pre"], draws: int, numbers: np.random.Generator, lateral: bool = False
) -> Bool[ndarray, "draws post pre"]:
    """Draws random projections in which every neuron keeps its numbers of inputs and of outputs.

    In a trade, two postsynaptic neurons keep their common inputs and redistribute the others at random; each neuron
    keeps its number of inputs.

    Args:
        wiring: synapses that exist.
        draws: number of random projections.
        numbers: the generator of random numbers.
        lateral: True for a projection from a group to itself: existing autapses stay and no others arise.
    """
    rows, columns = wiring.shape
    drawn, each, place = np.repeat(wiring[None], draws, axis=0), np.arange(draws)[:, None], np.arange(columns)
    for _ in range(_ROUNDS):
        order = numbers.random((draws, rows)).argsort(1)[:, : rows // 2 * 2]
        one, two = order[:, ::2], order[:, 1::2]
        mine, yours = drawn[each, one], drawn[each, two]
        free = mine ^ yours
        if lateral:
            free &= (place != one[..., None]) & (place != two[..., None])
        lot = np.where(free, numbers.random(free.shape), 2.0)
        count = (mine & free).sum(2, keepdims=True)
        limit = np.take_along_axis(np.sort(lot), np.minimum(count, columns - 1), 2)
        won = free & ((lot < limit) | (count == columns))
        drawn[each, one], drawn[each, two] = np.where(free, won, mine), np.where(free, ~won, yours)
        if lateral:
            _turn(drawn, numbers)
    return drawn


def _turn(drawn: Bool[ndarray, "draws n n"], numbers: np.random.Generator) -> None:
    """Reverses cycles of three neurons, in place, which trades cannot reach if autapses are excluded."""
    draws, neurons = drawn.shape[:2]
    order = numbers.random((draws, neurons)).argsort(1)[:, : neurons // 3 * 3]
    a, b, c, each = order[:, ::3], order[:, 1::3], order[:, 2::3], np.arange(draws)[:, None]
    ways = ((b, a), (c, b), (a, c))
    cycle = np.all([drawn[each, i, j] & ~drawn[each, j, i] for i, j in ways], axis=0)
    for i, j in ways:
        drawn[each, i, j] ^= cycle
        drawn[each, j, i] ^= cycle


def triads(graphs: Bool[ndarray, "D post pre"]) -> dict[str, Float64[ndarray, " D"]]:
    """Counts the 16 classes of three neurons (Holland & Leinhardt 1970); autapses are ignored.

    Names follow the paper: numbers of pairs with synapses in both directions, in one and in none, then a letter for
    the direction.
    """
    to = graphs.swapaxes(1, 2) & ~np.eye(graphs.shape[1], dtype=bool)
    back = to.swapaxes(1, 2)
    kinds = {"M": to & back, "S": to & ~back, "R": back & ~to, "N": ~(to | back | np.eye(to.shape[1], dtype=bool))}
    pairs = {kind: one.astype(np.float32) for kind, one in kinds.items()}
    products: dict[str, ndarray] = {}

    def count(first: str, second: str, third: str) -> Float64[ndarray, " D"]:
        """Counts triples i, j, k with first from i to j, second from j to k, third from k to i; R is S reversed."""
        both = products.setdefault(first + second, pairs[first] @ pairs[second])
        return np.einsum("dij,dji->d", both, pairs[third], dtype=np.float64)

    ways = {"003": "NNN6", "012": "SNN1", "102": "MNN2", "021D": "SNR2", "021U": "RNS2", "021C": "SNS1"}
    ways |= {"111D": "MNS1", "111U": "MNR1", "030T": "SSR1", "030C": "SSS3", "201": "MNM2"}
    ways |= {"120D": "SMR2", "120U": "RMS2", "120C": "SMS1", "210": "MMS1", "300": "MMM6"}
    return {name: count(way[0], way[1], way[2]) / int(way[3]) for name, way in ways.items()}


def bicliques(projections: Bool[ndarray, "D post pre"]) -> dict[str, Float64[ndarray, " D"]]:
    """Counts the sets of a pre and b post neurons with all synapses between them, by `a x b`, for 2 x 2 to 3 x 3.

    A group that projects to itself counts twice, as pre and as post neurons. 3 x 3 is left out for projections in which
    its count would take minutes.

    Deviation from the paper: Barabasi & Barabasi look for large bicliques that are maximal, to which no neuron can be
    added; here subgraphs of 2 x 2 to 3 x 3 neurons are counted, those within larger bicliques among them.
    """
    wired = projections.astype(np.float32)
    by_post, by_pre = wired @ wired.swapaxes(1, 2), wired.swapaxes(1, 2) @ wired
    counts = {"2 x 2": _of(by_post, 2), "2 x 3": _of(by_pre, 3), "3 x 2": _of(by_post, 3)}
    if wired.shape[1] > wired.shape[2]:
        wired = wired.swapaxes(1, 2)
    draws, rows, columns = wired.shape
    if draws * rows**3 * columns <= _MOST_OPERATIONS:
        counts["3 x 3"] = np.zeros(draws)
        for row in range(rows):
            rest = wired[:, row + 1 :] * wired[:, row : row + 1]
            counts["3 x 3"] += _of(rest @ rest.swapaxes(1, 2), 3)
    return counts


def _of(common: ndarray, size: int) -> Float64[ndarray, " D"]:
    """Counts subsets of `size` common neighbours of two neurons, over all pairs of neurons."""
    from scipy.special import comb

    ways = comb(np.arange(common.max(initial=0) + 1), size)[common.astype(np.int64)]
    return (ways.sum((1, 2)) - np.trace(ways, axis1=1, axis2=2)) / 2


@final
@dataclass(frozen=True, eq=False)
class Measure:
    """One statistic of the newborn wiring and of its null model.

    Attributes:
        projection: the projection; `all` for the whole network.
        name: name of the statistic.
        null: the null model: it keeps `degrees`, or keeps `synapses` and moves them to other pairs of neurons.
        born: (P,) values of the births; the first one is compared.
        drawn: (n,) values of the draws of the null model.
        counts: True if the statistic is a number of occurrences.
    """

    projection: str
    name: str
    null: str
    born: Float64[ndarray, " P"]
    drawn: Float64[ndarray, " n"]
    counts: bool = False

    @property
    def testable(self) -> bool:
        """True if the null model can change the statistic; motifs with a mean count below 1 are too rare to test."""
        both = np.append(self.drawn, self.born[0])
        if not np.isfinite(both).all() or np.ptp(both) <= 1e-9 * np.abs(both).max():
            return False
        return not self.counts or bool(both.mean() >= 1)


def against_chance(measures: Sequence[Measure]) -> pandas.DataFrame:
    """Returns one row a testable measure: observed, expected, z, two-sided p = (k + 1) / (n + 1), and corrected p.

    Deviations are measured in standard deviations of draws and observation together, so that under the null the
    observation is one of n + 1 exchangeable values. The corrected p is the share of draws in which the largest
    deviation of all measures is at least as large.
    """
    import pandas

    tested = [measure for measure in measures if measure.testable]
    columns = ("projection", "measure", "null", "observed", "expected", "expected sd", "z", "p", "p corrected")
    if not tested:
        return pandas.DataFrame(columns=columns)
    values = np.stack([np.append(m.born[0], m.drawn) for m in tested])
    away = np.abs(values - values.mean(1, keepdims=True)) / values.std(1, keepdims=True)
    seen = away[:, :1] - 1e-9
    expected, spread = values[:, 1:].mean(1), values[:, 1:].std(1, ddof=1)
    z = np.divide(values[:, 0] - expected, spread, out=np.full(len(tested), np.nan), where=spread > 0)
    named = [[m.projection for m in tested], [m.name for m in tested], [m.null for m in tested]]
    told = [values[:, 0], expected, spread, z, (away >= seen).mean(1), (away.max(0) >= seen).mean(1)]
    table = pandas.DataFrame(dict(zip(columns, [*named, *told], strict=True)))
    if len(tested[0].born) > 1:
        table["sd of births"] = [m.born.std(ddof=1) for m in tested]
    return table


def measured(
    newborn: Phenotype, counted: dict[str, Bool[ndarray, "P post pre"]], seed: int, draws: int
) -> list[Measure]:
    """Computes all measures with their null models, including those that the null model cannot change."""
    topology, births = newborn.topology, newborn.lives
    found, both = [], {}
    for edge in topology.edges:
        numbers = generator(seed, f"rewired {edge.name}")
        null = rewired(counted[edge.name][0], draws, numbers, lateral=edge.pre == edge.post)
        both[edge.name] = np.concatenate([counted[edge.name], null])
        for kind, count in bicliques(both[edge.name]).items():
            found.append(Measure(edge.name, f"bicliques {kind}", "degrees", count[:births], count[births:], True))
        found += _wires(newborn, edge, counted[edge.name], seed, draws)
    graphs = assembled(topology, both)
    mutual, path = is_reciprocal(topology), path_length(graphs, is_reciprocal(topology))
    whole = {"modularity": modularity(graphs, seed), "path length": path}
    if not (mutual and is_bipartite(topology)):
        cluster = clustering(graphs, is_bipartite(topology))
        mean = cluster[births:].mean() / path[births:].mean()
        small = cluster / path / mean if mean else np.full_like(path, np.nan)
        whole |= {"clustering": cluster, "small-worldness": small}
    if mutual:
        whole["reciprocity"] = reciprocity(graphs)
    found += [Measure("all", name, "degrees", v[:births], v[births:]) for name, v in whole.items()]
    # without triangles and without synapses in both directions, the counts of triads follow from the degrees
    census = triads(graphs) if mutual or not is_bipartite(topology) else {}
    found += [Measure("all", f"triads {c}", "degrees", v[:births], v[births:], True) for c, v in census.items()]
    return found


def _wires(
    newborn: Phenotype, edge: Projection, counted: Bool[ndarray, "P post pre"], seed: int, draws: int
) -> list[Measure]:
    """Measures wire lengths if both groups lie in the same space; autapses have no length and are left out."""
    pre, post = (newborn.topology.group(name).coordinates for name in (edge.pre, edge.post))
    if pre is None or post is None or pre.shape[1] != post.shape[1]:
        return []
    apart = ~np.eye(len(post), dtype=bool) if edge.pre == edge.post else np.ones((len(post), len(pre)), dtype=bool)
    distance = np.linalg.norm(post.numpy()[:, None] - pre.numpy()[None], axis=2)[apart]
    shuffled = generator(seed, f"shuffled {edge.name}").permuted(np.tile(distance, (draws, 1)), axis=1)
    synapses, found = newborn.projections[edge.name], []
    strength = (synapses.weight.detach().abs() * grown(synapses)).cpu().numpy()
    for name, weights in (("wire length", counted), ("weighted wire length", strength)):
        weights = weights[:, apart].astype(np.float64)
        born, drawn = wire_lengths(distance[None], weights), wire_lengths(shuffled, weights[:1])
        found.append(Measure(edge.name, name, "synapses", born, drawn))
    return found
