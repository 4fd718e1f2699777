"""Puts a mistake into a module, runs the tests that meet its line, and counts the mistakes that no test notices.

    python -m scripts.mutants [--every N] [--seconds S] [MODULE ...]

Libraries do not fit: mutmut 3 leaves out every decorated function, 30 of the 114 in MODULES, and cosmic-ray starts
Python for every mutant, which costs 5 s here, mostly for torch's import and the checks of shapes. Here one process
imports everything and collects the tests once; each mutant is a fork of it that exchanges the code of one function.

The rows of these modules on the page docs/mutants.md are written again, with their earlier reasons; the exit code is
1 if fewer than 95 % of all mutants on the page die, or one survives without a reason.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import math
import os
import resource
import select
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, final

import pytest

from scripts.mutations import Mutant, mutants
from scripts.survivors import Found, told

MODULES = {
    "evo/analysis/statistics.py": "evo/analysis/test_statistics.py evo/analysis/genetics/test_knockouts.py",
    "evo/evolution/run.py": "evo/evolution/test_run.py evo/analysis/history/test_lineage.py "
    "evo/evolution/test_evolve.py evo/test_worlds.py",
    "evo/analysis/innate/compressed_networks.py": "evo/analysis/innate/test_compressed_networks.py",
    "evo/analysis/genetics/units.py": "evo/analysis/genetics/test_units.py evo/analysis/genetics/test_knockouts.py "
    "evo/analysis/genetics/test_rules.py",
    "evo/distribution/dispatcher.py": "evo/distribution/test_dispatcher_without_ray.py "
    "evo/distribution/test_dispatcher.py",
    "evo/experiment/goals.py": "evo/experiment/test_goals.py",
    "genomes/spec.py": "genomes/test_spec.py genomes/test_evolvable.py",
    "evo/evaluation/evaluate.py": "evo/evaluation/test_evaluate.py evo/analysis/test_assay_runner.py "
    "evo/test_worlds.py",
}
"""The mutated modules, and the files of tests for each; tests that start a Ray are left out."""

_MEMORY = 4 * 2**30  # bytes that a mutant may ask for beyond those of the process
_LEAST, _TIMES = 2.0, 4.0  # limit of CPU seconds: at least, and as a multiple of its tests' time
_PATIENCE = 30.0  # seconds of wall time for one CPU second: a mutant may wait for ever


@final
@dataclass(frozen=True, eq=False)
class Known:
    """The results of one run of all tests without a mistake.

    Attributes:
        lines: for each file and line, the tests that execute it.
        seconds: CPU seconds of each test, under the trace.
        modules: the modules that the tests imported.
    """

    lines: dict[tuple[str, int], set[int]]
    seconds: list[float]
    modules: list[str]

    @staticmethod
    def told(lines: list[Any], seconds: list[float], modules: list[str]) -> Known:
        """The JSON output of a child."""
        return Known({(path, line): set(tests) for path, line, tests in lines}, seconds, modules)


class Mutator:
    """A plugin of pytest that replaces its loop over the tests."""

    def __init__(self, files: Sequence[str], every: int, budget: float) -> None:
        self._files = {os.path.abspath(name): name for name in files}
        self._every, self._budget = every, budget
        self.found: list[Found] = []
        self.baseline = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Uses the same examples each time; one failing example is enough, without shrinking."""
        from hypothesis import Phase, settings

        few = (Phase.explicit, Phase.generate)
        settings.register_profile("mutants", phases=few, database=None, derandomize=True, deadline=None)
        settings.load_profile("mutants")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Runs all tests once without a mistake, then the mutants one after the other."""
        watched = in_child(partial(self._watched, session), 3600.0)
        self.baseline = watched is not None
        if watched is None:
            return True
        known = Known.told(*watched)
        for name in known.modules:
            _imported(name)
        gc.collect()
        functions = _functions(self._files)
        here = {path for path, _ in functions}
        assert here == self._files.keys(), f"the tests import {sorted(here)}, which is not what is mutated"
        gc.freeze()  # forks then share memory that the collector would touch
        for path, name in self._files.items():
            for mutant in list(mutants(Path(path).read_text(encoding="utf-8")))[:: self._every]:
                tests = self._tests(session, known, path, mutant)
                limit = max(_LEAST, _TIMES * sum(known.seconds[test] for test in tests))
                make = partial(_install, path, functions, mutant)
                said = in_child(partial(self._survives, session, mutant, make, tests), limit)
                if said == "impossible":  # the mistake does not compile to a function with the same variables
                    continue
                assert said in (True, False, None), said
                died = said is not True
                self.found.append(Found(name, mutant.function, mutant.change, mutant.line, died, len(tests)))
                self._say(died, mutant)
        return True

    def _say(self, died: bool, mutant: Mutant) -> None:
        if not died:
            print(f"\n{self.found[-1].file}:{mutant.line} {mutant.function}: {mutant.change}", file=sys.stderr)
        elif len(self.found) % 50 == 0:
            print(f"\r{len(self.found)} mutants", end="", file=sys.stderr, flush=True)

    def _watched(self, session: pytest.Session) -> tuple[Any, ...] | None:
        """Runs all tests under a trace of the lines of the files; None if one fails."""
        lines, seconds, before = defaultdict[tuple[str, int], set[int]](set), [], set(sys.modules)
        for index, item in enumerate(session.items):
            began = time.process_time()
            sys.settrace(_tracer(self._files, lambda path, line, test=index: lines[path, line].add(test)))
            _run(item, session.items, index)
            sys.settrace(None)
            seconds.append(time.process_time() - began)
            if session.testsfailed:
                print(f"without any mistake {item.nodeid} fails", file=sys.stderr)
                return None
        return [[*where, sorted(tests)] for where, tests in lines.items()], seconds, sorted(set(sys.modules) - before)

    def _tests(self, session: pytest.Session, known: Known, path: str, mutant: Mutant) -> list[int]:
        """The tests of a mutant, up to a maximum: those of the first file before the others, the quickest first."""
        mirror = MODULES[self._files[path]].split()[0]

        def last(test: int) -> tuple[bool, float]:
            return not session.items[test].path.as_posix().endswith(mirror), known.seconds[test]

        met = [known.lines.get((path, line), set()) for line in mutant.met]
        chosen, spent = [], 0.0
        for test in sorted(set().union(*met), key=last):
            spent += known.seconds[test]
            if spent > self._budget and chosen:
                break
            chosen.append(test)
        return chosen

    def _survives(
        self, session: pytest.Session, mutant: Mutant, make: Callable[[], None], tests: list[int]
    ) -> bool | str:
        try:
            make()
        except ValueError:
            return "impossible"
        except Exception as error:
            return f"{mutant.change}: {type(error).__name__}: {error}"
        for place, test in enumerate(tests):
            _run(session.items[test], [session.items[each] for each in tests], place)
            if session.testsfailed:
                return False
        return True


def _run(item: pytest.Item, items: Sequence[pytest.Item], place: int) -> None:
    following = items[place + 1] if place + 1 < len(items) else None
    item.ihook.pytest_runtest_protocol(item=item, nextitem=following)


def _tracer(files: Any, met: Callable[[str, int], Any]) -> Callable[..., Any]:
    """A trace that skips the lines of other files after one look at each call."""

    def local(frame: FrameType, event: str, argument: object) -> Any:
        met(frame.f_code.co_filename, frame.f_lineno)
        return local

    return lambda frame, event, argument: local if frame.f_code.co_filename in files else None


def _imported(name: str) -> None:
    """Imports before the forks the modules that tests import late, if their names alone suffice."""
    with contextlib.suppress(Exception):
        __import__(name)


def _functions(files: Any) -> dict[tuple[str, str], list[FunctionType]]:
    """All function objects of the files: wrappers, properties and caches each hold one."""
    found = defaultdict(list)
    for thing in gc.get_objects():
        if type(thing) is FunctionType and thing.__code__.co_filename in files:
            found[thing.__code__.co_filename, thing.__code__.co_qualname].append(thing)
    return found


def _install(path: str, functions: dict[tuple[str, str], list[FunctionType]], mutant: Mutant) -> None:
    if mutant.constant:
        _assign(path, mutant)
        return
    (code,) = (code for code in _codes(mutant.code(path)) if code.co_qualname == mutant.function)
    assert functions[path, mutant.function], f"no function {mutant.function}"
    for function in functions[path, mutant.function]:
        function.__code__ = code


def _codes(code: CodeType) -> Iterator[CodeType]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield inner
            yield from _codes(inner)


def _assign(path: str, mutant: Mutant) -> None:
    """Sets a constant of a module, there and in the modules that imported it."""
    home = next(m for m in list(sys.modules.values()) if os.path.abspath(getattr(m, "__file__", None) or "") == path)
    names = dict(vars(home))
    exec(mutant.statement(path), names)
    for name in mutant.function.strip("()").replace(" ", "").split(","):
        old = vars(home)[name]
        for module in list(sys.modules.values()):
            if getattr(module, "__dict__", {}).get(name) is old:
                setattr(module, name, names[name])


def in_child(work: Callable[[], Any], limit: float) -> Any:
    """The result of a function in a fork, with its own group of processes; None if it dies or takes too long.

    Args:
        limit: CPU seconds.
    """
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        _alone(work, write, limit)
    os.close(write)
    parts, deadline = [], time.monotonic() + _PATIENCE * limit
    while select.select([read], [], [], max(0.0, deadline - time.monotonic()))[0]:
        part = os.read(read, 2**16)
        if not part:
            break
        parts.append(part)
    os.close(read)
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    try:
        return json.loads(b"".join(parts))
    except (EOFError, ValueError):
        return None


def _alone(work: Callable[[], Any], write: int, limit: float) -> None:
    """Prepares the child: no output, limited memory, and no return to the parent's code."""
    os.setsid()
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + _MEMORY, used + _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(limit), math.ceil(limit) + 1))
    try:
        answer = json.dumps(work()).encode()
        while answer:
            answer = answer[os.write(write, answer) :]
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    finally:
        os._exit(0)


def main() -> int:
    """Returns the exit code."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("modules", nargs="*", metavar="MODULE", default=list(MODULES), help="of those: all of them")
    asked.add_argument("--every", type=int, default=1, help="take every N-th mutant only")
    asked.add_argument("--seconds", type=float, default=60.0, help="of tests for each mutant, at most")
    options = asked.parse_args()
    files = dict.fromkeys(f"tests/{name}" for module in options.modules for name in MODULES[module].split())
    plugin = Mutator(options.modules, options.every, options.seconds)
    arguments = ["-q", "-s", "-m", "not ray", "-p", "no:cacheprovider", "-p", "no:xdist", "--timeout=0", *files]
    code = pytest.main(arguments, plugins=[plugin])
    if code or not plugin.baseline:
        return int(code) or 2
    return told(plugin.found, options.every == 1)


if __name__ == "__main__":
    sys.exit(main())
