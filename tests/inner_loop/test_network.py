"""The cohort's forward pass is that of each individual's own module."""

import pytest
import torch

from genomes.chance import chance
from genomes.expect import Unexpected
from genomes.phenotype import Phenotype, Synapses
from genomes.topology import Group, Topology, layered
from inner_loop import specimen
from inner_loop.network import Network, Weights, accumulate_product
from inner_loop.rules.frozen import Frozen

LIVES = len(specimen.OWNERS)


def deep(activation):
    groups = (Group("in", 5), Group("one", 7, activation), Group("two", 4, activation), Group("out", 3))
    return Topology(groups, ("in -> one", "one -> two", "two -> out", "in -> out", "in -> two"))


@pytest.mark.parametrize("common", [True, False], ids=["common inputs", "own inputs"])
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "linear"])
def test_the_cohorts_outputs_are_those_of_the_modules(activation, common):
    newborn = specimen.newborn(Frozen(), torch.float64, deep(activation))
    inputs = chance(0, "inputs", owners=-1 if common else specimen.OWNERS).normal(5, 9)
    given = inputs.clone()
    weights, network = Weights.born(newborn), Network(newborn.topology)
    outputs = network.activity(weights, inputs)[network.output]
    assert outputs.shape == (LIVES, 3, 9)
    for i in range(LIVES):
        with torch.no_grad():
            wanted = newborn.module(i)(inputs[0 if common else i].T).T
        torch.testing.assert_close(outputs[i], wanted, rtol=1e-12, atol=1e-12)
    assert torch.equal(inputs, given)
    for group in newborn.topology.groups[1:]:
        assert torch.equal(weights.biases[group.name][:, :, 0], newborn.bias(group.name))


def test_a_network_without_biases():
    topology = layered(3, 4, 2)
    synapses = {e.name: Synapses(chance(0, e.name, owners=[1, 2]).normal(*topology.shape(e))) for e in topology.edges}
    newborn = Phenotype(topology, synapses)
    inputs = chance(0, "inputs").normal(3, 5)
    outputs = Network(topology).activity(Weights.born(newborn), inputs)["layer2"]
    first, second = (s.weight for s in synapses.values())
    torch.testing.assert_close(outputs, second @ torch.tanh(first @ inputs), rtol=1e-12, atol=1e-12)


def test_weights_are_views_into_one_buffer_and_a_copy_of_birth():
    newborn = specimen.newborn(Frozen())
    weights = Weights.born(newborn)
    views = [*weights.projections.values(), *weights.biases.values()]
    weights.flat.fill_(7.0)
    assert all(bool((view == 7.0).all()) for view in views)
    assert not bool((newborn.projections["input -> output"].weight == 7.0).any())
    assert sum(view.numel() for view in views) <= weights.flat.numel()
    for number, view in enumerate(views):
        view.fill_(float(number))
    assert [float(view.mean()) for view in views] == list(range(len(views)))


def test_zeros_have_the_same_layout_in_a_buffer_of_their_own():
    weights = Weights.born(specimen.newborn(Frozen()))
    before, zeros = weights.flat.clone(), weights.zeros()
    assert not zeros.flat.any()
    assert {n: v.shape for n, v in zeros.projections.items()} == {n: v.shape for n, v in weights.projections.items()}
    assert {n: v.shape for n, v in zeros.biases.items()} == {n: v.shape for n, v in weights.biases.items()}
    zeros.biases["output"].fill_(1.0)
    assert int(zeros.flat.count_nonzero()) == zeros.biases["output"].numel()
    assert torch.equal(weights.flat, before)


@pytest.mark.parametrize("common", [True, False])
@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_products_accumulate_over_the_samples(beta, common):
    source = chance(0, "product", owners=range(LIVES))
    into, delta = source.stream("into").normal(3, 5), source.stream("delta").normal(3, 6)
    activity = (chance(0, "common") if common else source).normal(5, 6)
    wanted = beta * into + torch.einsum("pib,pjb->pij", delta, activity.expand(LIVES, -1, -1))
    accumulate_product(into, beta, delta, activity)
    torch.testing.assert_close(into, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("projection", ["hidden -> hidden", "out -> hidden"])
def test_what_needs_time_is_refused(projection):
    groups = (Group("in", 2), Group("hidden", 2), Group("out", 2))
    topology = Topology(groups, ("in -> hidden", "hidden -> out", projection))
    with pytest.raises(Unexpected, match="feed-forward"):
        Network(topology)


def test_a_cohort_of_one():
    topology = layered(3, 4, 2)
    synapses = {e.name: Synapses(chance(0, e.name).normal(*topology.shape(e))) for e in topology.edges}
    newborn = Phenotype(topology, synapses)
    inputs = chance(0, "inputs").normal(3, 5)
    outputs = Network(topology).activity(Weights.born(newborn), inputs)["layer2"]
    with torch.no_grad():
        torch.testing.assert_close(outputs[0], newborn.module(0)(inputs[0].T).T, rtol=1e-12, atol=1e-12)
