"""The types of the fields of a class, from its annotations: for reading a config, and in words for messages."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, final, get_args, get_origin, get_type_hints

from genomes.errors import InputError
from genomes.evolvable import evolvable_names

_WORDS = {int: "a whole number", float: "a finite number", bool: "true or false", str: "text", NoneType: "null"}


@final
@dataclass(frozen=True)
class Shape:
    """The type of a field; required, evolvable and code tell if it must be given, may be a gene, or may name code."""

    hint: Any
    required: bool
    evolvable: bool
    code: bool


@lru_cache(maxsize=256)
def shapes(record: type) -> dict[str, Shape]:
    """The fields that a config can give, by name.

    Raises:
        InputError: a type is imported for type checkers only.
    """
    try:
        hints = get_type_hints(record, include_extras=True)
    except NameError as error:
        raise InputError(f"{record.__name__}: expected types that are imported at run time, but {error}") from error
    genes = evolvable_names(record)
    missing = dataclasses.MISSING
    return {
        f.name: Shape(hints[f.name], f.default is f.default_factory is missing, f.name in genes, "code" in f.metadata)
        for f in dataclasses.fields(record)
        if f.init
    }


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
