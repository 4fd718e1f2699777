"""Phenotypes: named tensors of a cohort, and one of its networks taken out as a module."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch

from genomes.errors import InputError
from genomes.phenotype import Phenotype, Synapses
from genomes.streams import derive
from genomes.topology import Group, Topology, layered

LIVES = 3
TOPOLOGY = Topology(
    (Group("eye", 5), Group("V1.L4", 4, "tanh"), Group("type", 3, "sigmoid"), Group("hand", 2)),
    ("eye -> V1.L4", "V1.L4 -> type", "eye -> type", "type -> hand", "eye -> hand"),
)


def newborn(topology: Topology = TOPOLOGY, biased: tuple[str, ...] = ("V1.L4", "type", "hand")) -> Phenotype:
    numbers = derive(0, "phenotype", owners=range(LIVES))
    projections = {e.name: Synapses(numbers.stream(e.name).normal(*topology.shape(e))) for e in topology.edges}
    groups = {name: {"bias": numbers.stream(name).normal(topology.group(name).size)} for name in biased}
    return Phenotype(topology, projections, groups)


def test_a_module_is_the_forward_pass_written_by_hand():
    phenotype = newborn()
    inputs = derive(1, "inputs").normal(7, 5)[0]
    for life in range(LIVES):
        w = {name: s.weight[life] for name, s in phenotype.projections.items()}
        b = {name: group["bias"][life] for name, group in phenotype.groups.items()}
        first = torch.tanh(inputs @ w["eye -> V1.L4"].T + b["V1.L4"])
        second = torch.sigmoid(first @ w["V1.L4 -> type"].T + inputs @ w["eye -> type"].T + b["type"])
        expected = second @ w["type -> hand"].T + inputs @ w["eye -> hand"].T + b["hand"]
        outputs = phenotype.module(life)(inputs)
        assert outputs.shape == (7, 2)
        assert (outputs - expected).abs().max() < 1e-12


def test_a_module_of_a_network_without_biases_has_none():
    phenotype = newborn(biased=("type",))
    assert phenotype.bias("hand") is None
    assert phenotype.bias("type").shape == (LIVES, 3)
    module = phenotype.module(0)
    assert sum(p.numel() for p in module.parameters()) == TOPOLOGY.synapses + 3


def test_a_module_learns_by_autograd_and_leaves_the_cohort_alone():
    phenotype = newborn()
    before = {name: s.weight.clone() for name, s in phenotype.projections.items()}
    module = phenotype.module(1)
    inputs, targets = derive(1, "inputs").normal(20, 5)[0], derive(1, "targets").normal(20, 2)[0]
    descent = torch.optim.SGD(module.parameters(), lr=0.05)
    losses = []
    for _ in range(30):
        loss = (module(inputs) - targets).square().mean()
        descent.zero_grad()
        loss.backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())
        descent.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    assert all(torch.equal(phenotype.projections[name].weight, weight) for name, weight in before.items())
    assert not torch.equal(module(inputs), phenotype.module(1)(inputs))


@pytest.mark.parametrize("activation", ["linear", "tanh", "relu", "sigmoid"])
def test_gradients_of_a_module_are_right_for_every_activation(activation):
    module = newborn(layered(4, 3, 3, 2, activation=activation), biased=()).module(0)
    inputs = derive(2, "inputs").normal(3, 4)[0].requires_grad_()
    assert torch.autograd.gradcheck(module, (inputs,))


def test_a_module_keeps_its_parameters_through_a_state_dict():
    one, other = newborn().module(0), newborn().module(1)
    other.load_state_dict(one.state_dict())
    inputs = derive(1, "inputs").normal(7, 5)[0]
    assert torch.equal(one(inputs), other(inputs))


@pytest.mark.parametrize("projection", ["hand -> hidden", "hidden -> hidden"])
def test_the_module_of_a_network_with_memory_is_the_network_over_time(projection):
    from genomes.evolvable import with_leaks
    from inner_loop.contracts import specimen
    from inner_loop.network import Network, Weights, leaks_of
    from inner_loop.rules.frozen import Frozen

    groups = (Group("eye", 3, leak=0.5), Group("hidden", 2, "tanh", leak=0.3), Group("hand", 2))
    topology = Topology(groups, ("eye -> hidden", "hidden -> hand", projection))
    newborn = with_leaks(specimen.newborn(Frozen(), torch.float64, topology), {})
    inputs = derive(0, "inputs").normal(7, 5, 3)[0]  # (T, B, eye)
    network, weights, shown = Network(topology), Weights.born(newborn), []
    before = network.at_rest(newborn.like, 5)
    for now in inputs:
        before, _ = network.advance(weights, now.T.expand(newborn.lives, -1, -1), before, leaks_of(newborn))
        shown.append(before["hand"])
    for i in range(newborn.lives):
        with torch.no_grad():
            outputs = newborn.module(i)(inputs)
        assert outputs.shape == (7, 5, 2)
        torch.testing.assert_close(outputs, torch.stack([y[i].T for y in shown]), rtol=1e-12, atol=1e-12)
    with pytest.raises(
        InputError, match=r"^module: expected \(T, B, input units\): the network has memory, got \(5, 3\)"
    ):
        newborn.module(0)(inputs[0])


@pytest.mark.parametrize("individual", [-1, 3])
def test_nobody_else_is_in_the_cohort(individual):
    with pytest.raises(InputError, match=f"^individual: expected 0 to 2, got {individual}$"):
        newborn().module(individual)


def test_synapses_grown_counts_masks():
    phenotype = newborn()
    assert phenotype.synapses_grown().tolist() == [TOPOLOGY.synapses] * LIVES
    name = "eye -> V1.L4"
    mask = torch.zeros(LIVES, 4, 5, dtype=torch.bool)
    mask[1, :, 0] = True
    mask[2] = True
    masked = {**phenotype.projections, name: Synapses(phenotype.projections[name].weight * mask, mask)}
    grown = replace(phenotype, projections=masked).synapses_grown()
    assert grown.tolist() == [TOPOLOGY.synapses - 20, TOPOLOGY.synapses - 16, TOPOLOGY.synapses]
    assert grown.dtype == torch.float64


def changed(weight=None, mask=None, groups=None):
    """A cohort with another value for one projection or for the groups."""
    topology = layered(5, 4, 2)
    good = newborn(topology, biased=())
    synapses = Synapses(good.projections["layer0 -> layer1"].weight if weight is None else weight)
    object.__setattr__(synapses, "mask", mask)  # bypasses the check of shapes that only tests switch on
    return Phenotype(topology, {**good.projections, "layer0 -> layer1": synapses}, groups or {})


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"weight": torch.zeros(LIVES, 5, 4)},
            "layer0 -> layer1: expected weights of shape (3, 4, 5), got (3, 5, 4)",
        ),
        (
            {"mask": torch.ones(LIVES, 4, 1, dtype=torch.bool)},
            "layer0 -> layer1: expected a mask of shape (3, 4, 5), got (3, 4, 1)",
        ),
        (
            {"groups": {"layer1": {"bias": torch.zeros(LIVES, 2)}}},
            "layer1: expected bias of shape (3, 4), got (3, 2)",
        ),
        (
            {"groups": {"layer1": {"bias": torch.zeros(1, 4)}}},
            "layer1: expected bias of shape (3, 4), got (1, 4)",
        ),
        ({"groups": {"layr1": {}}}, "phenotype: no group 'layr1'; did you mean 'layer1'?"),
    ],
)
def test_wrong_shapes_and_names_are_refused(parts, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        changed(**parts)


def test_lives_of_different_projections_must_agree():
    with pytest.raises(InputError, match=r"got \(2, 2, 4\)$|got \(3, 2, 4\)$"):
        changed(weight=torch.zeros(2, 4, 5))


def test_every_projection_and_no_other_must_be_there():
    topology = layered(5, 4, 2)
    projections = newborn(topology, biased=()).projections
    message = "phenotype: expected the projections ['layer0 -> layer1', 'layer1 -> layer2'], got ['layer0 -> layer1']"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        Phenotype(topology, {"layer0 -> layer1": projections["layer0 -> layer1"]})
    with pytest.raises(InputError, match=r"^phenotype: expected the projections "):
        Phenotype(topology, {**projections, "layer0 -> layer2": Synapses(torch.zeros(LIVES, 2, 5))})


def test_parameters_are_added_beside_what_is_there():
    first = newborn(layered(5, 4, 2), biased=())
    names = list(first.projections)
    second = first.with_parameters(
        {"rule.momentum": torch.ones(LIVES)}, {"rule.rate": {n: torch.full((LIVES, 1, 1), 2.0) for n in names}}
    )
    third = second.with_parameters({"x": torch.zeros(LIVES)}, {"rule.x": {n: torch.zeros(LIVES, 1, 1) for n in names}})
    assert first.traits == {}
    assert all(s.parameters == {} for s in first.projections.values())
    assert third.traits.keys() == {"rule.momentum", "x"}
    for name in names:
        assert third.projections[name].parameters.keys() == {"rule.rate", "rule.x"}
        assert (third.projections[name].parameters["rule.rate"] == 2).all()
        assert third.projections[name].weight is first.projections[name].weight
    assert third.lives == LIVES
    assert third.like.dtype == torch.float64
