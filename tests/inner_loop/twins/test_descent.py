"""Twins of rules that descend an error: on samples, and through whole episodes."""

from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
import torch

from genomes.errors import InputError
from genomes.evolvable import endowed, evolved_spec
from genomes.evolve import Evolve
from genomes.streams import derive
from genomes.topology import Group, Topology
from inner_loop.contracts import rules_by_twins, specimen
from inner_loop.contracts.rail import Rail
from inner_loop.contracts.rules import check_rule
from inner_loop.lives import behaviour, compiled_episodes
from inner_loop.lives.agent import AgentState
from inner_loop.network import Network, Weights
from inner_loop.objectives.cross_entropy import CrossEntropy
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.rules.backprop import Backprop
from inner_loop.rules.bptt import BPTT
from inner_loop.rules.feedback_alignment import FeedbackAlignment
from inner_loop.rules.output_only import OutputOnly
from inner_loop.twins.objectives import errors
from inner_loop.twins.seam import twin

pytestmark = pytest.mark.slow  # compiles

EACH = Evolve((0.01, 0.2), per="synapse")
RULES = [
    Backprop(learning_rate=EACH, momentum=Evolve((0.0, 0.9))),
    OutputOnly(),
    FeedbackAlignment(),
    BPTT(),
    BPTT(clip=0.01),
    BPTT(plastic="output", learning_rate=EACH),
]
FUNCTIONS = Topology(
    (Group("a", 4), Group("b", 11), Group("c", 3, "sine"), Group("d", 2)), ("a -> b", "b -> c", "c -> d", "a -> d")
)
PATHS = ("senses -> early", "late -> early", "early -> late", "action -> late", "late -> action", "senses -> action")
MEMORY = Topology(
    (
        Group("senses", 4, leak=0.8),
        Group("early", 5, "gaussian", leak=0.5),
        Group("late", 3, "sigmoid"),
        Group("action", 2, "tanh", leak=0.9),
    ),
    PATHS,
)


def cohort(rule, topology, lives=21):
    newborn, source = specimen.newborn(rule, torch.float32, topology, range(lives)), derive(0, "x", owners=range(lives))
    leaks = {g.name: {"leak": source.stream(g.name).uniform(g.size).float()} for g in topology.groups if g.leaks}
    return newborn.with_units(leaks)


def near(one, other):
    for name, weight in other.items():
        off = (one[name] - weight).flatten(1).norm(dim=1) / weight.flatten(1).norm(dim=1).clamp(min=1e-3)
        assert off.max() < 1e-5, name


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_a_twin_keeps_the_contract(rule):
    said = check_rule(rule)
    samples, episodes = ("common samples", "samples of its own"), ("one episode at a time", "4 parallel episodes")
    for form, called in (("resident", samples), ("panels", episodes)):
        for how in called if form in rule.twins else ():
            assert f"the compiled twin learns what step learns (weights to 1e-5, {how})" in said


@pytest.mark.parametrize("objective", [CrossEntropy(Evolve((0.1, 0.9))), CrossEntropy(), SquaredError()], ids=repr)
@pytest.mark.parametrize("rule", [Backprop(1e-3), FeedbackAlignment(1e-3)], ids=repr)
def test_every_function_has_its_slope_and_every_objective_its_error(rule, objective, monkeypatch):
    monkeypatch.setattr(rules_by_twins, "_OBJECTIVE", objective)
    newborn = cohort(rule, FUNCTIONS).with_units({"b": {"function": torch.arange(11.0).expand(21, -1)}})
    spec = evolved_spec(objective, FUNCTIONS)
    levels = spec.quantise(derive(0, "genes", owners=range(21)).uniform(spec.size).numpy())
    newborn = endowed(newborn, "objective", objective, spec.genes(levels, torch.float32))
    with torch.inference_mode():
        live = partial(rules_by_twins._on_samples, rule, newborn)
        near(live().weights, live(by_twin=False).weights)


def test_absent_neurons_are_silent_and_send_no_error():
    present = (derive(0, "there", owners=range(21)).uniform(11) < 0.6).float()
    newborn = cohort(Backprop(1e-3), FUNCTIONS).with_units({"b": {"present": present}})
    with torch.inference_mode():
        live = partial(rules_by_twins._on_samples, Backprop(1e-3), newborn)
        near(live().weights, live(by_twin=False).weights)


@pytest.mark.parametrize(("parallel", "apart"), [(16, False), (20, False), (3, True)])
def test_whole_episodes_in_any_number(parallel, apart):
    rule, lives = BPTT(0.05), 5
    newborn = cohort(rule, MEMORY, lives)
    newborn = newborn.repeated(parallel) if apart else newborn
    found = []
    for behave in (compiled_episodes.behave, behaviour.behave):
        network, weights = Network.of(newborn), Weights.born(newborn)
        streams = derive(1, "x", owners=range(lives))
        state = rule.init(network, newborn, weights, specimen.own_streams(newborn))
        being = AgentState(network, newborn, Rail(), SquaredError(), apart=apart)
        with torch.inference_mode():
            for episode in range(2):  # the velocity stays
                after = behave(being, weights, streams.stream(episode), streams, parallel, rule, state)
                weights, state = after.weights, after.state
        found.append((specimen.tensors(weights), after.scores["return"].tolist(), after.steps.tolist()))
    near(found[0][0], found[1][0])
    assert found[0][1:] == found[1][1:]


@pytest.mark.parametrize("forgetful", [False, True])
def test_an_examination_of_many_episodes_is_that_of_torch(forgetful):
    newborn = cohort(BPTT(), Topology((Group("senses", 7), *MEMORY.groups[1:]), PATHS), 3)
    streams, found = derive(1, "x", owners=range(3)), []
    for behave in (compiled_episodes.behave, behaviour.behave):
        being = AgentState(Network.of(newborn), newborn, Rail(), None, feedback=True)
        with torch.inference_mode():
            after = behave(being, Weights.born(newborn), streams, streams, 21, forgetful=forgetful)
        found.append((after.scores["return"].tolist(), after.steps.tolist()))
    assert found[0] == found[1]


def wrong(objective, units, life, y, at_y, targets, at_targets, errors, at_errors, row, scale):
    for k in range(units * row):
        errors[at_errors + k] = (y[at_y + k] + targets[at_targets + k]) * scale


@twin(error=wrong)
class Wrong(NamedTuple):
    nothing: np.ndarray


@pytest.mark.parametrize("rule", [Backprop(), BPTT(clip=0.5)], ids=repr)
def test_a_wrong_sign_is_refused(rule, monkeypatch):
    monkeypatch.setattr(errors, "SquaredErrorTwin", lambda: Wrong(np.zeros(1)))
    with pytest.raises(InputError, match="the compiled twin learns what step learns"):
        check_rule(rule)
