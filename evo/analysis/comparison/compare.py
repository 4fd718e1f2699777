"""Comparison of runs: differences of configs, results and costs, and tests over seeds."""

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
from evo.experiment.dump import plain_values
from evo.experiment.keys import name_in, shown
from evo.experiment.sweep import tails
from genomes.errors import InputError, require

if TYPE_CHECKING:
    import pandas

_COSTS = ("genome bits", "lifetimes", "seconds")
_NAMED = 3  # maximum number of keys in the name of a condition; with more, the name is that of the first run

_TERMS = {
    "run": "folder of the run, with as many of its last parts as make it unique",
    "condition": "runs of one experiment that differ in their seeds only, named by the config keys that set them apart",
    "seed": "seed of all random numbers of the run; parts of a task with their own seed are the same in all runs",
    "generations": "number of evaluated generations; for a condition the mean",
    "lifetimes": "number of lifetimes in all generations, births included; for a condition the mean",
    "seconds": "duration of evolution over all sessions; it depends on the machine",
    "gain": "main score after learning minus at birth, of the best genome",
    "genome bits": "size of the best genome",
    "wiring bits": "size of the weights that it unfolds into",
    "failures": "individuals without a score: a number overflowed, or time or memory ran out",
    "measure": "compared quantity: a score of the best genome on the test split, or a cost",
    "seeds": "number of runs with a finite value; in a test the pairs of seeds, or the seeds of each condition",
    "mean": "mean over seeds",
    "low": "lower end of the 95 % interval over seeds and, in a task with the same samples for all lives, also over "
    "the samples of the test split, since all seeds share them; clipped to the possible range of the score (0 to 1 for "
    "a share); empty if there is one seed only or no spread",
    "high": "upper end of that interval",
    "against": "condition that is subtracted",
    "difference": "mean of the condition minus mean of the other; over pairs if seeds are paired",
    "test": "paired t: over common seeds, if these are at least half of the larger condition; Welch's t: over all "
    "seeds, not paired; none: one seed, or no spread",
    "effect": "difference in standard deviations: of the paired differences (d_z), or pooled over the conditions (d)",
    "p": "two-sided probability of at least this difference if there is none, for scores that are normally distributed "
    "over seeds; over seeds and samples like the interval",
    "p corrected": "p after Holm's correction for all tests of the table",
    "p exact": "two-sided p of a permutation test, from all exchanges of the conditions within pairs, or of all seeds "
    "between conditions: it assumes no distribution, holds for these test samples only and is not corrected; empty if "
    f"there are more than {EXCHANGES:,} exchanges",
    "p smallest": "smallest possible p exact with this number of seeds",
    "key": "config key that differs between conditions",
    "value": "value of the key in this condition; empty if the condition has no such key",
}


def compare(runs: Sequence[Run]) -> Section:
    """Compares runs; runs that differ in their seeds only are one condition.

    An unfinished run is compared by its generations so far. Differences are the later condition minus the earlier one.

    Raises:
        InputError: there are fewer than two runs, a run is given twice, the main scores differ, or a run cannot be
            read.
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
    """Flattens plain values to dotted keys, with groups by their names."""
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        value = {name_in(value, i): item for i, item in enumerate(value)}
    if not isinstance(value, dict) or not value:
        return {where: value}
    return {k: v for key, inner in value.items() for k, v in _flat(inner, f"{where}.{key}".lstrip(".")).items()}


def _text(config: Mapping[str, Any], key: str) -> str:
    """Writes a value as in a config; empty if the config has no such key."""
    value = config.get(key, "")
    return value if isinstance(value, str) else shown(value)


def _called(paths: Sequence[Sequence[str]]) -> list[str]:
    """Shortens paths to as many of their last parts as make all of them unique."""
    parts = max(map(len, tails([*dict.fromkeys(map(tuple, paths))])))
    return ["/".join(path[-parts:]) for path in paths]


def _names(
    configs: Sequence[Mapping[str, Any]], keys: Sequence[str], called: Sequence[str], folders: Sequence[Sequence[str]]
) -> list[str]:
    """Names the condition of each run by its differing config keys, or by the folder of its set or of its first run."""
    first: dict[str, int] = {}
    of = [first.setdefault(json.dumps(config, sort_keys=True), i) for i, config in enumerate(configs)]
    kinds = tuple(key.removesuffix("kind") for key in keys if key.endswith(".kind"))
    # keys below a differing kind differ as a consequence
    telling = [key for key in keys if key.endswith(".kind") or not key.startswith(kinds)]
    for chosen in (telling, keys):
        named = {i: ", ".join(f"{key}={_text(configs[i], key)}" for key in chosen if key in configs[i]) for i in of}
        if 0 < len(chosen) <= _NAMED and len(set(named.values())) == len(named) and all(named.values()):
            return [named[i] for i in of]
    sets = {i: {tuple(folder) for folder, own in zip(folders, of, strict=True) if own == i} for i in of}
    apart = len(set().union(*sets.values())) == len(sets) and len(of) > len(sets)
    names = _called(folders) if apart else called
    return [names[i] for i in of]


def _check_once(runs: Sequence[Run], names: Sequence[str], seeds: Sequence[int]) -> None:
    """Checks that no experiment is given twice with the same seed, since that is the same run in another folder."""
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
    """Reads result.json if it is complete and as recent as the last generation; otherwise computes the result anew."""
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
    """Returns the finite values by seed."""
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
