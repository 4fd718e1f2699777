"""Meaning of the words of a command line."""

import pytest

import evo
from evo.cli.parser import options_of
from genomes.errors import InputError

VERBS = ["evolve", "resume", "list", "doctor", "innate", "inspect", "compare", "export", "pack", "unpack", "check"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["evolve", "digits", "--worker", "2"], "unknown argument '--worker'; did you mean '--workers'?"),
        (["evolve", "digits", "--worker=2"], "unknown argument '--worker=2'; did you mean '--workers'?"),
        (["resume", "run", "--gen", "3"], "unknown argument '--gen'; see instinct resume --help"),
        (["innate", "run", "--birth", "3"], "did you mean '--births'?"),
        (["export", "run", "--to", "csv", "--ou", "x"], "did you mean '--out'?"),
        (["evolv"], "no verb 'evolv'; did you mean 'evolve'?"),
    ],
)
def test_an_option_is_taken_by_its_whole_name_and_the_nearest_is_offered(words, sentence):
    with pytest.raises(InputError) as raised:
        options_of(words)
    assert sentence in str(raised.value)


@pytest.mark.parametrize("verb", VERBS)
def test_no_option_of_any_verb_is_abbreviated(verb):
    given = {"list": [], "doctor": [], "export": ["run", "--to", "csv"]}.get(verb, ["run"])
    with pytest.raises(InputError, match="unknown argument '--jso'; did you mean '--json'"):
        options_of([verb, *given, "--jso"])


@pytest.mark.parametrize("words", [[], ["help"], ["--help"]])
def test_without_a_verb_the_help_is_printed(words, capsys):
    with pytest.raises(SystemExit, match="0"):
        options_of(words)
    printed = capsys.readouterr().out
    assert all(f"    {verb}" in printed for verb in VERBS)


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit, match="0"):
        options_of(["--version"])
    assert capsys.readouterr().out == f"instinct {evo.__version__}\n"


def test_the_packages_face_is_listed_for_completion():
    assert {"Experiment", "Run", "load", "evaluate", "evolve", "__version__"} <= set(dir(evo))
    assert all(getattr(evo, name) is not None for name in evo.__all__)
