"""The examples run as a reader would run them, and print what they promise."""

import ast
import importlib
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
PLUG_INS = ("genomes.encodings", "genomes.interventions", "inner_loop.rules", "inner_loop.objectives")
PRINTED = {
    "01_quickstart": (r"grows 800 weights", r"(?m)^ +7 +-?\d", r"learned, on the test split: 0\.\d"),
    "02_own_rule": (r"the same life twice gives the same bytes", r"rate of hidden -> digit: [+-]\d\.\d\d"),
    "03_own_loop": (r"(?m)^ +7 +-?\d", r"'centre': \(534,\)"),
    "04_read_a_run": (r"248 individuals of 177 numbers", r"generation \d, slot \d+: \{'innate'", r"gene 0 .*\d"),
}


def run(name: str, folder: Path) -> str:
    """Standard output of an example that writes into a folder."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable, str(ROOT / "examples" / f"{name}.py"), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a folder for each example in it."""
    return tmp_path_factory.mktemp("examples")


@pytest.fixture(scope="module")
def printed(folder):
    """What an example prints; each of them is run once."""
    return cache(lambda name: run(name, folder / name))


def test_every_example_is_tested():
    assert [path.stem for path in EXAMPLES] == sorted(PRINTED)


@pytest.mark.process
@pytest.mark.parametrize("name", sorted(PRINTED))
def test_an_example_prints_what_it_promises(name, printed):
    for pattern in PRINTED[name]:
        assert re.search(pattern, printed(name)), f"{pattern} in\n{printed(name)}"


@pytest.mark.process
def test_the_loop_by_hand_gives_the_numbers_of_the_quickstart(printed):
    first, second = (re.findall(r"(?m)^ +\d+ .*$", printed(name)) for name in ("01_quickstart", "03_own_loop"))
    assert first == second
    assert len(first) == 8


@pytest.mark.process
def test_a_run_that_is_there_is_read_and_not_evolved_again(printed, folder):
    name = "04_read_a_run"
    printed(name)
    log = folder / name / "log.jsonl"
    before = log.read_bytes()
    assert run(name, folder / name) == printed(name)
    assert log.read_bytes() == before


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_short_and_imports_public_names_alone(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 60
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in ("evo", "genomes", "inner_loop"):
            package = importlib.import_module(node.module)
            for name in node.names:
                assert node.module in PLUG_INS or name.name in package.__all__, f"{node.module}.{name.name}"
