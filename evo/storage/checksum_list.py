"""SHA256SUMS: the list of the files of a run with their SHA-256 checksums, in the format of `sha256sum -c`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from evo.storage.atomic import TEMPORARY
from evo.storage.cache import DRIVER, KNOWN, URL
from evo.storage.checksums import in_a_comment

SUMS = "SHA256SUMS"

_OF_THE_CACHE = (URL, KNOWN, DRIVER)

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def content(root: Path) -> list[str]:
    """Sorted names of the files of a run or a set below its folder, without locks and unfinished files."""
    paths = (path for path in root.rglob("*") if path.is_symlink() or path.is_file())
    files = (path for path in paths if path.name not in ("lock", SUMS) and not path.name.endswith(TEMPORARY))
    return sorted(path.relative_to(root).as_posix() for path in files)


def safe(name: str) -> bool:
    """True if, on every system, a name can only mean a file below the folder into which it is put.

    The files of the cache that lie beside a working folder (`.url`, `.sums`) are not files of a run, so False for them.
    """
    parts = name.split("/")
    good = name.isprintable() and len(name) < 1000 and not set('\\:*?"<>|') & set(name)
    return good and all(part.strip(". ") and part.casefold() not in _OF_THE_CACHE for part in parts)


def sums_text(sums: Mapping[str, str]) -> bytes:
    """The text of a list, in the format of `sha256sum -c`, with a checksum of the text in its last line."""
    body = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode()
    return body + in_a_comment(body)


def sums_of(text: bytes) -> dict[str, str]:
    """Parses a list; the inverse of `sums_text`.

    Raises:
        ValueError: the text was changed, or a name could mean a file outside the folder.
    """
    body = text[: -len(in_a_comment(b""))]
    if text != body + in_a_comment(body):
        raise ValueError(f"a {SUMS} that was changed")
    found = [_LINE.fullmatch(line) for line in body.decode().splitlines()]
    sums = {match[2]: match[1] for match in found if match}
    if len(sums) < len(found):
        raise ValueError(f"a {SUMS} with lines that are no checksums, or with a name twice")
    check_names(sums)
    return sums


def check_names(names: Iterable[str]) -> None:
    """Raises ValueError unless all names are files below one folder and distinct on every system."""
    names = list(names)
    if wrong := [name for name in names if not safe(name)]:
        raise ValueError(f"{wrong[0]!r}, a name that could leave the folder")
    folders = {str(folder).casefold() for name in names for folder in PurePosixPath(name).parents}
    alike = {name.casefold() for name in names}
    if len(alike) < len(names) or folders & alike:
        raise ValueError("names that some systems cannot tell apart")
