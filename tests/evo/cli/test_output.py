"""Output that cannot be written: closed, full, a pipe without a reader, an encoding that lacks a character."""

import io
import json
import os
import subprocess
import sys

import pytest

from evo.cli import main as cli
from evo.cli import supervisor
from evo.cli.output import Output, spared

SMALL = ["teacher", "--serial", "generations=2", "search.population=5", "cohort=3", "lifetime.steps=3"]
RUN = [sys.executable, "-m", "evo"]


def asked(words, where, shell=""):
    """The command in a shell, whose redirections stand in `shell`; its code, stdout and stderr."""
    line = f'"$@" {shell}; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["bash", "-c", line, "bash", *RUN, *words], cwd=where, capture_output=True, text=True, timeout=120
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    return done.returncode, done.stdout, done.stderr


class Refusing(io.StringIO):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def flush(self):
        raise self.error


@pytest.mark.process
@pytest.mark.parametrize("shell", [">&-", "> /dev/full", "| head -1", ">&- 2>&- <&-", "> /dev/full 2> /dev/full"])
def test_a_run_is_whole_though_its_output_cannot_be_written_and_is_driven_once(shell, tmp_path):
    code, printed, told = asked(["evolve", *SMALL, "--run", "run"], tmp_path, shell)
    assert code == 0
    assert json.loads((tmp_path / "run" / "result.json").read_text())["generations"] == 2
    assert "restart" not in told
    assert len(printed.splitlines()) <= 1
    reason = {"> /dev/full": "No space left", "| head -1": "Broken pipe"}.get(shell)
    assert len(told.splitlines()) == bool(reason)
    assert not reason or (reason in told and "the work continues without it" in told)


@pytest.mark.process
@pytest.mark.parametrize(
    ("words", "shell", "code", "sentence"),
    [
        (["list"], "| head -1", 0, ""),
        (["list"], ">&-", 0, ""),
        (["list"], "> /dev/full", 1, "standard output cannot be written (No space left on device)"),
        (["list", "--json"], "> /dev/full", 1, "No space left"),
        (["--help"], "> /dev/full", 0, "No space left"),
        (["list", "rule"], "2>&-", 2, ""),
        (["list", "rule"], "2> /dev/full", 2, ""),
    ],
)
def test_a_verb_that_only_speaks_is_quiet_when_its_reader_has_left_and_says_why_it_was_not_heard(
    words, shell, code, sentence, tmp_path
):
    got, _, told = asked(words, tmp_path, shell)
    assert got == code
    assert sentence in told
    assert told.count("instinct: ") == bool(sentence)


@pytest.mark.slow
def test_what_fails_after_the_last_generation_is_not_tried_by_another_driver(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr("evo.cli.drive.announce", lambda **news: said.append(news))
    monkeypatch.setattr("evo.cli.drive.result", lambda run: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["evolve", *SMALL, "--run", str(tmp_path / "run")])
    assert said == [{"begun": True}, {"begun": False}]


def test_the_reason_is_told_once_and_later_text_is_tried_again(capsys):
    stream = Refusing(OSError(28, "No space left on device"))
    output = Output(stream, "standard output")
    for word in "abc":
        output.write(word)
        output.flush()
    assert stream.getvalue() == "abc"
    assert output.lost
    assert capsys.readouterr().err == "instinct: standard output cannot be written (No space left on device)\n"


def test_a_reader_that_left_lost_nothing():
    output = Output(Refusing(BrokenPipeError(32, "Broken pipe")), "standard output")
    output.flush()
    assert not output.lost


def test_a_character_that_the_encoding_lacks_is_written_as_its_number():
    bytes_ = io.BytesIO()
    output = Output(io.TextIOWrapper(bytes_, encoding="ascii"))
    output.write("L5.PT β \udcff")
    output.flush()
    assert bytes_.getvalue() == rb"L5.PT \u03b2 \udcff"
    assert not output.lost


def test_a_stream_that_is_closed_raises_nothing():
    stream = io.StringIO()
    stream.close()
    output = Output(stream)
    output.write("word")
    output.finish()
    assert output.lost


@pytest.mark.parametrize("main", [cli.main, supervisor.main])
def test_the_callers_streams_come_back(main, capsys):
    before = sys.stdout, sys.stderr
    assert main(["list", "rules"]) == 0
    assert (sys.stdout, sys.stderr) == before
    assert "Backprop" in capsys.readouterr().out


@pytest.mark.process
def test_descriptors_that_are_closed_are_held_so_that_no_file_takes_their_place(tmp_path):
    code = (
        "import os\nfrom evo.cli.output import spared\n"
        "with spared(): opened = os.open('file', os.O_CREAT), [os.get_inheritable(i) for i in range(3)]\n"
        "assert opened[0] > 2 and all(opened[1]), opened"
    )
    done = subprocess.run(
        ["bash", "-c", '"$@" <&- >&- 2>&-', "bash", sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ,
        timeout=60,
    )
    assert done.returncode == 0


def test_spared_twice_is_spared_once():
    with spared():
        ours = sys.stdout
        with spared():
            assert sys.stdout is ours
