"""Ray's private functions are where instinct expects them, and do what it needs."""

from __future__ import annotations

import ast
import logging
from pathlib import Path

import pytest

from evo.distribution.ray_internals import listening_quietly, read_environment_again

EVO = Path(__file__).parents[3] / "evo"


def test_messages_of_workers_go_to_the_log_and_afterwards_to_ray_again(caplog, capsys):
    from ray._private import worker

    before = worker.print_to_stdstream
    assert callable(before)
    with caplog.at_level(logging.DEBUG, "evo.distribution.ray_internals"), listening_quietly():
        worker.print_to_stdstream({"lines": ["a worker died"]}, ignore_prefix=False)
    assert "a worker died" in caplog.text
    assert "a worker died" not in capsys.readouterr().out
    assert worker.print_to_stdstream is before


def test_ray_reads_its_variables_again(monkeypatch):
    from ray._private.authentication.authentication_utils import is_token_auth_enabled

    for mode, enabled in (("token", True), ("disabled", False)):
        monkeypatch.setenv("RAY_AUTH_MODE", mode)
        read_environment_again()
        assert is_token_auth_enabled() is enabled
    monkeypatch.undo()
    read_environment_again()


@pytest.mark.parametrize("path", sorted(EVO.rglob("*.py")), ids=lambda path: str(path.relative_to(EVO)))
def test_no_other_file_calls_what_is_private_in_ray(path):
    if path.name == "ray_internals.py":
        return
    tree = ast.parse(path.read_text())
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [name for name in imported if name.startswith("ray._")]
    used = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    assert not [name for name in used if name.startswith("ray._")]
