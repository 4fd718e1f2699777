"""Every shipped config: it loads, says on its first line what it shows, and comes back from its resolved form."""

import re
from pathlib import Path

import pytest

from evo.config import dump, load, read, shipped

FOLDER = Path(__file__).parents[1] / "configs"


def test_every_file_is_shipped_by_name() -> None:
    assert shipped().keys() == {path.stem for path in FOLDER.iterdir()}
    assert {"digits", "teacher"} <= shipped().keys()


@pytest.mark.parametrize("name", sorted(shipped()))
def test_loads_and_round_trips(name: str) -> None:
    experiment = load(name)
    assert read(dump(experiment), name) == experiment
    first = (FOLDER / f"{name}.yaml").read_text().splitlines()[0]
    assert re.fullmatch(r"# \w.{30,}\.", first), "the first line says what the config shows"
