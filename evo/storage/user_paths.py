"""Names of files and folders that the user gives, tried before the work: what cannot be is said in a sentence."""

from __future__ import annotations

import os
from pathlib import Path

from genomes.errors import InputError, usable


def file_to_write(path: Path) -> Path:
    """The path, if a file can be written there as far as can be seen.

    Raises:
        InputError: it is a folder, or lies where no folder can be.
    """
    usable(path.parent / f".{path.name}.{os.getpid()}.tmp")  # where it is written first
    if usable(path).is_dir():
        raise InputError(f"{path}: expected a file to write, got a folder")
    folder_to_write(path.parent)
    return path


def folder_to_write(path: Path) -> Path:
    """The path, if it is a folder to write to, or can become one as far as can be seen.

    Raises:
        InputError: it is a file, lies under one, or may not be written.
    """
    there = usable(path).absolute()
    while not os.path.lexists(there):
        there = there.parent
    if not there.is_dir():
        got = "a file" if there == path.absolute() else f"one under the file {there}"
        raise InputError(f"{path}: expected a folder to write to, got {got}")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{path}: expected a folder to write to, got one where nothing may be written")
    return path
