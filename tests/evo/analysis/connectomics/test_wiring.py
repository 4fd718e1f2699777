"""The wiring read out: planted structure is found and said, chance is not, and what cannot be measured is said."""

from dataclasses import replace

import networkx
import numpy as np
import pytest
import torch

from evo.analysis.connectomics.motifs import generator
from evo.analysis.connectomics.wiring import wiring
from genomes.phenotype import Phenotype, Synapses
from genomes.topology import Group, Topology, layered

SHEETS = Topology(
    (Group("eye", 25, grid=(5, 5)), Group("brain", 25, "tanh", grid=(5, 5), types=3), Group("hand", 3)),
    ("eye -> brain", "brain -> brain", "brain -> hand"),
)


def random_network(topology: Topology, lives: int = 1, density: float | None = 0.3, seed: int = 0) -> Phenotype:
    numbers, projections = generator(seed, "networks"), {}
    for edge in topology.edges:
        shape = (lives, *topology.shape(edge))
        weight = torch.as_tensor(numbers.standard_normal(shape))
        mask = None if density is None else torch.as_tensor(numbers.random(shape) < density)
        projections[edge.name] = Synapses(weight if mask is None else weight * mask, mask)
    return Phenotype(topology, projections)


def rewired_as(newborn: Phenotype, name: str, mask: torch.Tensor) -> Phenotype:
    weight = newborn.projections[name].weight.where(newborn.projections[name].weight != 0, 1.0) * mask
    return replace(newborn, projections={**newborn.projections, name: Synapses(weight, mask)})


def near(reach: float) -> torch.Tensor:
    place = SHEETS.group("eye").coordinates
    return torch.cdist(place, place)[None] < reach


@pytest.mark.slow
def test_everything_is_there_and_the_same_each_time():
    newborn = random_network(SHEETS, lives=2)
    one, again = (wiring(newborn, 0, draws=19) for _ in range(2))
    assert one.key == "wiring"
    assert one.sentences == again.sentences
    assert one.tables.keys() == {"cell-types", "distributions", "chance"}
    assert one.pictures.keys() == {"matrices", "distributions", "chance"}
    assert all(one.tables[key].equals(again.tables[key]) for key in one.tables)
    assert len(one.pictures["chance"].tips["chance-observed"]) == len(one.tables["chance"])
    assert networkx.utils.graphs_equal(one.graphs["neurons"], again.graphs["neurons"])
    assert "Over 2 births a weight varies by" in " ".join(one.sentences)
    twins = {name: Synapses(each.weight[:1].repeat(2, 1, 1)) for name, each in newborn.projections.items()}
    alike = wiring(replace(newborn, projections=twins), 0, draws=19)
    assert "Over 2 births no weight varies: development is deterministic." in alike.sentences
    assert one.tables["chance"]["sd of births"].notna().all()
    assert not one.tables["chance"].equals(wiring(newborn, 1, draws=19).tables["chance"])


@pytest.mark.slow
def test_pictures_show_the_weights_and_the_measures_of_the_tables():
    newborn = random_network(layered(20, 15, 5))
    found = wiring(newborn, 0, draws=19)
    panels = {axes.get_title(): axes for axes in found.pictures["matrices"].figure.axes if axes.get_title()}
    for edge in newborn.topology.edges:
        axes, weight = panels[edge.name], newborn.projections[edge.name].weight[0].numpy()
        assert (axes.get_xlabel(), axes.get_ylabel()) == (edge.pre, edge.post)
        shown = axes.images[0].get_array()
        assert sorted(map(sorted, shown.filled(0.0).tolist())) == sorted(map(sorted, weight.tolist())), "a row a neuron"
        assert np.array_equal(shown.mask, shown.data == 0.0)
    chance = found.tables["chance"]
    (axes,) = found.pictures["chance"].figure.axes
    (dots,) = (drawn for drawn in axes.collections if drawn.get_gid() == "chance-observed")
    names = {tick: text.get_text() for tick, text in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)}
    assert dots.get_offsets()[:, 0].tolist() == chance["z"].tolist()
    assert all(
        names[height].endswith(measure)
        for height, measure in zip(dots.get_offsets()[:, 1], chance["measure"], strict=True)
    )


def test_histograms_are_of_weights_degrees_and_strengths():
    newborn = random_network(layered(20, 15, 5))
    panels = wiring(newborn, 0, draws=19).pictures["distributions"].figure.axes[:3]
    assert [axes.get_xlabel() for axes in panels] == ["weight", "degree", "strength"]
    weight = newborn.projections["layer0 -> layer1"].weight[0].numpy()
    counts = [bar.get_height() for bar in panels[0].patches]
    assert counts == np.histogram(weight[weight != 0], 30)[0].tolist()
    drawn = dict(zip([text.get_text() for text in panels[1].get_legend().get_texts()], panels[1].patches, strict=True))
    both = [(weight != 0).sum(axis) for axis in (1, 0)]
    edges = np.histogram_bin_edges(np.concatenate(both), 12)
    for name, degrees in zip(("in", "out"), both, strict=True):
        heights = set(np.histogram(degrees, edges, density=True)[0].round(9).tolist()) | {0.0}
        assert set(drawn[name].get_xy()[:, 1].round(9).tolist()) == heights


@pytest.mark.slow
def test_all_kinds_of_measures_are_compared_in_a_recurrent_network():
    table = wiring(random_network(SHEETS), 0, draws=19).tables["chance"]
    kinds = {measure.split(" ")[0] for measure in table["measure"]}
    assert kinds >= {"bicliques", "triads", "modularity", "clustering", "path", "small-worldness", "reciprocity"}
    assert set(table.loc[table["null"] == "synapses", "measure"]) == {"wire length", "weighted wire length"}


@pytest.mark.slow
def test_planted_bicliques_are_said_first():
    numbers = generator(0, "genes")
    pre, post = numbers.random((40, 4)) < 0.3, numbers.random((20, 4)) < 0.3
    mask = torch.as_tensor(post.astype(int) @ pre.T.astype(int) > 0)[None]
    newborn = rewired_as(random_network(layered(40, 20, 5)), "layer0 -> layer1", mask)
    said = wiring(newborn, 0, draws=99).sentences
    motif = next(sentence for sentence in said if sentence.startswith("Bicliques"))
    assert "in layer0 -> layer1 occur" in motif
    assert "times as often as in wiring with the same degrees (z = " in motif
    assert "p = .010, corrected" in motif


@pytest.mark.slow
def test_near_neighbours_make_short_wires_and_small_worlds():
    newborn = rewired_as(random_network(SHEETS, density=0.1), "brain -> brain", near(0.3) & ~torch.eye(25, dtype=bool))
    table = wiring(newborn, 0, draws=99).tables["chance"].set_index(["projection", "measure"])
    short = table.loc["brain -> brain", "wire length"]
    assert short["observed"] < 0.3 < short["expected"]
    assert short["p corrected"] == 0.01
    assert short["expected"] == pytest.approx(
        np.sum(np.asarray(torch.pdist(SHEETS.group("eye").coordinates))) / 300, rel=0.05
    )
    assert table.loc["all", "reciprocity"]["observed"] > table.loc["all", "reciprocity"]["expected"]
    assert table.loc["all", "clustering"]["p corrected"] == 0.01
    assert table.loc["all", "small-worldness"]["observed"] > 1.2


@pytest.mark.slow
def test_weighted_wires_are_measured_where_every_synapse_grew():
    newborn = random_network(SHEETS, density=None)
    place = SHEETS.group("eye").coordinates
    weight = torch.exp(-((torch.cdist(place, place) / 0.2) ** 2))[None]
    newborn = replace(newborn, projections={**newborn.projections, "eye -> brain": Synapses(weight)})
    found = wiring(newborn, 0, draws=99)
    row = found.tables["chance"].set_index(["projection", "measure"]).loc["eye -> brain", "weighted wire length"]
    distance = torch.cdist(place, place)[None]
    assert row["observed"] == pytest.approx(((distance * weight).sum() / weight.sum()).item())
    assert row["p corrected"] == 0.01
    assert any("only the strongest 20 % by |weight| count" in sentence for sentence in found.sentences)


@pytest.mark.slow
def test_random_wiring_is_said_to_be_no_more_than_chance():
    said = wiring(random_network(layered(20, 15, 5), seed=1), 0, draws=99).sentences
    assert any("exceeds chance (smallest p = " in sentence for sentence in said)
    missing = said[-1]
    assert "reciprocity" in missing
    assert "triads" in missing
    assert "wire length" in missing


@pytest.mark.slow
def test_the_strongest_rule_is_read_back():
    newborn = random_network(SHEETS)
    newborn.projections["eye -> brain"].weight[:, 1::3] -= 5 * newborn.projections["eye -> brain"].mask[:, 1::3]
    said = wiring(newborn, 0, draws=19).sentences
    assert said[1].startswith("The strongest rule between cell types: type 0 of eye inhibits type 1 of brain")


def test_wiring_that_degrees_fix_is_not_compared():
    found = wiring(random_network(layered(6, 1), density=None), 0, draws=19)
    assert "chance" not in found.tables
    assert "chance" not in found.pictures
    assert any(sentence.startswith("Nothing can be compared with chance") for sentence in found.sentences)


def test_networks_without_a_synapse_are_read_too():
    found = wiring(random_network(SHEETS, density=0.0), 0, draws=19)
    assert found.sentences[0].startswith("0 synapses connect 53 neurons, 0 % of the possible ones")


def test_networks_that_are_too_large_are_not_compared():
    said = wiring(random_network(layered(800, 4), density=None), 0).sentences
    assert any("804 neurons are too many for 19 draws of a null." in s for s in said)


@pytest.mark.parametrize(
    ("draws", "strongest", "key", "got"), [(18, 0.2, "wiring.draws", 18), (19, 1.0, "wiring.strongest", 1.0)]
)
def test_wrong_settings_are_refused(draws, strongest, key, got, refused):
    with refused(key, got):
        wiring(random_network(layered(3, 2)), 0, draws, strongest)
