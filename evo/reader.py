"""Plain values -> frozen dataclasses by the types of their fields, gathering every mistake on the way."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, final, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from evo.experiment import NUMBERS, Experiment, checked_alone
from evo.mistakes import look_on
from evo.registry import REGISTRY, names, resolve
from genomes.evolvable import evolvable_names
from genomes.expect import Unexpected, nearest
from genomes.spec import Evolve
from genomes.topology import Group
from inner_loop.episodic import EpisodicLifetime
from inner_loop.lifetime import Lifetime

_EVOLVING = ("encoding", "rule", "objective")
_STRICT = ConfigDict(strict=True, allow_inf_nan=False, extra="forbid")
_WORDS = {int: "a whole number", float: "a finite number", bool: "true or false", str: "text", NoneType: "null"}
_WRONG = object()  # stands where a value could not be read


@final
@dataclass(frozen=True)
class Shape:
    """What a field of a class takes: its type, whether it must be given, whether a gene may stand there."""

    hint: Any
    required: bool
    evolvable: bool


@lru_cache(maxsize=256)
def shapes(record: type) -> dict[str, Shape]:
    """The fields that a config can give, by name.

    Raises:
        Unexpected: a type that is only known to type checkers.
    """
    try:
        hints = get_type_hints(record, include_extras=True)
    except NameError as error:
        raise Unexpected(f"{record.__name__}: expected types that are imported at run time, but {error}") from error
    genes = evolvable_names(record)
    missing = dataclasses.MISSING
    return {
        f.name: Shape(hints[f.name], f.default is missing and f.default_factory is missing, f.name in genes)
        for f in dataclasses.fields(record)
        if f.init
    }


@final
class Reader:
    """Reads one experiment.

    Attributes:
        trusted: seams whose class may be a stranger's.
        mistakes: (dotted key, sentence) in the order in which they were met.
    """

    def __init__(self, trusted: Collection[str]) -> None:
        self.trusted = trusted
        self.mistakes: list[tuple[str, str]] = []

    def experiment(self, data: Any) -> Experiment | None:
        """The experiment, or None when there are mistakes."""
        made = self._record(Experiment, data, "")
        return made if isinstance(made, Experiment) else None

    def _expected(self, where: str, expected: str, got: Any) -> object:
        self.mistakes.append((where, f"expected {expected}, got {shown(got)}"))
        return _WRONG

    def _record(self, record: type, data: Any, where: str, evolves: bool = False) -> Any:
        """An instance of a dataclass from a mapping of its fields."""
        evolves = evolves or record is Group  # leaks are wiring
        known, before = shapes(record), len(self.mistakes)
        if not isinstance(data, dict):
            return self._expected(where, f"a mapping with keys among {', '.join(known) or 'none'}", data)
        for key in [key for key in data if key not in known]:
            guess = nearest(key, known) if known else "it has none"
            self.mistakes.append((_join(where, key), f"no such key in {record.__name__}; {guess}"))
        values = {}
        for name, shape in known.items():
            at, whole = _join(where, name), record is Experiment
            # what only a task needs; a world stands in for it
            needed = shape.required or (whole and name in ("task", "objective") and "world" not in data)
            if name not in data and needed:
                wanted = f"{_wanted(name, shape, record)}{', or a world' if whole and name == 'task' else ''}"
                self.mistakes.append((at, f"expected {wanted}, got nothing"))
            elif whole and name == "lifetime" and "world" in data:
                values[name] = self._record(EpisodicLifetime, data.get(name, {}), at)
            elif name in data and whole and name == "lifetime":
                values[name] = self._record(Lifetime, data[name], at)
            elif name in data and whole and name in REGISTRY:
                values[name] = self._component(name, data[name], name)
            elif name in data and whole and name == "held_out":
                values[name] = self._held_out(data)
            elif name in data:
                value = self._field(record, shape, data[name], at, evolves)
                values[name] = self._alone(name, value) if whole else value
        if len(self.mistakes) == before and (made := self._built(record, values, where)) is not _WRONG:
            return made
        return self._look_on(record, data, values, where, before)

    def _look_on(self, record: type, data: dict[str, Any], values: dict[str, Any], where: str, before: int) -> object:
        """What else is wrong with a record, where numbers and words that have a default can be left out."""
        known, names = shapes(record), NUMBERS if record is Experiment else values
        spare = [n for n in names if not known[n].required and not isinstance(data.get(n), (dict, list))]

        def built(wrong: Collection[str]) -> bool:
            return self._built(record, {n: v for n, v in values.items() if n not in wrong}, where) is not _WRONG

        look_on(self.mistakes, before, where, known, spare, built)
        return _WRONG

    def _alone(self, name: str, value: Any) -> Any:
        """A field of the experiment that can be wrong whatever the others are."""
        try:
            return value if value is _WRONG else checked_alone(name, value)
        except Unexpected as error:
            self.mistakes.append(_placed(str(error), name, {}))
            return _WRONG

    def _built(self, record: type, values: dict[str, Any], where: str) -> Any:
        """The instance, whose own checks may still refuse it."""
        last, called = where.rpartition(".")[2], record.__name__
        own = dict.fromkeys((called, called.lower(), last, f"{called.lower()} {last}"), where)
        if record is Experiment:
            classes = {seam: type(values[seam]).__name__ for seam in REGISTRY if seam in values}
            own = {called: seam for seam, name in classes.items() for called in (name, f"{seam} {name}")}
        try:
            made = record(**values)
            hash(made)
        except ValueError as error:
            self.mistakes.append(_placed(str(error), where, own))
        except TypeError as error:
            if "unhashable" not in str(error):
                raise
            self.mistakes.append((where, f"expected a tuple in place of every list in {record.__name__}: {error}"))
        else:
            return made
        return _WRONG

    def _held_out(self, data: dict[str, Any]) -> Any:
        """Worlds by name, each the world of the experiment with some numbers changed."""
        named, home = data["held_out"], opened("world", data.get("world"))
        if "world" not in data:
            return self._expected("held_out", "nothing, where there is no world", named)
        if not isinstance(named, dict):
            return self._expected("held_out", "a mapping of names to what differs from the world", named)
        if any(f"{where}.".startswith("world.") for where, _ in self.mistakes):
            return _WRONG  # they would be told again for every world that differs from it
        found = []
        for name, changes in named.items():
            where = _join("held_out", name)
            if isinstance(changes, dict):
                found.append((name, self._component("world", {**home, **changes}, where)))
            else:
                self._expected(where, "a mapping of what differs from the world", changes)
        return tuple(found)

    def _component(self, seam: str, data: Any, where: str) -> Any:
        """An implementation of a seam: its name, or a mapping with its name as `kind`."""
        data = opened(seam, data)
        if not isinstance(data, dict):
            return self._expected(where, f"one of {', '.join(names(seam))}", data)
        kind = data.get("kind")
        if not isinstance(kind, str):
            got = kind if "kind" in data else _NOTHING
            return self._expected(f"{where}.kind", f"one of {', '.join(names(seam))}", got)
        fields = {key: value for key, value in data.items() if key != "kind"}
        try:
            return self._record(resolve(seam, kind, seam in self.trusted), fields, where, seam in _EVOLVING)
        except Unexpected as error:
            self.mistakes.append(_placed(str(error), seam, {seam: where}))
            return _WRONG

    def _field(self, record: type, shape: Shape, data: Any, where: str, evolves: bool) -> Any:
        if isinstance(data, dict) and "evolve" in data and not (shape.evolvable and evolves):
            genes = ", ".join(evolvable_names(record)) if evolves else ""
            return self._expected(
                where, f"a constant (only real numbers of {', '.join(_EVOLVING)} evolve, here {genes or 'none'})", data
            )
        if shape.evolvable and isinstance(data, dict):
            return self._record(Evolve, data, where)
        if shape.evolvable:
            expected = "a finite number or {evolve: [lowest, highest]}" if evolves else described(float)
            return self._leaf(float, data, where, expected)
        return self._value(shape.hint, data, where)

    def _value(self, hint: Any, data: Any, where: str) -> Any:
        """A value of any type: dataclasses here, the rest by pydantic."""
        expected, inner = described(hint), [arg for arg in get_args(hint) if arg is not NoneType]
        if get_origin(hint) in (Union, UnionType) and len(inner) == 1 and data is not None:
            hint, inner = inner[0], list(get_args(inner[0]))
        if dataclasses.is_dataclass(hint):
            return self._record(hint, data, where)  # type: ignore[arg-type]
        if get_origin(hint) is tuple and inner[1:] == [...] and dataclasses.is_dataclass(inner[0]):
            if not isinstance(data, list):
                return self._expected(where, "a list", data)
            return tuple(self._value(inner[0], item, f"{where}.{name_in(data, i)}") for i, item in enumerate(data))
        return self._leaf(hint, data, where, expected)

    def _leaf(self, hint: Any, data: Any, where: str, expected: str) -> Any:
        try:
            # JSON's strict mode is the one that takes lists for tuples and 3 for 3.0, but not 3.0 for 3 or '3' for 3
            return _adapter(hint).validate_json(json.dumps(data))
        except ValidationError:
            near = nearest(data, get_args(hint)) if isinstance(data, str) and get_origin(hint) is Literal else ""
            guess = f"; {near}" if near.startswith("did you mean") else ""
            self.mistakes.append((where, f"expected {expected}, got {shown(data)}{guess}"))
        except PydanticUserError:
            self.mistakes.append((where, f"expected no value, since a config cannot hold {described(hint)}"))
        return _WRONG


@lru_cache(maxsize=256)
def _adapter(hint: Any) -> TypeAdapter:
    return TypeAdapter(hint, config=_STRICT)


_NOTHING = object()


def opened(key: str, data: Any) -> Any:
    """A component in its long form: `Name` is {kind: Name}, a list of goals is {kind: Scores, names: ...}."""
    if key not in REGISTRY:
        return data
    if isinstance(data, str):
        return {"kind": data}
    return {"kind": "Scores", "names": data} if key == "goals" and isinstance(data, list) else data


def name_in(items: list[Any], index: int) -> str:
    """How a path calls an item of a list: by its `name` where it has one, as groups have."""
    item = items[index]
    return item["name"] if isinstance(item, dict) and isinstance(item.get("name"), str) else str(index)


def described(hint: Any) -> str:
    """A type in words."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return described(inner[0])
    if origin is Literal:
        return " or ".join(map(repr, inner))
    if origin is tuple and inner:
        length = "" if inner[-1] is ... else f" of {len(inner)}"
        return f"a list{length}, each {' or '.join(dict.fromkeys(described(arg) for arg in inner if arg is not ...))}"
    if origin in (Union, UnionType):
        return " or ".join(described(arg) for arg in inner)
    return _WORDS.get(hint) or str(getattr(hint, "__name__", hint))


def shown(value: Any) -> str:
    """A value as a sentence quotes it: as in YAML, on one line, and not too long."""
    if value is _NOTHING:
        return "nothing"
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _wanted(name: str, shape: Shape, record: type) -> str:
    if record is Experiment and name in REGISTRY:
        return f"one of {', '.join(names(name))}"
    return "a mapping" if dataclasses.is_dataclass(shape.hint) else described(shape.hint)


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _placed(message: str, where: str, own: dict[str, str]) -> tuple[str, str]:
    """(dotted key, sentence) of a component's own `place: sentence`.

    Args:
        own: what components call themselves, and the key that stands for it.
    """
    place, separator, sentence = message.partition(": ")
    head, dot, rest = place.partition(".")
    if not separator:
        return where, message
    if place in own:
        return own[place], sentence
    if head in own:
        return own[head] + dot + rest, sentence
    if not where or place == where or place.startswith(f"{where}."):
        return place, sentence
    return where, message
