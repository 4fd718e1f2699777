"""Output of `--json`: every verb prints one strict JSON object as the last line of standard output."""

import argparse
import json

import numpy as np
import pytest

from evo.cli import main as cli
from evo.cli.doctor import Finding
from evo.cli.main import main

SMALL = ["teacher", "--serial", "generations=2", "search.population=5", "cohort=9", "lifetime.steps=3"]
SMALL += ["topology.groups.senses.size=6", "topology.groups.hidden.size=5", "topology.groups.answer.size=3"]
SMALL += ["task.inputs_size=6", "task.hidden=4", "task.outputs_size=3", "encoding.genes=2"]
QUICK = ["--serial", "--draws", "19", "--births", "2"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name, seed in (("one", "1"), ("two", "2")):
        assert main(["evolve", *SMALL, "--run", str(folder / name), "--seed", seed]) == 0
    return folder


def strict(line):
    """The object that a line holds; no NaN, no Infinity, no key twice."""

    def constant(word):
        raise AssertionError(f"{word} is no JSON")

    def once(pairs):
        assert len({key for key, _ in pairs}) == len(pairs), "a key twice"
        return dict(pairs)

    read = json.loads(line, parse_constant=constant, object_pairs_hook=once)
    assert isinstance(read, dict)
    return read


@pytest.mark.slow
@pytest.mark.usefixtures("little_analyses", "no_pictures")
@pytest.mark.parametrize(
    ("words", "holds"),
    [
        (["evolve", *SMALL, "--run", "new"], "generations"),
        (["evolve", *SMALL, "--run", "set", "--seeds", "2"], "runs"),
        (["resume", "one", "--serial"], "generations"),
        (["export", "one", "--to", "csv"], "file"),
        (["pack", "one", "--out", "one.zip"], "file"),
        (["unpack", "one.zip", "--run", "unpacked"], "run"),
        (["list"], "rules"),
        (["check", "Scores"], "holds"),
        (["doctor"], "findings"),
        (["innate", "one", *QUICK], "innate"),
        (["inspect", "one", *QUICK], "report"),
        (["compare", "one", "two"], "compare"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_every_verb_prints_one_strict_object(words, holds, runs, monkeypatch, capsys):
    monkeypatch.chdir(runs)
    monkeypatch.setattr("evo.cli.doctor.findings", lambda address: [Finding("lives", True, "all well")])
    if words[0] == "unpack":
        assert main(["pack", "one", "--out", "one.zip"]) in (0, 2)
        capsys.readouterr()
    assert main([*words, "--json"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 1
    assert holds in strict(printed[0])


def test_a_number_that_is_not_finite_is_null_and_every_character_is_ascii(monkeypatch, capsys):
    answer = {"a": float("nan"), "b": [np.float32("inf"), np.int64(3)], "c": {"L5.PT β": np.array([np.nan, 1.0])}}
    options = argparse.Namespace(json=True, verb=lambda options, console: answer)
    monkeypatch.setattr(cli, "options_of", lambda words: options)
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert strict(printed) == {"a": None, "b": [None, 3], "c": {"L5.PT β": [None, 1.0]}}
