"""User-defined Gymnasium environments, `module:Id`: allowed like any code, known to workers and later commands."""

import logging
import os
import subprocess
import sys

import pytest

from evo.cli.main import main
from evo.distribution.ray_executor import OnRay
from evo.distribution.user_modules import own_modules
from evo.evolution.run import Run
from evo.experiment.config import read
from evo.experiment.dump import dump
from evo.experiment.sweep import members
from genomes.errors import InputError
from inner_loop.worlds.gymnasium import Gymnasium

gymnasium = pytest.importorskip("gymnasium")

MODULE = """
import gymnasium, numpy as np

class Mine(gymnasium.Env):
    action_space = gymnasium.spaces.Discrete(2)
    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (3,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.np_random.uniform(-1, 1, 3), {}

    def step(self, action):
        return self.np_random.uniform(-1, 1, 3), float(action), False, False, {}

gymnasium.register("Mine-v0", entry_point=f"{__name__}:Mine", max_episode_steps=4)
gymnasium.register("Leaves-v0", entry_point="leaves_at_once:Mine", max_episode_steps=4)
"""
YAML = """
topology: {groups: [{name: in, size: 3}, {name: out, size: 2}], projections: [in -> out]}
encoding: Direct
rule: Frozen
world: {kind: Gymnasium, id: %s}
lifetime: {episodes: 0, exams: 2, measured: [innate]}
goals: [innate.return]
search: {kind: EvolutionStrategy, population: 5}
generations: 1
cohort: 5
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The id of an environment whose module lies in the current folder."""
    name = f"worlds_of_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    (tmp_path / "leaves_at_once.py").write_text("import sys\nsys.exit('no licence')")
    (tmp_path / "mine.yaml").write_text(YAML % f"'{name}:Mine-v0'")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield f"{name}:Mine-v0"
    sys.modules.pop(name, None)
    for id in ("Mine-v0", "Leaves-v0"):
        gymnasium.registry.pop(id, None)


def refused(text, *overrides):
    with pytest.raises(InputError) as caught:
        read(text, "x.yaml", overrides)
    return str(caught.value)


def test_an_id_with_a_module_is_code(mine):
    module = mine.partition(":")[0]
    said = refused(YAML % f"'{mine}'")
    assert said.startswith(f"x.yaml: world.id: '{mine}' is code that is not part of instinct and would run here")
    assert said.endswith("allow it with --allow-code (in Python allow_code=True)")
    assert "is code" in refused(YAML % f"'{mine}'", "world.kind=Gymnasium", "world.longest=3"), "the file's, not ours"
    assert module not in sys.modules
    own = read(YAML % "CartPole-v1", "x.yaml", [f"world.id={mine}"])
    assert own.world == Gymnasium(mine)
    assert read(dump(own), "x.yaml", allow_code=True) == own


def test_a_held_out_world_may_name_what_was_allowed_and_nothing_else(mine):
    text = YAML % "CartPole-v1" + "held_out: {short: {longest: 3}}\n"
    ours = f"world.id={mine}"
    assert read(text, "x.yaml", [ours]).held_out[0][1] == Gymnasium(mine, longest=3)
    other = text.replace("longest: 3", f"id: '{mine.replace('Mine', 'Leaves')}'")
    assert "held_out.short.id: " in refused(other, ours)
    assert "is code" in refused(other, ours)
    strange = text.replace("longest: 3", "kind: 'elsewhere:World'")
    assert "held_out.short.kind: 'elsewhere:World' is code" in refused(
        strange, f"world={{kind: Gymnasium, id: '{mine}'}}"
    )


def test_a_file_s_sweep_names_code_that_is_the_file_s(mine, tmp_path):
    (tmp_path / "sweep.yaml").write_text(YAML % "CartPole-v1" + f"sweep: {{world.id: ['{mine}']}}\n")
    for words in ([], ["world={kind: Gymnasium}"]):
        with pytest.raises(InputError, match=f"world.id: '{mine}' is code"):
            members("sweep.yaml", words)
    assert members("mine.yaml", [f"sweep.world.id=['{mine}']"])[0].experiment.world == Gymnasium(mine)
    assert members("sweep.yaml", allow_code=True)[0].experiment.world == Gymnasium(mine)


@pytest.mark.slow
def test_a_module_that_an_environment_comes_from_travels(mine):
    experiment = read(YAML % "CartPole-v1", "x.yaml", [f"world.id={mine}"])
    assert mine.partition(":")[0] in [name for name, _, _ in own_modules(experiment)]


def test_what_another_process_cannot_know_is_said(mine, caplog):
    module = mine.partition(":")[0]
    Gymnasium(mine).ready()
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        Gymnasium("Mine-v0").ready()
        Gymnasium("CartPole-v1").ready()
    (record,) = caplog.records
    assert f"is registered in this process alone, by {module}" in record.message
    assert f"as '{mine}'" in record.message
    gymnasium.registry.pop("Mine-v0")
    with pytest.raises(InputError, match=r"one of your own is named with its module, module:Mine-v0"):
        Gymnasium("Mine-v0").ready()


def test_a_class_whose_module_ends_the_process_is_one_sentence(mine):
    with pytest.raises(InputError, match=r"Gymnasium\.id: 'leaves_at_once' cannot be imported: it ended the process"):
        Gymnasium(mine.replace("Mine", "Leaves")).ready()


@pytest.mark.process
def test_a_run_in_an_environment_of_one_s_own_opens_in_other_processes(mine, tmp_path):
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

    def instinct(*words):
        environment = os.environ | {"PYTHONPATH": root}
        ran = subprocess.run(
            [sys.executable, "-m", "evo.cli.main", *words], env=environment, capture_output=True, text=True
        )
        assert "Traceback" not in ran.stderr
        return ran.returncode, ran.stderr

    assert instinct("evolve", "mine.yaml", "--serial", "--run", "run", f"world.id={mine}") == (0, "")
    code, said = instinct("export", "run", "--to", "csv")
    assert code == 2
    assert said.endswith("allow it with --allow-code (in Python allow_code=True)\n")
    assert instinct("export", "run", "--to", "csv", "--allow-code")[0] == 0
    assert instinct("resume", "run", "--serial", "--generations", "2", "--allow-code") == (0, "")
    assert Run("run", allow_code=True).generations == [0, 1]


@pytest.mark.ray
def test_workers_know_it_as_well(mine, ray_executor, capsys):
    assert main(["evolve", "mine.yaml", "--serial", "--run", "here", f"world.id={mine}"]) == 0
    from evo.evolution.evolve import evolve

    (there,) = evolve(Run("here", allow_code=True).experiment, "there", OnRay(workers=2))
    (here,) = [Run("here", allow_code=True).generation(0)]
    assert (there.goals == here.goals).all()
