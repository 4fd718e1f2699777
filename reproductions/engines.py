"""Compares the engines: runs of headlines by compiled lives beside the stored runs by torch, with the same seeds.

    python reproductions/engines.py [--seeds N] [NAME ...]      default: five headlines, three seeds

Engines agree to the last bit nowhere, and lives that amplify rounding differ; distributions over seeds must not. Every
run is stored in reproductions/results/engines/compiled.json as soon as it has ended, and the table is printed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from reproductions import headlines

NAMES = ("digits", "cartpole-hebbian", "tmaze-plastic", "sinusoid", "retina")
STORED = headlines.STORED / "engines" / "compiled.json"


def missing(kept: dict[str, list[dict[str, Any]]], name: str, count: int) -> list[int]:
    """Seeds of a headline that torch has run and compiled lives have not."""
    of_torch = [found["seed"] for found in (headlines.stored(headlines.named(name)) or {"runs": []})["runs"]]
    done = {found["seed"] for found in kept.get(name, [])}
    return [seed for seed in of_torch[:count] if seed not in done]


def scores(runs: list[dict[str, Any]], condition: str) -> list[float]:
    """The scores of the best genomes in a condition, of runs that have ended."""
    return [found["best"][condition] for found in runs if condition in found.get("best", {})]


def row(name: str, compiled: list[dict[str, Any]], of_torch: list[dict[str, Any]]) -> list[str]:
    """A row of the table for each condition: mean and standard deviation over seeds, and seconds of a run."""
    rows = []
    for condition in of_torch[0]["best"]:
        cells = []
        for runs in (of_torch, compiled):
            found = scores(runs, condition)
            spread = f" +- {stdev(found):.3f}" if len(found) > 1 else ""
            cells.append(f"{mean(found):.3f}{spread} ({len(found)})")
        seconds = [mean(found["seconds"] for found in runs if "seconds" in found) for runs in (of_torch, compiled)]
        rows.append(f"| {name} | {condition} | {' | '.join(cells)} | {seconds[0]:.0f} | {seconds[1]:.0f} |")
    return rows


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    kept: dict[str, list[dict[str, Any]]] = json.loads(STORED.read_text()) if STORED.exists() else {}
    for name in given.names:
        headline = headlines.named(name)
        compiled = replace(headline, overrides=(*headline.overrides, "engine=compiled"))
        for seed in missing(kept, name, given.seeds):
            with tempfile.TemporaryDirectory() as folder:
                kept.setdefault(name, []).append(headlines.run(compiled, seed, Path(folder)))
            STORED.parent.mkdir(exist_ok=True)
            STORED.write_text(json.dumps(kept, indent=1) + "\n")
    print("| headline | condition | torch: mean +- sd (seeds) | compiled | s a run, torch, stored | s, compiled |")
    print("|---|---|--:|--:|--:|--:|")
    for name in given.names:
        of_torch = headlines.stored(headlines.named(name))
        if of_torch and kept.get(name):
            print("\n".join(row(name, kept[name], of_torch["runs"])))


if __name__ == "__main__":
    main()
