"""A twin lives the life that `step` lives in torch, to 1e-5, in networks with skips, lateral synapses and leaks."""

import pytest
import torch

from genomes.evolvable import endowed, evolved_spec
from genomes.evolve import Evolve
from genomes.phenotype import Phenotype, Synapses
from genomes.streams import derive
from genomes.topology import Group, Topology
from inner_loop.contracts import specimen
from inner_loop.lives import compiled_episodes
from inner_loop.lives.agent import AgentState
from inner_loop.lives.behaviour import behave
from inner_loop.network import Network, Weights
from inner_loop.rules.hebbian import Hebbian
from inner_loop.worlds.cart_pole import CartPole

pytestmark = pytest.mark.slow  # compiles

LIVES = 21  # no multiple of 16
TOPOLOGY = Topology(
    (Group("senses", 4), Group("hidden", 7, "tanh", leak=0.6), Group("action", 2)),
    ("senses -> hidden", "hidden -> hidden", "hidden -> action", "senses -> action"),
)
WORLD = CartPole(longest=120)


RULE = Hebbian(
    learning_rate=Evolve((1e-3, 0.02), per="projection"),
    correlation=Evolve((-1.0, 1.0), per="synapse"),
    presynaptic=Evolve((-1.0, 1.0)),
    postsynaptic=0.5,
    constant=-0.1,
    bound=0.8,
)


def cohort(rule, lives=LIVES):
    source, projections, groups = derive(0, "carts", owners=range(lives)), {}, {}
    for edge in TOPOLOGY.edges:
        weight = source.stream(edge.name).normal(*TOPOLOGY.shape(edge)).float() * 0.4
        mask = source.stream(f"mask {edge.name}").uniform(*TOPOLOGY.shape(edge)) < 0.7
        mask = mask if edge.name == "senses -> hidden" else None
        projections[edge.name] = Synapses(weight if mask is None else weight * mask, mask)
    for group in TOPOLOGY.groups[1:]:
        groups[group.name] = {"bias": source.stream(group.name).normal(group.size).float() * 0.1}
    groups["hidden"]["leak"] = source.stream("leak").uniform(7).float() * 0.5 + 0.4
    spec = evolved_spec(rule, TOPOLOGY)
    levels = spec.quantise(source.stream("genes").uniform(spec.size).numpy())
    return endowed(Phenotype(TOPOLOGY, projections, groups), "rule", rule, spec.genes(levels, torch.float32))


def streams(lives=LIVES):
    return derive(1, "episode", owners=range(lives))


def in_torch(newborn):
    network, weights = Network.of(newborn), Weights.born(newborn)
    state = RULE.init(network, newborn, weights, specimen.own_streams(newborn))
    own = streams(newborn.lives)
    with torch.inference_mode():
        after = behave(AgentState(network, newborn, WORLD, None), weights, own, own, 1, RULE, state)
    return after.weights, after.scores["return"], after.steps


def compiled(newborn):
    network, weights = Network.of(newborn), Weights.born(newborn)
    state, own = RULE.init(network, newborn, weights, specimen.own_streams(newborn)), streams(newborn.lives)
    with torch.inference_mode():
        after = compiled_episodes.behave(AgentState(network, newborn, WORLD, None), weights, own, own, 1, RULE, state)
    return after.weights, after.scores["return"], after.steps


@pytest.fixture(scope="module")
def lived():
    return compiled(cohort(RULE))


def test_a_twin_lives_the_life_of_step(lived):
    weights, returns, lengths = lived
    wanted, there, steps = in_torch(cohort(RULE))
    assert len(set(steps.tolist())) > 3, "episodes end at different steps"
    assert returns.tolist() == there.tolist()
    assert lengths.tolist() == steps.tolist()
    for name, weight in wanted.projections.items():
        apart = (weights.projections[name] - weight).flatten(1).norm(dim=1) / weight.flatten(1).norm(dim=1)
        assert apart.max() < 1e-5, name
    assert not torch.equal(weights.flat, Weights.born(cohort(RULE)).flat), "it learned"


def test_no_weight_appears_where_no_synapse_grew(lived):
    mask = cohort(RULE).projections["senses -> hidden"].mask
    assert (lived[0].projections["senses -> hidden"][~mask] == 0).all()


def test_the_same_life_twice_alone_and_beside_a_nan_gives_the_same_bytes(lived):
    again = compiled(cohort(RULE))
    assert torch.equal(again[0].flat, lived[0].flat)
    few = compiled(cohort(RULE, lives=5))
    broken = cohort(RULE)
    broken.projections["hidden -> action"].weight[3] = torch.nan
    beside = compiled(broken)
    others = [life for life in range(LIVES) if life != 3]
    for name, weight in lived[0].projections.items():
        assert torch.equal(few[0].projections[name], weight[:5])
        assert torch.equal(beside[0].projections[name][others], weight[others])
