"""Types, dtypes and shapes in signatures are checked in functions, methods and the inits of dataclasses."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from runpy import run_path
from types import ModuleType

import pytest
import torch

from genomes.streams import Streams, derive

SHAPES = run_path(str(Path(__file__).with_name("shapes.py")))
SOURCE = '''
"""Its docstring."""
from __future__ import annotations
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from jaxtyping import Float
from torch import Tensor

if TYPE_CHECKING:
    from elsewhere import Unknown

def plain(count: int, whatever: Unknown = None) -> str:
    return str(count) if count else None

def same(left: Float[Tensor, "a b"], right: Float[Tensor, "a b"] | None) -> Float[Tensor, " b"]:
    return left[0] if len(left) < 5 else left[:, 0]

def inner(matrix: Float[Tensor, "a b"]) -> Float[Tensor, "b a"]:
    return same(matrix.T.contiguous(), None).new_zeros(matrix.T.shape)

def several(matrices: list[Float[Tensor, "a a"]]) -> None:
    pass

@contextmanager
def lent(vector: Float[Tensor, " a"], count: int) -> Iterator[int]:
    yield count

@dataclass(frozen=True)
class Record:
    matrix: Float[Tensor, "a b"]
    vector: Float[Tensor, " b"]
    name: str = ""

    def method(self, vector: Float[Tensor, " b"], other: Float[Tensor, " b"]) -> int:
        return vector

    @classmethod
    def of(cls, count: int) -> Record:
        return cls(torch.zeros(count, count), torch.zeros(count))

    @property
    def half(self) -> Float[Tensor, "a b"]:
        return self.matrix.half().argmax()

class Longer(Record):
    pass

def outer():
    def nested(count: int) -> int:
        return count
    return nested
'''


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    folder = tmp_path_factory.mktemp("made")
    (folder / "made_with_shapes.py").write_text(SOURCE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setattr(sys, "meta_path", list(sys.meta_path))
        SHAPES["check"]("made_with_shapes")
        module = importlib.import_module("made_with_shapes")
        yield module
        del sys.modules["made_with_shapes"]


def zeros(*shape: int) -> torch.Tensor:
    return torch.zeros(shape)


def test_what_fits_passes(made):
    assert made.plain(3) == "3"
    assert made.same(zeros(2, 3), zeros(2, 3)).shape == (3,)
    assert made.inner(zeros(2, 3)).shape == (3, 2)  # a and b are others in the call inside
    with made.lent(zeros(3), 4) as count:
        assert count == 4
    assert made.Record(zeros(2, 3), zeros(3)).name == made.Longer(zeros(3, 4), zeros(4)).name == ""
    assert made.outer()(5) == 5


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda m: m.plain("3"), id="a plain type"),
        pytest.param(lambda m: m.plain(0), id="a plain type that is returned"),
        pytest.param(lambda m: m.same(zeros(2, 3), zeros(3, 2)), id="another shape than beside it"),
        pytest.param(lambda m: m.same(zeros(2, 3, 1), None), id="too many axes"),
        pytest.param(lambda m: m.same(zeros(2, 3).int(), None), id="a dtype"),
        pytest.param(lambda m: m.same(zeros(2, 3).numpy(), None), id="another kind of array"),
        pytest.param(lambda m: m.same(zeros(6, 3), None), id="a shape that is returned"),
        pytest.param(lambda m: m.several([zeros(2, 3)]), id="a shape in a list"),
        pytest.param(lambda m: m.lent(zeros(3, 3), 4).__enter__(), id="a shape in a generator"),
        pytest.param(lambda m: m.lent(zeros(3), "4").__enter__(), id="a type in a generator"),
        pytest.param(lambda m: m.Record(zeros(2, 3), zeros(2)), id="a shape in an init"),
        pytest.param(lambda m: m.Record(zeros(2, 3).int(), zeros(3)), id="a dtype in an init"),
        pytest.param(lambda m: m.Record(zeros(2, 3), zeros(3), name=3), id="a type in an init"),
        pytest.param(lambda m: m.Longer(zeros(2, 3), zeros(2)), id="a shape in an inherited init"),
        pytest.param(lambda m: m.Record(zeros(2, 3), zeros(3)).method(zeros(2), zeros(3)), id="a shape in a method"),
        pytest.param(lambda m: m.Record(zeros(2, 3), zeros(3)).method(zeros(3), zeros(3)), id="a method's result"),
        pytest.param(lambda m: m.Record.of("3"), id="a type in a class method"),
        pytest.param(lambda m: m.Record(zeros(2, 3), zeros(3)).half, id="a dtype of a property"),
        pytest.param(lambda m: m.outer()("5"), id="a type in a function in a function"),
    ],
)
def test_what_does_not_fit_is_refused(made, call):
    with pytest.raises(TypeError, match=r"violates type hint|Type-check error"):
        call(made)


def test_the_packages_themselves_are_checked():
    with pytest.raises(TypeError, match="violates type hint"):
        derive("a seed", "birth")
    with pytest.raises(TypeError, match="violates type hint"):
        Streams(torch.zeros((4, 3), dtype=torch.int64))
