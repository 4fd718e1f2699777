"""Creation of folders, and checks before a folder becomes a run folder or is opened as one."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path, PurePosixPath

from evo.storage.atomic import TEMPORARY, remove, unwritable
from evo.storage.checksums import CorruptFile, in_a_comment, in_an_object, verified
from genomes.errors import InputError

MANIFEST, EXPERIMENT = "manifest.json", "experiment.yaml"
"""Names of the text files of a run."""


def clear_begun(folder: Path) -> None:
    """Removes the remains of a crash in `RunFolder.create`, unless the folder holds other files, such as a config."""
    found = list(folder.iterdir())
    parts = [p for p in found if p.name in ("generations", "state") and p.is_dir() and not p.is_symlink()]
    files = [p for p in found if p.name == EXPERIMENT or (p.name.startswith(".") and p.name.endswith(TEMPORARY))]
    only = len(parts) + len(files) == len(found) and (len(parts) == 2 or not files)
    if only and not any(any(part.iterdir()) for part in parts):
        for path in files:
            remove(path)
        for path in parts:
            path.rmdir()


def make_folder(path: Path) -> None:
    """Makes a folder and its parents where they do not exist.

    Raises:
        InputError: the disk cannot be written, or the path is another kind of file.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error


def check_own(folder: Path) -> None:
    """Checks that a folder holds only files and folders.

    A link in a folder from another user could make us read or write elsewhere, and reading a pipe would never end.

    Raises:
        InputError: the folder holds something else, or it cannot be read.
    """
    try:
        with os.scandir(folder) as listing:
            entries = list(listing)
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror or error})") from error
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            check_own(Path(entry.path))
        elif not entry.is_file(follow_symlinks=False):
            what = "a link" if entry.is_symlink() else "something else"
            raise InputError(f"{entry.path}: expected only files and folders in a run, got {what}")


def taken(path: Path) -> InputError:
    """The error for a path at which no new run can be made."""
    if not path.is_dir():
        return InputError(f"{path}: expected a new folder, got a file; choose another --run")
    if (path / MANIFEST).exists():
        got = f"a folder with a run; continue it with `instinct resume {path}`"
        return InputError(f"{path}: expected a new folder, got {got}, or choose another --run")
    return InputError(f"{path}: expected a new folder, got a folder with other files; choose another --run")


def fits(name: str, data: bytes) -> bool | None:
    """Whether a file of a run fits the checksum that it carries; None where files of that name carry none."""
    path = PurePosixPath(name)
    if path.name in (EXPERIMENT, MANIFEST):
        closing = in_a_comment if path.name == EXPERIMENT else in_an_object
        body = data[: -len(closing(b""))]
        return data == body + closing(body)
    if path.parent.name not in ("generations", "state"):
        return None
    with suppress(CorruptFile):
        return bool(verified(data))
    return False
