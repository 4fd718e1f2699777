"""The fault campaign: causes every kind of fault many times; the results must not change by a bit.

    python -m fault_injection.campaign [--class NAME ...] [--tries N | --share 0.01] [--seed S] [--json] [--write]

Every class has a positive control, a deliberately broken build (`tests/fault_injection/patches/NAME.patch`): the same
class runs on a patched copy of the sources until it fails. A class whose control does not fail proves nothing, and
counts as a failure.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import math
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn, final

ROOT = Path(__file__).resolve().parents[1]
os.environ["PYTHONPATH"] = str(ROOT)  # for every process started here

import numpy as np

from fault_injection.classes import CLASSES

SOURCES = ("genomes", "inner_loop", "evo", "configs", "fault_injection")
CONTROL_SECONDS = 600
_SHOWN = 10


@final
@dataclass(frozen=True)
class Row:
    """The results of one class.

    Attributes:
        name: of the class.
        holds: what must hold.
        tried: attempts.
        failures: a sentence each.
        seconds: total time of the attempts.
        recoveries: seconds until the run continued, for attempts that measure it.
        skipped: the reason why this machine cannot try it; empty if it can.
        control: the failure that revealed the broken build; None: none was found, or it was not tried.
    """

    name: str
    holds: str
    tried: int
    failures: tuple[str, ...]
    seconds: float
    recoveries: tuple[float, ...]
    skipped: str = ""
    control: str | None = None


def tried(fault: ModuleType, numbers: Sequence[int], seed: int, until_failure: bool = False) -> Row:
    """Runs attempts of a class, each with an empty folder and a generator; (seed, class, number) repeats an attempt."""
    from fault_injection.classes.trial import Skipped

    began, failures, recoveries, done = time.perf_counter(), [], [], 0
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        try:
            with fault.attempts(place) as attempt:
                for number in numbers:
                    own = place / f"attempt-{number}"
                    own.mkdir()
                    rng = np.random.default_rng([seed, zlib.crc32(fault.NAME.encode()), number])
                    try:
                        with within(fault.SECONDS):
                            recovery = attempt(number, own, rng)
                        recoveries += [] if recovery is None else [recovery]
                    except KeyboardInterrupt:  # the user stops the campaign: the attempts so far count
                        break
                    except Exception as error:  # a failed check, or an unexpected error
                        kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
                        failures.append(f"{fault.NAME} {number}: {kind}{error}")
                        print(failures[-1], file=sys.stderr, flush=True)
                    done += 1
                    shutil.rmtree(own, ignore_errors=True)
                    if failures and until_failure:
                        break
        except Skipped as reason:
            return Row(fault.NAME, fault.HOLDS, 0, (), 0.0, (), skipped=str(reason))
    return Row(fault.NAME, fault.HOLDS, done, tuple(failures), time.perf_counter() - began, tuple(recoveries))


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raises TimeoutError when its block takes longer."""

    def late(number: int, frame: object) -> NoReturn:
        raise TimeoutError(f"it took more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def caught(fault: ModuleType, tries: int, seed: int) -> str | None:
    """The failure of the class on a broken build, a copy of the sources with a patch. None: it does not fail."""
    patch = ROOT / "tests" / "fault_injection" / "patches" / f"{fault.NAME}.patch"
    with tempfile.TemporaryDirectory(prefix="broken-", ignore_cleanup_errors=True) as folder:
        copy = Path(folder)
        for name in SOURCES:
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("results"))
        applied = subprocess.run(
            ["patch", "-p1", "--no-backup-if-mismatch", "-i", str(patch)], cwd=copy, capture_output=True, text=True
        )
        if applied.returncode:
            raise RuntimeError(f"{patch.name} does not apply: {applied.stdout}{applied.stderr}")
        words = ["--class", fault.NAME, "--tries", str(tries), "--seed", str(seed), "--until-failure", "--no-control"]
        command = [sys.executable, "-m", "fault_injection.campaign", *words]
        environment = os.environ | {"PYTHONPATH": str(copy)}
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, timeout=CONTROL_SECONDS
        )
    said = [line for line in done.stderr.splitlines() if line.startswith(f"{fault.NAME} ")]
    if done.returncode not in (0, 1) or bool(said) != bool(done.returncode):
        raise RuntimeError(f"the control of {fault.NAME} ended by itself: {done.stderr[-2000:]}")
    return said[0] if said else None


def campaign(options: argparse.Namespace) -> list[Row]:
    """A row for every requested class."""
    import evo

    assert Path(evo.__file__).is_relative_to(ROOT), f"another evo is imported: {evo.__file__}"
    rows, faults = (
        [],
        {m.NAME: m for m in (importlib.import_module(f"fault_injection.classes.{name}") for name in CLASSES)},
    )
    if strange := set(options.classes or ()) - faults.keys():
        raise SystemExit(f"no class {', '.join(sorted(strange))}; there are {', '.join(faults)}")
    for fault in faults.values():
        if options.classes and fault.NAME not in options.classes:
            continue
        tries = options.tries or max(1, math.ceil(fault.TRIED * options.share))
        row = tried(fault, range(options.at, options.at + tries), options.seed, options.until_failure)
        if not row.skipped and not options.no_control:
            row = replace(row, control=caught(fault, max(tries, fault.TRIED), options.seed))
        print(told(row, not options.no_control), flush=True)
        rows.append(row)
    return rows


def told(row: Row, control: bool) -> str:
    """A row as a line."""
    if row.skipped:
        return f"{row.name:16} skipped: {row.skipped}"
    broken = f"; broken build: {row.control or 'NOT CAUGHT'}" if control else ""
    return f"{row.name:16} {row.tried} tried, {len(row.failures)} failed, {row.seconds:.0f} s{broken}"


def table(rows: Sequence[Row], command: str, controls: bool) -> str:
    """The rows in Markdown, with machine and time."""
    from benchmarks.machine import processor

    versions = ", ".join(f"{name} {version(name)}" for name in ("instinct", "torch", "ray"))
    today = datetime.date.today().isoformat()
    lines = [
        f"`{command}`, {today}, on {os.cpu_count()} cores of {processor()}; "
        f"Python {platform.python_version()}, {versions}.",
        "",
        "| class | must hold | tried | failed | rate, 95 % | seconds | recovery, median and longest | broken build |",
        "|---|---|---|---|---|---|---|---|",
    ]
    missed = "**not caught**" if controls else "not run"
    for row in rows:
        found = sorted(row.recoveries)
        recovery = f"{found[len(found) // 2]:.2f} s, {found[-1]:.2f} s" if found else ""
        # n attempts without a failure: the rule of three
        bound = f"< {3 / row.tried:.2g}" if row.tried and not row.failures else ""
        cells = (row.name, row.holds, row.tried, len(row.failures), bound, f"{row.seconds:.0f}", recovery)
        control = f"skipped: {row.skipped}" if row.skipped else "caught" if row.control else missed
        lines.append(f"| {' | '.join(map(str, cells))} | {control} |")
    shown = [f"- {sentence.splitlines()[0][:300]}" for row in rows for sentence in row.failures[:_SHOWN]]
    return "\n".join([*lines, *(["", "What failed:", "", *shown] if shown else []), ""])


def write(text: str) -> Path:
    """Puts the table between its markers in docs/reliability.md."""
    page, begin, end = ROOT / "docs" / "reliability.md", "<!-- faults: begin -->\n", "<!-- faults: end -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    page.write_text(f"{before}{begin}{text}{end}{rest.partition(end)[2]}", encoding="utf-8")
    return page


def found(row: Row) -> dict[str, Any]:
    """A row as `--json` prints it; a class that was skipped has no control."""
    control = None if row.skipped else row.control is not None
    return {"class": row.name, "tried": row.tried, "failed": len(row.failures), "control_caught": control}


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--class", dest="classes", nargs="+", metavar="NAME", help="only these")
    parser.add_argument("--tries", type=int, help="attempts of each class (default: the full campaign's)")
    parser.add_argument("--share", type=float, default=1.0, help="of the full campaign's attempts")
    parser.add_argument("--at", type=int, default=0, help="number of the first attempt: to repeat one, with --tries 1")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--until-failure", action="store_true", help="stop a class at its first failure")
    parser.add_argument("--no-control", action="store_true", help="leave the broken builds out")
    parser.add_argument("--json", action="store_true", help="print the counts as the last line of standard output")
    parser.add_argument("--write", action="store_true", help="write the table to docs/reliability.md")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 1 if an attempt failed or a broken build was not found."""
    options = _options(arguments)
    rows = campaign(options)
    if options.write:
        words = " ".join(sys.argv[1:] if arguments is None else arguments)
        command = f"python -m fault_injection.campaign {words}".strip()
        print(f"written: {write(table(rows, command, not options.no_control))}")
    if options.json:
        print(json.dumps([found(row) for row in rows]))
    tested = [row for row in rows if not row.skipped and not options.no_control]
    return int(any(row.failures for row in rows) or any(row.control is None for row in tested))


if __name__ == "__main__":
    sys.exit(main())
