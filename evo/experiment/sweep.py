"""Sets of runs: expands a config with a `sweep:` block and `--seeds`; names the folder of each run."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from os import PathLike
from typing import Any, final

from evo.experiment.config import document, split, understood
from evo.experiment.experiment import Experiment
from evo.experiment.keys import shown
from evo.experiment.mistakes import COMMAND_LINE
from genomes.errors import InputError, require

LARGEST = 1000
"""Maximal number of runs in a set."""

_LONGEST = 32  # characters of a value in the name of a folder
_LONGEST_NAME = 200  # characters of a folder name without its seed; file systems allow 255 bytes

Swept = Mapping[str, tuple[Sequence[Any], bool]]
"""Values by dotted key, and True if the command line gave them."""


@final
@dataclass(frozen=True)
class Member:
    """One experiment of a set.

    Attributes:
        name: the name of its run folder, such as `genes-3_seed-0`.
        overrides: the overrides that make the config this experiment: `load(config, overrides)`.
        experiment: the experiment of the member.
    """

    name: str
    overrides: tuple[str, ...]
    experiment: Experiment


def members(
    path_or_name: str | PathLike[str],
    overrides: Sequence[str] = (),
    seeds: int | None = None,
    allow_code: bool = False,
) -> list[Member]:
    """Every combination of the values of a sweep, the last key changing fastest, each with every seed.

    A file's sweep is a mapping of dotted keys to lists of values; `sweep.KEY=[...]` on the command line adds to it.

    Args:
        seeds: the number of seeds for each combination, counted up from the config's seed; None: that seed only.

    Raises:
        InputError: one line for every mistake in any member; a member occurs twice; there are more than 1,000.
    """
    name, data = document(path_or_name)
    swept, others = _sweep(data, name, overrides)
    require(seeds is None or seeds >= 1, "--seeds", "at least 1", seeds)
    require(seeds is None or "seed" not in swept, "--seeds", "no sweep.seed beside it", seeds)
    count = math.prod(len(values) for values, _ in swept.values()) * (seeds or 1)
    require(count <= LARGEST, name, f"at most {LARGEST:,} runs in a set", count)
    if isinstance(data, dict) and "sweep" in data:
        others.append("sweep=null")
    made: list[Member] = []
    mistakes: dict[str, None] = {}  # each once, in order
    for number, values in enumerate(product(*(values for values, _ in swept.values())), 1):
        own = dict(zip(swept, values, strict=True))
        given = {key: (value, swept[key][1]) for key, value in own.items()}
        written = (*others, *(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in own.items()))
        try:
            experiment = understood(data, name, others, allow_code, given)
            made += _seeded(Member(_label(own, swept, number), written, experiment), seeds or 1)
        except InputError as error:
            mistakes |= dict.fromkeys(str(error).splitlines())
    if mistakes:
        raise InputError("\n".join(mistakes))
    _check_differ(made, name)
    return made


def tails(paths: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """The last part of each path, or as many of its last parts as make it unique."""

    def shortest(path: Sequence[str]) -> Sequence[str]:
        lengths = range(1, len(path) + 1)
        alone = (n for n in lengths if sum(tuple(p[-n:]) == tuple(path[-n:]) for p in paths) == 1)
        return path[-next(alone, len(path)) :]

    return [shortest(path) for path in paths]


def _sweep(data: Any, name: str, overrides: Sequence[str]) -> tuple[dict[str, tuple[list[Any], bool]], list[str]]:
    """The sweep, and the overrides that are the same for every member."""
    block = data.get("sweep") if isinstance(data, dict) else None
    if block is not None and not (isinstance(block, dict) and block):
        raise InputError(f"{name}: sweep: expected a mapping of dotted keys to lists of values, got {shown(block)}")
    swept, others, mistakes = {key: (values, False) for key, values in (block or {}).items()}, [], []
    for override in overrides:
        if not override.strip().startswith(("sweep.", "sweep=")):
            others.append(override)
            continue
        key, value = split(override)
        if key == "sweep":
            require(value is None, f"{COMMAND_LINE}: sweep", "null, for one experiment, or sweep.KEY=[...]", value)
            swept = {}
        else:
            swept[key.removeprefix("sweep.")] = (value, True)
    fixed = {override.partition("=")[0].strip() for override in others}
    for key, (values, ours) in swept.items():
        wrong = _wrong(key, values, fixed)
        mistakes += [f"{COMMAND_LINE if ours else name}: sweep.{key}: {wrong}"] if wrong else []
    if mistakes:
        raise InputError("\n".join(mistakes))
    return swept, others


def _wrong(key: str, values: Any, fixed: set[str]) -> str:
    """The mistake in one key of a sweep, before anything is read; empty if there is none."""
    if not all(key.split(".")):
        return "expected the dotted key of a config"
    if not isinstance(values, list) or not values:
        return f"expected a list of values, got {shown(values)}"
    texts = [json.dumps(value, sort_keys=True) for value in values]
    if twice := [value for i, value in enumerate(values) if texts[i] in texts[:i]]:
        return f"expected each value once, got {shown(twice[0])} again"
    if overridden := sorted(other for other in fixed if f"{other}.".startswith(f"{key}.")):
        return f"expected no override of what is swept, got {overridden[0]}=...; sweep.{key}=[...] sweeps other values"
    return ""


def _seeded(member: Member, count: int) -> Iterator[Member]:
    """Yields the same experiment with seeds s, s + 1, ..., where s is its own seed."""
    for seed in range(member.experiment.seed, member.experiment.seed + count):
        name = f"{member.name}_seed-{seed}".removeprefix("_")
        overrides = (*member.overrides, f"seed={seed}")
        yield Member(name, overrides, replace(member.experiment, seed=seed))


def _label(own: Mapping[str, Any], swept: Swept, number: int) -> str:
    """A name from keys, by their last parts as far as needed to be unique, and values; the seed comes later.

    Args:
        number: the number of the member, which names it if keys and values are too long.
    """
    keys = [key for key in own if key != "seed"]
    short = tails([*(key.split(".") for key in keys), ["seed"]])
    words = [_word(own[key], swept[key][0]) for key in keys]
    label = "_".join(f"{_plain('.'.join(name))}-{word}" for name, word in zip(short, words, strict=False))
    return label if len(label) <= _LONGEST_NAME else f"member-{number}"


def _word(value: Any, values: Sequence[Any]) -> str:
    """A value in the name of a folder: its text, or its number among the values if the text is long or ambiguous."""
    words = [_plain(each) for each in values]
    index = [json.dumps(each) for each in values].index(json.dumps(value))
    alike = [word.casefold() for word in words].count(words[index].casefold()) > 1
    return f"no{index + 1}" if alike or not 0 < len(words[index]) <= _LONGEST else words[index]


def _plain(value: Any) -> str:
    if isinstance(value, dict) and isinstance(value.get("kind"), str):
        value = value["kind"]
    return "-".join(re.findall(r"[A-Za-z0-9.+-]+", value if isinstance(value, str) else json.dumps(value)))


def _check_differ(made: Sequence[Member], name: str) -> None:
    """Raises InputError if an experiment occurs twice (1 and 1.0, or two forms of a key), or a folder."""
    by_experiment: dict[Experiment, Member] = {}
    by_name: dict[str, Member] = {}
    for member in made:
        other = by_experiment.setdefault(member.experiment, member)
        require(other is member, f"{name}: sweep", "experiments that differ", [other.name, member.name])
        other = by_name.setdefault(member.name.casefold(), member)
        require(other is member, f"{name}: sweep", "members whose folders can be told apart", member.name)
