"""Every mistake of a config at once: what else is wrong shows when what is known to be wrong is left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches

COMMAND_LINE = "command line"
"""What stands for the file in a sentence about an override."""

Mistake = tuple[str, str]
"""Dotted key, sentence."""


def look_on(
    mistakes: list[Mistake],
    begin: int,
    where: str,
    known: Collection[str],
    spare: Collection[str],
    built: Callable[[Collection[str]], bool],
) -> None:
    """Adds the mistakes of a record that its own checks find once the fields that are wrong have their defaults.

    A sentence that names one of those fields may speak of the default, which is not the user's: it is not told.

    Args:
        mistakes: those told so far; from index `begin` on they are of this record.
        where: dotted key of the record.
        known: its fields.
        spare: fields that can be left out.
        built: builds the record without some fields, adds the mistake that its checks find, says whether they held.
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
    """What a sentence about a mistake begins with: the file, or the command line where that brought the mistake.

    Args:
        begins: by the key that is not as in the file, in the order in which they were given.
        name: of the file.
        alone: the mistakes of the file as it stands.
    """
    where = mistake[0]
    last = list(begins)[::-1]
    given = next((begins[key] for key in last if f"{where}.".startswith(f"{key}.")), None)
    if given is None and begins and mistake not in alone():
        # of several keys that do not fit each other, a sentence is about one, perhaps not the one that was changed
        given = next((begins[key] for key in last if key.startswith(f"{where}.")), None)
        changed = any(begin.startswith(COMMAND_LINE) for key, begin in begins.items() if key != "sweep")
        given = given or (f"{name} with the {COMMAND_LINE}: " if changed else None)
    return given or f"{name}: "
