"""What the documents show runs: every complete class of docs/extending.md keeps its contract."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from evo.check import check
from evo.config import read

DOCS = Path(__file__).parents[1] / "docs"
BLOCKS = re.findall(r"```python\n(.*?)```", (DOCS / "extending.md").read_text(), re.DOTALL)
COMPLETE = {re.search(r"class (\w+)", b)[1]: b for b in BLOCKS if b.startswith("from ") and "\nclass " in b}


def test_there_are_complete_examples():
    assert {"Bandit"} <= COMPLETE.keys()
    assert all(len(block.splitlines()) < 50 for block in COMPLETE.values())


@pytest.mark.parametrize("name", sorted(COMPLETE))
def test_a_complete_example_keeps_its_contract(name, monkeypatch):
    module = ModuleType("shown_in_the_documents")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(COMPLETE[name], module.__dict__)
    assert len(check(f"{module.__name__}:{name}")) >= 8


def test_the_world_of_getting_started_is_a_config():
    text = (DOCS / "getting-started.md").read_text()
    block = next(b for b in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "world: {kind: TMaze" in b)
    rest = "encoding: Direct\nrule: Frozen\ngoals: [innate_memory.return]\nsearch: RandomSearch\n"
    assert read(block + rest, "shown").held_out[0][0] == "more reversals"
