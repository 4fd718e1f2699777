"""The contract of a search, written as code, and `instinct check`, which tests the contract of any component."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from evo.experiment.config import check_readable
from evo.experiment.goals import Goals
from evo.experiment.registry import REGISTRY, SEAMS, named, resolve, seam_of
from evo.search.base import Search, State
from genomes.check import check_encoding
from genomes.contract import Clauses
from genomes.errors import InputError, nearest, require
from genomes.foreign import complaint
from genomes.spec import Field, GenomeSpec
from genomes.streams import Streams, derive
from inner_loop.contracts.neurons import check_neuron
from inner_loop.contracts.objectives import check_objective
from inner_loop.contracts.rules import check_rule
from inner_loop.contracts.targets import check_target
from inner_loop.contracts.tasks import check_task
from inner_loop.contracts.worlds import check_world
from inner_loop.lives.samples import Lifetime
from inner_loop.tasks.digits import Digits

_SPEC = GenomeSpec(
    (Field("real", (5,), -1.0, 1.0), Field("kind", (2,), choices=3), Field("rate", (), 1e-3, 1.0, "log"))
)


def check_search(search: Search) -> list[str]:
    """Checks a search; returns the clauses that hold, a sentence each.

    Raises:
        InputError: the first clause that does not hold.
    """
    name, count = type(search).__name__, _goals_taken(search)
    state = search.begin(_SPEC, derive(0, "search", -1))
    for generation in range(3):
        streams = derive(0, "search", generation)
        asked, units = search.ask(state, _SPEC, streams), _asked_for(search, state, streams)
        require(
            np.array_equal(units, _asked_for(search, state, streams)), name, "the same answer to the same ask", "not"
        )
        shape = (search.lives, _SPEC.size)
        require(units.shape == shape, name, f"{shape} numbers", units.shape)
        require(np.isfinite(units).all(), name, "finite genomes", "others")
        some = np.arange(search.lives)[::-3]
        again = search.rows(search.source(state), some, _SPEC, streams)
        require(np.array_equal(again, units[some]), name, "rows that are those of its ask", "others")
        require(asked.parents.shape == (search.lives, 2), name, "two parents each", asked.parents.shape)
        goals = _goals(units)[:, :count]
        before = {key: value.copy() for key, value in state.items()}
        told = search.tell(state, asked, goals, _SPEC, streams)
        require(_same(state, before), name, "a tell that leaves the old state alone", "a changed one")
        require(
            _same(told, search.tell(state, asked, goals, _SPEC, streams)),
            name,
            "the same state from the same tell",
            "not",
        )
        kept = all(isinstance(value, np.ndarray) and value.dtype != object for value in told.values())
        require(kept, name, "a state of plain arrays", sorted(told))
        state = told
    return [
        f"{name} asks for {search.lives} genomes in the unit cube",
        f"{name} gives the same answer to the same ask, whole or by rows, and to the same tell",
        f"{name} keeps its state in named arrays and leaves the old one alone",
    ]


def check_goals(goals: Goals) -> list[str]:
    """Checks goals: a finite column for each goal, from measurements of the digits."""
    known, name = (*Lifetime().names(Digits().score_names), "genome_bits", "wiring_bits"), type(goals).__name__
    goals.check(known)
    values = goals.of({key: np.linspace(0.0, 1.0, 4) for key in known})
    require(values.shape == (4, goals.count), name, f"(4, {goals.count}) goals", values.shape)
    require(np.isfinite(values).all(), name, "finite goals from finite measurements", "others")
    return [f"{name} gives {goals.count} finite goals for each individual"]


_CONTRACTS: dict[str, Callable[[Any], list[str]]] = {
    "encoding": check_encoding,
    "neuron": check_neuron,
    "rule": check_rule,
    "objective": check_objective,
    "task": check_task,
    "world": check_world,
    "target": check_target,
    "goals": check_goals,
    "search": check_search,
}


def check(name: str) -> list[str]:
    """Checks the component called `name`, one of instinct or `module:Class`, with its default numbers.

    Raises:
        InputError: there is no such component, or a clause does not hold.
    """
    for seam in SEAMS:
        if any(known.__name__ == name for known in REGISTRY[seam]):
            return _tried(seam, resolve(seam, name))
    if ":" not in name:
        every = [known.__name__ for classes in REGISTRY.values() for known in classes]
        raise InputError(f"check: no component '{name}'; {nearest(name, every)}, or write module:Class")
    found = named(name, "check")
    return _tried(seam_of(found, "check"), found)


def _tried(seam: str, found: type) -> list[str]:
    """Checks a class with its default numbers; a user-defined one may raise any error, even in its constructor."""
    lacking = [f.name for f in fields(found) if f.init and f.default is f.default_factory is MISSING]
    require(not lacking, found.__name__, "a default for every field", ", ".join(lacking))
    try:
        component = found()
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{found.__name__}: its own defaults are refused: {complaint(error)}") from error
    said = Clauses(component).through(lambda clauses: clauses.said.extend(_CONTRACTS[seam](component)))
    check_readable(seam, component)
    return [*said, "its fields can be written to a config and read back"]


def _goals_taken(search: Search) -> int:
    """2, or 1 if the search accepts only one goal."""
    try:
        search.check(_SPEC, 2)
    except InputError:
        search.check(_SPEC, 1)
        return 1
    return 2


def _asked_for(search: Search, state: State, streams: Streams) -> Float64[ndarray, "N G"]:
    """All genomes that a search asks for, also for a lazy search."""
    units = search.ask(state, _SPEC, streams).units
    lazy = f"units from its ask, or none where it is lazy (lazy: {search.lazy(_SPEC)})"
    require((units is None) == search.lazy(_SPEC), type(search).__name__, lazy, "the other")
    return search.rows(search.source(state), np.arange(search.lives), _SPEC, streams) if units is None else units


def _goals(units: Float64[ndarray, "N G"]) -> Float64[ndarray, "N 2"]:
    return np.stack([-((units - 0.3) ** 2).sum(1), -((units - 0.6) ** 2).sum(1)], axis=1)


def _same(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)
