"""Return values of user-defined searches, goals and worlds are checked before the loop uses them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[3]

WILD = '''
from dataclasses import dataclass, replace

import numpy as np

from evo.experiment.goals import Goals
from evo.search.base import Asked, Search, unrelated
from inner_loop.world import Discrete, Moment, World
from inner_loop.worlds.cart_pole import CartPole


@dataclass(frozen=True)
class Wild(Search):
    wrong: str = ""
    lives = 6

    def check(self, spec, goals):
        pass

    def begin(self, spec, chance):
        return {"best": [0.0] if self.wrong == "list" else np.zeros(3)}

    def ask(self, state, spec, chance):
        if self.wrong == "ask":
            {}["nothing"]
        units, parents = np.full((6, spec.size), 0.5), unrelated(6)
        if self.wrong == "few":
            units = units[:5]
        elif self.wrong == "parent":
            parents = parents[:, :1]
        elif self.wrong == "child":
            parents[:] = 7
        return Asked(units, parents)

    def tell(self, state, asked, goals, spec, streams, measurements=None):
        assert self.wrong != "tell" or goals[0, 0] != goals[0, 0], "never"
        return {"best": np.array([None])} if self.wrong == "object" else state


@dataclass(frozen=True)
class Odd(Goals):
    wrong: str = ""
    count = 1

    def check(self, known):
        pass

    def of(self, measurements):
        lives = len(measurements["synapses"])
        if self.wrong == "of":
            measurements["nothing"]
        return np.full((lives, 2 if self.wrong == "two" else 1), np.nan if self.wrong == "nan" else 0.0)


@dataclass(frozen=True)
class Loud(World):
    """Shows the rewards of all lives as if they were of one."""
    inputs = 4
    actions = Discrete(2)
    steps = 5

    def reset(self, chance, episodes, life):
        return CartPole(longest=5).reset(chance, episodes, life)

    def step(self, state, actions):
        state, moment = CartPole(longest=5).step(state, actions)
        return state, replace(moment, reward=moment.reward.sum(0))
'''

TRY = """
import json, sys
sys.path.append(".")
import wild
from dataclasses import replace
from evo.experiment.config import load
from evo.evolution.evolve import evolve
from genomes.errors import InputError

NAMES = ("", "few", "parent", "child", "list", "object", "ask", "tell")
small = load("teacher", ["generations=1", "cohort=3", "lifetime.steps=1"])
tried = {name: replace(small, search=wild.Wild(name)) for name in NAMES}
tried |= {name: replace(small, search=wild.Wild(), goals=wild.Odd(name)) for name in ("two", "nan", "of")}
there = load("cartpole-hebbian", ["generations=1", "cohort=3"])
tried["loud"] = replace(there, held_out=(), world=wild.Loud(), search=wild.Wild(), goals=wild.Odd())
said = {}
for name, experiment in tried.items():
    try:
        said[name] = len(list(evolve(experiment, f"run-{name}")))
    except (InputError, RuntimeError) as error:
        said[name] = str(error)
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """In a process without the type checks that the tests add."""
    folder = tmp_path_factory.mktemp("wild")
    (folder / "wild.py").write_text(WILD)
    ran = subprocess.run(
        [sys.executable, "-c", TRY],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(ran.stdout), ran.stderr


def test_what_is_right_runs(said):
    assert said[0][""] == 1


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("few", "Wild.ask: expected units of shape (6, "),
        ("parent", "Wild.ask: expected parents of 6, two each, got (6, 1)"),
        ("child", "Wild: generation 1 has parents that are not older than their children"),
        ("list", "Wild: state: expected an array of numbers as `best`, got [0.0]"),
        ("object", "Wild: state: expected an array of numbers as `best`"),
        ("ask", "Wild: KeyError: 'nothing' (wild.py, line "),
        ("tell", "Wild: AssertionError: never (wild.py, line "),
        ("of", "Odd: KeyError: 'nothing' (wild.py, line "),
        ("two", "Odd: expected goals of shape (6, 1), got (6, 2)"),
        ("nan", "Odd: expected finite goals from finite measurements, got array([nan])"),
        ("loud", "generation 1: all 6 individuals failed (6 raised)"),
    ],
)
def test_what_is_wrong_is_one_sentence(said, wrong, sentence):
    assert said[0][wrong].startswith(sentence)


def test_why_individuals_have_no_score_is_said(said):
    assert "ShapeError: Loud: expected reward of shape (1, " in said[1]
