"""The contract of unit models, over the registry; neurons in networks that live and learn."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch

from evo import load
from evo.experiment.contracts import check
from genomes.errors import InputError
from genomes.evolvable import unit_spec, with_units
from genomes.evolve import Evolve
from genomes.neuron import FUNCTIONS
from genomes.streams import derive
from genomes.topology import Group, Topology, layered
from inner_loop.contracts import specimen
from inner_loop.contracts.neurons import check_neuron
from inner_loop.module import PhenotypeModule
from inner_loop.network import Network, Weights
from inner_loop.neurons import NEURONS
from inner_loop.neurons.leaky_integrate_and_fire import LeakyIntegrateAndFire
from inner_loop.neurons.rate import Rate
from inner_loop.objective import Lived
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.rules.backprop import Backprop
from inner_loop.rules.bptt import BPTT
from inner_loop.rules.frozen import Frozen

LIVES = len(specimen.OWNERS)


@pytest.mark.parametrize("neuron", NEURONS, ids=lambda each: each.__name__)
def test_unit_models_keep_the_contract(neuron):
    assert check(neuron.__name__)


@pytest.mark.parametrize("activation", FUNCTIONS)
def test_every_function_keeps_the_contract(activation):
    assert check_neuron(Rate(activation))


@dataclass(frozen=True)
class WrongSlope(LeakyIntegrateAndFire.__base__):
    """An integrator whose error forgets the leak."""

    def step(self, total, before, internal, numbers):
        leak = numbers.get("leak", 1.0)
        v = total if internal is None else total + (1.0 - leak) * internal
        return torch.tanh(v), v

    def back(self, error, later, activity, internal, numbers):
        return error * (1 - activity**2), None


def test_a_wrong_way_back_is_refused():
    with pytest.raises(InputError, match="back is the derivative of step"):
        check_neuron(WrongSlope())


def test_spikes_and_membrane_potentials_are_those_of_explicit_loops():
    groups = (
        Group("in", 3),
        Group("hidden", 4, leak=0.2, neuron=LeakyIntegrateAndFire(threshold=0.5)),
        Group("out", 2),
    )
    topology = Topology(groups, ("in -> hidden", "hidden -> hidden", "hidden -> out"))
    newborn = with_units(specimen.newborn(Frozen(), torch.float64, topology), {})
    network, weights = Network.of(newborn), Weights.born(newborn)
    inputs = derive(0, "inputs", owners=specimen.OWNERS).normal(12, 3, 1)
    state, fired = network.at_rest(newborn.like, 1), 0
    v, z = torch.zeros(LIVES, 4, dtype=torch.float64), torch.zeros(LIVES, 4, dtype=torch.float64)
    for t in range(12):
        state = network.advance(weights, inputs[:, t].contiguous(), state)
        for life in range(LIVES):
            came = weights.projections["in -> hidden"][life] @ inputs[life, t, :, 0]
            came = came + weights.projections["hidden -> hidden"][life] @ z[life] + weights.biases["hidden"][life, :, 0]
            v[life] = 0.8 * v[life] + came - 0.5 * z[life]
        z = (v > 0.5).double()
        fired += int(z.sum())
        assert torch.equal(state.activities["hidden"][:, :, 0], z)
        torch.testing.assert_close(state.internal["hidden"][:, :, 0], v, rtol=1e-12, atol=1e-12)
    assert 0 < fired < 12 * z.numel()


def spiking(rule, leak=0.2):
    groups = (
        Group("in", 3),
        Group("hidden", 4, leak=leak, neuron=LeakyIntegrateAndFire(0.3)),
        Group("out", 2, leak=0.5),
    )
    topology = Topology(groups, ("in -> hidden", "hidden -> hidden", "hidden -> out"))
    return with_units(specimen.newborn(rule, torch.float64, topology), {})


def test_bptt_through_spikes_is_autograd_with_the_surrogate_slope():
    rule, objective = BPTT(learning_rate=0.1, momentum=0.0), SquaredError()
    newborn = spiking(rule)
    network, weights, source = Network.of(newborn), Weights.born(newborn), derive(3, "spikes", owners=specimen.OWNERS)
    inputs, targets = source.stream("inputs").normal(8, 3, 5), source.stream("targets").normal(8, 2, 5)
    state, now = rule.init(network, newborn, weights, specimen.own_streams(newborn)), network.at_rest(newborn.like, 5)
    for t in range(8):
        before, now = now, network.advance(weights, inputs[:, t].contiguous(), now)
        lived = Lived(
            now.activities, targets[:, t], "out", objective, t, source, newborn.traits, before.activities, now.internal,
            alive=torch.ones(LIVES, 5, dtype=torch.bool),
        )  # fmt: skip
        weights, state = rule.step(network, weights, state, lived, newborn)
    learned, _ = rule.consolidate(network, weights, state, newborn)
    for life in range(LIVES):
        module = PhenotypeModule(newborn, life)
        outputs = module(inputs[life].mT)  # (T, B, out)
        loss = 0.5 * (outputs - targets[life].mT).square().sum(2).mean()
        loss.backward()
        near_descent(newborn, module, learned, life)
        assert module.weights[0].grad.abs().max() > 0


def near_descent(newborn, module, learned, life):
    """Asserts that one life took one step of 0.1 down the gradient of its module, where synapses grew."""
    for place, edge in enumerate(newborn.topology.edges):
        mask, slope = newborn.projections[edge.name].mask, module.weights[place].grad
        slope = torch.zeros_like(module.weights[place]) if slope is None else slope
        wanted = module.weights[place].detach() - 0.1 * slope * (1.0 if mask is None else mask[life])
        torch.testing.assert_close(learned.projections[edge.name][life], wanted, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("activation", FUNCTIONS)
def test_backprop_descends_through_every_function(activation):
    rule = Backprop(learning_rate=0.1, momentum=0.0)
    newborn = specimen.newborn(rule, torch.float64, layered(3, 4, 2, activation=activation))
    network, weights, objective = Network.of(newborn), Weights.born(newborn), SquaredError()
    source = derive(4, "functions", owners=specimen.OWNERS)
    inputs, targets = source.stream("inputs").normal(3, 5), source.stream("targets").normal(2, 5)
    now = network.advance(weights, inputs)
    lived = Lived(now.activities, targets, network.output, objective, 0, source, newborn.traits, internal=now.internal)
    state = rule.init(network, newborn, weights, specimen.own_streams(newborn))
    learned, _ = rule.step(network, weights, state, lived, newborn)
    for life in range(LIVES):
        module = PhenotypeModule(newborn, life)
        (0.5 * (module(inputs[life].T) - targets[life].T).square().sum(1).mean()).backward()
        near_descent(newborn, module, learned, life)


def test_absent_neurons_are_silent_and_take_no_error():
    rule = Backprop(learning_rate=0.1, momentum=0.0)
    newborn = specimen.newborn(rule, torch.float64, layered(3, 4, 2))
    present = torch.ones(LIVES, 4, dtype=torch.float64)
    present[:, 1] = 0.0
    newborn = newborn.with_units({"layer1": {"present": present}})
    network, weights, source = Network.of(newborn), Weights.born(newborn), derive(5, "absent", owners=specimen.OWNERS)
    born = Weights.born(newborn)
    inputs, targets = source.stream("inputs").normal(3, 5), source.stream("targets").normal(2, 5)
    now = network.advance(weights, inputs)
    assert now.activities["layer1"][:, 1].eq(0).all()
    assert now.activities["layer1"][:, 0].ne(0).all()
    lived = Lived(now.activities, targets, network.output, SquaredError(), 0, source, newborn.traits)
    state = rule.init(network, newborn, weights, specimen.own_streams(newborn))
    learned, _ = rule.step(network, weights, state, lived, newborn)
    first, second = "layer0 -> layer1", "layer1 -> layer2"
    assert torch.equal(learned.projections[first][:, 1], born.projections[first][:, 1])
    assert torch.equal(learned.projections[second][:, :, 1], born.projections[second][:, :, 1])
    assert not torch.equal(learned.projections[first][:, 0], born.projections[first][:, 0])
    with torch.no_grad():
        outputs = PhenotypeModule(newborn, 2)(inputs[2].T)
    torch.testing.assert_close(outputs.T, now.activities["layer2"][2], rtol=1e-12, atol=1e-12)


def test_thresholds_evolve_for_the_group_or_for_each_cell_type():
    one, other = Evolve((0.1, 0.9), bits=2), Evolve((0.1, 0.9), bits=2, per="types")
    groups = tuple(
        Group(name, 4, types=2, leak=0.5, neuron=LeakyIntegrateAndFire(threshold))
        for name, threshold in (("a", one), ("b", other))
    )
    topology = Topology((Group("in", 2), *groups), ("in -> a", "a -> b"))
    spec = unit_spec(topology)
    assert [(f.name, f.shape) for f in spec.fields] == [("threshold.a", (1,)), ("threshold.b", (2,))]
    assert spec.bits == 6
    values = {f.name: torch.rand(LIVES, *f.shape).double() for f in spec.fields}
    grown = with_units(specimen.newborn(Frozen(), torch.float64, topology), values)
    assert torch.equal(grown.groups["b"]["threshold"], values["threshold.b"][:, [0, 1, 0, 1]])
    assert grown.groups["b"]["leak"].eq(0.5).all()
    per = replace(other, per="projection")
    with pytest.raises(InputError, match=r"threshold\.per: expected individual or types"):
        unit_spec(Topology((Group("in", 2), replace(groups[1], neuron=LeakyIntegrateAndFire(per))), ("in -> b",)))


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ("{activation: relu, neuron: LeakyIntegrateAndFire}", ("activation", "relu")),
        ("{activation: linear, neuron: LeakyIntegrateAndFir}", ("LeakyIntegrateAndFire", "neuron")),
        ("{activation: linear, neuron: {kind: LeakyIntegrateAndFire, threshold: 0}}", ("threshold", "above 0")),
        ("{activation: sinus}", ("activation", "sine")),
    ],
)
def test_wrong_neurons_get_a_sentence(change, parts):
    with pytest.raises(InputError) as refused:
        load("decision", [f"topology.groups.1={{name: hidden, size: 4, {change[1:]}"])
    assert all(part in str(refused.value) for part in parts)
