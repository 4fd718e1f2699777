"""Keys of a config: paths, names of items, short forms, and values as sentences quote them."""

from __future__ import annotations

import json
from typing import Any

from evo.experiment.registry import REGISTRY

NOTHING = object()
"""Stands for a value that a config does not give."""


def opened(key: str, data: Any) -> Any:
    """A component in its long form: `Name` is {kind: Name}, a list of goals is {kind: Scores, names: ...}."""
    if key not in REGISTRY:
        return data
    if isinstance(data, str):
        return {"kind": data}
    return {"kind": "Scores", "names": data} if key == "goals" and isinstance(data, list) else data


def name_in(items: list[Any], index: int) -> str:
    """The name of a list's item in a path: its `name`, as groups have, or its index."""
    item = items[index]
    return item["name"] if isinstance(item, dict) and isinstance(item.get("name"), str) else str(index)


def shown(value: Any) -> str:
    """A value as messages quote it: as in YAML, on one line, and cut if long."""
    if value is NOTHING:
        return "nothing"
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."


def join(where: str, key: str) -> str:
    """A key below another, dotted."""
    return f"{where}.{key}" if where else key


def placed(message: str, where: str, own: dict[str, str]) -> tuple[str, str]:
    """(dotted key, sentence) of a component's own `place: sentence`.

    Args:
        own: the names that components use for themselves, and the key of each.
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
