"""With INSTINCT_CHECK_BOUNDS, no twin reads or writes beyond its arrays, and one that does is told so."""

import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.process]  # each compiles in a process of its own

EVERY_RULE = """
from genomes.evolve import Evolve
from inner_loop.contracts.rules import check_rule
from inner_loop.rules import RULES
from inner_loop.rules.hebbian import Hebbian
from inner_loop.rules.volterra import Volterra

apart = Evolve((-0.1, 0.1), per="synapse")
rules = [rule() for rule in RULES if "lanes" in rule().twins]
for rule in [*rules, Hebbian(constant=apart), Volterra(coefficient=apart)]:
    said = check_rule(rule)
    assert any("the compiled twin learns what step learns" in sentence for sentence in said), said
print(len(rules), "rules")
"""

ONE_BEYOND = """
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from inner_loop.contracts.rules_by_twins import check_by_twin
from inner_loop.rule import LearningRule
from inner_loop.twins.layout import WIDTH
from inner_loop.twins.seam import twin
from inner_loop.twins.vector import load, store


def learn(rule, net, block, weights, lived):
    store(rule.traces.reshape(-1), WIDTH * (block * rule.traces.shape[1] + {offset}), lived.reward)


@twin(learn=learn)
class Twin(NamedTuple):
    traces: np.ndarray


@dataclass(frozen=True)
class Rule(LearningRule):
    @property
    def twins(self):
        return frozenset({{"lanes"}})

    def init(self, network, newborn, weights, streams):
        return ()

    def step(self, network, weights, state, lived, newborn):
        return weights, state

    def lanes_twin(self, lanes, network, newborn, weights, state, episodes):
        blocks = -(-lanes.lives * lanes.episodes // WIDTH)
        return Twin(np.zeros((blocks, 2, WIDTH), np.float32))


from genomes.contract import Clauses

check_by_twin(Clauses(Rule()), Rule())
"""


def checked(program):
    """A program with the check of bounds."""
    environment = os.environ | {"INSTINCT_CHECK_BOUNDS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)


def test_no_twin_of_a_rule_leaves_its_arrays():
    done = checked(EVERY_RULE)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "5 rules\n"


@pytest.mark.parametrize("offset", [-1, 2])
def test_a_wrong_offset_is_told(offset):
    done = checked(ONE_BEYOND.format(offset=offset))
    assert done.returncode == 1
    assert done.stderr.endswith("IndexError: a vector beyond the end of its array\n")


def test_a_right_offset_passes():
    done = checked(ONE_BEYOND.format(offset=1))
    assert done.returncode == 0, done.stderr
