"""Runs side by side in words: who is best and how surely seeds show it, and what the runs took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evo.analysis.report.style import CONDITIONS
from evo.evolution.run import Run

if TYPE_CHECKING:
    import pandas

MEASURED = ("innate", "innate_memory", "innate_plastic", "learned", "learned_plastic")
"""Conditions of measurement, in the order in which they are told."""

_LISTED = 3  # conditions whose cost is told singly


def sentences(runs: Sequence[Run], tables: Mapping[str, pandas.DataFrame], keys: Sequence[str]) -> tuple[str, ...]:
    """Who is best at birth and after learning and how surely, what it took, and what is not alike.

    Args:
        tables: `conditions`, `differences` and `runs` of `compare`; a row of the last is a run, in the same order.
        keys: of the config that differ.
    """
    judged = {name for run in runs for name in run.experiment.judged}
    measured = [name for name in MEASURED if name in tables["runs"] and name in judged | {"innate", "learned"}]
    if not any(run.experiment.learns for run in runs):
        measured = [name for name in measured if not name.startswith("learned")]
    main = runs[0].experiment.main.replace("_", " ")
    said = [_leading(tables["conditions"], tables["differences"], name, main) for name in measured]
    said += [_reach(tables["differences"]), _cost(tables["runs"])]
    said += [
        f"{name} stands at {len(run.generations)} of {run.experiment.generations} generations; what it has is compared."
        for name, run in zip(tables["runs"]["run"], runs, strict=True)
        if len(run.generations) < run.experiment.generations
    ]
    where = [key for key in keys if key.startswith(("task.", "world."))]
    said += [f"What they live in differs ({', '.join(where)}), and with it perhaps how hard it is."] if where else []
    return tuple(sentence for sentence in said if sentence)


def _leading(conditions: pandas.DataFrame, differences: pandas.DataFrame, measure: str, main: str) -> str:
    """Which condition is best in one measurement, and whether by more than seeds differ."""
    ranked = conditions[conditions["measure"] == measure].sort_values("mean", ascending=False, kind="stable")
    if ranked.empty:
        return ""
    best, text = ranked.iloc[0], CONDITIONS[measure][0].capitalize()
    text += "," * ("," in text)
    has = f"{main} {best['mean']:.3g}{_interval(best['low'], best['high'])} over {best['seeds']} seeds"
    has = has if best["seeds"] > 1 else f"{main} {best['mean']:.3g} (one seed)"
    if len(ranked) == 1:
        return f"{text} {best['condition']} has {has}."
    pair = [best["condition"], ranked.iloc[1]["condition"]]
    rows = differences["condition"].isin(pair) & differences["against"].isin(pair) & (differences["measure"] == measure)
    row = differences[rows].iloc[0]
    if row["test"] == "none" and row["difference"] == 0:
        return f"{text} {pair[0]} and {pair[1]} are alike in every seed, with {has}."
    sign = 1 if row["condition"] == pair[0] else -1
    away = f"{sign * row['difference']:.3g}{_interval(*sorted((sign * row['low'], sign * row['high'])))}"
    lead = f"{text} {pair[0]} is best with {has}; its difference to {pair[1]}, the next, is {away}"
    if not np.isfinite(row["p"]):
        alone = ": one seed of a condition says nothing about other seeds."
        return lead + (alone if np.isnan(row["p smallest"]) else ", without any spread over seeds for a t test.")
    tests = int(np.isfinite(differences["p"]).sum())
    paired = row["test"].startswith("paired")
    over = row["seeds"].replace("pairs", "seeds that both have") if paired else f"{row['seeds']} seeds"
    p = f"p {row['p corrected']:.2g}{f' corrected for {tests} tests' if tests > 1 else ''}"
    verdict = "." if row["p corrected"] < 0.05 else ": these seeds do not tell them apart."
    return f"{lead} ({row['test']} over {over}, {p}){verdict}"


def _interval(low: float, high: float) -> str:
    return f" [{low:.3g}, {high:.3g}]" if np.isfinite(low) else ""


def _reach(differences: pandas.DataFrame) -> str:
    """What an exact test could say at most."""
    least = differences["p smallest"].min()
    if not least > 0.05:
        return ""
    return (
        f"With so few seeds no exact test can go below p {least:.3g}, and the t tests lean on scores being normally "
        "distributed over seeds; six seeds that both have are the fewest that could reach 0.05."
    )


def _cost(table: pandas.DataFrame) -> str:
    spent = table.groupby("condition", sort=False)[["generations", "lifetimes"]].mean()
    if len(table[["generations", "lifetimes"]].drop_duplicates()) == 1:
        return f"Every run took {_spent(spent.iloc[0], spent.iloc[0])}."
    if len(spent) <= _LISTED:
        named = [f"{_spent(took, took)} ({name})" for name, took in spent.iterrows()]
        return f"They did not spend the same: on average a run took {', '.join(named)}."
    return f"They did not spend the same: a run took {_spent(spent.min(), spent.max())}, the mean of its condition."


def _spent(least: pandas.Series, most: pandas.Series) -> str:
    ends = {key: dict.fromkeys(f"{end[key]:,.10g}" for end in (least, most)) for key in ("generations", "lifetimes")}
    return " and ".join(f"{' to '.join(end)} {key}" for key, end in ends.items())
