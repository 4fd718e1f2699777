"""With INSTINCT_CHECK_BOUNDS, no twin of a rule reads or writes beyond its arrays, and one that does is told so."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.process]  # compiles with checks

PROGRAM = """
import json
from typing import NamedTuple

import numpy as np
import torch

from genomes.contract import Clauses
from inner_loop.contracts import rules_by_twins, specimen
from inner_loop.contracts.rules_by_twins import check_by_twin
from inner_loop.rules import RULES, Frozen, Hebbian
from inner_loop.twins.layout import WIDTH
from inner_loop.twins.seam import twin
from inner_loop.twins.vector import load, store

rules = [rule() for rule in RULES if rule().twins]
said = {}
for rule in rules:
    clauses = Clauses(rule)
    check_by_twin(clauses, rule)
    said[type(rule).__name__] = len(clauses.said)


def learn(rule, net, block, weights, lived):
    store(rule.traces.reshape(-1), WIDTH * (block * rule.traces.shape[1] + rule.offset), lived.reward)


@twin(learn=learn)
class Beyond(NamedTuple):
    traces: np.ndarray
    offset: int


for offset in (1, -1, 2):  # there is room for two numbers of each block
    Hebbian.lanes_twin = lambda self, lanes, *others: Beyond(lanes.of(torch.zeros(lanes.lives, 2)), offset)
    cohort = specimen.newborn(Hebbian(), torch.float32, rules_by_twins._LATERAL, range(5))
    try:
        with torch.inference_mode():
            rules_by_twins._in_episodes(Hebbian(), cohort)
        said[str(offset)] = "lived"
    except IndexError as error:
        said[str(offset)] = str(error)
print(json.dumps(said))
"""


def test_no_twin_of_a_rule_leaves_its_arrays_and_one_that_would_is_told():
    environment = os.environ | {"INSTINCT_CHECK_BOUNDS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    beyond = "a vector beyond the end of its array"
    assert (said.pop("1"), said.pop("-1"), said.pop("2")) == ("lived", beyond, beyond)
    assert {
        "Backprop",
        "BPTT",
        "Hebbian",
        "PolicyGradient",
        "RewardModulated",
        "TrialAndError",
        "Volterra",
    } < said.keys()
    assert all(count >= 10 for count in said.values()), said
