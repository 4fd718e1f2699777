"""Creation of a set of runs: every member of a sweep gets its run folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from evo.evolution.evolve import new_run
from evo.experiment.sweep import Member
from evo.storage.atomic import write_atomic
from evo.storage.folder_checks import taken
from evo.storage.run_set import FORMAT, SET
from genomes.errors import require


def new_set(members: Sequence[Member], path: Path, command: Sequence[str]) -> list[Path]:
    """Makes the run folders of a set inside one folder and returns them; a set that `runs_of` accepts is complete.

    Args:
        command: the command that made the set; each run's manifest stores it, followed by the member's own overrides.

    Raises:
        InputError: the folder is not empty, or the disk cannot be written.
    """
    if path.exists() and not path.is_dir():
        raise taken(path)
    require(
        not path.exists() or not any(path.iterdir()), str(path), "a new or empty folder for a set", "a folder in use"
    )
    made = [new_run(m.experiment, path / m.name, m.name, [*command, *m.overrides]) for m in members]
    content = {"format": FORMAT, "members": [member.name for member in members]}
    write_atomic(path / SET, f"{json.dumps(content, indent=2)}\n".encode())  # last: then every run exists
    return made
