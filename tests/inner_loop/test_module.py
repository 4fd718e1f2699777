"""One network of a cohort as an nn.Module."""

from __future__ import annotations

import pytest
import torch

from genomes.errors import InputError
from genomes.evolvable import with_units
from genomes.phenotype import Phenotype, Synapses
from genomes.streams import derive
from genomes.topology import Group, Topology, layered
from inner_loop.contracts import specimen
from inner_loop.module import PhenotypeModule
from inner_loop.network import Network, Weights
from inner_loop.rules.frozen import Frozen

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
        outputs = PhenotypeModule(phenotype, life)(inputs)
        assert outputs.shape == (7, 2)
        assert (outputs - expected).abs().max() < 1e-12


def test_a_module_of_a_network_without_biases_has_none():
    phenotype = newborn(biased=("type",))
    assert phenotype.bias("hand") is None
    assert phenotype.bias("type").shape == (LIVES, 3)
    module = PhenotypeModule(phenotype, 0)
    assert sum(p.numel() for p in module.parameters()) == TOPOLOGY.synapses + 3


@pytest.mark.slow
def test_a_module_learns_by_autograd_and_leaves_the_cohort_alone():
    phenotype = newborn()
    before = {name: s.weight.clone() for name, s in phenotype.projections.items()}
    module = PhenotypeModule(phenotype, 1)
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
    assert not torch.equal(module(inputs), PhenotypeModule(phenotype, 1)(inputs))


@pytest.mark.parametrize("activation", ["linear", "tanh", "relu", "sigmoid"])
def test_gradients_of_a_module_are_right_for_every_activation(activation):
    module = PhenotypeModule(newborn(layered(4, 3, 3, 2, activation=activation), biased=()), 0)
    inputs = derive(2, "inputs").normal(3, 4)[0].requires_grad_()
    assert torch.autograd.gradcheck(module, (inputs,))


def test_a_module_keeps_its_parameters_through_a_state_dict():
    one, other = PhenotypeModule(newborn(), 0), PhenotypeModule(newborn(), 1)
    other.load_state_dict(one.state_dict())
    inputs = derive(1, "inputs").normal(7, 5)[0]
    assert torch.equal(one(inputs), other(inputs))


@pytest.mark.parametrize("projection", ["hand -> hidden", "hidden -> hidden"])
def test_the_module_of_a_network_with_memory_is_the_network_over_time(projection):
    groups = (Group("eye", 3, leak=0.5), Group("hidden", 2, "tanh", leak=0.3), Group("hand", 2))
    topology = Topology(groups, ("eye -> hidden", "hidden -> hand", projection))
    newborn = with_units(specimen.newborn(Frozen(), torch.float64, topology), {})
    inputs = derive(0, "inputs").normal(7, 5, 3)[0]  # (T, B, eye)
    network, weights, shown = Network.of(newborn), Weights.born(newborn), []
    before = network.at_rest(newborn.like, 5)
    for now in inputs:
        before = network.advance(weights, now.T.expand(newborn.lives, -1, -1), before)
        shown.append(before.activities["hand"])
    for i in range(newborn.lives):
        with torch.no_grad():
            outputs = PhenotypeModule(newborn, i)(inputs)
        assert outputs.shape == (7, 5, 2)
        torch.testing.assert_close(outputs, torch.stack([y[i].T for y in shown]), rtol=1e-12, atol=1e-12)
    with pytest.raises(
        InputError, match=r"^module: expected \(T, B, input units\): the network has memory, got \(5, 3\)"
    ):
        PhenotypeModule(newborn, 0)(inputs[0])


@pytest.mark.parametrize("individual", [-1, 3])
def test_an_individual_outside_the_cohort_is_refused(individual):
    with pytest.raises(InputError, match=f"^individual: expected 0 to 2, got {individual}$"):
        PhenotypeModule(newborn(), individual)
