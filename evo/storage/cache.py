"""The cache of working folders for runs at URLs. Imports no numpy: a run must set its kernels before that."""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from pathlib import Path

from genomes.errors import usable

URL, KNOWN, DRIVER = ".url", ".sums", ".driver"
"""Files beside a working folder: its URL, the last known list of sums, and the random word of drivers from here."""

_LONGEST = 10_000  # bytes of a URL


def cache() -> Path:
    """The folder of all local copies."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "instinct"


def working_folder(url: str) -> Path:
    """The working folder of a run at a URL; it need not exist."""
    url = url.rstrip("/")
    name = re.sub(r"[^A-Za-z0-9_+-]+", "-", url.rpartition("/")[2]) or "run"
    return cache() / f"{name}-{hashlib.sha256(url.encode()).hexdigest()[:12]}" / name


def place(run: str | Path) -> Path:
    """The folder of a run: the path itself, or for a URL its working folder in the cache.

    Raises:
        InputError: the name is not usable, or the cache cannot be written.
    """
    from evo.storage.atomic import write_atomic
    from evo.storage.folder_checks import make_folder

    if "://" not in str(run):
        return usable(run)
    path = working_folder(str(run))
    make_folder(path.parent)
    if not (path.parent / URL).exists():
        write_atomic(path.parent / URL, str(run).rstrip("/").encode())
    return path


def url_of(home: Path) -> str | None:
    """The URL of the working folder in a folder.

    None for folders outside this cache, even if a file in them names a URL: otherwise a foreign folder could make this
    process write to any URL.
    """
    with suppress(OSError, ValueError):
        if (home / URL).is_file() and (home / URL).stat().st_size < _LONGEST:
            url = (home / URL).read_text(encoding="utf-8")
            return url if working_folder(url).parent.resolve() == home.resolve() else None
    return None
