"""Strict YAML 1.2: text <-> plain values. One document, no tags, no aliases, no key twice; 1e-3 is a number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import StringIO
from typing import Any, final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import SafeRepresenter

from genomes.errors import InputError

LARGEST = 100_000
"""Maximal length of a config: fifty times the usual length, and readable within seconds for any text."""

_PLAIN = re.compile(r"[\w ./:+>-]*", re.ASCII)
_DEEPEST = 20
_LONGEST = 300  # characters of a text that a message quotes
_WIDEST = 128  # bits of a whole number: a seed may be a UUID


def parse(text: str, name: str) -> Any:
    """The value of a text: None, bool, int, float, str, list, or dict with text as keys.

    Args:
        name: of the file, for messages.

    Raises:
        InputError: `name:line: ...` for broken or refused YAML, `name: key: ...` for a value of no plain type.
    """
    if len(text) > LARGEST:
        raise InputError(f"{name}: expected at most {LARGEST} characters, got {len(text)}")
    try:
        _check_events(text, name)
        value = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = "" if mark is None else f":{mark.line + 1}"
        raise InputError(f"{name}{line}: expected valid YAML, but {_in_a_line(error.problem)}") from error
    except YAMLError as error:
        raise InputError(f"{name}: expected valid YAML, but {_in_a_line(str(error))}") from error
    except InputError:
        raise
    except (ValueError, TypeError, ArithmeticError, AttributeError, LookupError) as error:
        # the YAML reader itself fails on some scalars, such as a date without a month or a number of 5,000 digits
        raise InputError(
            f"{name}: expected valid YAML, but a value cannot be read: {_in_a_line(str(error))}"
        ) from error
    strange = list(_strange(value, ""))
    if strange:
        raise InputError("\n".join(f"{name}: {sentence}" for sentence in strange))
    return value


def write(value: Any) -> str:
    """Writes plain values as YAML that `parse` reads back to equal ones; the innermost collections are on one line."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.allow_unicode = True
    yaml.default_flow_style = None
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 120
    stream = StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()


@final
class _Representer(SafeRepresenter):  # type: ignore[misc]
    """Quotes text with any but the plainest characters: the writer leaves some text bare that the reader misreads."""

    def text(self, value: str) -> ScalarNode:
        """Leaves plain text bare, unless the reader would not read it as text."""
        return self.represent_scalar("tag:yaml.org,2002:str", value, style=None if _PLAIN.fullmatch(value) else '"')


_Representer.add_representer(str, _Representer.text)


def _check_events(text: str, name: str) -> None:
    """Refuses YAML that needs more than plain values, before any value is built."""
    for line, start in enumerate(text.splitlines(), 1):
        if start.startswith("%"):  # %YAML 1.1 would read 1e-3 as text and yes as true
            raise InputError(f"{name}:{line}: expected no % directives")
    documents = depth = 0
    for event in YAML(typ="safe", pure=True).parse(StringIO(text)):
        documents += isinstance(event, DocumentStartEvent)
        depth += isinstance(event, (MappingStartEvent, SequenceStartEvent))
        depth -= isinstance(event, (MappingEndEvent, SequenceEndEvent))
        refused = _refused(event, documents, depth)
        if refused:
            raise InputError(f"{name}:{event.start_mark.line + 1}: expected {refused}")


def _refused(event: Event, documents: int, depth: int) -> str:
    if isinstance(event, AliasEvent) or getattr(event, "anchor", None) is not None:
        return "no anchors and aliases (& and *)"
    if getattr(event, "ctag", None):
        return f"no tags, got '{event.ctag}'"
    if documents > 1:
        return "one document, got another"
    return f"at most {_DEEPEST} levels, got more" if depth > _DEEPEST else ""


def _strange(value: Any, where: str) -> Iterator[str]:
    """Yields a message for every value that is not plain."""
    at = f"{where}: " if where else ""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str) or not key.isprintable():
                yield f"{at}expected keys that are printable text, got {_cut(ascii(key))}"
            else:
                yield from _strange(inner, f"{where}.{key}" if where else key)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _strange(inner, f"{where}.{i}")
    elif isinstance(value, int) and value.bit_length() > _WIDEST:
        yield f"{at}expected a whole number of at most {_WIDEST} bits, got {value.bit_length()} bits"
    elif isinstance(value, str) and not value.isprintable():
        # control characters would reach the reader's terminal through a message or a report
        yield f"{at}expected printable text on one line, got {_cut(ascii(value))}"
    elif not isinstance(value, (str, int, float, bool, type(None))):
        yield f"{at}expected text in quotes or a number, got {value}"


def _in_a_line(problem: str | None) -> str:
    """The message of the YAML reader, which may quote any part of the text."""
    words = " ".join((problem or "it cannot be read").split())
    return _cut("".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in words))


def _cut(words: str) -> str:
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}..."
