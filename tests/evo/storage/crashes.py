"""Run by test_store.py in a process of its own: drivers that are killed, and a check of the folder they leave.

python crashes.py FOLDER every|random|in-place|hold|ENOSPC|EIO|EROFS|vanish
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sys
import time
from itertools import count
from pathlib import Path

import numpy as np

from evo.storage import atomic, run_folder
from evo.storage.arrays import Arrays, pack
from evo.storage.run_folder import RunFolder
from genomes.errors import InputError

KILLS = 15
OPEN = os.open  # as it is
CALLS = ("write", "pwrite", "fsync", "replace", "ftruncate", "unlink")  # that change the disk


def generation(index: int) -> Arrays:
    return {"levels": np.full((50, 40), index % 7, np.uint8), "goals": np.arange(50.0)[:, None] + index}


def state(index: int) -> Arrays:
    return {"units": np.full((50, 40), index / 3)}


def work(path: Path, until: int) -> None:
    """One generation after the other, as the loop does; says beside the folder how far it is."""
    folder = RunFolder.open(path)
    with folder.driving():
        latest = folder.latest()
        for index in range(latest[0] + 1 if latest else 0, until):
            done = folder.journal.read(index)
            for number in {0, 1} - done.keys():
                folder.journal.append(index, number, state(index + number))
            folder.write_generation(index, generation(index))
            folder.write_state(index, state(index))
            folder.journal.clear()
            folder.log.append({"generation": index})
            said = OPEN(path.with_suffix(".said"), os.O_WRONLY | os.O_CREAT, 0o666)
            os.pwritev(said, [b"%08d" % index], 0)
            os.close(said)


def check(path: Path) -> int:
    """The newest generation, which is the one that was said or later; all that can be read is what was written."""
    said, folder = path.with_suffix(".said"), RunFolder.open(path)
    latest, least = folder.latest(), int(said.read_text() or -1) if said.exists() else -1
    done = latest[0] if latest else -1
    assert done >= least, f"generation {least} was on disk, now {done} is the newest"
    assert folder.passed_over == (), f"a torn file: {folder.passed_over}"
    assert latest is None or pack(latest[1]) == pack(state(done)), f"another state {done}"
    assert folder.generations() in (list(range(done + 1)), list(range(done + 2))), folder.generations()
    for index in folder.generations():
        assert pack(folder.read_generation(index)) == pack(generation(index)), f"another generation {index}"
    for number, arrays in folder.journal.read(done + 1).items():
        assert pack(arrays) == pack(state(done + 1 + number)), f"another cohort {number}"
    with folder.driving():
        logged = [line["generation"] for line in folder.log.read()]
        assert logged == sorted(set(logged)), f"a log out of order: {logged}"
        assert least in (-1, *logged), f"generation {least} was in the log: {logged}"
        assert not list(path.rglob(".*")), "unfinished files"
    return done


def forked(job) -> int:
    """Process id of a child that does a job."""
    child = os.fork()
    if child == 0:
        try:
            job()
        except BaseException as error:
            print(type(error).__name__, error, file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return child


def dying(at: int) -> None:
    """Lets this process die in the at-th call that changes the disk; of what os.write gets, half is written before."""
    calls = count()

    def watched(name: str) -> None:
        real = getattr(os, name)

        def call(*args):
            if next(calls) == at:
                if name == "write":
                    real(args[0], args[1][: len(args[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args)

        setattr(os, name, call)

    for name in CALLS:
        watched(name)
    atomic._SYNC_DATA = os.fsync  # bound when the file was imported


def refusing(at: int, fault, lasting: bool) -> None:
    """Lets the at-th call that changes the disk fail, or all from there on; of what os.write gets, half is written."""
    calls = count()

    def watched(name: str) -> None:
        real = getattr(os, name)

        def call(*args, **keywords):
            number = next(calls)
            if number == at or (lasting and number > at):
                if name == "write":
                    real(args[0], args[1][: len(args[1]) // 2])
                fault()
            return real(*args, **keywords)

        setattr(os, name, call)

    for name in (*CALLS, "open"):
        watched(name)
    atomic._SYNC_DATA = os.fsync


def unsynchronised() -> None:
    """A process that dies leaves what it wrote to the kernel: the disk need not be waited for."""
    os.fsync = atomic._SYNC_DATA = lambda descriptor: None


def every(place: Path) -> int:
    """Kills a driver in every call, one after the other, each in a run of its own; how many there were."""
    for at in count():
        path = place / f"run-{at}"
        RunFolder.create(path, "seed: 1\n", {})
        status = os.waitpid(forked(lambda at=at, path=path: (dying(at), work(path, 4))), 0)[1]
        check(path)
        work(path, 4)
        assert check(path) == 3
        if not os.WIFSIGNALED(status):
            assert status == 0
            return at
    raise AssertionError


def random(place: Path) -> int:
    """Kills the drivers of one run at random moments; how far it came in spite of it."""
    path, streams, newest = place / "run", np.random.default_rng(1), -1
    RunFolder.create(path, "seed: 1\n", {})
    for number in count():
        if number >= KILLS and newest >= 1:
            break
        child = forked(lambda: work(path, 10**6))
        time.sleep(
            streams.uniform(0.01, 0.1) * max(1.0, number / KILLS)
        )  # longer, where all died before their first word
        os.kill(child, signal.SIGKILL)
        assert os.WIFSIGNALED(os.waitpid(child, 0)[1]), "it died by itself"
        before, newest = newest, check(path)
        assert newest >= before
    return newest


def in_place(place: Path) -> int:
    """The control: a build that writes in place, which must not pass."""
    run_folder.write_atomic = lambda path, data: atomic.append_at(path, 0, data)
    return every(place)


def refused(place: Path, how: str) -> int:
    """A disk that refuses each call, one after the other, once and for good: a sentence, and nothing is lost."""
    code = getattr(errno, how)
    for at in count():
        for lasting in (False, True):
            path = place / f"run-{at}-{lasting}"
            RunFolder.create(path, "seed: 1\n", {})

            def fault() -> None:
                raise OSError(code, os.strerror(code))

            def job(at=at, path=path, lasting=lasting, fault=fault) -> None:
                refusing(at, fault, lasting)
                os._exit(7 if sentence(path).count("cannot be written") == 1 else 0)

            status = os.waitstatus_to_exitcode(os.waitpid(forked(job), 0)[1])
            check(path)
            work(path, 4)
            assert check(path) == 3
            if not status:
                return at
            assert status == 7, f"call {at}: no sentence"
    raise AssertionError


def vanish(place: Path) -> int:
    """A folder that is taken away in each call, one after the other: a sentence."""
    for at in count():
        path = place / f"run-{at}"
        RunFolder.create(path, "seed: 1\n", {})

        def job(at=at, path=path) -> None:
            refusing(at, lambda: shutil.rmtree(path, ignore_errors=True), lasting=False)
            os._exit(7 if sentence(path) else 0)

        status = os.waitstatus_to_exitcode(os.waitpid(forked(job), 0)[1])
        if not status:  # it had nothing to write any more
            assert not path.exists() or check(path) == 3
            return at
        assert status == 7, f"call {at}: no sentence"
    raise AssertionError


def sentence(path: Path) -> str:
    """Returns the message of a driver that cannot go on; empty if it can."""
    try:
        work(path, 4)
    except InputError as error:
        return str(error).replace("\n", " cannot be written ")  # several lines are no sentence
    return ""


def hold(place: Path) -> int:
    """Has a run until it is killed."""
    with RunFolder.open(place / "run").driving():
        print("holding", flush=True)
        time.sleep(600)
    return 0


if __name__ == "__main__":
    unsynchronised()
    heavy = {"torch", "ray", "deap"} & sys.modules.keys()
    assert not heavy, f"the run folder imports {heavy}"
    jobs = {"every": every, "random": random, "in-place": in_place, "hold": hold, "vanish": vanish}
    print(jobs.get(sys.argv[2], lambda place: refused(place, sys.argv[2]))(Path(sys.argv[1])))
