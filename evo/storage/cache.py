"""The cache of local working folders for runs at URLs.

This module imports no numpy, because a run must choose its kernels before numpy is imported.
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from pathlib import Path

from genomes.errors import usable

URL = ".url"
"""Name of the file beside a working folder that holds its URL."""

_LONGEST = 10_000  # bytes of a URL file


def cache() -> Path:
    """The folder of all local copies of remote files."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "instinct"


def working_folder(url: str) -> Path:
    """The working folder of a run at a URL; it need not exist."""
    url = url.rstrip("/")
    name = re.sub(r"[^A-Za-z0-9_+-]+", "-", url.rpartition("/")[2]) or "run"
    return cache() / f"{name}-{hashlib.sha256(url.encode()).hexdigest()[:12]}" / name


def place(run: str | Path) -> Path:
    """The folder of a run: the path itself, or for a URL its working folder in the cache.

    Raises:
        InputError: an impossible name, or a cache that cannot be written.
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
    """The URL of the working folder inside `home`.

    Returns None for a folder outside our own cache, even if a file in it names a URL: otherwise a folder from another
    user could make us write to any URL.
    """
    with suppress(OSError, ValueError):
        if (home / URL).is_file() and (home / URL).stat().st_size < _LONGEST:
            url = (home / URL).read_text(encoding="utf-8")
            return url if working_folder(url).parent.resolve() == home.resolve() else None
    return None


def machine() -> str:
    """A random identifier of this machine's cache, which differs even between machines of the same name.

    Raises:
        OSError: the identifier cannot be written.
    """
    path = cache() / "machine"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = path.with_name(f".machine.{os.getpid()}")
        made.write_text(os.urandom(16).hex(), encoding="utf-8")
        with suppress(FileExistsError):  # another process was first
            os.link(made, path)
        made.unlink()
    return path.read_text(encoding="utf-8")
