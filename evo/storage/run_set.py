"""The folder of a set of runs; its set.json lists the run folders in order."""

from __future__ import annotations

import json
from pathlib import Path

from genomes.errors import InputError, require

SET = "set.json"
"""Name of the file that lists the runs of a set, in order."""

FORMAT = 1


def runs_of(path: Path) -> list[Path]:
    """The run folders at a path: the path itself for a run folder; the runs of a set, in order, for a set.

    Raises:
        InputError: the path is neither, or the set cannot be read.
    """
    if (path / "manifest.json").is_file():
        return [path]
    if not (path / SET).is_file():
        got = f"a folder without manifest.json and {SET}" if path.is_dir() else "nothing there"
        raise InputError(f"{path}: expected a run folder or the folder of a set, got {got}")
    try:
        content = json.loads((path / SET).read_text(encoding="utf-8"))
        made, names = content["format"], content["members"]
        if not isinstance(names, list):
            raise TypeError("a list of names")
        safe = names and all(_lies_beside(name) and not (path / name).is_symlink() for name in names)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path / SET}: expected a format and the members of a set, got something else") from error
    require(made == FORMAT, str(path), f"a set in format {FORMAT}", made)
    require(safe, str(path / SET), "names of folders in the same folder", names)
    return [path / name for name in names]


def _lies_beside(name: object) -> bool:
    return isinstance(name, str) and name.isprintable() and name == Path(name).name not in ("", "..")
