"""A newborn network as a graph: the same numbers as networkx, one graph at a time."""

import io

import networkx
import numpy as np
import pytest
import torch

from evo.analysis.connectomics.graph import (
    assembled,
    binary,
    cell_types,
    clustering,
    distributions,
    is_bipartite,
    is_reciprocal,
    modularity,
    neuron_graph,
    path_length,
    reciprocity,
)
from evo.analysis.connectomics.motifs import generator
from genomes.phenotype import Phenotype, Synapses
from genomes.topology import Group, Topology, layered

RECURRENT = Topology(
    (Group("eye", 4, grid=(2, 2)), Group("brain", 6, "tanh", types=2), Group("hand", 3)),
    ("eye -> brain", "brain -> brain", "brain -> hand", "hand -> brain"),
)


def born(topology: Topology = RECURRENT, lives: int = 2, density: float = 0.5) -> Phenotype:
    numbers, projections = generator(3, "networks"), {}
    for edge in topology.edges:
        shape = (lives, *topology.shape(edge))
        mask = torch.as_tensor(numbers.random(shape) < density)
        weight = torch.as_tensor(numbers.standard_normal(shape), dtype=torch.float32) * mask
        rate = torch.as_tensor(numbers.random((lives, 1, 1)), dtype=torch.float32)
        projections[edge.name] = Synapses(weight, mask, {"rule.learning_rate": rate})
    groups = {"brain": {"bias": torch.arange(6.0).repeat(lives, 1), "leak": torch.full((lives, 6), 0.5)}}
    return Phenotype(topology, projections, groups)


@pytest.fixture
def random_graphs():
    return generator(0, "graphs").random((4, 15, 15)) < 0.25


def undirected(graph):
    made = networkx.from_numpy_array(graph.T, create_using=networkx.DiGraph).to_undirected()
    made.remove_edges_from([*networkx.selfloop_edges(made)])
    return made


def test_the_graph_of_neurons_has_every_number_and_can_be_written(refused):
    newborn = born()
    graph = neuron_graph(newborn, 1)
    assert graph.nodes["eye/2"] == {"group": "eye", "type": 0, "x": 0.75, "y": 0.25}
    assert graph.nodes["brain/3"] == {"group": "brain", "type": 1, "bias": 3.0, "leak": 0.5}
    grown = newborn.projections["brain -> hand"].mask[1]
    post, pre = grown.nonzero()[0].tolist()
    said = graph.edges[f"brain/{pre}", f"hand/{post}"]
    assert said["weight"] == newborn.projections["brain -> hand"].weight[1, post, pre].item()
    assert said["rule.learning_rate"] == newborn.projections["brain -> hand"].parameters["rule.learning_rate"][1].item()
    assert graph.size() == newborn.synapses_grown()[1]
    file = io.BytesIO()
    networkx.write_graphml(graph, file)
    again = networkx.read_graphml(io.BytesIO(file.getvalue()))
    assert dict(again.nodes["brain/3"]) == graph.nodes["brain/3"]
    assert dict(again.edges[f"brain/{pre}", f"hand/{post}"]) == said
    with refused("individual", 2):
        neuron_graph(newborn, 2)


def test_what_grew_counts_and_where_all_grew_the_strongest():
    newborn = born()
    assert (binary(newborn, 0.2)["eye -> brain"] == newborn.projections["eye -> brain"].mask.numpy()).all()
    topology = layered(5, 4)
    weight = torch.linspace(-1, 1, 20).view(1, 4, 5)
    there = binary(Phenotype(topology, {"layer0 -> layer1": Synapses(weight)}), 0.2)["layer0 -> layer1"][0]
    assert sorted(np.flatnonzero(there)) == [0, 1, 18, 19]
    alike = binary(Phenotype(topology, {"layer0 -> layer1": Synapses(torch.ones(1, 4, 5))}), 0.2)
    assert alike["layer0 -> layer1"].all()  # none of equals is preferred for its place


def test_graphs_of_all_neurons_are_put_together_from_projections():
    newborn = born()
    whole = assembled(RECURRENT, binary(newborn, 0.2))[0]
    graph = neuron_graph(newborn)
    assert (networkx.to_numpy_array(graph, weight=None).astype(bool) == whole.T).all()


def test_numbers_of_graphs_are_those_of_networkx(random_graphs):
    both_ways = random_graphs | random_graphs.swapaxes(1, 2)
    for i, graph in enumerate(random_graphs):
        plain = undirected(graph)
        directed = networkx.from_numpy_array((graph & ~np.eye(15, dtype=bool)).T, create_using=networkx.DiGraph)
        own, out, into = networkx.clustering(directed), dict(directed.out_degree), dict(directed.in_degree)
        back = {n: sum(directed.has_edge(m, n) for m in directed.successors(n)) for n in directed}
        possible = {n: (out[n] + into[n]) * (out[n] + into[n] - 1) - 2 * back[n] for n in directed}
        expected = sum(own[n] * possible[n] for n in directed) / sum(possible.values())
        assert clustering(random_graphs, False)[i] == pytest.approx(expected)
        assert clustering(both_ways, False)[i] == pytest.approx(networkx.transitivity(plain))
        assert path_length(random_graphs, False)[i] == pytest.approx(networkx.average_shortest_path_length(plain))
        steps = [s for _, to in networkx.all_pairs_shortest_path_length(directed) for s in to.values() if s]
        assert path_length(random_graphs, True)[i] == pytest.approx(np.mean(steps))
        assert reciprocity(random_graphs)[i] == pytest.approx(networkx.overall_reciprocity(directed))


def test_squares_of_bipartite_graphs_are_those_of_networkx():
    topology = layered(8, 7, 6)
    wired = {e.name: generator(1, e.name).random((3, *topology.shape(e))) < 0.4 for e in topology.edges}
    graphs = assembled(topology, wired)
    assert is_bipartite(topology)
    assert not is_reciprocal(topology)
    assert (clustering(graphs, False) == 0).all()
    expected = [networkx.bipartite.robins_alexander_clustering(undirected(graph)) for graph in graphs]
    assert clustering(graphs, True) == pytest.approx(expected)


def test_lateral_and_recurrent_projections_are_no_layers():
    assert not is_bipartite(RECURRENT)
    assert is_reciprocal(RECURRENT)


def test_paths_join_only_what_reaches_each_other():
    graphs = np.zeros((2, 5, 5), dtype=bool)
    graphs[0, 1, 0] = graphs[0, 2, 1] = graphs[0, 4, 3] = True  # 0 -> 1 -> 2 and 3 -> 4
    assert path_length(graphs, False)[0] == path_length(graphs, True)[0] == pytest.approx((1 + 1 + 2 + 1) / 4)
    assert np.isnan(path_length(graphs, True)[1])


def test_planted_modules_are_found_and_no_synapses_have_no_modules():
    graphs = np.zeros((2, 12, 12), dtype=bool)
    for module in range(3):
        graphs[0, module * 4 : module * 4 + 4, module * 4 : module * 4 + 4] = True
    found = modularity(graphs, 0)
    assert found[0] == pytest.approx(2 / 3)  # 1 - 1/3 for three modules alike
    assert np.isnan(found[1])


def test_rules_by_pair_of_cell_types_are_read_back():
    newborn = born(lives=3)
    table = cell_types(newborn).set_index(["projection", "from type", "to type"])
    assert len(table) == 2 + 4 + 2 + 2
    row, synapses = table.loc["brain -> brain", 0, 1], newborn.projections["brain -> brain"]
    mask, weight = synapses.mask[:, 1::2, ::2], synapses.weight[:, 1::2, ::2]
    first = weight[0][mask[0]]
    assert row["synapses"] == mask[0].sum()
    assert row["probability"] == pytest.approx(mask[0].float().mean().item())
    assert row["excitatory"] == pytest.approx((first > 0).float().mean().item())
    assert row["mean weight"] == pytest.approx(first.mean().item())
    assert row["mean strength"] == pytest.approx(first.abs().mean().item())
    assert row["sd of weight"] == pytest.approx(first.std().item())
    assert row["rule.learning_rate"] == pytest.approx(synapses.parameters["rule.learning_rate"][0].item())
    means = torch.stack([weight[i][mask[i]].mean() for i in range(3)])
    assert row["sd of births"] == pytest.approx(means.std().item())


def test_pairs_without_synapses_have_a_probability_of_zero_and_no_weight():
    newborn = born(lives=1)
    newborn.projections["brain -> brain"].mask[:, ::2, ::2] = False
    row = cell_types(newborn).set_index(["projection", "from type", "to type"]).loc["brain -> brain", 0, 0]
    assert (row["synapses"], row["probability"]) == (0, 0)
    assert np.isnan(row["mean weight"])


def test_inequality_of_strengths():
    topology = layered(4, 2)
    weight = torch.tensor([[[3.0, 0, 0, 0], [-1.0, 0, 0, 0]]])
    newborn = Phenotype(topology, {"layer0 -> layer1": Synapses(weight)})
    table = distributions(newborn, binary(newborn, 0.2)).set_index("quantity")
    assert table.loc["out-strength", "Gini"] == pytest.approx(0.75)  # one of four has all
    assert table.loc["in-strength", "mean"] == 2
    assert table.loc["in-strength", "Gini"] == pytest.approx(0.25)
