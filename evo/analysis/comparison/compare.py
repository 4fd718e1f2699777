"""Runs side by side: what their configs differ in, what each came to and what it cost, what seeds can tell apart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from evo.analysis.comparison.pictures import curves, final
from evo.analysis.comparison.seed_tests import EXCHANGES, difference
from evo.analysis.comparison.sentences import MEASURED, sentences
from evo.analysis.comparison.shared_samples import Again, resampled
from evo.analysis.report.section import Section
from evo.analysis.report.style import CONDITIONS
from evo.analysis.statistics import holm, mean_over_runs
from evo.evolution.result import RunResult, result
from evo.evolution.run import Run
from evo.experiment.config import plain_values
from evo.experiment.from_values import name_in, shown
from evo.experiment.sweep import tails
from genomes.errors import InputError, require

if TYPE_CHECKING:
    import pandas

_COSTS = ("genome bits", "lifetimes", "seconds")
_NAMED = 3  # keys that may name a condition; of more, the first run does

_TERMS = {
    "run": "its folder, by as few of its last parts as tell it from the others",
    "condition": "runs of one experiment, alike in everything but the seed, named by what sets them apart",
    "seed": "of all randomness of the run; what the task fixes by a seed of its own is the same in all runs",
    "generations": "evaluated; of a condition the mean",
    "lifetimes": "lived in all generations, births included; of a condition the mean",
    "seconds": "spent evolving, over all sessions, on whatever machine that was",
    "gain": "main score after learning minus at birth, of the best genome",
    "genome bits": "size of the best genome",
    "wiring bits": "size of the weights that it unfolds into",
    "failures": "individuals without a score: a number overflowed, or time or memory ran out",
    "measure": "what is compared: a score of the best genome on the test split, or a cost",
    "seeds": "runs with a finite value; in a test the pairs of seeds, or the seeds of each condition",
    "mean": "over seeds",
    "low": "lower end of the 95 % interval over seeds and, of scores in a task that is the same for all lives, over "
    "the samples of its test split as well, since all seeds share them; cut where the score cannot lie (a share below "
    "0 or above 1); empty where one seed, or no spread, gives none",
    "high": "upper end of it",
    "against": "the condition that is subtracted",
    "difference": "mean of the condition minus mean of the other; over pairs, where seeds are paired",
    "test": "paired t: over seeds that both have, if these are at least half of the larger condition; Welch's t: over "
    "all seeds, not paired; none: one seed, or no spread at all",
    "effect": "difference in standard deviations: of the paired differences (d_z), or pooled over the conditions (d)",
    "p": "two-sided: that as much arises where there is no difference, scores being normally distributed over seeds; "
    "over seeds and samples as the interval",
    "p corrected": "p after Holm's correction for all tests of the table",
    "p exact": "two-sided, from all exchanges of the conditions within pairs, or of all seeds between them: it assumes "
    "no distribution, is about these test samples only and is not corrected; empty where there are more than "
    f"{EXCHANGES:,} exchanges",
    "p smallest": "the least that p exact can be with so many seeds",
    "key": "of the config",
    "value": "of the key in this condition; empty where it has no such key",
}


def compare(runs: Sequence[Run]) -> Section:
    """Lays runs side by side; those that differ in their seed alone are one condition, the others are told apart.

    A run in the middle is compared by what it has. Differences are of the condition given later minus the earlier one.

    Raises:
        InputError: fewer than two runs, one given twice, different main scores, or a run that cannot be read.
    """
    require(len(runs) >= 2, "compare", "at least two runs", len(runs))
    for run in runs[1:]:
        if run.experiment.main != runs[0].experiment.main:
            both = f"{runs[0].path} has {runs[0].experiment.main}, {run.path} has {run.experiment.main}"
            raise InputError(f"compare: expected runs with the same main score, but {both}")
    configs = [_flat(plain_values(run.experiment)) for run in runs]
    seeds = [config.pop("seed") for config in configs]
    called = _called([run.path.absolute().parts for run in runs])
    keys = [key for key in dict.fromkeys(k for c in configs for k in c) if len({_text(c, key) for c in configs}) > 1]
    names = _names(configs, keys, called, [run.path.absolute().parent.parts for run in runs])
    _check_once(runs, names, seeds)
    table = _runs_table(runs, called, names, seeds)
    measured = [name for name in MEASURED if name in table]
    again = resampled(runs, names, seeds, table)
    conditions = _conditions_table(table, [*measured, "gain", *_COSTS], again, runs[0].experiment.bounds)
    tables = {
        "conditions": conditions,
        "differences": _differences_table(table, [*measured, "gain"], again),
        "runs": table,
        "keys": _keys_table(configs, keys, names),
    }
    main = runs[0].experiment.main.replace("_", " ")
    pictures = {"final": final(table, conditions, measured, main), "curves": curves(runs, names, main)}
    terms = _TERMS | {name: f"{main} of the best genome, {CONDITIONS[name][0]}, test split" for name in measured}
    return Section("compare", "Runs side by side", sentences(runs, tables, keys), terms, tables, pictures)


def _flat(value: Any, where: str = "") -> dict[str, Any]:
    """Plain values by dotted key, groups by their names."""
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        value = {name_in(value, i): item for i, item in enumerate(value)}
    if not isinstance(value, dict) or not value:
        return {where: value}
    return {k: v for key, inner in value.items() for k, v in _flat(inner, f"{where}.{key}".lstrip(".")).items()}


def _text(config: Mapping[str, Any], key: str) -> str:
    """As a config has it; empty where it has no such key."""
    value = config.get(key, "")
    return value if isinstance(value, str) else shown(value)


def _called(paths: Sequence[Sequence[str]]) -> list[str]:
    """Paths by as many of their last parts as tell them all apart."""
    parts = max(map(len, tails([*dict.fromkeys(map(tuple, paths))])))
    return ["/".join(path[-parts:]) for path in paths]


def _names(
    configs: Sequence[Mapping[str, Any]], keys: Sequence[str], called: Sequence[str], folders: Sequence[Sequence[str]]
) -> list[str]:
    """The condition of each run: what sets its config apart; where that is much, the folder of its set or first run."""
    first: dict[str, int] = {}
    of = [first.setdefault(json.dumps(config, sort_keys=True), i) for i, config in enumerate(configs)]
    kinds = tuple(key.removesuffix("kind") for key in keys if key.endswith(".kind"))
    telling = [key for key in keys if key.endswith(".kind") or not key.startswith(kinds)]  # the rest follows
    for chosen in (telling, keys):
        named = {i: ", ".join(f"{key}={_text(configs[i], key)}" for key in chosen if key in configs[i]) for i in of}
        if 0 < len(chosen) <= _NAMED and len(set(named.values())) == len(named) and all(named.values()):
            return [named[i] for i in of]
    sets = {i: {tuple(folder) for folder, own in zip(folders, of, strict=True) if own == i} for i in of}
    apart = len(set().union(*sets.values())) == len(sets) and len(of) > len(sets)
    names = _called(folders) if apart else called
    return [names[i] for i in of]


def _check_once(runs: Sequence[Run], names: Sequence[str], seeds: Sequence[int]) -> None:
    """The same experiment with the same seed is the same run, wherever it lies: it counts once."""
    first: dict[tuple[str, int], Run] = {}
    for run, name, seed in zip(runs, names, seeds, strict=True):
        other = first.setdefault((name, seed), run)
        if other is not run:
            raise InputError(
                f"compare: expected every run once, but {other.path} and {run.path} are one experiment with seed {seed}"
            )


def _runs_table(
    runs: Sequence[Run], called: Sequence[str], names: Sequence[str], seeds: Sequence[int]
) -> pandas.DataFrame:
    import pandas

    came = [_outcome(run) for run in runs]
    measured = [name for name in MEASURED if any(name in each.best for each in came)]
    rows = [
        {"run": run, "condition": name, "seed": seed, "generations": each.generations, "lifetimes": each.lifetimes}
        | {"seconds": each.seconds, **{name: each.best.get(name, np.nan) for name in measured}}
        | {"gain": each.gain, "genome bits": each.genome_bits, "wiring bits": each.wiring_bits}
        | {"failures": each.failures}
        for run, name, seed, each in zip(called, names, seeds, came, strict=True)
    ]
    return pandas.DataFrame(rows)


def _outcome(run: Run) -> RunResult:
    """What the run wrote down when it ended, if that is whole and as old as its last generation; otherwise anew."""
    try:
        written = json.loads((run.path / "result.json").read_text(encoding="utf-8"))
        came = RunResult(**{field.name: written[field.name] for field in fields(RunResult)})
        numbers = [came.lifetimes, came.seconds, came.genome_bits, came.innate, *came.best.values()]
        if came.generations == len(run.generations) and all(isinstance(number, int | float) for number in numbers):
            return came
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    return result(run)


def _scores(table: pandas.DataFrame, name: str, measure: str) -> dict[int, float]:
    """Finite values by seed."""
    rows = table[(table["condition"] == name) & np.isfinite(table[measure].astype(float))]
    return dict(zip(rows["seed"], rows[measure].astype(float), strict=True))


def _conditions_table(
    table: pandas.DataFrame, measures: Sequence[str], again: Again, bounds: tuple[float, float]
) -> pandas.DataFrame:
    import pandas

    rows = []
    for name, own in table.groupby("condition", sort=False):
        cost = {key: float(own[key].mean()) for key in ("generations", "lifetimes")}
        for measure in measures:
            scores = _scores(table, str(name), measure)
            if scores:
                row = {"condition": name, "measure": measure, "seeds": len(scores)}
                samples = again.get((str(name), measure))
                found = mean_over_runs(
                    [*scores.values()], None if samples is None else np.stack([samples[s] for s in scores])
                )
                found = found.within(bounds) if measure in MEASURED else found
                rows.append(row | {"mean": found.mean, "low": found.low, "high": found.high} | cost)
    return pandas.DataFrame(rows)


def _differences_table(table: pandas.DataFrame, measures: Sequence[str], again: Again) -> pandas.DataFrame:
    import pandas

    rows = []
    for against, name in combinations(table["condition"].unique(), 2):
        for measure in measures:
            one, other = (_scores(table, each, measure) for each in (name, against))
            if one and other:
                samples = again.get((name, measure)), again.get((against, measure))
                apart = difference(one, other, (samples[0], samples[1]) if samples[0] and samples[1] else None)
                found = {key.replace("_", " "): value for key, value in asdict(apart).items()}
                rows.append({"condition": name, "against": against, "measure": measure, **found})
    columns = ["condition", "against", "measure", "difference", "low", "high", "test", "seeds", "effect", "p"]
    found = pandas.DataFrame(rows, columns=[*columns, "p exact", "p smallest"])
    found.insert(len(columns), "p corrected", holm(found["p"].to_list()))
    return found


def _keys_table(configs: Sequence[Mapping[str, Any]], keys: Sequence[str], names: Sequence[str]) -> pandas.DataFrame:
    import pandas

    by_name = dict(zip(names, configs, strict=True))
    rows = [(key, name, _text(config, key)) for key in keys for name, config in by_name.items()]
    return pandas.DataFrame(rows, columns=["key", "condition", "value"])
