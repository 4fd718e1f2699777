"""The fault campaign in short: some attempts of every class, and its broken build is caught."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
TRIES = {  # and whether the broken build is run as well: where that takes seconds
    "driver-killed": (2, True),
    "damaged-files": (40, True),
    "full-disks": (4, True),
    "mutated-configs": (101, True),
    "hostile-folders": (1, True),
    "two-drivers": (2, True),
}
ON_RAY = {"worker-killed": 1, "node-killed": 1, "poison": 1}


def campaign(*words: str) -> tuple[list[dict[str, object]], subprocess.CompletedProcess[str]]:
    command = [sys.executable, "-m", "fault_injection.campaign", "--json", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    return json.loads(lines[-1]), done


@pytest.mark.parametrize("name", TRIES)
def test_nothing_fails_and_the_broken_build_does(name: str) -> None:
    tries, control = TRIES[name]
    rows, done = campaign("--class", name, "--tries", str(tries), *([] if control else ["--no-control"]))
    if rows[0]["tried"] == 0:
        pytest.skip(done.stdout.splitlines()[0])
    assert rows == [{"class": name, "tried": tries, "failed": 0, "control_caught": control}], done.stdout + done.stderr
    assert done.returncode == 0, done.stderr


@pytest.mark.ray
@pytest.mark.parametrize("name", ON_RAY)
def test_nothing_fails_on_ray(name: str) -> None:
    rows, done = campaign("--class", name, "--tries", str(ON_RAY[name]), "--no-control")
    assert (rows[0]["tried"], rows[0]["failed"]) == (ON_RAY[name], 0), done.stdout + done.stderr


def test_every_class_has_a_broken_build_that_applies(tmp_path: Path) -> None:
    patches = sorted(Path(__file__).with_name("patches").glob("*.patch"))
    assert {patch.stem for patch in patches} == {*TRIES, *ON_RAY}
    for patch in patches:
        text = patch.read_text()
        tried = subprocess.run(
            ["patch", "-p1", "--dry-run", "--force", "-i", str(patch)], cwd=ROOT, capture_output=True, text=True
        )
        assert tried.returncode == 0, f"{patch.name}: {tried.stdout}"
        assert text[0].isupper(), "says what is broken"
