"""Evolves the headlines of README.md and docs/results.md over ten seeds that tuning did not use; stores every run.

    python reproductions/headlines.py digits sinusoid ...       the named ones; without names, all of them
    python reproductions/headlines.py --list                    names, commands and how many runs are stored

The seeds of an experiment come from the hash of the commit that ended its tuning, which is the last one that changed
its config: no run can be chosen. A run that stops counts as a failure and is stored with its reason. Stored runs are
not repeated. `python reproductions/tables.py` writes the tables of the documents from the stored runs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, final

ROOT = Path(__file__).resolve().parents[1]
STORED = ROOT / "reproductions" / "results"
SEEDS = 10
sys.path[:0] = [str(ROOT / "benchmarks")]


@final
@dataclass(frozen=True)
class Headline:
    """An experiment that the documents report.

    Attributes:
        name: of its stored results.
        config: a shipped config.
        overrides: KEY=VALUE of the command line.
    """

    name: str
    config: str
    overrides: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """The command that runs it with one seed."""
        return " ".join(["instinct evolve", self.config, *self.overrides, "--seed SEED"])

    @property
    def file(self) -> Path:
        """The file of its stored runs."""
        return STORED / f"{self.name}.json"


_STILL = ("world.start=left", "world.reversals=0", "generations=60")
HEADLINES = (
    Headline("digits", "digits"),
    Headline("cartpole-hebbian", "cartpole-hebbian"),
    Headline("tmaze-recurrent", "tmaze-recurrent"),
    Headline("cartpole-reversed", "cartpole-reversed"),
    Headline("sinusoid", "sinusoid"),
    Headline("tmaze-plastic", "tmaze-plastic"),
    Headline("tmaze-frozen", "tmaze-frozen"),
    Headline("chemotaxis", "chemotaxis"),
    Headline("foraging", "foraging"),
    Headline("decision", "decision"),
    Headline("retina", "retina"),
    Headline("cartpole-hebbian-one", "cartpole-hebbian-one"),
    Headline("cartpole-hebbian-synapse", "cartpole-hebbian-synapse"),
    Headline("digits-innate-expression", "digits-innate-expression"),
    Headline("digits-innate-bottleneck", "digits-innate-bottleneck"),
    Headline("digits-innate-direct", "digits-innate-direct"),
    Headline("digits-spatial", "digits-spatial"),
    Headline("digits-expression-small", "digits-expression-small"),
    Headline("digits-bottleneck", "digits-bottleneck"),
    Headline("digits-front", "digits-front"),
    Headline("tmaze-recurrent-innate", "tmaze-recurrent", ("lifetime.measured=[innate]", "goals=[innate.return]")),
    Headline("tmaze-plastic-still", "tmaze-plastic", _STILL),
    Headline("tmaze-frozen-still", "tmaze-frozen", _STILL),
    Headline("cartpole-hebbian-random", "cartpole-hebbian", ("world.reversed=random",)),
)


def seeds(commit: str, count: int = SEEDS) -> list[int]:
    """The first `count` seeds of a commit: below 2^31, from SHA-256 of its hash and their number."""
    return [int(hashlib.sha256(f"{commit}/{i}".encode()).hexdigest()[:8], 16) >> 1 for i in range(count)]


def tuned(headline: Headline) -> str:
    """The commit that ended the tuning: the last one that changed the config."""
    told = ["git", "log", "-1", "--format=%H", "--", f"configs/{headline.config}.yaml"]
    return subprocess.run(told, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def digest(headline: Headline) -> str:
    """SHA-256 of the config without its comments: a change means another experiment, with other seeds and results."""
    from ruamel.yaml import YAML

    said = YAML(typ="safe").load((ROOT / "configs" / f"{headline.config}.yaml").read_text())
    return hashlib.sha256(json.dumps([said, headline.overrides], sort_keys=True).encode()).hexdigest()


def stored(headline: Headline) -> dict[str, Any] | None:
    """Its stored results; None if there are none."""
    return json.loads(headline.file.read_text()) if headline.file.exists() else None


def opened(headline: Headline) -> dict[str, Any]:
    """The header of its stored results, without runs."""
    return {**_setting(headline.command, tuned(headline)), "experiment": digest(headline), "runs": []}


def store(file: Path, command: str, commit: str, found: list[dict[str, Any]]) -> None:
    """Stores the runs of a reproduction that has a script of its own."""
    file.write_text(json.dumps({**_setting(command, commit), "runs": found}, indent=1) + "\n")


def _setting(command: str, commit: str) -> dict[str, Any]:
    from machine import processor

    versions = {name: version(name) for name in ("torch", "numpy")}
    return {"command": command, "commit": commit, "processor": processor(), "versions": versions}


def named(name: str) -> Headline:
    """The headline of this name."""
    return next(headline for headline in HEADLINES if headline.name == name)


def run(headline: Headline, seed: int, folder: Path) -> dict[str, Any]:
    """Runs one seed by the command line; returns its result, or the reason why it stopped.

    Raises:
        RuntimeError: the command did not run, which says nothing about the experiment.
    """
    # the stored runs are torch's: one file never mixes engines
    engine = [] if any(override.startswith("engine=") for override in headline.overrides) else ["engine=torch"]
    told = [str(Path(sys.executable).with_name("instinct")), "evolve", headline.config, *headline.overrides, *engine]
    told += ["--seed", str(seed), "--serial", "--json", "--run", str(folder / str(seed))]
    ended = subprocess.run(told, capture_output=True, text=True, env={**os.environ, "INSTINCT_SUPERVISE": "0"})
    said = (ended.stderr.strip().splitlines() or [""])[-1]
    if ended.returncode == 1 and said.startswith("instinct: "):
        return {"seed": seed, "stopped": said.removeprefix("instinct: ")}
    if ended.returncode:
        raise RuntimeError(f"{' '.join(told)}: exit code {ended.returncode}: {said}")
    found = json.loads(ended.stdout.splitlines()[-1])
    return {"seed": seed, **{name: value for name, value in found.items() if name != "run"}}


def reproduce(headline: Headline, count: int, keep: Path | None = None) -> None:
    """Runs the seeds that are not stored yet, and stores each run as soon as it has ended."""
    kept = stored(headline)
    if kept is None or kept["experiment"] != digest(headline):
        kept = opened(headline)
    done = {found["seed"] for found in kept["runs"]}
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep / headline.name if keep else Path(temporary)
        for seed in seeds(kept["commit"], count):
            if seed not in done:
                kept["runs"].append(run(headline, seed, folder))
                STORED.mkdir(exist_ok=True)
                headline.file.write_text(json.dumps(kept, indent=1) + "\n")
                print(f"{headline.name}: seed {seed}: {len(kept['runs'])} of {count}", flush=True)


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", choices=[[], *(h.name for h in HEADLINES)], help="default: all")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="of each; more than ten go on in the same series")
    parser.add_argument("--list", action="store_true", help="what there is and what is stored")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the run folders in DIR/NAME/SEED")
    given = parser.parse_args()
    for headline in HEADLINES:
        if given.list:
            kept = stored(headline)
            print(f"{headline.name:26} {len(kept['runs']) if kept else 0:3} runs   {headline.command}")
        elif not given.names or headline.name in given.names:
            reproduce(headline, given.seeds, given.keep)


if __name__ == "__main__":
    main()
