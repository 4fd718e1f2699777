"""Labels to whole numbers from 0: text in alphabetical order, numbers in numerical order; class names are kept."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64
from numpy import ndarray

from genomes.errors import InputError, require
from inner_loop.data.readers import is_number

_SHOWN = 60  # characters of a name


def coded(
    raw: dict[str, ndarray], where: dict[str, str], declared: int | None
) -> tuple[dict[str, Int64[ndarray, " n"]], int, tuple[str, ...]]:
    """The classes of samples, the number of classes, and their names.

    Text is sorted, and its names are kept. Numbers begin at 0; if they begin at 1, they are kept as names too.

    Args:
        raw: labels by part, (n,) each.
        where: the name of each part in messages.
        declared: the number of classes; None: every class must occur.

    Returns:
        (n,) from 0 by part; the number of classes; their names, none if they are the numbers themselves.

    Raises:
        InputError: labels that are neither whole numbers nor text, that have a gap, or that exceed the declared number.
    """
    plain = {part: _plain(values, where[part]) for part, values in raw.items()}
    kinds = {part: "text" if values.dtype.kind == "U" else "numbers" for part, values in plain.items()}
    for part, kind in kinds.items():
        require(kind == kinds["train"], where[part], f"labels of {kinds['train']}, as in training", kind)
    if kinds["train"] == "text":
        return _by_name(plain, where, declared)
    return _by_number({part: _whole(values, where[part]) for part, values in plain.items()}, where, declared)


def _plain(values: ndarray, where: str) -> ndarray:
    """Text without extra spaces, or numbers, also if they are written as text."""
    if values.dtype.kind == "S":
        try:
            values = np.char.decode(values, "utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{where}: expected text in UTF-8, got {error.object!r}") from error
    if values.dtype.kind != "U":
        return values
    texts = [" ".join(text.split()) for text in values.tolist()]
    numbers = [is_number(text) for text in texts]
    for sample, (text, number) in enumerate(zip(texts, numbers, strict=True)):
        what = f"{'a number' if numbers[0] else 'text'} as the first label is"
        if not text or number != numbers[0]:
            raise InputError(f"{where}: expected {what}, got {text!r} in sample {sample}")
    return np.array(texts).astype(np.float64) if all(numbers) else np.array(texts)


def _shown(text: str) -> str:
    """A name in a form that reports and graphs can show."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)[:_SHOWN]


def _by_name(
    texts: dict[str, ndarray], where: dict[str, str], declared: int | None
) -> tuple[dict[str, ndarray], int, tuple[str, ...]]:
    names = np.unique(np.concatenate(list(texts.values())))
    few = ", ".join(names[:3].tolist()) + (" ..." if len(names) > 3 else "")
    require(declared in (None, len(names)), where["train"], f"{declared} different labels", f"{len(names)}: {few}")
    codes = {part: np.searchsorted(names, values).astype(np.int64) for part, values in texts.items()}
    return codes, len(names), tuple(map(_shown, names.tolist()))


def _by_number(
    numbers: dict[str, ndarray], where: dict[str, str], declared: int | None
) -> tuple[dict[str, ndarray], int, tuple[str, ...]]:
    seen = np.unique(np.concatenate(list(numbers.values())))
    count = declared or len(seen)
    if seen[0] == 1 and seen[-1] == count:
        return {part: values - 1 for part, values in numbers.items()}, count, tuple(map(str, range(1, count + 1)))
    for part, values in numbers.items() if declared else ():
        require(values.max() < count, where[part], f"labels from 0 to {count - 1}", int(values.max()))
    gaps = np.flatnonzero(seen != np.arange(len(seen)))
    if len(gaps) and not declared:
        every = f"every label from 0 to {seen[-1]}, or from 1"
        kept = f"`classes: {seen[-1] + 1}` would keep an output for it that is never right"
        raise InputError(f"{where['train']}: expected {every}, got no sample of label {gaps[0]}; {kept}")
    return numbers, count, ()


def _whole(raw: ndarray, where: str) -> ndarray:
    """Labels as (n,) int64."""
    for fits, expected in (
        (lambda y: np.isfinite(y) & (y == np.floor(y)), "whole numbers from 0"),
        (lambda y: y >= 0, "labels of at least 0"),
        (lambda y: y < 2**31, "labels below 2147483648"),
    ):
        bad = np.flatnonzero(~fits(raw))
        if len(bad):
            raise InputError(f"{where}: expected {expected}, got {raw[bad[0]]} in sample {bad[0]}")
    return raw.astype(np.int64)
