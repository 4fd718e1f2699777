"""Evolution of a run: scores, sizes and diversity over the generations, fronts, assimilation, lineage, fixed genes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
from jaxtyping import Bool, Float64
from numpy import ndarray

from evo.analysis.history import alleles, lineage
from evo.analysis.history.assimilation import assimilation_index, assimilation_interval, rose_at_birth
from evo.analysis.history.pictures import course, scores
from evo.analysis.report.numbers import number
from evo.analysis.report.section import Picture, Section, bottomless, canvas
from evo.analysis.report.style import INNATE, LEARNED, QUIET
from evo.analysis.report.wording import moment, went
from evo.evolution.individual import RunIndividual
from evo.evolution.run import Run
from genomes.streams import derive
from inner_loop.life import Measurements

if TYPE_CHECKING:
    import pandas

_POINTS, _FOUNDERS = 200, 64  # founders: number of random genomes in the mean of a result

_SPREAD = {
    "mean": "mean over the individuals that have a score",
    "sd": "standard deviation over them",
    "10 %": "10th percentile over them",
    "90 %": "90th percentile over them",
}
_BITS = "size of the genome in bits; if genes can be switched off, only the active ones count"
_NUMBERS = {"gain": "main score after learning minus at birth", "genome bits": _BITS}
_TERMS = {
    "generation": "number of the generation, from 0",
    "failures": "individuals without a score: a number overflowed, or time or memory ran out",
    "assimilation": "assimilation index: (at birth - random) / (after learning - random), of means over the "
    "generation; random is the score of random genomes at birth. 0: the score at birth is that of random genomes; 1: "
    "it equals the score after learning. Genetic assimilation is a rise of the index while scores at birth rise. Empty "
    "where the mean after learning does not exceed random by more than twice the standard error. Near the best "
    "possible score the index also rises because of that ceiling. Random genomes are measured on the test split, "
    "generations on the selection split. The interval is a 95 % bootstrap over the individuals of one generation and "
    "includes the error of random: it does not predict how another run would end",
}


@final
@dataclass(frozen=True, eq=False)
class Seen:
    """Data of one generation that the analysis keeps.

    Attributes:
        index: number of the generation, from 0.
        measurements: measurements by name, (N, ...), and `slot`, (N,).
        lived: (N,) True for individuals with a score.
        counted: statistics of the genes.
    """

    index: int
    measurements: Measurements
    lived: Bool[ndarray, " N"]
    counted: alleles.Census

    def of(self, *names: str) -> Float64[ndarray, "names K"]:
        """Returns the named measurements of the individuals for which all of them are finite."""
        values = np.stack([self.measurements[name] for name in names])
        return values[:, self.lived & np.isfinite(values).all(0)]


def evolution(run: Run, best: RunIndividual, founders: Mapping[str, float]) -> Section:
    """Analyses the evolution of a run; of more than 200 generations, 200 are shown.

    Args:
        best: individual whose ancestors are traced; `run.best()`.
        founders: mean main score of random genomes by condition, at least `innate`; `founders_scores` of a result.

    Raises:
        InputError: a generation cannot be read.
    """
    seen, paths = _read(run)
    generations = generations_table(run, seen, founders)
    tables = {"generations": generations}
    pictures = {"scores": scores(generations, run.experiment.distinct_conditions, _main(run), founders)}
    pictures["course"] = course(generations)
    if len(run.experiment.distinct_conditions) > 1:
        tables["fronts"], pictures["fronts"] = _fronts(run, seen)
    descent = lineage.descent(run, best, [each.index for each in seen])
    tables |= {**descent.tables, "diversity": alleles.diversity_table(paths), "fixation": alleles.fixation_table(paths)}
    pictures |= {"lineage": descent.picture, "genes": alleles.heat_map(paths)}
    if len(shares := alleles.shares_table(paths)):
        tables["alleles"], pictures["alleles"] = shares, alleles.share_curves(shares)
    rose = (_rise(run, generations, founders), _assimilated(run, seen, generations, founders))
    genes = alleles.sentences(paths, len(seen) == 1 or lineage.keeps_parents(run))
    said = (*rose, descent.sentence, *genes, *_left_out(run, len(seen)))
    return Section("evolution", "Evolution", said, _terms(run), tables, pictures, descent.graphs)


def thinned(generations: Sequence[int], most: int = _POINTS) -> list[int]:
    """Chooses at most `most` of the generations, evenly spaced, with the first and the last."""
    places = np.linspace(0, len(generations) - 1, min(most, len(generations))).round().astype(int)
    return [generations[place] for place in places]


def generations_table(run: Run, seen: Sequence[Seen], founders: Mapping[str, float]) -> pandas.DataFrame:
    """Returns the statistics of the measurements, one row a generation."""
    import pandas

    rows = []
    for each in seen:
        row: dict[str, float] = {"generation": each.index}
        for name, key in _measured(run).items():
            values = each.of(key)[0]
            numbers = (values.mean(), values.std(), *np.percentile(values, (10, 90))) if len(values) else [np.nan] * 4
            row |= {f"{name} {of}": float(number) for of, number in zip(_SPREAD, numbers, strict=True)}
        entropy, distance = alleles.diversity(each.counted)
        rows.append(row | {"failures": int((~each.lived).sum()), "entropy": entropy, "distance": distance})
    table = pandas.DataFrame(rows)
    if _learns(run):
        random = _random(run, seen, founders)
        table["assimilation"] = [assimilation_index(*_lives(run, each), random) for each in seen]
    return table


def non_dominated(scores: Float64[ndarray, "K goals"]) -> Bool[ndarray, " K"]:
    """Returns True for each individual that no other dominates: at least equal in every score and higher in one."""
    as_good = (scores[:, None] >= scores[None]).all(-1)
    better = (scores[:, None] > scores[None]).any(-1)
    return np.logical_not((as_good & better).any(0))


def _read(run: Run) -> tuple[list[Seen], alleles.Trajectories]:
    """Reads the generations to be shown, with one generation in memory at a time."""
    experiment, seen = run.experiment, []
    spec = experiment.genome.spec
    for index in thinned(run.whole):
        generation = run.generation(index)
        lived = np.array([not failure for failure in generation.failures])
        measurements = generation.measurements | {"slot": np.arange(len(lived), dtype=np.float64)}
        # of a generation that does not fit in memory, an even choice of individuals is counted
        rows = thinned(range(len(lived)), _POINTS if generation.levels is None else len(lived))
        counted = alleles.census(spec, experiment.encoding, generation.genomes(np.array(rows), experiment))
        seen.append(Seen(index, measurements, lived, counted))
    return seen, alleles.Trajectories(spec, [each.index for each in seen], [each.counted for each in seen])


def _measured(run: Run) -> dict[str, str]:
    """Maps each column of the table to its measurement."""
    scores = {condition: _score(run, condition) for condition in run.experiment.distinct_conditions}
    return scores | ({"gain": "gain"} if _learns(run) else {}) | {"genome bits": "genome_bits"}


def _learns(run: Run) -> bool:
    return {"innate", "learned"} <= set(run.experiment.distinct_conditions)


def _lives(run: Run, each: Seen) -> tuple[Float64[ndarray, " K"], Float64[ndarray, " K"]]:
    """Returns the main scores at birth and after learning."""
    innate, learned = each.of(_score(run, "innate"), _score(run, "learned"))
    return innate, learned


def _main(run: Run) -> str:
    return run.experiment.main.replace("_", " ")


def _score(run: Run, condition: str) -> str:
    return f"{condition}.{run.experiment.main}"


def _random(run: Run, seen: Sequence[Seen], founders: Mapping[str, float]) -> tuple[float, float]:
    """Returns the mean of random genomes at birth and its standard error, with the spread of the first generation."""
    return founders["innate"], float(_lives(run, seen[0])[0].std()) / _FOUNDERS**0.5


def _rise(run: Run, table: pandas.DataFrame, founders: Mapping[str, float]) -> str:
    ends, last, several, known = table.iloc[[0, -1]], table.iloc[-1], len(table) > 1, run.experiment.distinct_conditions
    rises = " and ".join(
        f"{went(ends[f'{c} mean'], several, again=place > 0)} {moment(c)} (middle 80 %{' at the end' * several}: "
        f"{number(last[f'{c} 10 %'])} to {number(last[f'{c} 90 %'])})"
        for place, c in enumerate(known)
    )
    random = " and ".join(
        f"{number(founders[c])} {moment(c)}" for c in dict.fromkeys((*known, "innate")) if c in founders
    )
    gain = f"; the gain by learning {went(ends['gain mean'], several)}" if _learns(run) else ""
    bits = " and then ".join(dict.fromkeys(f"{end:,.0f}" for end in ends["genome bits mean"]))
    return (
        f"{f'Over {len(run.generations)} generations' if several else 'In one generation'} of "
        f"{run.experiment.search.lives} individuals the mean {_main(run)} {rises}; random genomes have {random}{gain}; "
        f"the genome takes {bits} bits."
    )


def _assimilated(run: Run, seen: Sequence[Seen], table: pandas.DataFrame, founders: Mapping[str, float]) -> str:
    if not _learns(run):
        return "The assimilation index is not defined here: it needs scores at birth and after learning."
    defined = np.flatnonzero(np.isfinite(table["assimilation"]))
    if not len(defined):
        return "The assimilation index is not defined here: scores after learning are not clearly above random genomes."
    said, ends = [], []
    for each, index in ((seen[k], table["assimilation"][k]) for k in sorted({defined[0], defined[-1]})):
        draws = derive(run.experiment.seed, "assimilation interval", each.index)
        ends.append(assimilation_interval(*_lives(run, each), _random(run, seen, founders), draws))
        said.append(f"{index:.2f} [{ends[-1][0]:.2f}, {ends[-1][1]:.2f}] in generation {each.index}")
    what = "The share of the score after learning that is present at birth (assimilation index)"
    if len(said) == 1:
        return f"{what} was {said[0]}{'; it was defined in no other generation' * (len(seen) > 1)}."
    verdict = "it did not clearly change"
    if ends[1][0] > ends[0][1]:
        more = rose_at_birth(*(_lives(run, seen[k])[0] for k in defined[[0, -1]]))
        verdict = f"it rose, {'which is genetic assimilation' if more else 'but the score at birth did not rise'}"
    verdict = "it fell: a larger share is due to learning" if ends[1][1] < ends[0][0] else verdict
    return f"{what} was {' and '.join(said)}: in this run {verdict}."


def _left_out(run: Run, shown: int) -> tuple[str, ...]:
    """Returns sentences about the individuals that are not on disk or not counted, if there are any."""
    kept, done, said = len(run.whole), len(run.generations), []
    if kept < done:
        of = f"of {kept:,} of {done:,} generations (keep: {run.experiment.keep})"
        said.append(f"All individuals were kept {of}; statements about spreads and genes refer to {shown} of these.")
    if run.experiment.search.lazy(run.experiment.genome.spec):
        said.append(f"A generation does not fit in memory: genes are counted in {_POINTS} of its individuals.")
    return tuple(said)


def _terms(run: Run) -> dict[str, str]:
    numbers = {
        condition: f"{_main(run)}, {moment(condition)}" for condition in run.experiment.distinct_conditions
    } | _NUMBERS
    spread = {f"{name} {of}": f"{said}; {how}" for name, said in numbers.items() for of, how in _SPREAD.items()}
    return numbers | spread | _TERMS | lineage.TERMS | alleles.TERMS


def _fronts(run: Run, seen: Sequence[Seen]) -> tuple[pandas.DataFrame, Picture]:
    """Draws two conditions against each other, for the first, a middle and the last generation."""
    import pandas

    one, other = ("innate", "learned") if _learns(run) else run.experiment.distinct_conditions[:2]
    figure, axes = canvas(5.6, 4.4)
    tips, fronts = {}, []
    chosen = {each.index: each for each in (seen[0], seen[len(seen) // 2], seen[-1])}
    for (index, each), colour in zip(chosen.items(), (QUIET, LEARNED, INNATE), strict=False):
        named = each.of("slot", _score(run, one), _score(run, other), "genome_bits")
        people = pandas.DataFrame(named.T, columns=["slot", one, other, "genome bits"])
        axes.scatter(people[one], people[other], s=14, color=colour, alpha=0.6, linewidths=0, gid=f"front-{index}")
        tips[f"front-{index}"] = [
            f"generation {index}, slot {slot:.0f}: {x:.3g} {moment(one)}, {y:.3g} {moment(other)}, {bits:,.0f} bits"
            for slot, x, y, bits in named.T
        ]
        front = people[non_dominated(people[[one, other]].to_numpy())].sort_values([one, other], kind="stable")
        axes.plot(front[one], front[other], color=colour, linewidth=1.2, label=f"generation {index}")
        fronts.append(front.assign(generation=index).astype({"slot": int}))
    axes.set(xlabel=f"{_main(run)} {moment(one)}", ylabel=f"{_main(run)} {moment(other)}")
    bottomless(axes, np.concatenate([each.of(_score(run, other))[0] for each in chosen.values()]))
    axes.legend(frameon=False, fontsize=8)
    caption = "Each dot is an individual; lines join the Pareto front: no other individual dominates these."
    return pandas.concat(fronts, ignore_index=True), Picture(figure, caption, tips)
