"""The cohort's forward pass is that of each individual's own module."""

import math

import pytest
import torch

from genomes.evolvable import unit_spec, with_units
from genomes.evolve import Evolve
from genomes.phenotype import Phenotype, Synapses
from genomes.streams import derive
from genomes.topology import Group, Topology, layered
from inner_loop.contracts import specimen
from inner_loop.module import PhenotypeModule
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
    inputs = derive(0, "inputs", owners=-1 if common else specimen.OWNERS).normal(5, 9)
    given = inputs.clone()
    weights, network = Weights.born(newborn), Network.of(newborn)
    outputs = network.activity(weights, inputs)[network.output]
    assert outputs.shape == (LIVES, 3, 9)
    for i in range(LIVES):
        with torch.no_grad():
            wanted = PhenotypeModule(newborn, i)(inputs[0 if common else i].T).T
        torch.testing.assert_close(outputs[i], wanted, rtol=1e-12, atol=1e-12)
    assert torch.equal(inputs, given)
    for group in newborn.topology.groups[1:]:
        assert torch.equal(weights.biases[group.name][:, :, 0], newborn.bias(group.name))


def test_a_network_without_biases():
    topology = layered(3, 4, 2)
    synapses = {e.name: Synapses(derive(0, e.name, owners=[1, 2]).normal(*topology.shape(e))) for e in topology.edges}
    newborn = Phenotype(topology, synapses)
    inputs = derive(0, "inputs").normal(3, 5)
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
    source = derive(0, "product", owners=range(LIVES))
    into, delta = source.stream("into").normal(3, 5), source.stream("delta").normal(3, 6)
    activity = (derive(0, "common") if common else source).normal(5, 6)
    wanted = beta * into + torch.einsum("pib,pjb->pij", delta, activity.expand(LIVES, -1, -1))
    accumulate_product(into, beta, delta, activity)
    torch.testing.assert_close(into, wanted, rtol=1e-12, atol=1e-12)


def over_time(weights, biases, inputs, leak):
    """Explicit loops of one individual: in -> hidden, hidden -> hidden, hidden -> out, out -> hidden."""
    hidden, out, shown = [0.0] * 4, [0.0] * 2, []
    for x in inputs:
        late_hidden, late_out = list(hidden), list(out)
        for i in range(4):
            total = biases["hidden"][i] + sum(weights["in -> hidden"][i][j] * x[j] for j in range(3))
            total += sum(weights["hidden -> hidden"][i][j] * late_hidden[j] for j in range(4))
            total += sum(weights["out -> hidden"][i][j] * late_out[j] for j in range(2))
            hidden[i] = (1 - leak) * late_hidden[i] + leak * math.tanh(total)
        out = [biases["out"][i] + sum(weights["hidden -> out"][i][j] * hidden[j] for j in range(4)) for i in range(2)]
        shown.append(list(out))
    return shown


@pytest.mark.parametrize("leak", [1.0, 0.3])
def test_recurrent_activity_is_that_of_explicit_loops(leak):
    groups = (Group("in", 3), Group("hidden", 4, "tanh", leak=leak), Group("out", 2))
    topology = Topology(groups, ("in -> hidden", "hidden -> hidden", "hidden -> out", "out -> hidden"))
    newborn = with_units(specimen.newborn(Frozen(), torch.float64, topology), {})
    network, weights = Network.of(newborn), Weights.born(newborn)
    assert network.late == {"hidden -> hidden", "out -> hidden"}
    inputs = derive(0, "inputs", owners=specimen.OWNERS).normal(6, 3, 5)  # (P, T, in, B)
    before = network.at_rest(newborn.like, 5)
    shown = []
    for t in range(6):
        before = network.advance(weights, inputs[:, t].contiguous(), before)
        shown.append(before.activities["out"])
    for i in range(LIVES):
        numbers = {name: w[i].tolist() for name, w in weights.projections.items()}
        biases = {name: b[i, :, 0].tolist() for name, b in weights.biases.items()}
        for b in range(5):
            wanted = over_time(numbers, biases, inputs[i, :, :, b].tolist(), leak)
            got = torch.stack([y[i, :, b] for y in shown])
            torch.testing.assert_close(got, torch.tensor(wanted, dtype=torch.float64), rtol=1e-12, atol=1e-12)


def test_the_sensory_group_leaks_and_noise_adds_to_the_summed_input():
    topology = Topology((Group("in", 2, leak=0.25), Group("out", 2, "tanh")), ("in -> out",))
    newborn = with_units(specimen.newborn(Frozen(), torch.float64, topology), {})
    network, weights = Network.of(newborn), Weights.born(newborn)
    inputs, noise = torch.ones(LIVES, 2, 1, dtype=torch.float64), torch.full((LIVES, 2, 1), 0.5, dtype=torch.float64)
    now = network.advance(weights, inputs, network.at_rest(newborn.like, 1), {"out": noise})
    activities = now.activities
    assert activities["in"].eq(0.25).all()
    assert now.internal.keys() == {"in"}
    total = weights.projections["in -> out"] @ activities["in"] + weights.biases["out"] + 0.5
    torch.testing.assert_close(activities["out"], torch.tanh(total), rtol=1e-12, atol=1e-12)


def test_leaks_per_cell_type_are_genes():
    groups = (Group("in", 4, types=2, leak=Evolve((0.1, 0.9), bits=2, per="types")), Group("out", 1))
    topology = Topology(groups, ("in -> out",))
    spec = unit_spec(topology)
    assert [(f.name, f.shape) for f in spec.fields] == [("leak.in", (2,))]
    newborn = with_units(
        specimen.newborn(Frozen(), torch.float64, topology), {"leak.in": torch.rand(LIVES, 2).double()}
    )
    leak = newborn.groups["in"]["leak"]
    assert torch.equal(leak[:, 0], leak[:, 2])
    assert torch.equal(leak[:, 1], leak[:, 3])
    assert not torch.equal(leak[:, 0], leak[:, 1])


def test_a_cohort_of_one():
    topology = layered(3, 4, 2)
    synapses = {e.name: Synapses(derive(0, e.name).normal(*topology.shape(e))) for e in topology.edges}
    newborn = Phenotype(topology, synapses)
    inputs = derive(0, "inputs").normal(3, 5)
    outputs = Network(topology).activity(Weights.born(newborn), inputs)["layer2"]
    with torch.no_grad():
        torch.testing.assert_close(outputs[0], PhenotypeModule(newborn, 0)(inputs[0].T).T, rtol=1e-12, atol=1e-12)
