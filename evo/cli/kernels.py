"""Choice of kernels for an existing run: a command that names a run uses its kernels, before numpy is imported."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from evo.evaluation.numerics import use_portable_kernels
from evo.storage.cache import working_folder

_MANIFEST, _LARGEST = "manifest.json", 2**20  # bytes


def use_kernels_of(run: str | Path) -> None:
    """Uses portable kernels if a run, or a run of a set, began with them; reads the manifest here or at its URL.

    Raises:
        InputError: the run needs portable kernels, and numpy or torch was imported before.
    """
    here = working_folder(str(run)) if "://" in str(run) else Path(run)
    texts = list(_manifests(here))
    if not texts and "://" in str(run):
        texts = list(_manifests_at(str(run)))
    if any(_portable(text) for text in texts):
        use_portable_kernels()


def _manifests(folder: Path) -> Iterator[bytes]:
    """The manifests of a run, or of the runs of a set; links and large files are skipped."""
    with contextlib.suppress(OSError, ValueError):
        for path in (folder / _MANIFEST, *folder.glob(f"*/{_MANIFEST}")):
            with contextlib.suppress(OSError):
                linked = path.is_symlink() or (path.parent != folder and path.parent.is_symlink())
                if path.is_file() and not linked and path.stat().st_size < _LARGEST:
                    yield path.read_bytes()


def _manifests_at(url: str) -> Iterator[bytes]:
    """The manifest at a URL, or of the first run of the set there; the verb reports a missing one later."""
    with contextlib.suppress(Exception):  # clients of stores raise errors of many types
        import fsspec  # type: ignore[import-untyped]

        store, base = fsspec.url_to_fs(url.rstrip("/"))
        there = [f"{base}/{_MANIFEST}"]
        if not store.exists(there[0]):
            there = sorted(store.glob(f"{base}/*/{_MANIFEST}"))[:1]
        for path in there:
            if (store.size(path) or 0) < _LARGEST:
                yield store.cat_file(path)


def _portable(text: bytes) -> bool:
    with contextlib.suppress(ValueError, AttributeError, RecursionError):
        return bool(json.loads(text).get("kernels") == "portable")
    return False
