"""The command `instinct`: a small parent that starts a driver, forwards signals, and restarts the driver if it dies.

A driver can die for reasons outside itself: Ray ends it with exit code 1 and without an exception when its raylet or
its GCS is gone, and the kernel may kill it when memory is short. The exit code therefore carries no information. A
driver that ends on purpose announces its end (evo/cli/driver_link.py); after any other end, a new driver continues from
the run folder. The parent imports neither Ray nor torch nor numpy, so their failures do not affect it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, final

from rich.console import Console

from evo.cli import main as cli
from evo.cli.driver_link import PARENT, RESTARTED, STOPPING, code_of
from evo.cli.evolve import evolve_verb, resume_verb
from evo.cli.exit_codes import DONE, FAILED
from evo.cli.output import spared
from evo.cli.parser import options_of
from genomes.errors import InputError

DRIVER = (sys.executable, "-P", "-m", "evo.cli.main")
"""Command of the driver; -P: no file in the user's folder can shadow a module."""

RESTARTS = 10
"""Number of restarts without progress after which the parent gives up."""

FIRST, LONGEST = 1.0, 60.0
"""Seconds before the first restart, which double for each further one; and the longest wait."""

_PROGRESS = ("generations/[!.]*", "journal*", "*/generations/[!.]*", "*/journal*")  # of a run; of runs in a set


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb: `evolve` and `resume` in a supervised child, the others in this process.

    With INSTINCT_SUPERVISE=0 in the environment, every verb runs in this process.

    Returns:
        The exit code, as `cli.main` does; 1 also if the driver died too often.
    """
    with spared():
        return _main(list(sys.argv[1:] if arguments is None else arguments))


def _main(words: list[str]) -> int:
    try:
        options = options_of(words)
    except InputError:
        return cli.main(words)  # prints the error message
    if os.environ.get("INSTINCT_SUPERVISE") == "0" or options.verb not in (evolve_verb, resume_verb):
        return cli.main(words)
    with _Bell() as bell:
        return _Supervisor(words, options, bell).run()


def onward(options: argparse.Namespace, folder: Path) -> list[str]:
    """Arguments of the `resume FOLDER` command, with the options of `evolve` that `resume` accepts.

    --allow-code is added, because the user allowed the code of the experiment when `evolve` loaded it.
    """
    words = ["resume", str(folder), "--allow-code"]
    given, plain = vars(options), vars(options_of(words))
    for name in sorted((given.keys() & plain.keys()) - {"verb", "run", "allow_code", "overrides"}):
        if given[name] != plain[name]:
            words += [f"--{name.replace('_', '-')}"] + ([] if given[name] is True else [str(given[name])])
    return words


@final
class _Bell:
    """A pipe on which the parent waits for signals; a signal that arrives while the parent is busy is not lost."""

    def __enter__(self) -> _Bell:
        self._hear, self._ring = os.pipe()
        for descriptor in (self._hear, self._ring):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(self._ring, warn_on_full_buffer=False)
        heeded = (*STOPPING, signal.SIGCHLD, signal.SIGTSTP)
        self._before = {number: signal.signal(number, lambda *_: None) for number in heeded}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        os.close(self._hear)
        os.close(self._ring)

    def wait(self, also: Iterable[int] = (), seconds: float | None = None) -> list[int]:
        """Waits until a signal comes, a descriptor in `also` is readable, or the time is over; returns the signals."""
        select.select([self._hear, *also], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            return list(os.read(self._hear, 4096))
        return []


@final
class _Supervisor:
    """Supervisor of one command, from its first driver to its last."""

    def __init__(self, words: list[str], options: argparse.Namespace, bell: _Bell) -> None:
        self._words, self._options, self._bell = words, options, bell
        self._hear, self._speak = os.pipe()
        self._listen, self._alive = os.pipe()  # only we hold `_alive`: it closes when we die for any reason
        os.set_blocking(self._hear, False)
        self._news: dict[str, Any] = {}  # messages of drivers: `folder` and `begun` of all, the rest of the last one
        self._stopped_by = 0
        if options.verb is resume_verb:
            self._news["folder"] = str(options.run)

    def run(self) -> int:
        """Runs drivers until the command ends; returns the exit code."""
        spent, seen = 0, None  # `seen`: files at the last death, if there was one
        while True:
            how = self._drive({} if seen is None else {RESTARTED: "1"})
            ended = self._news.get("exit")
            if self._stopped_by:
                return self._stopped()
            if ended is not None and not (self._news["again"] and self._news.get("begun")):
                return int(ended)
            before, seen = seen, _progress(self._folder)
            spent = spent + 1 if seen == before else 1
            if spent > RESTARTS:
                return self._given_up(how)
            self._go_on()
            seconds = min(FIRST * 2.0 ** (spent - 1), LONGEST)
            place = self._folder or "the beginning"
            self._say(
                f"the driver {how}; in {seconds:g} s it continues from {place} "
                f"(restart {spent} of at most {RESTARTS} without progress)"
            )
            self._pause(seconds)
            if self._stopped_by:
                return self._stopped()

    @property
    def _folder(self) -> Path | None:
        return Path(self._news["folder"]) if "folder" in self._news else None

    def _drive(self, more: dict[str, str]) -> str:
        """Runs a driver to its end, with additional environment variables; returns a description of its end."""
        self._news = {key: said for key, said in self._news.items() if key in ("folder", "begun")}
        child = subprocess.Popen(
            [*DRIVER, *self._words],
            env=os.environ | more | {PARENT: f"{self._speak},{self._listen}"},
            pass_fds=(self._speak, self._listen),
            start_new_session=True,  # Ctrl-C on a terminal reaches only us, and we forward it once
        )
        over, heard = False, b""
        while not over:
            over = child.poll() is not None  # polled first, so that its last messages can still be read
            signals = self._bell.wait([self._hear], 0.0 if over else None)
            with contextlib.suppress(BlockingIOError):
                heard += os.read(self._hear, 65536)
            *lines, heard = heard.split(b"\n")
            for line in lines:
                self._news |= {} if "exit" in self._news else json.loads(line)  # only the first announced end counts
            self._heed(signals, child)
        if "exit" not in self._news:
            _signal_all(child, signal.SIGKILL)  # otherwise Ray's agents would stay for a while
        code = child.returncode
        return f"ended with exit code {code}" if code >= 0 else f"was killed by {_name(-code)}"

    def _heed(self, signals: Iterable[int], child: subprocess.Popen | None = None) -> None:
        """Forwards signals; a second signal, or one before the driver is ready, kills the driver."""
        for number in signals:
            if number == signal.SIGTSTP:
                _rest(child)
            if number in STOPPING:
                if child is not None:
                    child.send_signal(signal.SIGKILL if self._stopped_by or "ready" not in self._news else number)
                self._stopped_by = number

    def _pause(self, seconds: float) -> None:
        until = monotonic() + seconds
        while not self._stopped_by and (left := until - monotonic()) > 0:
            self._heed(self._bell.wait(seconds=left))

    def _go_on(self) -> None:
        """Prepares the command of the next driver."""
        folder = self._folder
        if folder is None or self._options.verb is resume_verb:
            return
        if self._news.get("begun") or any((folder / name).is_file() for name in ("manifest.json", "set.json")):
            self._words = onward(self._options, folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)  # incomplete, made by us, and without results
            del self._news["folder"]

    def _stopped(self) -> int:
        """The exit code after a signal; prints the message if the driver could not."""
        ended = self._news.get("exit")
        if ended is None:
            self._say(f"stopped; {self._left()}")
        return DONE if ended == DONE else code_of(self._stopped_by)

    def _given_up(self, how: str) -> int:
        self._say(f"the driver {how}; after {RESTARTS} restarts without progress it is not tried again; {self._left()}")
        return FAILED

    def _left(self) -> str:
        self._go_on()
        if self._folder is None:
            return "no run was started"
        return f"finished work is saved, `{shlex.join(['instinct', *self._words])}` continues from there"

    def _say(self, sentence: str) -> None:
        Console(file=sys.stderr if self._options.json else sys.stdout).show_cursor()  # a live table may have hidden it
        print(f"instinct: {sentence}", file=sys.stderr)


def _progress(folder: Path | None) -> set[tuple[str, int]]:
    """Names and sizes of the files of a run or a set; they change when the run makes progress."""
    found = set()
    for path in (path for pattern in _PROGRESS for path in (folder.glob(pattern) if folder else ())):
        with contextlib.suppress(OSError):
            found.add((str(path), path.stat().st_size))
    return found


def _rest(child: subprocess.Popen | None) -> None:
    """Handles Ctrl-Z: the terminal stops only us, so we also stop the driver's processes, and continue them later."""
    _signal_all(child, signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGSTOP)
    _signal_all(child, signal.SIGCONT)


def _signal_all(child: subprocess.Popen | None, number: int) -> None:
    """Sends a signal to a driver and its child processes."""
    if child is not None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)


def _name(number: int) -> str:
    return next((each.name for each in signal.Signals if each == number), f"signal {number}")


if __name__ == "__main__":
    sys.exit(main())
