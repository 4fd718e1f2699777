"""Mutated configs: every shipped one, with mutations of its values and its text; some of the valid ones are run."""

from __future__ import annotations

import copy
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from evo.evolution.evolve import evolve
from evo.evolution.offspring import RunFailed
from evo.experiment.config import document, shipped, understood
from evo.experiment.dump import plain_values
from evo.experiment.experiment import Experiment
from evo.experiment.strict_yaml import write
from evo.experiment.sweep import members
from fault_injection.classes.mutations import of_text, of_values
from fault_injection.classes.trial import Attempt, in_child
from genomes.errors import InputError
from inner_loop.lives.samples import Lifetime

NAME, TRIED, SECONDS = "mutated-configs", 10_000, 120
HOLDS = "a sentence within 10 s, never a traceback; what is valid runs, or a sentence says why not (1 in 100 is run)"
_RUN = 100
_SECONDS = 10  # maximal time to check a config
_RUNS = 20  # maximal time to run it
_ADDRESSES = 12 * 2**30  # bytes of address space


@contextmanager
def attempts(place: Path) -> Iterator[Attempt]:
    """Most mutants are refused; every hundredth attempt searches for a valid one, and runs it."""
    texts = {name: path.read_text(encoding="utf-8") for name, path in shipped().items()}
    values = {name: document(name)[1] for name in texts}
    names = sorted(texts)

    def attempt(number: int, own: Path, rng: np.random.Generator) -> None:
        name = names[int(rng.integers(len(names)))]
        if number % _RUN == 0:
            _run(_valid(values, names, own, rng), own)
        elif rng.random() < 0.5:
            _validated(of_text(texts[name], rng), own)
        else:
            _validated(_text(of_values(copy.deepcopy(values[name]), rng)), own)

    yield attempt


def _text(values: Any) -> bytes:
    return write(values).encode(errors="surrogatepass")


def _validated(text: bytes, own: Path) -> list[Experiment]:
    """The experiments of a text; none if a message explains what is wrong with it."""
    path = own / "mutant.yaml"
    path.write_bytes(text)
    began = time.perf_counter()
    try:
        found = [member.experiment for member in members(path)]
    except InputError as error:
        found, sentence = [], str(error)
        lines = sentence.split("\n")
        assert all(line.strip() and line.isprintable() for line in lines), f"no sentence to print: {sentence!r}"
        assert max(map(len, lines)) < 3000, f"a sentence without end: {sentence[:300]}"
    seconds = time.perf_counter() - began
    assert seconds < _SECONDS, f"{seconds:.0f} s until it was judged"
    return found


def _valid(values: dict[str, Any], names: list[str], own: Path, rng: np.random.Generator) -> Experiment:
    """The first valid mutant with one mutation that differs from the original config."""
    while True:
        name = names[int(rng.integers(len(names)))]
        mutant = of_values(copy.deepcopy(values[name]), rng, places=1)
        found = _validated(_text(mutant), own)
        if found and plain_values(found[0]) != plain_values(understood({**values[name], "sweep": None}, name)):
            return found[0]


def _run(experiment: Experiment, own: Path) -> None:
    # runs that would take days are not tried
    ended = in_child(_evolve, experiment, own / "run", said=own / "said", seconds=_RUNS)
    assert ended.status in (0, None), f"it ended with {ended.status}: {ended.said[-1500:]} {plain_values(experiment)}"


def _evolve(experiment: Experiment, run: Path) -> None:
    """One generation of a few individuals whose lives are short."""
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESSES, _ADDRESSES))
    try:
        for _ in evolve(smaller(experiment), run):
            return
    except (InputError, RunFailed) as error:
        print(error)


def smaller(experiment: Experiment) -> Experiment:
    """The same experiment with fewer individuals and shorter lives."""
    search, lifetime = experiment.search, experiment.lifetime
    if isinstance(lifetime, Lifetime):
        shorter = replace(lifetime, steps=min(lifetime.steps, 3), births=min(lifetime.births, 2))
    else:
        shorter = replace(lifetime, episodes=min(lifetime.episodes, 1), exams=min(lifetime.exams, 2))
    fields = {"population": 4} if hasattr(search, "population") else {}
    for few in ({"population": 5}, {"population": 4}, {"population": 12}, {}):
        try:
            bred = replace(search, **(few if fields else {}))
            return replace(experiment, search=bred, lifetime=shorter, cohort=2, generations=1)
        except ValueError:  # a population must be even, or fit the reference points
            continue
    return replace(experiment, generations=1)
