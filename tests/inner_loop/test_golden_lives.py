"""Golden traces of lives: the weights that every rule gave when this was last changed on purpose, in float64.

On a machine that rounds as the one on which they were written the bytes must agree, on another one the numbers. A
change that alters them alters lives: say so in CHANGELOG.md, and write `golden_lives.json` again with
`python tests/inner_loop/test_golden_lives.py`.
"""

import hashlib
import json
from functools import cache
from itertools import pairwise
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import torch

from evo.evaluation.numerics import settle
from genomes.errors import InputError
from genomes.evolve import Evolve
from genomes.streams import derive
from genomes.topology import Group, Topology
from inner_loop.contracts import specimen
from inner_loop.contracts.rules_in_episodes import RECURRENT, Corridor
from inner_loop.lives.agent import AgentState
from inner_loop.lives.behaviour import behave
from inner_loop.lives.samples import Lifetime, learn, lessons_of
from inner_loop.network import Network, Weights
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.rules import (
    BPTT,
    RULES,
    Backprop,
    FeedbackAlignment,
    Hebbian,
    OutputOnly,
    PolicyGradient,
    RewardModulated,
    Volterra,
)
from inner_loop.tasks.copy_memory import CopyMemory
from inner_loop.tasks.teacher import Teacher

GOLDEN = Path(__file__).with_name("golden_lives.json")
HOW = "`python tests/inner_loop/test_golden_lives.py` writes it"
RATE, SIGNED = Evolve((1e-3, 0.1), scale="log", per="types"), Evolve((-1.0, 1.0), per="projection")
DESCENT = {"learning_rate": RATE, "momentum": Evolve((0.0, 0.95))}
TERMS = dict.fromkeys(("correlation", "presynaptic", "postsynaptic", "constant"), SIGNED)
TRIED = {rule.__name__: rule() for rule in RULES} | {
    "Backprop, evolved": Backprop(**DESCENT),
    "BPTT, evolved": BPTT(**DESCENT, window=4),
    "FeedbackAlignment, evolved": FeedbackAlignment(**DESCENT),
    "Hebbian, evolved": Hebbian(RATE, **TERMS, taught=True),
    "Volterra, evolved": Volterra(("xy", "yyw", "xyr"), SIGNED),
    "Volterra, 81 terms": Volterra(coefficient=Evolve((-1.0, 1.0))),
    "RewardModulated, evolved": RewardModulated(decay=Evolve((0.0, 1.0), per="types"), choice=Evolve((0.5, 2.0))),
    "PolicyGradient, evolved": PolicyGradient(**DESCENT, discount=Evolve((0.5, 1.0)), choice=Evolve((0.5, 2.0))),
    "OutputOnly, evolved": OutputOnly(**DESCENT),
}
COPY = CopyMemory(symbols=3, length=2, delay=2)
GROUPS = (Group("input", COPY.inputs), *specimen.TOPOLOGY.groups[1:])
EDGES, LATE = (tuple(edge.name for edge in topology.edges) for topology in (specimen.TOPOLOGY, RECURRENT))
KINDS = {
    "samples": (specimen.TOPOLOGY, Teacher(5, 3, hidden=4)),
    "episodes": (specimen.TOPOLOGY, Corridor()),
    "episodes with memory": (RECURRENT, Corridor()),
    "sequences": (Topology(GROUPS, EDGES), COPY),
    "sequences with memory": (Topology(GROUPS, LATE), COPY),
}
STEPS, SIDE_BY_SIDE = 3, 4


def kinds(rule):
    """The kinds of life that a rule accepts; sequences without memory only where it refuses memory."""
    for kind, (topology, _) in KINDS.items():
        try:
            rule.check(topology)
        except InputError:
            yield "sequences" if kind == "sequences with memory" else ""
        else:
            yield "" if kind == "sequences" or (rule.answers_itself and kind != "samples") else kind


LIVES = [(name, kind) for name, rule in TRIED.items() for kind in kinds(rule) if kind]


@pytest.fixture(autouse=True)
def _unchecked():
    """Shapes are checked in the other tests of rules; here it would take most of the time."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def lived(rule, kind):
    """Yields the weights after each step, or after each round of episodes."""
    topology, environment = KINDS[kind]
    newborn = specimen.newborn(rule, torch.float64, topology)
    network, weights, own = Network.of(newborn), Weights.born(newborn), specimen.own_streams(newborn)
    streams = derive(0, "life", owners=specimen.OWNERS)
    if isinstance(environment, Corridor):
        being = AgentState(network, newborn, environment, SquaredError())
        state, hidden = rule.init(network, newborn, weights, own), streams.stream("hidden")
        for step in range(STEPS):
            met = streams.stream(f"episode {step}")
            after = behave(being, weights, met, hidden, SIDE_BY_SIDE, rule, state)
            weights, state = after.weights, after.state
            yield weights
        return
    drawn = lessons_of(newborn.like, environment, Lifetime(STEPS, SIDE_BY_SIDE), streams)
    lessons = ((inputs, targets.round(decimals=3)) for inputs, targets in drawn)  # a teacher computes in float32
    for _, after in learn(network, weights, newborn, rule, SquaredError(), lessons, streams, own, environment):
        yield after


def trace(name, kind):
    """A digest of all weights after each step; of every tensor at the end sum, sum of squares, first, last number."""
    digests, numbers = [], {}
    with torch.inference_mode():
        for weights in lived(TRIED[name], kind):
            tensors = {name: t.numpy() for name, t in specimen.tensors(weights).items()}
            digests.append(hashlib.sha256(b"".join(t.tobytes() for t in tensors.values())).hexdigest()[:16])
    for tensor, t in tensors.items():
        grown = t[t != 0.0]
        told = (grown.sum(), np.square(grown).sum(), grown[0], grown[-1])
        numbers[tensor] = [float(number).hex() for number in told]
    return {"digests": digests, "numbers": numbers}


@cache
def machine():
    """What decides the last bits: two machines that agree here round in the same way."""
    one = torch.from_numpy(np.sin(np.arange(4.0 * 6 * 7)).reshape(4, 6, 7))
    done = [one @ one.mT, one.flatten(0, 1) @ one[0].mT, one.tanh(), one.exp(), one.sum((1, 2)), one.softmax(1)]
    known = hashlib.sha256(b"".join(t.numpy().tobytes() for t in done)).hexdigest()[:16]
    return {"torch": torch.__version__, "instructions": torch.backends.cpu.get_cpu_capability(), "arithmetic": known}


@cache
def golden():
    return json.loads(GOLDEN.read_text())


@pytest.mark.parametrize(("name", "kind"), LIVES)
def test_a_life_gives_the_weights_that_it_gave(name, kind):
    stored = golden()
    then, now = stored["lives"].get(f"{name}: {kind}"), trace(name, kind)
    assert then, f"{name} has no golden trace in {kind}: {HOW}"
    if machine() == stored["machine"]:
        assert now == then, f"other weights than before: if this is meant, {HOW}"
    old, new = ({t: [*map(float.fromhex, n)] for t, n in each["numbers"].items()} for each in (then, now))
    assert old.keys() == new.keys()
    for tensor, numbers in old.items():
        assert np.allclose(new[tensor], numbers, rtol=1e-9, atol=1e-12), tensor


def test_every_trace_is_of_a_life_that_is_tested():
    stale = golden()["lives"].keys() - {f"{name}: {kind}" for name, kind in LIVES}
    assert not stale, f"golden_lives.json has lives that are not tested: {HOW}"


def test_every_rule_that_learns_changes_weights_at_every_step_of_some_kind_of_life():
    moved = {}
    for life, stored in golden()["lives"].items():
        name = type(TRIED[life.partition(": ")[0]])
        moved[name] = moved.get(name, False) or all(a != b for a, b in pairwise(stored["digests"]))
    assert moved == {rule: rule.learns for rule in RULES}


if __name__ == "__main__":
    settle()
    lives = ",\n".join(f'  "{name}: {kind}": {json.dumps(trace(name, kind))}' for name, kind in LIVES)
    GOLDEN.write_text(f'{{\n "machine": {json.dumps(machine())},\n "lives": {{\n{lives}\n }}\n}}\n')
