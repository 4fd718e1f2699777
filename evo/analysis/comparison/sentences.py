"""Sentences of a comparison: the best condition and its significance over seeds, and the cost of the runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evo.analysis.report.numbers import interval, number
from evo.analysis.report.style import CONDITIONS
from evo.evolution.run import Run

if TYPE_CHECKING:
    import pandas

MEASURED = ("innate", "innate_memory", "innate_plastic", "learned", "learned_plastic")
"""Conditions of measurement, in the order of the sentences."""

_LISTED = 3  # maximum number of conditions whose costs are listed singly


def sentences(runs: Sequence[Run], tables: Mapping[str, pandas.DataFrame], keys: Sequence[str]) -> tuple[str, ...]:
    """Describes the best condition at birth and after learning, its significance, costs, and differences of runs.

    Args:
        runs: the runs.
        tables: `conditions`, `differences` and `runs` of `compare`; a row of the last is a run, in the same order.
        keys: config keys that differ between runs.
    """
    judged = {name for run in runs for name in run.experiment.judged}
    measured = [name for name in MEASURED if name in tables["runs"] and name in judged | {"innate", "learned"}]
    if not any(run.experiment.learns for run in runs):
        measured = [name for name in measured if not name.startswith("learned")]
    main = runs[0].experiment.main.replace("_", " ")
    said = [_leading(tables["conditions"], tables["differences"], name, main) for name in measured]
    said += [_reach(tables["differences"]), _cost(tables["runs"])]
    said += [
        f"{name} has {len(run.generations)} of {run.experiment.generations} generations; only these are compared."
        for name, run in zip(tables["runs"]["run"], runs, strict=True)
        if len(run.generations) < run.experiment.generations
    ]
    where = [key for key in keys if key.startswith(("task.", "world."))]
    if where:
        said.append(f"The environments differ ({', '.join(where)}), and with them perhaps their difficulty.")
    return tuple(sentence for sentence in said if sentence)


def _leading(conditions: pandas.DataFrame, differences: pandas.DataFrame, measure: str, main: str) -> str:
    """Describes the best condition in one measurement, and the test of its difference to the next one."""
    ranked = conditions[conditions["measure"] == measure].sort_values("mean", ascending=False, kind="stable")
    if ranked.empty:
        return ""
    best, text = ranked.iloc[0], CONDITIONS[measure][0].capitalize()
    text += "," * ("," in text)
    has = f"{main} {number(best['mean'])}{interval(best['low'], best['high'])} over {best['seeds']} seeds"
    has = has if best["seeds"] > 1 else f"{main} {number(best['mean'])} (one seed)"
    if len(ranked) == 1:
        return f"{text} {best['condition']} has {has}."
    pair = [best["condition"], ranked.iloc[1]["condition"]]
    rows = differences["condition"].isin(pair) & differences["against"].isin(pair) & (differences["measure"] == measure)
    row = differences[rows].iloc[0]
    if row["test"] == "none" and row["difference"] == 0:
        return f"{text} {pair[0]} and {pair[1]} are equal in every seed, with {has}."
    sign = 1 if row["condition"] == pair[0] else -1
    away = f"{number(sign * row['difference'])}{interval(*sorted((sign * row['low'], sign * row['high'])))}"
    lead = f"{text} {pair[0]} is best with {has}; its difference to {pair[1]}, the second best, is {away}"
    if not np.isfinite(row["p"]):
        alone = ": a condition with one seed allows no conclusion about other seeds."
        return lead + (alone if np.isnan(row["p smallest"]) else ", without the spread over seeds that a t test needs.")
    tests = int(np.isfinite(differences["p"]).sum())
    paired = row["test"].startswith("paired")
    over = row["seeds"].replace("pairs", "common seeds") if paired else f"{row['seeds']} seeds"
    p = f"p {row['p corrected']:.2g}{f' corrected for {tests} tests' if tests > 1 else ''}"
    verdict = "." if row["p corrected"] < 0.05 else ": the difference is not significant over these seeds."
    return f"{lead} ({row['test']} over {over}, {p}){verdict}"


def _reach(differences: pandas.DataFrame) -> str:
    """Warns if an exact test cannot reach p 0.05 with so few seeds."""
    least = differences["p smallest"].min()
    if not least > 0.05:
        return ""
    return (
        f"With so few seeds no exact test can go below p {least:.3g}, and the t tests assume normally distributed "
        "scores over seeds; an exact test needs at least six common seeds to reach 0.05."
    )


def _cost(table: pandas.DataFrame) -> str:
    spent = table.groupby("condition", sort=False)[["generations", "lifetimes"]].mean()
    if len(table[["generations", "lifetimes"]].drop_duplicates()) == 1:
        return f"Every run took {_spent(spent.iloc[0], spent.iloc[0])}."
    if len(spent) <= _LISTED:
        named = [f"{_spent(took, took)} ({name})" for name, took in spent.iterrows()]
        return f"Costs differ: on average a run took {', '.join(named)}."
    return f"Costs differ: a run took {_spent(spent.min(), spent.max())}, as means of the conditions."


def _spent(least: pandas.Series, most: pandas.Series) -> str:
    ends = {key: dict.fromkeys(f"{end[key]:,.10g}" for end in (least, most)) for key in ("generations", "lifetimes")}
    return " and ".join(f"{' to '.join(end)} {key}" for key, end in ends.items())
