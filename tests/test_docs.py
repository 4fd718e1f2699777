"""The code in the documents runs: every complete class of docs/extending.md keeps its contract."""

import ast
import importlib
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from evo.evolution.evolve import evolve
from evo.experiment.config import read
from evo.experiment.contracts import check
from evo.experiment.registry import SEAMS, seam_of
from genomes.streams import derive
from inner_loop.contracts import specimen
from inner_loop.rules.frozen import Frozen

DOCS = Path(__file__).parents[1] / "docs"
BLOCKS = re.findall(r"```python\n(.*?)```", (DOCS / "extending.md").read_text(), re.DOTALL)
CLASSES = [(re.findall(r"^class (\w+)", block, re.MULTILINE), block) for block in BLOCKS if block.startswith("from ")]
COMPLETE = {names[-1]: block for names, block in CLASSES if names}


PLUG_INS = (
    "genomes.encodings",
    "genomes.interventions",
    "inner_loop.rules",
    "inner_loop.objectives",
    "inner_loop.tasks",
    "inner_loop.worlds",
)


def imported(text: str) -> list[tuple[str, str]]:
    """Module and name of everything of ours that the Python blocks of a page import."""
    trees = [ast.parse(block) for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL)]
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    ours = [node for node in nodes if node.module.split(".")[0] in ("evo", "genomes", "inner_loop")]
    return [(node.module, name.name) for node in ours for name in node.names]


@pytest.mark.parametrize("page", sorted([*DOCS.glob("*.md"), DOCS.parent / "README.md"]), ids=lambda page: page.stem)
def test_pages_import_public_names_alone(page):
    for module, name in imported(page.read_text()):
        package = importlib.import_module(module)
        assert module in PLUG_INS or name in package.__all__, f"{module}.{name} is not public"


def test_a_private_import_would_be_found():
    assert imported("```python\nfrom evo.storage.journal import Journal\n```") == [("evo.storage.journal", "Journal")]
    assert [module for module, _ in imported((DOCS / "extending.md").read_text())].count("genomes") > 5


@pytest.mark.parametrize("package", ["evo", "genomes", "inner_loop"])
def test_every_public_name_is_there(package):
    module = importlib.import_module(package)
    assert len(module.__all__) > 20
    assert all(hasattr(module, name) for name in module.__all__)
    assert set(module.__all__) <= set(dir(module))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        module.nonsense


PAGES = sorted([*DOCS.glob("*.md"), DOCS.parent / "README.md", DOCS.parent / "CONTRIBUTING.md"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_to_files(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_trap_names_a_test_that_is_there():
    sections = re.split(r"\n### ", (DOCS / "traps.md").read_text())[1:]
    assert len(sections) > 20
    for section in sections:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", section)
        assert named, section.splitlines()[0]
        for file, test in named:
            assert f"\ndef {test}(" in (DOCS.parent / file).read_text(), f"{file}::{test}"


SEAMS_SHOWN = {
    "encoding": "RankOne",
    "neuron": "Integrator",
    "rule": "Decay",
    "objective": "AbsoluteError",
    "task": "Quadrants",
    "world": "Bandit",
    "target": "Density",
    "goals": "Thrifty",
    "search": "Climber",
}


FURTHER = {"RunningSum": "task", "FadingHebb": "rule", "Pruned": None}
"""Complete examples beside those of the seams, with their seam; instinct check does not know interventions."""


def test_every_seam_has_a_complete_example():
    assert SEAMS_SHOWN.keys() == SEAMS.keys()
    assert {*SEAMS_SHOWN.values(), *FURTHER} == COMPLETE.keys()
    assert all(len(block.splitlines()) < 60 for block in COMPLETE.values())


@pytest.mark.parametrize("name", sorted(COMPLETE.keys() - {"Pruned"}))
def test_a_complete_example_keeps_its_contract(name, monkeypatch):
    module = ModuleType("shown_in_the_documents")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(COMPLETE[name], module.__dict__)
    seam = seam_of(getattr(module, name), "shown")
    assert FURTHER.get(name, seam) == seam
    assert name in FURTHER or SEAMS_SHOWN[seam] == name
    assert check(f"{module.__name__}:{name}")[-1] == "its fields can be written to a config and read back"


def test_the_intervention_of_the_page_acts():
    shown: dict[str, Any] = {}
    exec(COMPLETE["Pruned"], shown)
    newborn = specimen.newborn(Frozen())
    pruned = shown["Pruned"](0.3).apply(newborn, derive(0, "own", owners=range(newborn.lives)))
    for name, synapses in pruned.projections.items():
        born = newborn.projections[name].weight
        assert torch.equal(synapses.weight != 0, born.abs() >= 0.3)
        assert (synapses.weight != born).any()


def test_the_mean_over_running_episodes_of_the_page_leaves_out_those_that_ended():
    shown: dict[str, Any] = {}
    exec(next(block for block in BLOCKS if block.startswith("def product(")), {"torch": torch}, shown)
    post, pre, alive = torch.ones(2, 3, 4), torch.ones(2, 5, 4), torch.tensor([[True] * 4, [True, False, False, False]])
    post[1, :, 1:] = 7.0
    assert torch.equal(shown["product"](post, pre, alive), torch.ones(2, 3, 5))
    assert torch.equal(shown["product"](post[:1], pre[:1], None), torch.ones(1, 3, 5))


def test_the_world_of_getting_started_is_a_config():
    text = (DOCS / "getting-started.md").read_text()
    block = next(b for b in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "world: {kind: TMaze" in b)
    rest = "encoding: Direct\nrule: Frozen\ngoals: [innate_memory.return]\nsearch: RandomSearch\n"
    assert read(block + rest, "shown").held_out[0][0] == "more reversals"


def test_the_examples_live_together(monkeypatch, tmp_path):
    module = ModuleType("shown_together")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for name in SEAMS_SHOWN.values():
        exec(COMPLETE[name], module.__dict__)
    topology = "{groups: [{name: a, size: 2}, {name: b, size: 6, activation: tanh}, {name: c, size: 2}], projections: "
    kinds = "\n".join(
        f"{seam}: 'shown_together:{name}'"
        for seam, name in SEAMS_SHOWN.items()
        if seam not in ("world", "target", "neuron")
    )
    rest = "\nlifetime: {steps: 2, batch: 8}\ngenerations: 2\ncohort: 8\n"
    experiment = read(f"topology: {topology}[a -> b, b -> c]}}\n{kinds}{rest}", "shown", allow_code=True)
    *_, last = evolve(experiment, tmp_path / "run")
    assert not last.counted_failures
