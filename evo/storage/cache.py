"""The cache: where runs at URLs are worked on here. Imports no numpy: a run says which kernels it needs before that."""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from pathlib import Path

from genomes.errors import usable

URL, KNOWN, DRIVER = ".url", ".sums", ".driver"
"""Beside a working folder: where it is kept, what was there last, and the word that drivers from here go by."""

_LONGEST = 10_000  # bytes of a URL


def cache() -> Path:
    """The folder of everything that is kept here for what lies elsewhere."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "instinct"


def working_folder(url: str) -> Path:
    """Where a run at a URL is worked on; it need not be there."""
    url = url.rstrip("/")
    name = re.sub(r"[^A-Za-z0-9_+-]+", "-", url.rpartition("/")[2]) or "run"
    return cache() / f"{name}-{hashlib.sha256(url.encode()).hexdigest()[:12]}" / name


def place(run: str | Path) -> Path:
    """The folder of a run: the path itself, or for a URL its working folder in the cache.

    Raises:
        InputError: a name that cannot be, or a cache that cannot be written.
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
    """The URL that the working folder in a folder is kept at.

    None for whatever is no folder of our own cache, though a file in it names a URL: a stranger's would have us write
    wherever it says.
    """
    with suppress(OSError, ValueError):
        if (home / URL).is_file() and (home / URL).stat().st_size < _LONGEST:
            url = (home / URL).read_text(encoding="utf-8")
            return url if working_folder(url).parent.resolve() == home.resolve() else None
    return None
