"""The kernels of a run on the way in: a command that names a run takes its kernels before numpy loads."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from evo.evaluation.numerics import use_portable_kernels
from evo.storage.cache import working_folder

_MANIFEST, _LARGEST = "manifest.json", 2**20  # bytes


def use_kernels_of(run: str | Path) -> None:
    """The kernels that a run, or a run of a set, began with, if that can be read: here, or at its URL.

    Raises:
        InputError: they are portable, and numpy or torch was imported before.
    """
    here = working_folder(str(run)) if "://" in str(run) else Path(run)
    texts = list(_manifests(here))
    if not texts and "://" in str(run):
        texts = list(_manifests_at(str(run)))
    if any(_portable(text) for text in texts):
        use_portable_kernels()


def _manifests(folder: Path) -> Iterator[bytes]:
    """Of a run, or of the runs of a set; they are the folder's own, and small."""
    with contextlib.suppress(OSError, ValueError):
        for path in (folder / _MANIFEST, *folder.glob(f"*/{_MANIFEST}")):
            with contextlib.suppress(OSError):
                linked = path.is_symlink() or (path.parent != folder and path.parent.is_symlink())
                if path.is_file() and not linked and path.stat().st_size < _LARGEST:
                    yield path.read_bytes()


def _manifests_at(url: str) -> Iterator[bytes]:
    """The manifest at a URL, or of the first run of the set there; why there is none, the verb says."""
    with contextlib.suppress(Exception):  # whatever the client of a store raises
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
