"""Backprop in closed form over a cohort is autograd's gradient descent, one individual at a time."""

from dataclasses import replace

import pytest
import torch

from genomes.evolve import Evolve
from genomes.streams import derive
from genomes.topology import Group, Topology
from inner_loop.activation import ACTIVATIONS
from inner_loop.contracts import specimen
from inner_loop.contracts.specimen import own_streams
from inner_loop.lives.samples import learn
from inner_loop.module import PhenotypeModule
from inner_loop.network import Network, Weights
from inner_loop.objectives.cross_entropy import CrossEntropy
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.rules.backprop import Backprop

LIVES, BATCH, STEPS = 4, 6, 8
MOMENTUM = Evolve((0.0, 0.95))


def deep(activation):
    groups = (
        Group("in", 5),
        Group("one", 6, activation, types=2),
        Group("two", 4, activation),
        Group("out", 3, types=3),
    )
    return Topology(groups, ("in -> one", "one -> two", "two -> out", "in -> out", "one -> out"))


def lessons(topology, own):
    """Inputs and one-hot targets, the individual's own or common to all."""
    source = derive(3, "lessons", owners=range(LIVES) if own else -1)
    classes = source.stream("targets").integers(topology.output.size, STEPS, BATCH)
    targets = torch.nn.functional.one_hot(classes, topology.output.size).double().transpose(2, 3)
    inputs = source.stream("inputs").normal(STEPS, topology.sensory.size, BATCH)
    return [(inputs[:, i].contiguous(), targets[:, i].contiguous()) for i in range(STEPS)]


def after(rule, objective, newborn, taught):
    network = Network.of(newborn)
    with torch.inference_mode():
        *_, (_, weights) = learn(network, Weights.born(newborn), newborn, rule, objective, taught, derive(0, "life"))
    return weights


def loss_of(objective, outputs, targets):
    """Loss of one individual from its outputs (out, B), computed independently."""
    if isinstance(objective, CrossEntropy):
        return torch.nn.functional.cross_entropy(outputs.T, targets.argmax(0))
    return 0.5 * ((outputs - targets) ** 2).sum() / outputs.shape[1]


def alone(individual, rule, objective, newborn, taught):
    """One individual's weights and biases after the same lessons, by autograd and the textbook's momentum."""
    topology = newborn.topology
    weights = {e.name: newborn.projections[e.name].weight[individual].clone() for e in topology.edges}
    weights |= {g.name: newborn.bias(g.name)[individual].clone() for g in topology.groups[1:]}
    rates = {}
    for edge in topology.edges:
        rate = newborn.projections[edge.name].parameters["rule.learning_rate"][individual]
        rates[edge.name] = rate.expand(topology.shape(edge))
    for group in topology.groups[1:]:
        rates[group.name] = torch.stack([rates[e.name].mean() for e in topology.edges if e.post == group.name]).mean()
    momentum = newborn.traits["rule.momentum"][individual]
    velocity = {name: torch.zeros_like(w) for name, w in weights.items()}
    for inputs, targets in taught:
        leaves = {name: w.clone().requires_grad_() for name, w in weights.items()}
        activity = {topology.sensory.name: inputs[individual % len(inputs)]}
        for group in topology.groups[1:]:
            total = leaves[group.name][:, None]
            for edge in topology.edges:
                if edge.post == group.name:
                    total = total + leaves[edge.name] @ activity[edge.pre]
            activity[group.name] = ACTIVATIONS[group.activation].apply_(total.clone())
        loss = loss_of(objective, activity[topology.output.name], targets[individual % len(targets)])
        slopes = dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))
        for name in weights:
            velocity[name] = momentum * velocity[name] + slopes[name]
            grown = newborn.projections[name].mask if name in newborn.projections else None
            grown = 1.0 if grown is None else grown[individual]
            weights[name] = weights[name] - rates[name] * grown * velocity[name]
    return weights


@pytest.mark.parametrize("own", [True, False], ids=["own lessons", "common lessons"])
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "linear"])
@pytest.mark.parametrize(
    "rule",
    [
        Backprop(learning_rate=0.05, momentum=0.9),
        Backprop(learning_rate=0.05, momentum=0.0),
        Backprop(learning_rate=Evolve((0.01, 0.08), scale="log"), momentum=MOMENTUM),
        Backprop(learning_rate=Evolve((0.01, 0.08), per="projection"), momentum=MOMENTUM),
        Backprop(learning_rate=Evolve((0.01, 0.08), per="types"), momentum=0.5),
    ],
    ids=["constant", "no momentum", "per individual", "per projection", "per types"],
)
def test_backprop_is_autograd(rule, activation, own):
    newborn = specimen.newborn(rule, torch.float64, deep(activation))
    taught = lessons(newborn.topology, own)
    for objective in (CrossEntropy(), SquaredError()):
        learned = after(rule, objective, newborn, taught)
        for i in range(LIVES):
            wanted = alone(i, rule, objective, newborn, taught)
            for edge in newborn.topology.edges:
                torch.testing.assert_close(learned.projections[edge.name][i], wanted[edge.name], rtol=1e-12, atol=1e-12)
                assert not torch.equal(wanted[edge.name], newborn.projections[edge.name].weight[i])
            for name, bias in learned.biases.items():
                torch.testing.assert_close(bias[i, :, 0], wanted[name], rtol=1e-12, atol=1e-12)


@pytest.mark.slow
def test_backprop_is_torchs_own_optimiser_on_the_exported_module():
    rule = Backprop(learning_rate=0.2, momentum=0.8)
    newborn = specimen.newborn(rule, torch.float64)
    taught = lessons(newborn.topology, own=True)
    learned = after(rule, CrossEntropy(), newborn, taught)
    for i in range(LIVES):
        module = PhenotypeModule(newborn, i)
        optimiser = torch.optim.SGD(module.parameters(), lr=0.2, momentum=0.8)
        for inputs, targets in taught:
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(module(inputs[i].T), targets[i].argmax(0)).backward()
            for edge, weight in zip(newborn.topology.edges, module.weights, strict=True):
                mask = newborn.projections[edge.name].mask
                if mask is not None:
                    weight.grad *= mask[i]
            optimiser.step()
        for edge, weight in zip(newborn.topology.edges, module.weights, strict=True):
            torch.testing.assert_close(learned.projections[edge.name][i], weight.detach(), rtol=1e-12, atol=1e-12)
        for name, bias in zip(module.biased, module.biases, strict=True):
            torch.testing.assert_close(learned.biases[name][i, :, 0], bias.detach(), rtol=1e-12, atol=1e-12)


def test_a_learning_rate_of_nothing_changes_nothing():
    rule = Backprop(learning_rate=0.0)
    newborn = specimen.newborn(rule, torch.float64)
    learned = after(rule, CrossEntropy(), newborn, lessons(newborn.topology, own=True))
    for name, synapses in newborn.projections.items():
        assert torch.equal(learned.projections[name], synapses.weight)


def test_individuals_learn_at_their_own_rates():
    rule = Backprop(learning_rate=Evolve((0.01, 0.08), scale="log"))
    newborn = specimen.newborn(rule, torch.float64)
    rates = newborn.projections["input -> output"].parameters["rule.learning_rate"]
    assert len(rates.unique()) == LIVES


def test_a_life_that_goes_on_after_an_end_has_the_momentum_that_it_had():
    """A step without running episodes changes neither weights nor velocity."""
    rule = Backprop(0.1, 0.9)
    newborn, moment = specimen.newborn(rule), specimen.moment(SquaredError())
    inputs = moment.activities["input"].float()

    def lived(pattern):
        network, weights = Network.of(newborn), Weights.born(newborn)
        state = rule.init(network, newborn, weights, own_streams(newborn))
        for going in pattern:
            alive = torch.ones(4, inputs.shape[2], dtype=torch.bool)
            alive[1] = going
            activities = network.activity(weights, inputs)
            now = replace(moment, activities=activities, targets=moment.targets.float(), alive=alive)
            weights, state = rule.step(network, weights, state, now, newborn)
        return weights

    interrupted, whole = lived((True, False, False, True)), lived((True, True))
    for name, weight in whole.projections.items():
        torch.testing.assert_close(interrupted.projections[name][1], weight[1])
        assert not torch.equal(interrupted.projections[name][0], weight[0])
    for name, bias in whole.biases.items():
        torch.testing.assert_close(interrupted.biases[name][1], bias[1])
