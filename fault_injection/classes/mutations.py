"""Mutations of a config: of its plain values, and of its text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

_NUMBERS = (
    0, -1, 1, 2, 3, 2**31, -(2**31), 2**63, 2**64, 10**18, 2**127, 2**200, 0.0, -0.0, 1e-300, 5e-324, 1e308, -1e308,
    0.5, float("inf"), float("-inf"), float("nan"), 1.5, 1e9, 1_000_000_000,
)  # fmt: skip
_TEXTS = (
    "", " ", "~", "null", "true", "nan", "1e3", "a" * 5000, "\x1b[31mred", "line\nbreak", "a -> b", "a->", "->", "..",
    "../../x", "\u202e", "\ufeff", "é", "日本", "😀", "\0", "Nonsense", "os:system", "builtins:dict",
    "evo.experiment.experiment:Experiment",
    "a.b.c:D", ":", "x:", ":x", ".:x", "posixpath:join", "cuda:99", "meta", "cpu:1",
    "innate.", ".x", "learned.nonsense", "%s", "{0}", "{",
)  # fmt: skip
_TEXT_LINES = (
    "a: &a [1]", "b: *a", "<<: *a", "<<: {seed: 1}", "x: !!python/object:os.system ls",
    "y: !!python/object/apply:os.system [ls]", "z: !x 1", "seed: 0x10", "seed: 0o17", "seed: 1_000",
    "seed: 2001-02-30", "seed: 2001-02-03", "seed: 12:30:45", "\tseed: 1", "---", "...", "%YAML 1.1", "%TAG ! x",
    "? [a, b]", "? {a: b}", "- x", "{", "}", "[", "]", "'", '"', '"\\ud800": 1', 'seed: "\\x1b[31m"', "? ", ": ",
    "seed: |", "seed: >\n  x", "# comment", "seed: .inf", "seed: .nan", "seed: =", "1: 2", "null: 3",
    "seed: !!binary aGVsbG8=", "seed: !!set {a}", "seed: !!int '3'", "true: false", "[a]: b", "seed: 9" + "9" * 5000,
    "\x07", "\x00", "seed: !!timestamp 1", "sweep: {seed: [1, 2]}", "sweep: {seed: [1, 1.0]}",
    "sweep: {cohort.x: [1]}", "sweep: [1]", "sweep: {a: {b: 1}}",
)  # fmt: skip
_PER_TEXT = 4


def of_values(values: Any, rng: np.random.Generator, places: int | None = None) -> Any:
    """Mutates plain values: the given number of times, or one to four."""
    for _ in range(places or int(rng.integers(1, _PER_TEXT + 1))):
        holders = list(_holders(values))
        holder, key = holders[int(rng.integers(len(holders)))]
        _VALUES[int(rng.integers(len(_VALUES)))](holder, key, holders, rng)
    return values


def of_text(text: str, rng: np.random.Generator) -> bytes:
    """Mutates a text, one to four times."""
    data = text.encode()
    for _ in range(int(rng.integers(1, _PER_TEXT + 1))):
        data = _ON_TEXT[int(rng.integers(len(_ON_TEXT)))](data, rng)
    return data


def _holders(values: Any) -> Iterator[tuple[Any, Any]]:
    """All places in nested values: the container, and the key or index."""
    pairs = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    for key, value in list(pairs):
        yield values, key
        yield from _holders(value)


def _drop(holder: Any, key: Any, holders: list[Any], rng: np.random.Generator) -> None:
    del holder[key]
    if not holder:
        holder.append(0) if isinstance(holder, list) else holder.update(left=0)


def _misspell(holder: Any, key: Any, holders: list[Any], rng: np.random.Generator) -> None:
    if isinstance(holder, dict):
        at = int(rng.integers(len(key) + 1))
        holder[key[:at] + chr(int(rng.integers(32, 0x2FF))) + key[at + 1 :]] = holder.pop(key)


def _move(holder: Any, key: Any, holders: list[Any], rng: np.random.Generator) -> None:
    other, place = holders[int(rng.integers(len(holders)))]
    other[place] = json.loads(json.dumps(holder[key]))


def _double(holder: Any, key: Any, holders: list[Any], rng: np.random.Generator) -> None:
    if isinstance(holder, list):
        holder.insert(0, holder[key])
    else:
        holder[f"{key}{key}"] = holder[key]


def _number(holder: Any, key: Any, holders: list[Any], rng: np.random.Generator) -> None:
    holder[key] = _NUMBERS[int(rng.integers(len(_NUMBERS)))]


def _near(holder: Any, key: Any, holders: list[Any], rng: np.random.Generator) -> None:
    """A number near the original one, which the checks of a component must judge."""
    value = holder[key]
    if isinstance(value, bool):
        holder[key] = not value
    elif isinstance(value, int):
        holder[key] = max(value + int(rng.integers(-3, 4)), 0)
    elif isinstance(value, float):
        holder[key] = value * float(rng.choice([0.1, 0.5, 0.9, 1.1, 2, 10, -1]))


def _words(holder: Any, key: Any, holders: list[Any], rng: np.random.Generator) -> None:
    holder[key] = _TEXTS[int(rng.integers(len(_TEXTS)))]


def _nest(holder: Any, key: Any, holders: list[Any], rng: np.random.Generator) -> None:
    for _ in range(int(rng.choice([1, 2, 15, 30]))):
        holder[key] = [holder[key]] if rng.random() < 0.5 else {"kind": holder[key]}


def _other(holder: Any, key: Any, holders: list[Any], rng: np.random.Generator) -> None:
    others = (None, True, [], {}, [[]], {"kind": "Direct"}, {"evolve": [0, 1]}, {"evolve": [1, 0]}, {"kind": None})
    holder[key] = json.loads(json.dumps(others[int(rng.integers(len(others)))]))


def _shuffle(holder: Any, key: Any, holders: list[Any], rng: np.random.Generator) -> None:
    if isinstance(holder, list):
        rng.shuffle(holder)  # type: ignore[arg-type]


def _cut(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: int(rng.integers(len(data) + 1))]


def _bytes(data: bytes, rng: np.random.Generator) -> bytes:
    at, count = int(rng.integers(len(data) + 1)), int(rng.choice([1, 1, 2, 50]))
    return data[:at] + rng.bytes(count) + data[at + count * int(rng.integers(2)) :]


def _flip(data: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(data or b" ")
    changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _line(data: bytes, rng: np.random.Generator) -> bytes:
    lines = data.split(b"\n")
    line = _TEXT_LINES[int(rng.integers(len(_TEXT_LINES)))].encode(errors="surrogatepass")
    lines.insert(int(rng.integers(len(lines) + 1)), b" " * int(rng.choice([0, 0, 2, 4])) + line)
    return b"\n".join(lines)


def _lines(data: bytes, rng: np.random.Generator) -> bytes:
    """A line deleted, doubled, moved, or with other spaces before it."""
    lines = data.split(b"\n")
    one, other, how = int(rng.integers(len(lines))), int(rng.integers(len(lines))), int(rng.integers(4))
    if how == 0:
        del lines[one]
    elif how == 1:
        lines.insert(other, lines[one])
    elif how == 2:
        lines[one], lines[other] = lines[other], lines[one]
    else:
        lines[one] = rng.choice([b"\t", b" ", b"   ", b"- "]).item() + lines[one].lstrip()
    return b"\n".join(lines)


def _deep(data: bytes, rng: np.random.Generator) -> bytes:
    depth = int(rng.choice([10, 100, 5000]))
    inner = b"[" * depth + (b"]" * depth if rng.random() < 0.5 else b"")
    return data + b"\nseed: " + (inner if rng.random() < 0.5 else b"{a: " * depth)


def _long(data: bytes, rng: np.random.Generator) -> bytes:
    line = [b"# " + b"x" * 120_000, b"x" * 90_000 + b": 1", b"seed: " + b"[1, " * 20_000, b"seed: " + b"7" * 90_000]
    return data + b"\n" + line[int(rng.integers(len(line)))]


def _character(data: bytes, rng: np.random.Generator) -> bytes:
    """Inserts syntax at a wrong place."""
    at, signs = int(rng.integers(len(data) + 1)), b"{}[]:,-#&*!|>'\"%@`?~\t\r\n\\ "
    return data[:at] + bytes([signs[int(rng.integers(len(signs)))]]) + data[at + int(rng.integers(2)) :]


_VALUES = (_drop, _misspell, _move, _double, _number, _near, _near, _near, _words, _nest, _other, _shuffle)
_ON_TEXT = (_cut, _bytes, _flip, _flip, _line, _line, _lines, _lines, _character, _character, _deep, _long)
