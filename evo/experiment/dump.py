"""An experiment as plain values and as YAML, and where two of them differ."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from pydantic_core import to_jsonable_python

from evo.experiment.experiment import Experiment
from evo.experiment.keys import name_in
from evo.experiment.registry import REGISTRY, component_seam, kind_of
from evo.experiment.strict_yaml import write
from genomes.errors import InputError


def dump(experiment: Experiment) -> str:
    """Complete YAML with all defaults: `read(dump(e), ...) == e`."""
    return write(plain_values(experiment))


def plain_values(experiment: Experiment) -> dict[str, Any]:
    """Complete plain values, as a mapping for YAML or JSON: `understood(plain_values(e), ...) == e`."""
    plain = _plain(experiment) | {
        seam: plain_component(seam, getattr(experiment, seam)) for seam in REGISTRY if hasattr(experiment, seam)
    }
    plain["held_out"] = {name: plain_component("world", away) for name, away in experiment.held_out}
    return {key: value for key, value in plain.items() if value not in (None, {})}


def differing(one: Experiment, other: Experiment) -> dict[str, tuple[Any, Any]]:
    """All dotted keys at which two experiments differ, with both values; None for a missing one."""
    here, there = _flat(plain_values(one), ""), _flat(plain_values(other), "")
    both = ((key, (here.get(key), there.get(key))) for key in {**here, **there})
    return {key: (mine, theirs) for key, (mine, theirs) in both if mine != theirs}


def _flat(value: Any, key: str) -> dict[str, Any]:
    """Plain values by dotted key; items of lists by their names, if they have names."""
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        value = {name_in(value, i): item for i, item in enumerate(value)}
    if not isinstance(value, dict):
        return {key: value}
    return {at: leaf for name, item in value.items() for at, leaf in _flat(item, f"{key}.{name}".strip(".")).items()}


def plain_component(seam: str, component: object) -> dict[str, Any] | None:
    """The plain form of a component, with its class as `kind`; None for none."""
    return None if component is None else {"kind": kind_of(seam, component), **_plain(component, seam)}


def _plain_fields(value: Any, where: str) -> dict[str, Any]:
    at = f"{where}." if where else ""
    given = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value) if f.init)
    return {name: _plain(field, f"{at}{name}") for name, field in given if not (name in REGISTRY and field is None)}


def _plain(value: Any, where: str = "") -> Any:
    """Plain form of a value for YAML: mappings, lists, text, numbers; converts numpy numbers and paths."""
    seam = component_seam(value)
    if seam is not None and where not in REGISTRY:  # a component inside another
        return {"kind": kind_of(seam, value), **_plain_fields(value, where)}
    if dataclasses.is_dataclass(value):
        return _plain_fields(value, where)
    if isinstance(value, (tuple, list)):
        return [_plain(item, f"{where}.{i}") for i, item in enumerate(value)]
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(item, where) for item in value), key=repr)  # the order of a set differs by process
    if isinstance(value, np.generic):
        return value.item()
    try:
        return to_jsonable_python(value)
    except ValueError as error:  # from pydantic, for a value of a type that JSON does not have
        held = type(value).__name__
        raise InputError(f"{where}: expected a value that a config can hold, got one of type {held}") from error
