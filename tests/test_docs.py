"""What the documents show runs: every complete class of docs/extending.md keeps its contract."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from evo.evolution.evolve import evolve
from evo.experiment.config import read
from evo.experiment.contracts import check
from evo.experiment.registry import SEAMS, seam_of

DOCS = Path(__file__).parents[1] / "docs"
BLOCKS = re.findall(r"```python\n(.*?)```", (DOCS / "extending.md").read_text(), re.DOTALL)
COMPLETE = {re.search(r"class (\w+)", b)[1]: b for b in BLOCKS if b.startswith("from ") and "\nclass " in b}


SEAMS_SHOWN = {
    "encoding": "RankOne",
    "rule": "Decay",
    "objective": "AbsoluteError",
    "task": "Quadrants",
    "world": "Bandit",
    "goals": "Thrifty",
    "search": "Climber",
}


def test_every_seam_has_a_complete_example():
    assert SEAMS_SHOWN.keys() == SEAMS.keys()
    assert set(SEAMS_SHOWN.values()) == COMPLETE.keys()
    assert all(len(block.splitlines()) < 50 for block in COMPLETE.values())


@pytest.mark.parametrize("name", sorted(COMPLETE))
def test_a_complete_example_keeps_its_contract(name, monkeypatch):
    module = ModuleType("shown_in_the_documents")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(COMPLETE[name], module.__dict__)
    assert SEAMS_SHOWN[seam_of(getattr(module, name), "shown")] == name
    assert check(f"{module.__name__}:{name}")[-1] == "its fields can be written to a config and read back"


def test_the_world_of_getting_started_is_a_config():
    text = (DOCS / "getting-started.md").read_text()
    block = next(b for b in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "world: {kind: TMaze" in b)
    rest = "encoding: Direct\nrule: Frozen\ngoals: [innate_memory.return]\nsearch: RandomSearch\n"
    assert read(block + rest, "shown").held_out[0][0] == "more reversals"


def test_the_examples_live_together(monkeypatch, tmp_path):
    module = ModuleType("shown_together")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for block in COMPLETE.values():
        exec(block, module.__dict__)
    topology = "{groups: [{name: a, size: 2}, {name: b, size: 6, activation: tanh}, {name: c, size: 2}], projections: "
    kinds = "\n".join(f"{seam}: 'shown_together:{name}'" for seam, name in SEAMS_SHOWN.items() if seam != "world")
    rest = "\nlifetime: {steps: 2, batch: 8}\ngenerations: 2\ncohort: 8\n"
    experiment = read(f"topology: {topology}[a -> b, b -> c]}}\n{kinds}{rest}", "shown", allow_code=True)
    *_, last = evolve(experiment, tmp_path / "run")
    assert not last.counted_failures
