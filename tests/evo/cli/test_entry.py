"""`python -m evo`, which is the command `instinct`."""

import subprocess
import sys

import pytest

from evo.__main__ import main


class Interrupting:
    """Ctrl-C while a module is imported."""

    def find_spec(self, name, path=None, target=None):
        if name == "evo.cli.supervisor":
            raise KeyboardInterrupt


def test_ctrl_c_during_the_imports_is_one_line_and_130(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "evo.cli.supervisor", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupting(), *sys.meta_path])
    assert main() == 130
    assert capsys.readouterr().err == "instinct: interrupted\n"


@pytest.mark.process
@pytest.mark.parametrize(
    ("words", "code", "printed"),
    [([], 0, "usage: instinct"), (["--version"], 0, "instinct 0."), (["help", "pack"], 0, "usage: instinct pack")],
)
def test_it_is_the_command(words, code, printed):
    asked = subprocess.run([sys.executable, "-m", "evo", *words], capture_output=True, text=True, timeout=60)
    assert (asked.returncode, asked.stderr) == (code, "")
    assert asked.stdout.startswith(printed)
