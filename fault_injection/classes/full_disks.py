"""A disk that fills up, becomes read-only or vanishes while a run is written: a small tmpfs."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np

from evo.cli.main import WRONG
from evo.evolution.evolve import evolve
from fault_injection.classes.trial import Attempt, Skipped, begun, experiment, lived, same
from genomes.errors import InputError

NAME, TRIED, SECONDS = "full-disks", 20, 120
HOLDS = "a sentence or a wait, nothing that was written is lost; with room again, to the undisturbed run's bytes"
_PAGE, _ROOM = 4, 4096  # KiB
_LEAST = 4  # pages of room
_LONGEST = 0.15  # maximal seconds before a driver meets its fault: well within its run
_PATIENCE = 5  # seconds after which a waiting driver gets space


Broken = tuple[BaseProcess, Callable[[], object]]
"""A driver with its fault, and a function that repairs the disk."""


@contextmanager
def attempts(place: Path) -> Iterator[Attempt]:
    """The kinds in turn: full, read-only, moved away, unmounted."""
    undisturbed = lived(place / "undisturbed")
    with _disk(place / "trial", 64):
        pass  # tests whether mounting is allowed here

    def attempt(number: int, own: Path, rng: np.random.Generator) -> None:
        disk, away = own / "disk", own / "away"
        kind = (_full, _read_only, _moved, _unmounted)[number % 4]
        with _disk(disk, _ROOM), _disk(away, _ROOM):
            run = disk / "run"
            driver, healed = kind(disk, run, own, rng)
            driver.join(_PATIENCE)
            kept = _whole(run) if run.exists() else {}
            healed()
            driver.join(SECONDS / 2)
            words = (own / "said").read_text()
            assert driver.exitcode in (0, WRONG), f"{kind.__name__}: it ended with {driver.exitcode}: {words[-1500:]}"
            assert driver.exitcode == 0 or str(disk) in words, f"{kind.__name__}: no file is named: {words}"
            if run.exists() and not (run / "manifest.json").exists():
                run = disk / "again"  # the disk was full while the folder was made: nothing was computed
            same(lived(run), undisturbed)
            lost = [name for name, data in kept.items() if undisturbed[name] != data]
            assert not lost, f"{kind.__name__}: torn under a good name: {lost}"

    yield attempt


@contextmanager
def _disk(path: Path, kibibytes: int) -> Iterator[None]:
    path.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={kibibytes}k", "none", str(path)]
    try:
        mounted = subprocess.run(["mount", *options], capture_output=True, text=True)
    except OSError as error:
        raise Skipped(f"there is no mount here: {error}") from error
    if mounted.returncode:
        raise Skipped(f"a small disk cannot be mounted without root: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(path)], capture_output=True)


def _mount(*words: str | Path) -> bool:
    return subprocess.run(["mount", *map(str, words)], capture_output=True).returncode == 0


def _whole(run: Path) -> dict[str, bytes]:
    """The contents of files that no later write changes."""
    return {str(path.relative_to(run)): path.read_bytes() for path in (run / "generations").glob("[0-9]*.npz")}


def _drive(run: Path) -> None:
    try:
        for _ in evolve(experiment(), run):
            pass
    except InputError as error:
        print(error)
        raise SystemExit(WRONG) from error


def _after(seconds: float, run: Path, own: Path) -> BaseProcess:
    """A driver that has run for some time since its folder was made."""
    driver, began = begun(_drive, run, said=own / "said"), time.monotonic()
    while not (run / "manifest.json").exists() and driver.is_alive() and time.monotonic() - began < 200:
        time.sleep(0.001)
    time.sleep(seconds)
    return driver


def _full(disk: Path, run: Path, own: Path, rng: np.random.Generator) -> Broken:
    """From the beginning, less space than the whole run needs; every file takes at least a page."""
    room = int(rng.integers(_LEAST, _pages(own.parent / "undisturbed"))) * _PAGE
    assert _mount("-o", f"remount,size={room}k", disk)
    return begun(_drive, run, said=own / "said"), lambda: _mount("-o", f"remount,size={_ROOM}k", disk)


def _pages(run: Path) -> int:
    return sum(-(-path.stat().st_size // (_PAGE * 1024)) for path in run.rglob("*") if path.is_file())


def _read_only(disk: Path, run: Path, own: Path, rng: np.random.Generator) -> Broken:
    """At a random moment the folder becomes read-only, by a mount over it."""
    driver = _after(float(rng.uniform(0, _LONGEST)), run, own)
    assert _mount("--bind", run, run)
    while not _mount("-o", "remount,bind,ro", run):  # while a file is open for writing
        time.sleep(0.002)
    return driver, lambda: subprocess.run(["umount", "-l", str(run)], check=True)


def _moved(disk: Path, run: Path, own: Path, rng: np.random.Generator) -> Broken:
    """At a random moment the run folder is renamed."""
    driver, away = _after(float(rng.uniform(0, _LONGEST)), run, own), disk / "elsewhere"
    os.rename(run, away)

    def back() -> None:
        with suppress(OSError):
            os.rename(away, run)

    return driver, back


def _unmounted(disk: Path, run: Path, own: Path, rng: np.random.Generator) -> Broken:
    """At a random moment the disk disappears, and comes back later."""
    driver, away = _after(float(rng.uniform(0, _LONGEST)), run, own), own / "away"
    assert _mount("--move", disk, away)
    return driver, lambda: _mount("--move", away, disk)
