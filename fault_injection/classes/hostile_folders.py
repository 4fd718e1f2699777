"""Hostile run folders, sets, configs and genomes, each opened by several verbs."""

from __future__ import annotations

import hashlib
import os
import re
import resource
import shutil
import stat
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from fault_injection.classes.hostile_archives import ARCHIVES
from fault_injection.classes.hostile_links import LINKS
from fault_injection.classes.hostile_place import SECRET, Place
from fault_injection.classes.hostile_texts import TEXTS
from fault_injection.classes.trial import Attempt, experiment, in_child, lived

HOSTILITIES = (*ARCHIVES, *LINKS, *TEXTS)
NAME, TRIED, SECONDS = "hostile-folders", len(HOSTILITIES), 300
HOLDS = "a sentence or a result: nothing executed, nothing read or written outside, bounded memory and time"
_SECONDS, _MEGABYTES = 240, 1500
_ADDRESSES = 12 * 2**30  # bytes of address space: a bomb fails here before it fills the machine's memory
_ANALYSIS = ["--serial", "--births", "2", "--draws", "19"]
_UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


@contextmanager
def attempts(place: Path) -> Iterator[Attempt]:
    """A good run of two generations, which each attempt makes hostile; beside it files that must not change."""
    lived(place / "good", experiment(generations=2))
    lived(place / "other", experiment(generations=2, seed=4))

    def attempt(number: int, own: Path, rng: np.random.Generator) -> None:
        hostile = HOSTILITIES[number % len(HOSTILITIES)]
        jail = Place(own / "jail")
        shutil.copytree(place / "good", jail.run)
        shutil.copytree(place / "other", jail.other)
        jail.prepare()
        commands = hostile(jail) or _every(jail)
        before = _tree(jail.path, jail.run)
        ended = in_child(_verbs, jail.work, commands, said=own / "said", seconds=_SECONDS)
        about = f"{hostile.__name__}: {hostile.__doc__}"
        after = _tree(jail.path, jail.run)
        changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        assert not changed, f"{about} changed {changed}"
        assert SECRET not in ended.said, f"{about} told a secret"
        assert not _tells(jail.run), f"{about} copied a secret: {_tells(jail.run)}"
        assert ended.status == 0, f"{about} ended with {ended.status} after {ended.seconds:.0f} s: {ended.said[-1500:]}"
        strange = _UNPRINTABLE.search(ended.said)
        assert strange is None, f"{about} printed {strange[0]!r}: {ended.said[max(0, strange.start() - 200) :][:400]!r}"
        assert ended.megabytes < _MEGABYTES, f"{about} took {ended.megabytes:.0f} MB"

    yield attempt


def _every(jail: Place) -> list[list[str]]:
    run = str(jail.run)
    return [
        ["export", run, "--to", "npz"],
        ["compare", run, str(jail.other), "--out", f"{run}/comparison"],
        ["innate", run, *_ANALYSIS],
        ["inspect", run, *_ANALYSIS],
        ["resume", run, "--serial", "--generations", "3"],
        ["list", "tasks"],
    ]


def _verbs(work: Path, commands: Sequence[Sequence[str]]) -> None:
    """Runs every command in this process; a traceback ends it with exit code 1."""
    from evo.cli.main import main

    os.chdir(work)
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESSES, _ADDRESSES))
    failed = False
    for command in commands:
        print(f"instinct {' '.join(command)!a}", flush=True)
        try:
            main(command)
        except BaseException:
            failed = True
            print(ascii(traceback.format_exc()).replace("\\n", "\n"), flush=True)
    raise SystemExit(int(failed))


def _tree(path: Path, run: Path) -> dict[str, str]:
    """All files beside the run, by name, with kind and content."""
    found = {}
    for folder, folders, files in os.walk(path):
        folders[:] = [name for name in folders if Path(folder, name) != run]
        for name in [*folders, *files]:
            at = Path(folder, name)
            kind = stat.filemode(at.lstat().st_mode)
            plain = kind[0] == "-"
            content = (
                os.readlink(at) if at.is_symlink() else hashlib.sha256(at.read_bytes()).hexdigest() if plain else ""
            )
            found[str(at.relative_to(path))] = f"{kind} {content}"
    return found


def _tells(run: Path) -> list[str]:
    """Files of the run that contain the secret, which proves that a file outside was read."""
    files = [path for path in run.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path.name for path in files if path.stat().st_size < 2**24 and SECRET.encode() in path.read_bytes()]
