"""Checks of file and folder names that the user gives, made before the work: a bad name gives an error sentence."""

from __future__ import annotations

import os
from pathlib import Path

from genomes.errors import InputError, usable


def file_to_write(path: Path) -> Path:
    """Returns the path after checks that a file can probably be written there.

    Raises:
        InputError: the path is a folder, or its parent cannot be a folder.
    """
    usable(path.parent / f".{path.name}.{os.getpid()}.tmp")  # the file is written under this name first
    if usable(path).is_dir():
        raise InputError(f"{path}: expected a file to write, got a folder")
    folder_to_write(path.parent)
    return path


def folder_to_write(path: Path) -> Path:
    """Returns the path after checks that it is, or can probably become, a writable folder.

    Raises:
        InputError: the path is a file, lies under a file, or may not be written.
    """
    there = usable(path).absolute()
    while not os.path.lexists(there):
        there = there.parent
    if not there.is_dir():
        got = "a file" if there == path.absolute() else f"one under the file {there}"
        raise InputError(f"{path}: expected a folder to write to, got {got}")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{path}: expected a folder to write to, got a folder without write permission")
    return path
