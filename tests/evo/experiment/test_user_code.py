"""A run continues with the code with which it began: hashes cover user-defined modules and all their imports."""

import importlib
import sys

import pytest

from evo.evolution.manifest import check_same_world, manifest
from evo.experiment.user_code import hashes, source
from genomes.errors import InputError

PACKAGE = {
    "own_code/__init__.py": "",
    "own_code/rules/__init__.py": "",
    "own_code/rules/decay.py": """
from dataclasses import dataclass
import numpy
from typing import Annotated
from genomes.evolve import Evolvable, Synaptic
from inner_loop.rule import LearningRule
from ..constants import RATE
from .. import maths
import own_code_helper

@dataclass(frozen=True)
class Decay(LearningRule[tuple[()]]):
    rate: Annotated[Evolvable, Synaptic] = RATE

    def init(self, network, newborn, weights, streams):
        return ()

    def step(self, network, weights, state, lived, newborn):
        import own_code_late
        for name, weight in weights.projections.items():
            weight -= own_code_late.share(newborn.projections[name].parameters["rule.rate"]) * weight
        return weights, state
""",
    "own_code/constants.py": "RATE = 0.25\n",
    "own_code/maths.py": "",
    "own_code/plots.py": "",
    "own_code_helper.py": "# -*- coding: latin-1 -*-\nname = 'caf\\xe9'\n",
    "own_code_late.py": "def share(rate):\n    return 0.5 * rate\n",
    "own_code_other.py": "",
}
USED = {
    *("own_code", "own_code.rules", "own_code.rules.decay", "own_code.constants", "own_code.maths"),
    *("own_code_helper", "own_code_late"),
}


def forget():
    for name in [name for name in sys.modules if name.startswith("own_code")]:
        del sys.modules[name]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, text in PACKAGE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="latin-1")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    forget()


@pytest.fixture
def ours(folder, small):
    """The experiment as a new process makes it."""

    def made():
        forget()
        importlib.invalidate_caches()
        importlib.import_module("own_code_other")  # imported, but nothing of the experiment needs it
        return small(rule=importlib.import_module("own_code.rules.decay").Decay())

    return made


def test_what_the_house_has_needs_no_hash(small):
    assert hashes(small()) == {} == manifest(small(), [])["modules"]


def test_every_module_that_is_imported_at_the_top_or_later_is_named_and_no_other(ours):
    found = hashes(ours())
    assert found.keys() == USED
    assert all(len(digest) == 64 for digest in found.values())
    assert found == hashes(ours())


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(USED - {"own_code"}))
def test_a_run_is_not_gone_on_with_by_other_code(name, ours, folder):
    then = manifest(ours(), [])
    check_same_world("runs/x", then, ours())
    file = folder / f"{name.replace('.', '/')}.py"
    file = file if file.exists() else folder / name.replace(".", "/") / "__init__.py"
    before = file.read_bytes()
    file.write_bytes(before + b"\n\n# changed\n")
    with pytest.raises(InputError) as caught:
        check_same_world("runs/x", then, ours())
    assert str(caught.value).startswith(f"runs/x: expected the code of the start of the run, got a changed {file}; ")
    assert "instinct evolve runs/x/experiment.yaml" in str(caught.value)
    file.write_bytes(before)
    (folder / "own_code_other.py").write_text("other = 1")
    (folder / "own_code" / "plots.py").write_text("other = 1")
    check_same_world("runs/x", then, ours())


@pytest.mark.parametrize("modules", [None, [], "x", {"own_code.maths": None, "nowhere": 3}])
def test_runs_that_know_no_modules_are_gone_on_with(modules, ours):
    then = manifest(ours(), []) | {"modules": modules}
    if isinstance(modules, dict):
        with pytest.raises(InputError, match=r"maths\.py"):
            check_same_world("runs/x", then, ours())
    else:
        check_same_world("runs/x", then, ours())


def test_what_runs_here_is_what_is_named_though_its_file_be_changed(ours, folder):
    experiment = ours()
    before = hashes(experiment)
    (folder / "own_code" / "constants.py").write_text("RATE = 3.0\n")
    assert hashes(experiment) == before
    assert source(sys.modules["own_code.constants"].__spec__) == "RATE = 0.25\n"
    importlib.reload(sys.modules["own_code.constants"])
    assert hashes(experiment) != before


def test_a_file_that_is_gone_is_not_named(ours, folder):
    experiment = ours()
    (folder / "own_code" / "constants.py").unlink()
    assert hashes(experiment).keys() == USED - {"own_code.constants"}


def test_a_class_of_a_script_is_named_by_its_own_text(ours, folder, monkeypatch):
    experiment = ours()
    decay = sys.modules["own_code.rules.decay"]
    monkeypatch.setattr(decay.Decay, "__module__", "__main__")
    monkeypatch.setitem(sys.modules, "__main__", decay)
    monkeypatch.setattr(decay, "__spec__", None)
    assert [*hashes(experiment)] == ["__main__:Decay"]
