"""Shared by the tests of the outer loop: one Ray for all of them, and an experiment that takes milliseconds."""

import ast
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evo.distribution.ray_executor import OnRay
from evo.evaluation.cohort import Cohort, cohorts
from evo.evolution.evolve import evolve
from evo.experiment.experiment import Experiment
from evo.experiment.goals import Scores
from evo.search.algorithms.random_search import RandomSearch
from evo.search.base import founders
from genomes.encodings.gene_expression import GeneExpression
from genomes.evolve import Evolve
from genomes.streams import derive
from genomes.topology import layered
from inner_loop.lives.samples import Lifetime
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.rules.backprop import Backprop
from inner_loop.tasks.teacher import Teacher


@pytest.fixture(scope="session")
def ray_executor() -> Iterator[OnRay]:
    """Two workers, started once: another OnRay finds this Ray and leaves it running."""
    with OnRay(workers=2) as executor:
        yield executor


_SMALL = Experiment(
    topology=layered(5, 4, 3),
    encoding=GeneExpression(genes=2, bits=4),
    rule=Backprop(Evolve((1e-2, 1e-1), "log", 4), 0.5),
    objective=SquaredError(),
    task=Teacher(5, 3, hidden=4, measured=16),
    goals=Scores(("innate.explained_variance", "learned.explained_variance")),
    search=RandomSearch(6),
    lifetime=Lifetime(3, 4),
    generations=2,
    cohort=4,
)


@pytest.fixture
def small() -> Callable[..., Experiment]:
    """An experiment of milliseconds; `small(task=..., cohort=...)` changes parts of it."""
    return lambda **changes: replace(_SMALL, **changes)


def _bytes_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="session")
def run_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Experiment], Path]]:
    """The folder of a run of an experiment, which evolves once for all tests: `run_of(small())`.

    Tests read it. What writes takes a copy, `copy_of(small())`.
    """
    made: dict[str, Path] = {}
    before: dict[Path, bytes] = {}

    def folder(experiment: Experiment) -> Path:
        key = repr(experiment)
        if key not in made:
            made[key] = tmp_path_factory.mktemp("run_of") / "run"
            evolve(experiment, made[key]).finish()
            before.update(_bytes_of(made[key]))
        return made[key]

    yield folder
    after = {path: data for run in made.values() for path, data in _bytes_of(run).items()}
    assert after == before, "a test wrote to a run that others read"


@pytest.fixture
def copy_of(run_of: Callable[[Experiment], Path], tmp_path: Path) -> Callable[..., Path]:
    """A run of an experiment that a test may write to: `copy_of(small(), "one")`, a folder in `tmp_path`."""

    def copy(experiment: Experiment, name: str = "run") -> Path:
        return shutil.copytree(run_of(experiment), tmp_path / name)

    return copy


@pytest.fixture
def founded() -> Callable[..., Cohort]:
    """A cohort of founders of an experiment: `founded(experiment, real=4, number=0)`."""

    def cohort(experiment: Experiment, real: int | None = None, number: int = 0) -> Cohort:
        spec, size, first = experiment.genome.spec, experiment.cohort, number * experiment.cohort
        slots = np.arange(first, first + size)
        levels = spec.quantise(derive(7, "founders", owners=slots.tolist()).uniform(spec.size).numpy())
        real = size if real is None else real
        slots[real:], levels[real:] = slots[0], levels[0]
        return Cohort(0, number, slots, levels, real)

    return cohort


@pytest.fixture
def generation() -> Callable[..., list[Cohort]]:
    """The cohorts of a generation of founders: `generation(experiment, count=10)`."""
    return generation_of


def generation_of(experiment: Experiment, count: int = 10) -> list[Cohort]:
    spec = experiment.genome.spec
    return cohorts(0, spec.quantise(founders(count, spec, derive(0, "founders"))), experiment.cohort)


@pytest.fixture(scope="session")
def sources() -> dict[str, ast.Module]:
    """The three packages by file, parsed."""
    root = Path(__file__).resolve().parents[2]
    files = [path for package in ("genomes", "inner_loop", "evo") for path in sorted((root / package).rglob("*.py"))]
    return {path.relative_to(root).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in files}


@pytest.fixture(scope="session")
def calls(sources: dict[str, ast.Module]) -> list[tuple[str, str, ast.Call]]:
    """Every call in the three packages: file, the function as it is written, the call."""
    return [
        (path, ast.unparse(node.func), node)
        for path, tree in sources.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


@pytest.fixture
def same_bytes() -> Callable[[dict[str, Any], dict[str, Any]], bool]:
    """Tells whether two sets of named arrays agree in names, types, shapes and every bit."""

    def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
        return one.keys() == other.keys() and all(
            (one[k].dtype, one[k].shape, one[k].tobytes()) == (other[k].dtype, other[k].shape, other[k].tobytes())
            for k in one
        )

    return same
