import sys
from pathlib import Path

import pytest

from evo.experiment.registry import REGISTRY, SEAMS, kind_of, names, resolve
from evo.search.algorithms.random_search import RandomSearch
from genomes.errors import InputError

STRANGER = """
from dataclasses import dataclass
from inner_loop.objective import Objective
from inner_loop.rule import LearningRule
from inner_loop.rules.frozen import Frozen

class Methods:
    def init(self, network, newborn, weights, streams):
        return ()

    def step(self, network, weights, state, lived, newborn):
        return weights, state

@dataclass(frozen=True)
class Stranger(Methods, LearningRule):
    pass

class Undecorated(Stranger):
    haste: float = 1.0

@dataclass
class Melted(Methods, LearningRule):
    pass

@dataclass(frozen=True)
class Abstract(LearningRule):
    pass

@dataclass(frozen=True)
class Kind(Methods, LearningRule):
    kind: str = "x"

number = 3
"""


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module in the current folder."""
    name = f"stranger_of_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(STRANGER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return name


@pytest.mark.parametrize("seam", REGISTRY)
def test_every_name_resolves_to_its_class(seam: str) -> None:
    assert REGISTRY.keys() == SEAMS.keys()
    assert len(set(names(seam))) == len(REGISTRY[seam]) > 0
    for registered in REGISTRY[seam]:
        assert resolve(seam, registered.__name__) is registered
        assert issubclass(registered, SEAMS[seam])


def test_an_unknown_name_gets_the_nearest_and_the_list() -> None:
    with pytest.raises(InputError) as caught:
        resolve("encoding", "GeneExpresion")
    assert str(caught.value).startswith(
        "encoding.kind: no encoding 'GeneExpresion'; did you mean 'GeneExpression'? (GeneExpression, "
    )
    with pytest.raises(InputError, match=r"no rule 'xyz'; choose from BPTT, Backprop, .*Volterra$"):
        resolve("rule", "xyz")


def test_a_strangers_class_needs_permission_before_its_code_runs(stranger: str) -> None:
    with pytest.raises(InputError, match=rf"rule\.kind: '{stranger}:Stranger' is code .* --allow-code"):
        resolve("rule", f"{stranger}:Stranger")
    assert stranger not in sys.modules
    found = resolve("rule", f"{stranger}:Stranger", allow_code=True)
    assert found.__module__ == stranger
    assert kind_of("rule", found()) == f"{stranger}:Stranger"
    assert kind_of("search", RandomSearch()) == "RandomSearch"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Strangr", "no 'Strangr' in .*; did you mean 'Stranger'"),
        ("number", "expected a subclass of LearningRule, got 3"),
        ("Objective", "expected a subclass of LearningRule, got Objective"),
        ("Undecorated", r"expected a class with @dataclass\(frozen=True\), got Undecorated"),
        ("Melted", r"expected a class with @dataclass\(frozen=True\), got Melted"),
        ("Abstract", "expected every method of LearningRule, but Abstract lacks init, step"),
        ("Kind", "expected fields not called 'kind'"),
        ("", "no '' in "),
        ("Stranger.no.way", "no 'no' in "),
    ],
)
def test_a_class_that_is_no_component_gets_a_sentence(stranger: str, name: str, sentence: str) -> None:
    with pytest.raises(InputError, match=f"^rule.kind: {sentence}"):
        resolve("rule", f"{stranger}:{name}", allow_code=True)


@pytest.mark.parametrize("kind", ["no_such_module:X", ":X", ".relative:X", "raises_at_import:X"])
def test_a_module_that_cannot_be_imported_gets_a_sentence(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "raises_at_import.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=r"rule\.kind: '.*' cannot be imported: \w+"):
        resolve("rule", kind, allow_code=True)
