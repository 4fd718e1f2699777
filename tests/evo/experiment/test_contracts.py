"""`instinct check` on a user-defined component: it names the right interface, and each error is one sentence."""

import sys

import pytest

from evo.cli.main import main
from evo.evolution.evolve import evolve
from evo.experiment.config import read
from evo.experiment.contracts import check
from genomes.errors import InputError
from genomes.foreign import imported

STRANGER = """
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
import numpy as np
from evo.experiment.goals import Goals
from evo.search.algorithms.random_search import RandomSearch
from inner_loop.rule import LearningRule
from inner_loop.task import Task

class Methods:
    def init(self, network, newborn, weights, streams):
        return ()

    def step(self, network, weights, state, lived, newborn):
        return weights, state

class Mode(Enum):
    FAST = "fast"

@dataclass(frozen=True)
class Wine(Task):
    inputs = outputs = 3
    score_names = ("accuracy",)

@dataclass(frozen=True)
class Plain(Methods, LearningRule):
    many: int = np.int64(3)
    much: float = np.float32(0.1)
    file: Path = Path("kernel.npy")
    mode: Mode = Mode.FAST
    only: frozenset[str] = frozenset({"a", "b", "c"})

@dataclass(frozen=True)
class Endless(Methods, LearningRule):
    bound: float = float("inf")

@dataclass(frozen=True)
class Opaque(Methods, LearningRule):
    how: object = print

@dataclass(frozen=True)
class Odd(Methods, LearningRule):
    window: int = 4

    def __post_init__(self):
        assert self.window % 2, "window must be odd"

@dataclass(frozen=True)
class Bare(Methods, LearningRule):
    window: int

@dataclass(frozen=True)
class Blind(Goals):
    count = 1

    def check(self, known):
        {}["nothing"]

    def of(self, measurements):
        return None
"""


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    name = f"checked_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(STRANGER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield name
    sys.modules.pop(name, None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Wine", "check: expected every method of Task, but Wine lacks draw, scores, size"),
        ("Methods", "check: expected a subclass of one of Encoding, Neuron, .*Search, got Methods"),
        ("Mine", "check: no 'Mine' in .*; did you mean 'Wine'"),
        ("Endless", "rule.bound: expected a finite number, got Infinity"),
        ("Opaque", "rule.how: expected a value that a config can hold, got one of type builtin_function_or_method"),
        ("Odd", r"Odd: its own defaults are refused: AssertionError: window must be odd \(checked_.*, line \d+\)"),
        ("Bare", "Bare: expected a default for every field, got 'window'"),
        ("Blind", r"Blind: check\(\), line \d+: raised KeyError: 'nothing'"),
    ],
)
def test_what_is_wrong_is_one_sentence_that_names_no_other_seam(stranger, name, sentence):
    with pytest.raises(InputError, match=f"^{sentence}"):
        check(f"{stranger}:{name}")


def test_an_import_error_is_told_once_and_blames_no_seam(stranger, tmp_path, capsys):
    (tmp_path / f"{stranger}_b.py").write_text("final")
    assert main(["check", f"{stranger}_b:Wine"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"instinct: check: '{stranger}_b' cannot be imported: NameError: name 'final' is not defined"


@pytest.mark.slow
def test_numbers_of_numpy_paths_and_sets_are_what_a_config_holds(stranger):
    assert check(f"{stranger}:Plain")[-1] == "its fields can be written to a config and read back"


@pytest.mark.parametrize("name", ["Endless", "Opaque", "Odd"])
def test_what_never_opens_again_makes_no_folder(stranger, name, capsys, tmp_path):
    rule = f'rule={{kind: "{stranger}:{name}"}}'
    assert main(["evolve", "teacher", "--serial", "--run", "x", rule]) == 2
    said = capsys.readouterr().err
    assert "rule" in said
    assert "Traceback" not in said
    assert not (tmp_path / "x").exists()


def test_a_strangers_plain_fields_run_and_are_read_back(stranger, small, tmp_path):
    found = imported(stranger, "rule")
    experiment = small(rule=found.Plain(), generations=1)
    assert len(list(evolve(experiment, tmp_path / "run"))) == 1
    assert list(evolve(experiment, tmp_path / "run")) == [], "the same experiment, read back"
    text = (tmp_path / "run" / "experiment.yaml").read_text()
    assert "many: 3" in text
    assert "only: [a, b, c]" in text
    assert read(text, "x", allow_code=True).rule.file == found.Path("kernel.npy")


def test_what_a_stranger_raises_when_an_experiment_is_made_is_one_sentence(stranger, capsys):
    assert main(["evolve", "teacher", "--serial", f'goals="{stranger}:Blind"']) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "refused by code that is not part of instinct: KeyError: 'nothing'" in line
