"""Shared by all tests: one thread, and shapes that are checked in every call."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from runpy import run_path

os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")
os.environ.setdefault("INSTINCT_ENGINE", "torch")  # compiling costs seconds; tests of compiled lives delete it

import pytest
import torch
from hypothesis import HealthCheck, settings

run_path(str(Path(__file__).with_name("shapes.py")))["check"]("genomes", "inner_loop", "evo")

from evo.evaluation.numerics import settle  # noqa: E402  (after the hook)
from genomes.errors import InputError  # noqa: E402

settle()

# the duration of an example depends on the machine alone
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


_HOLD = """
import sys, time
from pathlib import Path

if "evo.cli.main" in sys.orig_argv:
    import evo.evolution.evolve

    here, thin = Path(__file__).parent, evo.evolution.evolve.thin

    def held(folder, experiment, newest):
        thin(folder, experiment, newest)
        mark = here / str(newest)
        if newest in {generations} and not mark.exists():
            mark.touch()
            while not (here / "go").exists():
                time.sleep(0.01)  # short, since a signal just before it is handled only at its end

    evo.evolution.evolve.thin = held
"""


class Held:
    """Drivers in separate processes that are held at given generations, so that tests of them have no race."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, *generations: int) -> dict[str, str]:
        """Returns environment variables that hold a driver once at each of these generations, after it is written."""
        self._folder.mkdir()
        (self._folder / "sitecustomize.py").write_text(_HOLD.format(generations=generations))
        found = [str(self._folder), str(Path(__file__).parents[1]), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        return {"PYTHONPATH": os.pathsep.join(filter(None, found))}

    def wait(self, generation: int, running: Callable[[], object] = lambda: True) -> None:
        """Waits until a driver is held at the generation."""
        end = time.monotonic() + 200
        while not (self._folder / str(generation)).exists():
            assert running(), "it ended"
            assert time.monotonic() < end, "in vain"
            time.sleep(0.01)

    def go(self) -> None:
        """Releases every held driver."""
        (self._folder / "go").touch()


@pytest.fixture
def held(tmp_path: Path) -> Held:
    """Provides `held(0, 2)`, `held.wait(0)` and `held.go()`."""
    return Held(tmp_path / "held")


@pytest.fixture
def rough_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports draw each figure once, as SVG; their PDF and PNG files hold no picture. For tests of what reports say."""
    from evo.analysis.report import save, svg

    monkeypatch.setattr(svg, "drawn", cache(svg.drawn))
    monkeypatch.setattr(save, "drawn", lambda figure, form: form.encode())


_ANY = object()


@contextmanager
def _refused(key: str, value: object = _ANY) -> Iterator[pytest.ExceptionInfo[InputError]]:
    with pytest.raises(InputError) as caught:
        yield caught
    before, _, got = str(caught.value).partition("got ")
    assert key in before
    assert value is _ANY or str(value) in got


@pytest.fixture
def refused() -> Callable[..., AbstractContextManager[pytest.ExceptionInfo[InputError]]]:
    """Provides `refused(key, value)`, a context that expects an InputError.

    The message must name the key before the word `got` and, if a value is given, the value after it.
    """
    return _refused


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects tests that need a GPU if there is none."""
    if not torch.cuda.is_available():
        gpu = [item for item in items if item.get_closest_marker("gpu")]
        items[:] = [item for item in items if not item.get_closest_marker("gpu")]
        config.hook.pytest_deselected(items=gpu)
