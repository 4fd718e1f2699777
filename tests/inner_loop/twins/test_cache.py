"""Compiled code on disk: loaded while nothing it depends on has changed, and never else."""

import importlib
import os
import sys

import pytest

pytestmark = pytest.mark.slow  # compiles

OUTER = """
from numba import njit
from inner_user import half, SHARE
from inner_loop.twins.cache import cached

@cached
@njit
def outer(x):
    return half(x) + SHARE
"""
INNER = "from numba import njit\nSHARE = 1.0\n@njit\ndef half(x):\n    return x / 2.0\n"


@pytest.fixture
def compile_outer(tmp_path, monkeypatch):
    """Imports both files as a new process would; returns the result and the number of functions that were loaded."""
    (tmp_path / "inner_user.py").write_text(INNER)
    (tmp_path / "outer_user.py").write_text(OUTER)
    monkeypatch.setenv("INSTINCT_COMPILED", str(tmp_path / "compiled"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(tmp_path))

    def compiled():
        importlib.invalidate_caches()
        for name in ("inner_user", "outer_user"):
            sys.modules.pop(name, None)
        outer = importlib.import_module("outer_user").outer
        return outer(4.0), sum(outer.stats.cache_hits.values())

    compiled.folder = tmp_path
    return compiled


def test_a_second_import_loads_what_the_first_compiled(compile_outer):
    assert compile_outer() == (3.0, 0)
    assert compile_outer() == (3.0, 1)
    assert (compile_outer.folder / "compiled").stat().st_mode & 0o777 == 0o700


def test_a_changed_callee_or_constant_in_another_file_is_compiled_anew(compile_outer):
    compile_outer()
    (compile_outer.folder / "inner_user.py").write_text(INNER.replace("/ 2.0", "/ 4.0"))
    assert compile_outer() == (2.0, 0)
    (compile_outer.folder / "inner_user.py").write_text(INNER.replace("SHARE = 1.0", "SHARE = 5.0"))
    assert compile_outer() == (7.0, 0)


def test_a_damaged_file_is_compiled_anew(compile_outer):
    compile_outer()
    (held,) = (compile_outer.folder / "compiled").iterdir()
    held.write_bytes(held.read_bytes()[:-1] + b"?")
    assert compile_outer() == (3.0, 0)
    assert compile_outer() == (3.0, 1)


def test_a_folder_in_which_others_may_write_is_not_used(compile_outer):
    compile_outer()
    (compile_outer.folder / "compiled").chmod(0o777)
    assert compile_outer() == (3.0, 0)


def test_files_that_have_not_been_read_for_a_month_are_removed(compile_outer):
    compile_outer()
    (held,) = (compile_outer.folder / "compiled").iterdir()
    os.utime(held, (0, 0))
    (compile_outer.folder / "inner_user.py").write_text(INNER.replace("/ 2.0", "/ 4.0"))
    compile_outer()
    assert not held.exists()
