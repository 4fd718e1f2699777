"""Twins of rules keep their contract; and 16 parallel episodes, real actions, episodes that learn apart."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from numba import float32, njit

from genomes.errors import InputError
from genomes.evolve import Evolve
from genomes.streams import derive
from genomes.topology import Group, Topology
from inner_loop.contracts import rail_twin, rules_by_twins, specimen
from inner_loop.contracts.rail import Rail
from inner_loop.contracts.rules import check_rule
from inner_loop.life import LifeStreams
from inner_loop.lives import behaviour, compiled_episodes
from inner_loop.lives.agent import AgentState
from inner_loop.lives.episodes import EpisodicLifetime, WorldLives
from inner_loop.network import Network, Weights
from inner_loop.objectives.wiring_cost import WiringCost
from inner_loop.rules.hebbian import Hebbian
from inner_loop.rules.policy_gradient import PolicyGradient
from inner_loop.rules.reward_modulated import RewardModulated
from inner_loop.rules.trial_and_error import TrialAndError
from inner_loop.rules.volterra import Volterra
from inner_loop.twins.layout import WIDTH
from inner_loop.twins.seam import continuous, response, twin
from inner_loop.twins.vector import load
from inner_loop.world import Continuous, Response
from inner_loop.worlds.cart_pole import CartPole

SLOW = pytest.mark.slow  # compiles
APART = Evolve((-0.5, 0.5), per="synapse")
RULES = [
    Hebbian(correlation=APART, presynaptic=Evolve((-0.5, 0.5)), constant=Evolve((-0.1, 0.1), per="projection")),
    RewardModulated(),
    RewardModulated(factor="activity", noise=0.0, choice=0.3, decay=Evolve((0.5, 0.9), per="synapse")),
    Volterra(coefficient=Evolve((-0.3, 0.3))),
    Volterra(terms=("xy", "yyw", "xr", "1"), coefficient=APART),
    TrialAndError(),
    PolicyGradient(),
    PolicyGradient(plastic="output", clip=0.5, momentum=Evolve((0.1, 0.9)), discount=0.9, choice=0.5),
]
RAIL = Rail()
EVERY = pytest.mark.parametrize("rule", RULES, ids=repr)
TOPOLOGY = Topology(
    (
        Group("senses", 4, leak=0.8),
        Group("early", 5, "gaussian", leak=0.5),
        Group("late", 3, "sigmoid"),
        Group("action", 2, "tanh"),
    ),
    ("senses -> early", "late -> early", "early -> late", "action -> late", "late -> action", "senses -> action"),
)


def cohort(rule, lives=21, topology=TOPOLOGY):
    newborn, source = (
        specimen.newborn(rule, torch.float32, topology, range(lives)),
        derive(0, "leaks", owners=range(lives)),
    )
    leaks = {g.name: {"leak": source.stream(g.name).uniform(g.size).float()} for g in topology.groups if g.leaks}
    return newborn.with_units(leaks)


def lived(rule, newborn, by_twin, parallel=1, world=RAIL, apart=False):
    """Weights, returns and lengths of three episodes in a row."""
    lives = newborn.lives
    newborn = newborn.repeated(parallel) if apart else newborn
    network, weights = Network.of(newborn), Weights.born(newborn)
    state, streams = (
        rule.init(network, newborn, weights, specimen.own_streams(newborn)),
        derive(1, "x", owners=range(lives)),
    )
    being, scores = AgentState(network, newborn, world, None, apart=apart), []
    behave = compiled_episodes.behave if by_twin else behaviour.behave
    with torch.inference_mode():
        for episode in range(3):
            after = behave(being, weights, streams.stream(episode), streams, parallel, rule, state)
            weights, state = after.weights, after.state
            scores.append([after.scores["return"].tolist(), after.steps.tolist()])
    return weights, scores


def equal_lives(one, other, tolerance=1e-5):
    assert one[1] == other[1]
    for name, weight in specimen.tensors(other[0]).items():
        off = (specimen.tensors(one[0])[name] - weight).flatten(1).norm(dim=1)
        assert (off / weight.flatten(1).norm(dim=1).clamp(min=1e-3)).max() < tolerance, name


@SLOW
@EVERY
def test_a_twin_keeps_the_contract(rule):
    said = check_rule(rule)
    for called in ("one episode at a time", "4 parallel episodes"):
        assert f"the compiled twin learns what step learns (weights to 1e-5, {called})" in said
    assert len(said) == len(set(said))


@SLOW
@EVERY
@pytest.mark.parametrize(("parallel", "apart"), [(4, False), (16, False), (4, True)])
def test_a_twin_lives_the_life_of_step(rule, parallel, apart):
    newborn = cohort(rule)
    there = lived(rule, newborn, False, parallel, apart=apart)
    equal_lives(lived(rule, newborn, True, parallel, apart=apart), there)
    born = Weights.born(newborn.repeated(parallel) if apart else newborn)
    assert not torch.equal(there[0].flat, born.flat), "it learned"


@SLOW
@pytest.mark.parametrize("parallel", [1, 4])
def test_every_function_has_its_slope(parallel):
    rule, topology = (
        PolicyGradient(clip=1.0),
        Topology((Group("a", 4), Group("b", 11), Group("c", 2)), ("a -> b", "b -> c")),
    )
    newborn = cohort(rule, topology=topology).with_units({"b": {"function": torch.arange(11.0).expand(21, -1)}})
    equal_lives(lived(rule, newborn, True, parallel), lived(rule, newborn, False, parallel))


push = njit(_nrt=False)(rail_twin.step)  # as the functions of a twin: no references are counted


def pushed(world, state, block, time, moves):
    return push(world, state, block, time, (load(moves, 0) + load(moves, WIDTH) + float32(1.0)) * float32(0.5))


class Continued(NamedTuple):
    friction: float
    push: float
    pace: float
    end: float
    starts: np.ndarray
    middle: np.ndarray
    half: np.ndarray


class Responded(NamedTuple):
    friction: float
    push: float
    pace: float
    end: float
    starts: np.ndarray


for kind, doing in ((Continued, continuous), (Responded, response)):
    twin(begin=rail_twin.begin, sense=rail_twin.sense, step=pushed, act=doing)(kind)


@dataclass(frozen=True)
class Slide(Rail):
    """The same rail, where the push is the sum of two real numbers: clipped actions, or the outputs themselves."""

    clipped: bool = True

    @property
    def actions(self):
        return Continuous((-1.0, -0.5), (1.0, 2.0)) if self.clipped else Response(2)

    def step(self, state, actions):
        return super().step(state, (actions.sum(1) + 1.0) * 0.5)

    def twin(self, lanes, state):
        rail, ends = super().twin(lanes, state), (np.float32([0.0, 0.75]), np.float32([1.0, 1.25]))
        return Continued(*rail, *ends) if self.clipped else Responded(*rail)


@SLOW
@pytest.mark.parametrize(
    ("rule", "clipped"), [(PolicyGradient(clip=1.0, choice=0.3), True), (RewardModulated(choice=0.5), False)], ids=repr
)
def test_actions_may_be_real_numbers(rule, clipped):
    newborn, world = cohort(rule), Slide(clipped)
    there = lived(rule, newborn, False, 4, world)
    weights, scores = lived(rule, newborn, True, 4, world)
    assert scores == there[1]
    assert len({returns for returns, _ in map(tuple, zip(*scores[0], strict=True))}) > 3
    equal_lives((weights, scores), there)


@SLOW
@pytest.mark.parametrize("persist", [True, False])
@pytest.mark.parametrize("rule", RULES[:3] + RULES[-2:], ids=repr)
def test_state_goes_on_from_episode_to_episode_or_begins_anew(rule, persist):
    newborn, lifetime = cohort(rule), EpisodicLifetime(episodes=3, exams=4, persist=persist, parallel=2)
    streams = LifeStreams.of(derive(1, "life", owners=range(21)), newborn)
    found = []
    for compiled in (True, False):
        lives = WorldLives(newborn, rule, None, Rail(), lifetime, streams.met, streams.own, "selection", compiled)
        with torch.inference_mode():
            weights, curve, steps = lives.grown()
            exam = lives.examined(("learned", "learned_plastic"))
        found.append(
            (weights, [curve.tolist(), steps.tolist(), {name: score.tolist() for name, score in exam.items()}])
        )
    equal_lives(*found)


@SLOW
def test_a_twin_with_a_wrong_sign_is_refused(monkeypatch):
    right = Hebbian.lanes_twin

    def backwards(self, lanes, network, newborn, weights, state, episodes):
        wrong = tuple(replace(each, presynaptic=-each.presynaptic) for each in state)
        return right(self, lanes, network, newborn, weights, wrong, episodes)

    monkeypatch.setattr(Hebbian, "lanes_twin", backwards)
    with pytest.raises(InputError, match="Hebbian: expected that the compiled twin learns what step learns") as caught:
        check_rule(Hebbian(presynaptic=0.5))
    assert "\n" not in str(caught.value)


@SLOW
def test_a_rule_that_rounding_alone_changes_is_not_compared():
    wild = Volterra(coefficient=Evolve((-5.0, 5.0)), learning_rate=1.0)
    said = check_rule(wild)
    assert [sentence for sentence in said if "float64 leads to other lives" in sentence]
    assert not [sentence for sentence in said if "learns what step learns" in sentence]


def test_without_numba_a_contract_says_that_the_twin_is_not_checked(monkeypatch):
    monkeypatch.setattr(rules_by_twins, "find_spec", lambda name: None)
    assert "its compiled twin is not checked: numba is not installed" in check_rule(TrialAndError())


def test_an_objective_that_a_rule_descends_is_not_compiled():
    lifetime, topology = EpisodicLifetime(), Topology((Group("a", 4), Group("b", 2)), ("a -> b",))
    assert lifetime.without_twin(PolicyGradient(), None, CartPole(), topology) == ""
    assert lifetime.without_twin(Hebbian(), WiringCost(), CartPole(), topology) == ""
    assert "WiringCost" in lifetime.without_twin(PolicyGradient(), WiringCost(), CartPole(), topology)
