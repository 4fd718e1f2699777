"""Random founders as a control of the wiring: a property that they share is due to the encoding and not to evolution.

The encoding X O X^T, for example, makes bicliques with any X and O, since neurons with the same genes connect alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evo.analysis.connectomics.graph import binary
from evo.analysis.connectomics.motifs import Measure, measured
from evo.experiment.experiment import Experiment
from evo.search.base import founders
from genomes.phenotype import Phenotype
from genomes.streams import derive

if TYPE_CHECKING:
    import pandas

FOUNDERS = 20
_DRAWS, _FEWEST = 19, 5  # draws of the null model of a founder; smallest number of founders that gives a range

TERMS = {
    "times": "observed over expected",
    "founders": "observed value, mean over random founders: genomes of the initial distribution of the search",
    "founders low": "the lowest of them",
    "founders high": "the highest of them",
    "founders times": f"observed over expected by the founder's own null model ({_DRAWS} draws each), mean over the "
    "random founders in which it is defined; if `times` is within their range, the deviation is a property of the "
    "encoding",
    "founders times low": "the lowest of them",
    "founders times high": "the highest of them",
}


def random_founders(experiment: Experiment) -> list[Phenotype]:
    """Returns newborn networks of random genomes, one of each genome."""
    spec, seed = experiment.genome.spec, experiment.seed
    levels = spec.quantise(founders(FOUNDERS, spec, derive(seed, "random founders beside the wiring")))
    streams = [
        derive(seed, "births beside the wiring", owners=[place]).to(experiment.device) for place in range(FOUNDERS)
    ]
    return [experiment.birth(one[None], each) for one, each in zip(levels, streams, strict=True)]


def affordable(random: Sequence[Phenotype], draws: int) -> list[Phenotype]:
    """Limits the founders so that they take at most twice the time of `draws` draws; none if too few remain."""
    some = list(random[: 2 * draws // (_DRAWS + 1)])
    return some if len(some) >= _FEWEST else []


def beside(table: pandas.DataFrame, random: Sequence[Phenotype], strongest: float, seed: int) -> pandas.DataFrame:
    """Adds to the rows of `against_chance` the same measures of random founders, each against its own null model."""
    of_each = [_known(measured(one, binary(one, strongest), seed, _DRAWS)) for one in random]
    rows: list[dict[str, float]] = []
    for row in table.to_dict("records"):
        same = [each[key] for each in of_each if (key := (row["projection"], row["measure"])) in each]
        observed = _range("founders", [float(measure.born[0]) for measure in same])
        times = _range("founders times", [_times(measure.born[0], measure.drawn.mean()) for measure in same])
        rows.append({"times": _times(row["observed"], row["expected"])} | observed | times)
    return table.assign(**{name: [row[name] for row in rows] for name in rows[0]})


def in_words(row: dict[str, Any], count: int) -> str:
    """Compares a row with the founders, as the end of a sentence."""
    own, low, high = row["times"], row["founders times low"], row["founders times high"]
    if not np.isfinite([own, low, high]).all():
        return ""
    theirs = f"in {count} random founders it is {row['founders times']:.2g} times that of their null model "
    theirs += f"({low:.2g} to {high:.2g})"
    if low <= own <= high:
        return f"; {theirs}, in this genome {own:.2g}: a property of the encoding and not an effect of evolution"
    return f"; {theirs}, in this genome {own:.2g}: {'more' if own > high else 'less'} than in each of them"


def _known(measures: Sequence[Measure]) -> dict[tuple[str, str], Measure]:
    return {(m.projection, m.name): m for m in measures if np.isfinite(m.born[0]) and np.isfinite(m.drawn).all()}


def _times(observed: float, expected: float) -> float:
    return float(observed / expected) if expected else np.nan


def _range(name: str, values: Sequence[float]) -> dict[str, float]:
    known = [value for value in values if np.isfinite(value)] or [np.nan]
    return {name: float(np.mean(known)), f"{name} low": min(known), f"{name} high": max(known)}


def missing(random: Sequence[Phenotype], some: Sequence[Phenotype], neurons: int) -> list[str]:
    """Returns the sentence that explains missing founders, if some were given but none is used."""
    return [f"Founders were not compared: {neurons:,} neurons are too many."] if random and not some else []
