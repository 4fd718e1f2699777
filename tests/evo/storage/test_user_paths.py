"""Names that cannot be, and places where nothing can be written: one sentence, before any work."""

import os
import shlex

import pytest

from evo import evolve
from evo.cli.arguments import is_override
from evo.cli.main import main
from evo.evolution.run import Run
from evo.experiment.config import load
from evo.experiment.sweep import members
from evo.storage.user_paths import file_to_write, folder_to_write
from genomes.errors import InputError

LONG = "a" * 300
SMALL = ["teacher", "--serial", "generations=1", "search.population=5", "cohort=3", "lifetime.steps=3"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("paths") / "run"
    assert main(["evolve", *SMALL, "--run", str(path)]) == 0
    return path


def told(words, capsys):
    """Returns the message of a command that is refused."""
    assert main(words) == 2
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 1, printed.err
    assert len(printed.err) < 300
    return printed.err


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        "evolve LONG",
        "evolve teacher --run LONG",
        "evolve teacher --run LONG --seeds 2",
        "resume LONG",
        "inspect LONG",
        "inspect RUN --out LONG",
        "inspect RUN --other LONG",
        "inspect RUN --measured LONG --serial --births 2",
        "innate LONG",
        "innate RUN --out LONG",
        "innate RUN --config LONG",
        "compare LONG",
        "compare RUN LONG",
        "compare RUN --out LONG",
        "export LONG --to csv",
        "export RUN --to csv --out LONG",
        "pack LONG",
        "pack RUN --out LONG",
        "unpack LONG",
        "unpack x.zip --run LONG",
    ],
)
@pytest.mark.parametrize("name", [LONG, "with\0nul", "circle/x"])
def test_a_name_that_cannot_be_is_told_by_every_verb(line, name, run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    os.symlink("circle", "circle")
    words = [word.replace("LONG", name).replace("RUN", str(run)) for word in shlex.split(line)]
    sentence = told(words, capsys)
    assert "cannot be used" in sentence
    assert [path.name for path in tmp_path.iterdir()] == ["circle"]


@pytest.mark.parametrize("words", [["file"], ["file/x"]])
@pytest.mark.parametrize(
    "line",
    [
        "evolve teacher --run OUT",
        "evolve teacher --run OUT --seeds 2",
        "inspect RUN --out OUT",
        "innate RUN --out OUT",
        "compare RUN RUN --out OUT",
        "export RUN --to csv --out OUT/x.csv",
        "pack RUN --out OUT/x.zip",
        "unpack x.zip --run OUT",
    ],
)
def test_a_place_where_nothing_can_be_written_is_told_before_the_work(line, words, run, tmp_path, monkeypatch, capsys):
    def working(*_, **__):
        raise AssertionError("it has begun")

    monkeypatch.chdir(tmp_path)
    for name in (
        "evo.cli.evolve._session",
        "evo.evolution.run.Run.best",
        "evo.analysis.comparison.compare.compare",
        "evo.storage.archive._write",
    ):
        monkeypatch.setattr(name, working)
    (tmp_path / "file").write_text("of the user")
    sentence = told([word.replace("OUT", words[0]).replace("RUN", str(run)) for word in shlex.split(line)], capsys)
    assert "file" in sentence
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "of the user"


@pytest.mark.parametrize("line", ["export RUN --to csv --out .", "pack RUN --out .", "unpack ."])
def test_a_folder_is_no_file_to_write(line, run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    told(shlex.split(line.replace("RUN", str(run))), capsys)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("opened", [Run, load, lambda path: next(evolve(load("teacher"), path))])
def test_from_python_a_name_that_cannot_be_is_a_sentence_too(opened):
    with pytest.raises(InputError, match="File name too long"):
        opened(LONG)


def test_a_place_that_can_become_one_is_one(tmp_path):
    assert folder_to_write(tmp_path / "new" / "newer") == tmp_path / "new" / "newer"
    assert file_to_write(tmp_path / "new" / "file.csv") == tmp_path / "new" / "file.csv"
    assert not list(tmp_path.iterdir())


def test_a_folder_that_may_not_be_written_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(InputError, match="without write permission"):
        folder_to_write(tmp_path / "new")


def test_an_override_is_told_from_a_file_however_long_it_is(tmp_path):
    (tmp_path / "a=1").write_text("")
    assert is_override(f"task.path={LONG}")
    assert not is_override(tmp_path / "a=1")
    assert not is_override("run")


def test_members_of_a_set_whose_names_would_be_too_long_are_numbered(monkeypatch):
    swept = ["sweep.encoding.gain=[1,0.1234567890123]", "sweep.rule.momentum=[0.1234567890123]"]
    monkeypatch.setattr("evo.experiment.sweep._LONGEST_NAME", 30)
    names = ["gain-1_momentum-0.1234567890123", "member-2"]
    assert len(names[0]) == 31
    assert [member.name for member in members("teacher", swept, seeds=1)] == ["member-1_seed-0", "member-2_seed-0"]
    monkeypatch.setattr("evo.experiment.sweep._LONGEST_NAME", 31)
    assert [member.name for member in members("teacher", swept, seeds=1)] == [f"{name}_seed-0" for name in names]
