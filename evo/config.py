"""Strict YAML <-> Experiment: every mistake of a file at once, each a sentence with its key and the nearest name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from pydantic_core import to_jsonable_python

from evo.document import LARGEST, parse, write
from evo.experiment import Experiment
from evo.mistakes import COMMAND_LINE, Mistake, begin_of
from evo.reader import Reader, name_in, opened, shown
from evo.registry import REGISTRY, kind_of
from genomes.expect import Unexpected, nearest, usable

_LONGEST = 1200
"""Characters of a sentence; whoever gave a text of 5,000 does not want all of it back."""


def load(path_or_name: str | PathLike[str], overrides: Sequence[str] = (), allow_code: bool = False) -> Experiment:
    """The experiment of a file, or of a shipped config by its name.

    Args:
        overrides: `KEY=VALUE`: a dotted key (groups by name: `topology.groups.hidden.size=64`) and a value in YAML.
        allow_code: whether the file may name a stranger's class, `module:Class`; overrides always may.

    Raises:
        Unexpected: a sentence a line, `file: dotted.key: expected ..., got ...`, for every mistake there is.
    """
    name, data = document(path_or_name)
    return understood(data, name, overrides, allow_code)


def document(path_or_name: str | PathLike[str]) -> tuple[str, Any]:
    """What messages call a file, or a shipped config by its name, and the plain values in it.

    Raises:
        Unexpected: no such file, or no YAML.
    """
    path = _found(path_or_name)
    return path.name, parse(_text(path), path.name)


def read(text: str, name: str, overrides: Sequence[str] = (), allow_code: bool = False) -> Experiment:
    """The experiment that a YAML text means; `name` is what messages call it. Otherwise as `load`."""
    return understood(parse(text, name), name, overrides, allow_code)


def understood(
    data: Any,
    name: str,
    overrides: Sequence[str] = (),
    allow_code: bool = False,
    swept: Mapping[str, tuple[Any, bool]] | None = None,
) -> Experiment:
    """The experiment that plain values mean: a mapping as YAML or JSON gives it. Otherwise as `read`.

    Args:
        swept: what one member of a set has for each key of its sweep, and whether the command line sweeps it.
    """
    if not isinstance(data, dict):
        raise Unexpected(f"{name}: expected a mapping with keys such as topology and task, got {shown(data)}")
    as_it_stands, data = ({key: opened(key, value) for key, value in deepcopy(data).items()} for _ in range(2))
    begins: dict[str, str] = {}  # of a sentence about a key that is not as in the file
    mistakes, own, theirs = [], set(), set()
    for override in overrides:
        try:
            own |= (new := _override(data, override))
            begins |= dict.fromkeys(new, f"{COMMAND_LINE}: ")
        except Unexpected as error:
            mistakes.append(str(error))
    if data.pop("sweep", None) is not None:
        raise Unexpected(f"{name}: sweep: expected one experiment, got a set of them; sweep=null takes it without")
    for key, (value, ours) in (swept or {}).items():
        begin = f"{COMMAND_LINE if ours else name}: sweep."
        try:
            begins |= dict.fromkeys(_set(data, key, value, begin), begin)
            own.add(key) if ours else theirs.add(key.removesuffix(".kind"))
        except Unexpected as error:
            mistakes.append(str(error))
    own_code = {seam for seam in REGISTRY if {seam, f"{seam}.kind"} & own} - theirs
    reader = Reader(REGISTRY.keys() if allow_code else own_code)
    experiment = reader.experiment(data)
    alone = partial(_mistakes_of, as_it_stands, reader)
    mistakes += [_told(each, begin_of(each, begins, name, alone)) for each in reader.mistakes]
    if experiment is None or mistakes:
        raise Unexpected("\n".join(mistakes))
    return experiment


def _mistakes_of(data: dict[str, Any], reader: Reader) -> list[Mistake]:
    """Of a file as it stands, read as that reader reads."""
    alone = Reader(reader.trusted)
    alone.experiment({key: value for key, value in data.items() if key != "sweep"})
    return alone.mistakes


def _told(mistake: Mistake, begin: str) -> str:
    """One mistake, with where it stands."""
    where, sentence = mistake
    told = f"{begin}{where}: {sentence}" if where else f"{begin}{sentence}"
    return told if len(told) <= _LONGEST else f"{told[: _LONGEST // 2]} ... {told[-_LONGEST // 2 :]}"


def dump(experiment: Experiment) -> str:
    """Complete YAML with every default written out: `read(dump(e), ...) == e`."""
    return write(plain_values(experiment))


def plain_values(experiment: Experiment) -> dict[str, Any]:
    """Complete plain values, as a mapping for YAML or JSON: `understood(plain_values(e), ...) == e`."""
    plain = _plain(experiment)
    for seam in REGISTRY:
        component = getattr(experiment, seam)
        plain[seam] = _plain_component(seam, component)
    plain["held_out"] = {name: _plain_component("world", away) for name, away in experiment.held_out}
    return {key: value for key, value in plain.items() if value not in (None, {})}


def differing(one: Experiment, other: Experiment) -> dict[str, tuple[Any, Any]]:
    """Every dotted key at which two experiments differ, and both values; None where there is none."""
    here, there = _flat(plain_values(one), ""), _flat(plain_values(other), "")
    both = ((key, (here.get(key), there.get(key))) for key in {**here, **there})
    return {key: (mine, theirs) for key, (mine, theirs) in both if mine != theirs}


def _flat(value: Any, key: str) -> dict[str, Any]:
    """Plain values by dotted key; items of lists by their names, where they have names."""
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        value = {name_in(value, i): item for i, item in enumerate(value)}
    if not isinstance(value, dict):
        return {key: value}
    return {at: leaf for name, item in value.items() for at, leaf in _flat(item, f"{key}.{name}".strip(".")).items()}


def shipped() -> dict[str, Path]:
    """The configs that come with the package, by name."""
    package = Path(__file__).parent
    # a wheel carries them inside evo; in the source tree they lie beside it
    folder = package / "configs" if (package / "configs").is_dir() else package.parent / "configs"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def _found(path_or_name: str | PathLike[str]) -> Path:
    path, names = usable(path_or_name), shipped()
    if path.is_file():
        return path
    if str(path_or_name) in names:
        return names[str(path_or_name)]
    if path.is_dir():
        raise Unexpected(f"{path_or_name}: expected a config, got a folder")
    if path.suffix or len(path.parts) > 1:
        raise Unexpected(
            f"{path_or_name}: no such file" + (f"; '{path.stem}' is shipped" if path.stem in names else "")
        )
    raise Unexpected(f"{path_or_name}: no such file, and no shipped config of that name; {nearest(path.name, names)}")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(4 * LARGEST + 1)  # parse() counts characters, of at most four bytes
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unexpected(f"{path.name}: expected UTF-8 text, got byte {error.object[error.start]:#04x}") from error
    except OSError as error:
        raise Unexpected(f"{path.name}: cannot be read: {error.strerror}") from error


def _override(data: Any, text: str) -> set[str]:
    """Sets one value in the plain data; gives the keys that are now the command line's."""
    key, new = split(text)
    return _set(data, key, new, f"{COMMAND_LINE}: ")


def split(override: str) -> tuple[str, Any]:
    """KEY=VALUE as the dotted key and the value that it means in YAML.

    Raises:
        Unexpected: anything else.
    """
    key, equals, value = override.partition("=")
    key = key.strip()
    if not equals or not all(key.split(".")):
        raise Unexpected(f"{COMMAND_LINE}: expected KEY=VALUE, got '{override}'")
    return key, parse(value, f"{COMMAND_LINE}: {key}")


def _set(data: Any, key: str, value: Any, begin: str) -> set[str]:
    """Puts a value at a dotted key, with `begin` before a sentence about it; gives the keys that are now new."""
    parts, inner, created = key.split("."), data, {key}
    for i, part in enumerate(parts[:-1]):
        place = _place(inner, part, ".".join(parts[:i]), begin)
        if isinstance(inner, dict) and place not in inner:
            inner[place] = {}
            created.add(".".join(parts[: i + 1]))
        inner = inner[place]
    inner[_place(inner, parts[-1], ".".join(parts[:-1]), begin)] = opened(key, value)
    return created


def _place(inner: Any, part: str, where: str, begin: str) -> str | int:
    """The key of a mapping, or the index of a list's item that is given by number or name."""
    if isinstance(inner, dict):
        return part
    if not isinstance(inner, list):
        raise Unexpected(f"{begin}{where}.{part}: {where} is {shown(inner)}, which has no parts")
    items = [name_in(inner, i) for i in range(len(inner))]
    numbers = [str(i) for i in range(len(inner))]
    for known in (items, numbers):
        if part in known:
            return known.index(part)
    raise Unexpected(f"{begin}{where}.{part}: no such item; {nearest(part, items)}")


def _plain_component(seam: str, component: object) -> dict[str, Any] | None:
    return None if component is None else {"kind": kind_of(seam, component), **_plain(component)}


def _plain(value: Any) -> Any:
    """A value of a config as YAML holds it: mappings, lists, text, numbers."""
    if dataclasses.is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value) if field.init}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return to_jsonable_python(value)
