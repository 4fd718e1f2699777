"""Strict YAML <-> Experiment: reports all mistakes of a file at once, each with its key and the nearest name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from os import PathLike
from pathlib import Path
from typing import Any

from evo.experiment.dump import dump, plain_component, plain_values
from evo.experiment.experiment import Experiment
from evo.experiment.from_values import Reader
from evo.experiment.keys import name_in, opened, shown
from evo.experiment.mistakes import COMMAND_LINE, Mistake, begin_of
from evo.experiment.registry import REGISTRY
from evo.experiment.strict_yaml import LARGEST, parse, write
from genomes.errors import InputError, nearest, usable

_WITH_CODE = (*REGISTRY, "topology", "held_out")
"""Keys at or below which a config may name code."""

_LONGEST = 1200
"""Maximal number of characters of a message; longer ones are cut in the middle."""


def load(path_or_name: str | PathLike[str], overrides: Sequence[str] = (), allow_code: bool = False) -> Experiment:
    """Reads the experiment of a file, or of a shipped config by its name.

    Args:
        overrides: `KEY=VALUE`: a dotted key (groups by name: `topology.groups.hidden.size=64`) and a value in YAML.
        allow_code: True lets the file name a user-defined class, `module:Class`; overrides always may.

    Raises:
        InputError: one line for every mistake, `file: dotted.key: expected ..., got ...`.
    """
    name, data = document(path_or_name)
    return understood(data, name, overrides, allow_code)


def document(path_or_name: str | PathLike[str]) -> tuple[str, Any]:
    """The name of a file or shipped config in messages, and the plain values in it.

    Raises:
        InputError: there is no such file, or it is not valid YAML.
    """
    path = _found(path_or_name)
    return path.name, parse(_text(path), path.name)


def read(text: str, name: str, overrides: Sequence[str] = (), allow_code: bool = False) -> Experiment:
    """Reads the experiment of a YAML text; messages call it `name`. Otherwise as `load`."""
    return understood(parse(text, name), name, overrides, allow_code)


def understood(
    data: Any,
    name: str,
    overrides: Sequence[str] = (),
    allow_code: bool = False,
    swept: Mapping[str, tuple[Any, bool]] | None = None,
) -> Experiment:
    """Builds the experiment of plain values: a mapping, as read from YAML or JSON. Otherwise as `read`.

    Args:
        swept: for one member of a set, its value of each key of the sweep, and True if the command line sweeps that
            key.
    """
    if not isinstance(data, dict):
        raise InputError(f"{name}: expected a mapping with keys such as topology and task, got {shown(data)}")
    as_it_stands, data = ({key: opened(key, value) for key, value in deepcopy(data).items()} for _ in range(2))
    begins, mistakes, own, theirs = _changed(data, name, overrides, swept or {})
    reader = Reader(dict.fromkeys(_WITH_CODE, True) if allow_code else _trusted(own, theirs))
    experiment = reader.experiment(data)

    def alone() -> list[Mistake]:
        file = Reader(reader.trusted)
        file.experiment({key: value for key, value in as_it_stands.items() if key != "sweep"})
        return file.mistakes

    mistakes += [_told(each, begin_of(each, begins, name, alone)) for each in reader.mistakes]
    if experiment is None or mistakes:
        raise InputError("\n".join(mistakes))
    return experiment


def _changed(
    data: dict[str, Any], name: str, overrides: Sequence[str], swept: Mapping[str, tuple[Any, bool]]
) -> tuple[dict[str, str], list[str], set[str], set[str]]:
    """Writes the values of overrides and of a sweep into the data.

    Returns:
        begins: by key, the beginning of messages about keys that differ from the file.
        mistakes: the messages.
        own, theirs: keys with values from the command line, and from a sweep of the file.
    """
    begins: dict[str, str] = {}
    mistakes: list[str] = []
    own: set[str] = set()
    theirs: set[str] = set()
    for override in overrides:
        try:
            own |= (new := _override(data, override))
            begins |= dict.fromkeys(new, f"{COMMAND_LINE}: ")
        except InputError as error:
            mistakes.append(str(error))
    if data.pop("sweep", None) is not None:
        raise InputError(f"{name}: sweep: expected one experiment, got a set of them; sweep=null takes it without")
    for key, (value, ours) in swept.items():
        begin = f"{COMMAND_LINE if ours else name}: sweep."
        try:
            begins |= dict.fromkeys(_set(data, key, value, begin), begin)
            own.add(key) if ours else theirs.add(key)
        except InputError as error:
            mistakes.append(str(error))
    return begins, mistakes, own, theirs


def _trusted(own: Collection[str], theirs: Collection[str]) -> dict[str, bool]:
    """True for keys at which code may be named: those of the command line, unless a file's sweep overwrote them."""
    overwritten = {key for key in own for later in theirs if f"{key}.".startswith(f"{later.removesuffix('.kind')}.")}
    return dict.fromkeys(own, True) | dict.fromkeys({*theirs, *overwritten}, False)


def _told(mistake: Mistake, begin: str) -> str:
    """The message of a mistake, with its place."""
    where, sentence = mistake
    told = f"{begin}{where}: {sentence}" if where else f"{begin}{sentence}"
    return told if len(told) <= _LONGEST else f"{told[: _LONGEST // 2]} ... {told[-_LONGEST // 2 :]}"


def shipped() -> dict[str, Path]:
    """The configs in the package, by name."""
    package = Path(__file__).parents[1]
    # a wheel contains them inside evo; in the source tree they are beside it
    folder = package / "configs" if (package / "configs").is_dir() else package.parent / "configs"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def _found(path_or_name: str | PathLike[str]) -> Path:
    path, names = usable(path_or_name), shipped()
    if path.is_file():
        return path
    if str(path_or_name) in names:
        return names[str(path_or_name)]
    if path.is_dir():
        raise InputError(f"{path_or_name}: expected a config, got a folder")
    if path.suffix or len(path.parts) > 1:
        raise InputError(
            f"{path_or_name}: no such file" + (f"; '{path.stem}' is shipped" if path.stem in names else "")
        )
    raise InputError(f"{path_or_name}: no such file, and no shipped config of that name; {nearest(path.name, names)}")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(4 * LARGEST + 1)  # parse() counts characters, of at most four bytes
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name}: expected UTF-8 text, got byte {error.object[error.start]:#04x}") from error
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read: {error.strerror}") from error


def _override(data: Any, text: str) -> set[str]:
    """Sets one value in the plain data; returns the keys that now come from the command line."""
    key, new = split(text)
    return _set(data, key, new, f"{COMMAND_LINE}: ")


def split(override: str) -> tuple[str, Any]:
    """Splits KEY=VALUE into the dotted key and its value, read as YAML.

    Raises:
        InputError: the text has another form.
    """
    key, equals, value = override.partition("=")
    key = key.strip()
    if not equals or not all(key.split(".")):
        raise InputError(f"{COMMAND_LINE}: expected KEY=VALUE, got '{override}'")
    return key, parse(value, f"{COMMAND_LINE}: {key}")


def _set(data: Any, key: str, value: Any, begin: str) -> set[str]:
    """Sets a value at a dotted key; messages about it begin with `begin`. Returns the keys that it set."""
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
    """The key of a mapping, or the index of a list's item that is named by number or name."""
    if isinstance(inner, dict):
        return part
    if not isinstance(inner, list):
        raise InputError(f"{begin}{where}.{part}: {where} is {shown(inner)}, which has no parts")
    items = [name_in(inner, i) for i in range(len(inner))]
    numbers = [str(i) for i in range(len(inner))]
    for known in (items, numbers):
        if part in known:
            return known.index(part)
    raise InputError(f"{begin}{where}.{part}: no such item; {nearest(part, items)}")


def twin(experiment: Experiment) -> Experiment:
    """The experiment as later processes read it from its run folder, with text and numbers of plain types.

    Raises:
        InputError: it cannot be written to a config, or it differs when read back.
    """
    text = dump(experiment)
    made = read(text, "the experiment as a config", allow_code=True)
    if made != experiment:
        _check_same(plain_values(experiment), plain_values(made), "")
    return made


def check_readable(seam: str, component: object) -> None:
    """Raises InputError unless a component can be written to a config and is equal when read back."""
    plain = plain_component(seam, component)
    reader = Reader(dict.fromkeys(_WITH_CODE, True))
    made = reader.component(seam, parse(write({seam: plain}), seam)[seam], seam)
    if reader.mistakes:
        raise InputError("\n".join(f"{where}: {sentence}" for where, sentence in reader.mistakes))
    if made != component:
        _check_same(plain, plain_component(seam, made), seam)


def _check_same(written: Any, again: Any, where: str) -> None:
    if isinstance(written, dict) and isinstance(again, dict):
        for key in written:
            _check_same(written[key], again.get(key), f"{where}.{key}" if where else key)
    elif written != again:
        raise InputError(f"{where}: expected a value that a config can hold, got {shown(written)}, read as {again!r}")
