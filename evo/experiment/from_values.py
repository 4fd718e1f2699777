"""Plain values -> frozen dataclasses by the types of their fields, collecting all mistakes on the way."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, final, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from evo.experiment.experiment import ENVIRONMENTS, NUMBERS, Experiment, check_alone
from evo.experiment.field_types import Shape, described, shapes
from evo.experiment.keys import NOTHING, join, name_in, opened, placed, shown
from evo.experiment.mistakes import look_on
from evo.experiment.registry import REGISTRY, names, not_allowed, resolve, seam_named
from genomes.errors import InputError, nearest
from genomes.evolvable import evolvable_names
from genomes.evolve import Among, Category, Evolve
from genomes.foreign import complaint, is_house, modules_in
from genomes.genome import CHROMOSOMES
from genomes.topology import Group
from inner_loop.lives.samples import Lifetime
from inner_loop.rule import LearningRule

_EVOLVING = tuple(chromosome.name for chromosome in CHROMOSOMES)
_STRICT = ConfigDict(strict=True, allow_inf_nan=False, extra="forbid")
_WRONG = object()  # marks a value that could not be read


@final
class Reader:
    """Reads one experiment.

    Attributes:
        trusted: keys at or below which code may be named (True) or not (False); elsewhere it may not.
        mistakes: (dotted key, message) in the order of discovery.
    """

    def __init__(self, trusted: Mapping[str, bool]) -> None:
        self.trusted = trusted
        self._allowed = set[str]()  # code that was allowed at its first place: held-out worlds repeat it
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
            self.mistakes.append((join(where, key), f"no such key in {record.__name__}; {guess}"))
        whole = record is Experiment
        values = self._parts(known, data) if whole else self._fields(record, known, data, where, evolves)
        made = self._built(record, values, where) if len(self.mistakes) == before else _WRONG
        if made is _WRONG:
            # numbers and words with a default: their values do not affect the checks of other fields
            plain = NUMBERS if record is Experiment else [n for n in values if not isinstance(data[n], (dict, list))]
            spare = [name for name in plain if not known[name].required]

            def built(wrong: Collection[str]) -> bool:
                given = {name: value for name, value in values.items() if name not in wrong}
                return self._built(record, given, where) is not _WRONG

            look_on(self.mistakes, before, where, known, spare, built)
        return made

    def _fields(
        self, record: type, known: Mapping[str, Shape], data: dict[str, Any], where: str, evolves: bool
    ) -> dict[str, Any]:
        """The fields of a component, or of a part of one."""
        values: dict[str, Any] = {}
        for name, shape in known.items():
            if name in data:
                values[name] = self._field(record, shape, data[name], join(where, name), evolves)
            elif shape.required:
                self._expected(join(where, name), _wanted(name, shape, record), NOTHING)
        return values

    def _parts(self, known: Mapping[str, Shape], data: dict[str, Any]) -> dict[str, Any]:
        """The parts of an experiment: components, a lifetime of the environment's kind, numbers."""
        values: dict[str, Any] = {}
        given = [key for key in ENVIRONMENTS if data.get(key) is not None]
        life = ENVIRONMENTS[given[-1]] if given else Lifetime
        for name, shape in known.items():
            if name == "lifetime":
                values[name] = self._record(life, data.get(name, {}), name)
            elif data.get(name) is None and self._needed(name, shape, values, given, data.get("rule")):
                beside = ", or a world or a target" if name == "task" else ""
                self._expected(name, f"{_wanted(name, shape, Experiment)}{beside}", NOTHING)
            elif name == "rule" and name not in data:  # nothing is lived
                values[name] = self.component(name, "Frozen", name)
            elif name not in data or (data[name] is None and name in REGISTRY):
                continue
            elif name in REGISTRY:
                values[name] = self.component(name, data[name], name)
            elif name == "held_out":
                values[name] = self._held_out(data)
            else:
                values[name] = self._alone(name, self._field(Experiment, shape, data[name], name, False))
        return values

    def _needed(self, name: str, shape: Shape, values: Mapping[str, Any], given: Sequence[str], rule: Any) -> bool:
        """True if an experiment needs a part; `values` holds the parts before it, `rule` the data of its rule."""
        if name == "task":
            return not given
        if name == "objective":  # a world may have no targets: the experiment checks that first
            return given != ["world"] and _descends(values.get("rule"), rule)
        return shape.required and not (name == "rule" and given == ["target"])

    def _alone(self, name: str, value: Any) -> Any:
        """Checks a field of the experiment that can be wrong independently of the others."""
        if value is not _WRONG:
            try:
                check_alone(name, value)
            except InputError as error:
                self.mistakes.append(placed(str(error), name, {}))
                return _WRONG
        return value

    def _built(self, record: type, values: dict[str, Any], where: str) -> Any:
        """Builds the instance, whose own checks may raise an error."""
        last, called = where.rpartition(".")[2], record.__name__
        own = dict.fromkeys((called, called.lower(), last, f"{called.lower()} {last}"), where)
        if record is Experiment:
            classes = {seam: type(values[seam]).__name__ for seam in REGISTRY if seam in values}
            own = {called: seam for seam, name in classes.items() for called in (name, f"{seam} {name}")}
        try:
            made = record(**values)
            hash(made)
        except ValueError as error:
            self.mistakes.append(placed(str(error), where, own))
        except Exception as error:
            if isinstance(error, TypeError) and "unhashable" in str(error):
                sentence = f"expected a tuple in place of every list in {called}: {error}"
            elif all(map(is_house, {record.__module__, *modules_in(values)})):
                raise
            else:  # a user-defined class may raise any error, in its own checks or in later calls
                sentence = f"refused by code that is not part of instinct: {complaint(error)}"
            self.mistakes.append((where, sentence))
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
            return _WRONG  # the mistakes of the world would be repeated for every held-out world
        found = []
        for name, changes in named.items():
            where = join("held_out", name)
            if isinstance(changes, dict):
                found.append((name, self.component("world", {**home, **changes}, where)))
            else:
                self._expected(where, "a mapping of what differs from the world", changes)
        return tuple(found)

    def component(self, seam: str, data: Any, where: str) -> Any:
        """Reads a component: its name, or a mapping with its name as `kind`."""
        data = opened(seam, data)
        if not isinstance(data, dict):
            return self._expected(where, f"one of {', '.join(names(seam))}", data)
        kind = data.get("kind")
        if not isinstance(kind, str):
            got = kind if "kind" in data else NOTHING
            return self._expected(f"{where}.kind", f"one of {', '.join(names(seam))}", got)
        fields = {key: value for key, value in data.items() if key != "kind"}
        try:
            found = resolve(seam, kind, self._may_run(kind, f"{where}.kind"))
            return self._record(found, fields, where, seam in (*_EVOLVING, "neuron"))
        except InputError as error:
            self.mistakes.append(placed(str(error), seam, {seam: where}))
            return _WRONG

    def _may_run(self, text: str, where: str) -> bool:
        """True if the code that a text names may be imported: the nearest key above it in `trusted` decides."""
        parts = where.split(".")
        above = [".".join(parts[: len(parts) - i]) for i in range(len(parts))]
        may = text in self._allowed or next((self.trusted[key] for key in above if key in self.trusted), False)
        if may:
            self._allowed.add(text)
        return may

    def _field(self, record: type, shape: Shape, data: Any, where: str, evolves: bool) -> Any:
        heritable = isinstance(data, dict) and bool({"evolve", "among"} & data.keys())
        if heritable and not (shape.evolvable and evolves) and not dataclasses.is_dataclass(shape.hint):
            genes = ", ".join(evolvable_names(record)) if evolves else ""
            return self._expected(
                where, f"a constant (only real numbers of {', '.join(_EVOLVING)} evolve, here {genes or 'none'})", data
            )
        if shape.code and isinstance(data, str) and ":" in data and not self._may_run(data, where):
            self.mistakes.append((where, not_allowed(data)))
            return _WRONG
        if shape.evolvable and isinstance(data, dict):
            return self._record(Among if "among" in data else Evolve, data, where)
        if shape.evolvable:
            bare = get_args(shape.hint)[0] if get_origin(shape.hint) is Annotated else shape.hint
            constant = str if bare == Category else float
            genes = "{among: [...]}" if constant is str else "{evolve: [lowest, highest]} or {among: [...]}"
            expected = f"{described(constant)} or {genes}" if evolves else described(constant)
            return self._leaf(constant, data, where, expected)
        return self._value(shape.hint, data, where, evolves)

    def _value(self, hint: Any, data: Any, where: str, evolves: bool = False) -> Any:
        """A value of any type: components and dataclasses here, other types by pydantic."""
        expected, inner = described(hint), [arg for arg in get_args(hint) if arg is not NoneType]
        if get_origin(hint) in (Union, UnionType) and len(inner) == 1 and data is not None:
            hint, inner = inner[0], list(get_args(inner[0]))
        if (seam := seam_named(hint)) is not None:
            return self.component(seam, data, where)
        if dataclasses.is_dataclass(hint):
            return self._record(hint, data, where, evolves)  # type: ignore[arg-type]
        if (
            get_origin(hint) is tuple
            and inner[1:] == [...]
            and (dataclasses.is_dataclass(inner[0]) or seam_named(inner[0]) is not None)
        ):
            if not isinstance(data, list):
                return self._expected(where, "a list", data)
            each = [(item, f"{where}.{name_in(data, i)}") for i, item in enumerate(data)]
            made = [self._value(inner[0], item, at, evolves) for item, at in each]
            return _WRONG if any(one is _WRONG for one in made) else tuple(made)
        return self._leaf(hint, data, where, expected)

    def _leaf(self, hint: Any, data: Any, where: str, expected: str) -> Any:
        try:
            # JSON's strict mode accepts lists for tuples and 3 for 3.0, but not 3.0 for 3 or '3' for 3
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


def _descends(rule: Any, data: Any) -> bool:
    """True if the rule needs an objective; of a rule that could not be read, its class is asked."""
    if rule is _WRONG:
        kind = opened("rule", data)
        named = kind.get("kind") if isinstance(kind, dict) else None
        rule = next((known() for known in REGISTRY["rule"] if known.__name__ == named), None)
    return isinstance(rule, LearningRule) and rule.teacher == "error"


def _wanted(name: str, shape: Shape, record: type) -> str:
    if record is Experiment and name in REGISTRY:
        return f"one of {', '.join(names(name))}"
    return "a mapping" if dataclasses.is_dataclass(shape.hint) else described(shape.hint)
