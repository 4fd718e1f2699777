"""Imports of user-defined modules: they succeed, or one sentence gives the reason; they never end this process."""

import logging
import sys

import pytest

from genomes.errors import InputError
from genomes.foreign import imported

LEAVES = {
    "asks_for_arguments": (
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--epochs', required=True)\np.parse_args([])",
        r"it ended the process \(SystemExit: 2\), and said: .*the following arguments are required: --epochs",
    ),
    "misses_a_package": (
        "print('install x')\nraise SystemExit(1)",
        r"it ended .*1\), and said: install x",
    ),
    "leaves_without_a_word": ("import sys\nsys.exit()", r"it ended the process \(SystemExit: None\)$"),
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize("name", LEAVES)
def test_a_module_that_ends_the_process_is_one_sentence_and_prints_nothing(name, here, capsys):
    text, sentence = LEAVES[name]
    (here / f"{name}.py").write_text(text)
    with pytest.raises(InputError, match=f"^rule: '{name}' cannot be imported: {sentence}"):
        imported(name, "rule")
    assert capsys.readouterr() == ("", "")


def test_an_interruption_during_an_import_stays_one(here):
    (here / "interrupted_there.py").write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        imported("interrupted_there", "rule")


def test_what_a_good_module_prints_is_shown_and_its_logger_goes_on(here, capsys):
    text = "import logging, sys\nprint('hello')\nmine = logging.StreamHandler()\nprint('sure?', flush=True)\n"
    (here / "talks_at_import.py").write_text(text + "seen = sys.stdout._stream.getvalue()\n")
    found = imported("talks_at_import", "rule")
    assert found.seen.endswith("sure?\n"), "a question is seen before it is answered"
    found.mine.emit(logging.makeLogRecord({"msg": "still here"}))
    assert capsys.readouterr() == ("hello\nsure?\n", "still here\n")


def test_a_closed_output_costs_no_import(here, monkeypatch):
    (here / "talks_to_nothing.py").write_text("print('hello')\nx = 3")
    monkeypatch.setattr(sys, "stdout", None)
    assert imported("talks_to_nothing", "rule").x == 3


@pytest.mark.parametrize("name", ["my_rules.py", "./my_rules", "lab/my_rules.py"])
def test_a_file_is_no_module(name):
    with pytest.raises(InputError, match=r"rule: expected the name of a module, such as '(lab\.)?my_rules', got"):
        imported(name, "rule")
