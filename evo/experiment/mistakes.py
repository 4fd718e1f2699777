"""Finds all mistakes of a config at once: checks are repeated without the fields that are known to be wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches

COMMAND_LINE = "command line"
"""The name in messages for overrides, where others have the name of a file."""

Mistake = tuple[str, str]
"""Dotted key, message."""


def look_on(
    mistakes: list[Mistake],
    begin: int,
    where: str,
    known: Collection[str],
    spare: Collection[str],
    built: Callable[[Collection[str]], bool],
) -> None:
    """Adds the mistakes that a record's own checks find once its wrong fields have their defaults.

    A message that names one of those fields may be about the default, which the user did not write: it is left out.

    Args:
        mistakes: the mistakes so far; from index `begin` on they belong to this record.
        where: dotted key of the record.
        known: its fields.
        spare: fields that can be left out.
        built: builds the record without some fields, adds the mistake that its checks find, returns True if there is
            none.
    """
    prefix = f"{where}." if where else ""

    def field(mistake: Mistake) -> str:
        return mistake[0].removeprefix(prefix).partition(".")[0]

    while len(mistakes) > begin:
        wrong = {field(mistake) for mistake in mistakes[begin:]}
        meant = {name for key in wrong - set(known) for name in get_close_matches(key, known)}
        if not wrong & set(known) <= set(spare):
            return
        told = len(mistakes)
        if built(wrong):
            return
        found = mistakes[-1]
        names = "|".join(map(re.escape, wrong | meant))
        if field(found) in wrong or re.search(rf"\b({names})\b", found[1]):
            del mistakes[told:]
            return


def begin_of(mistake: Mistake, begins: Mapping[str, str], name: str, alone: Callable[[], Collection[Mistake]]) -> str:
    """The beginning of the message about a mistake: the file, or the command line if that caused the mistake.

    Args:
        begins: by the key that differs from the file, in the order in which they were given.
        name: of the file.
        alone: the mistakes of the unchanged file.
    """
    where = mistake[0]
    last = list(begins)[::-1]
    given = next((begins[key] for key in last if f"{where}.".startswith(f"{key}.")), None)
    if given is None and begins and mistake not in alone():
        # if several keys do not fit together, the message is about one of them, perhaps not the changed one
        given = next((begins[key] for key in last if key.startswith(f"{where}.")), None)
        changed = any(begin.startswith(COMMAND_LINE) for key, begin in begins.items() if key != "sweep")
        given = given or (f"{name} with the {COMMAND_LINE}: " if changed else None)
    return given or f"{name}: "
