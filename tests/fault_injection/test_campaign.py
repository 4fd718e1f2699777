"""The fault campaign in short: some attempts of every class, and its broken build is caught."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
TRIES = {
    "driver-killed": 2,
    "damaged-files": 20,
    "full-disks": 4,
    "mutated-configs": 101,
    "hostile-folders": 1,
    "two-drivers": 2,
}
ON_RAY = ("worker-killed", "node-killed", "poison")

# one process for several classes, as in the whole campaign, since each process imports everything
SHORT = """
import contextlib, io, json, sys
from fault_injection import campaign
for name, tries, *more in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = campaign.main(["--class", name, "--tries", str(tries), "--json", *more])
    print("told", json.dumps([code, said.getvalue()]), flush=True)
"""


def campaign(classes: Sequence[Sequence[object]]) -> list[tuple[dict[str, object], int, str]]:
    """The row, the exit code and the words of every class, with its tries and further options."""
    command = [sys.executable, "-c", SHORT, json.dumps(classes)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    told = [json.loads(line.removeprefix("told ")) for line in done.stdout.splitlines() if line.startswith("told ")]
    assert len(told) == len(classes), done.stdout + done.stderr
    return [(json.loads(words.splitlines()[-1])[0], code, words + done.stderr) for code, words in told]


@pytest.mark.parametrize("names", [list(TRIES)[:3], list(TRIES)[3:]], ids=" ".join)
def test_nothing_fails_and_the_broken_builds_do(names: list[str]) -> None:
    skipped = []
    for name, (row, code, words) in zip(names, campaign([(name, TRIES[name]) for name in names]), strict=True):
        assert row["class"] == name
        if row["tried"] == 0:
            skipped.append(words.splitlines()[0])
            continue
        assert row == {"class": name, "tried": TRIES[name], "failed": 0, "control_caught": True}, words
        assert code == 0, words
    if skipped:
        pytest.skip("; ".join(skipped))


@pytest.mark.ray
def test_nothing_fails_on_ray() -> None:
    for row, code, words in campaign([(name, 1, "--no-control") for name in ON_RAY]):
        assert (row["tried"], row["failed"], code) == (1, 0, 0), words


def test_the_campaign_is_a_command() -> None:
    command = [sys.executable, "-m", "fault_injection.campaign", "--class", "no-such"]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert asked.returncode == 1
    assert "no class no-such; there are" in asked.stderr


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
