"""Random founders beside the wiring: what an encoding does anyway is told from what only this genome does."""

import pytest
import torch

from evo.analysis.connectomics.random_founders import FOUNDERS, affordable, random_founders
from evo.analysis.connectomics.wiring import wiring
from genomes.encodings.direct import Direct
from genomes.encodings.gene_expression import GeneExpression
from genomes.phenotype import Phenotype, Synapses
from genomes.topology import layered
from inner_loop.rules.frozen import Frozen
from inner_loop.tasks.teacher import Teacher

TOPOLOGY = layered(30, 20, 3)
FIRST = "layer0 -> layer1"


def experiment_of(small, encoding):
    return small(topology=TOPOLOGY, encoding=encoding, rule=Frozen(), task=Teacher(30, 3, hidden=0, teacher_seed=1))


def bicliques(found, which="2 x 2"):
    table = found.tables["chance"].set_index(["projection", "measure"])
    return table.loc[(FIRST, f"bicliques {which}")]


@pytest.mark.slow
def test_bicliques_that_every_genome_makes_are_the_encodings(small):
    random = random_founders(experiment_of(small, GeneExpression(genes=3, bits=4)))
    newborn = random.pop(3)
    found = wiring(newborn, 0, draws=99, random=random)
    row = bicliques(found, "3 x 3")
    assert row["p corrected"] <= 0.05
    assert row["times"] > 1.5
    assert row["founders times"] > 1.5, "random genomes have more than chance too"
    assert row["founders times low"] <= row["times"] <= row["founders times high"]
    said = [sentence for sentence in found.sentences if sentence.startswith("Bicliques")]
    assert len(said) == 1
    assert f"in {FOUNDERS - 1} random founders it is " in said[0]
    assert said[0].endswith("a property of the encoding and not an effect of evolution.")


@pytest.mark.slow
def test_bicliques_that_no_founder_makes_are_this_genomes(small):
    """Senders and receivers fall into four kinds, and like joins like."""
    strong = (torch.arange(20)[:, None] % 4 == torch.arange(30) % 4)[None].double()
    random = random_founders(experiment_of(small, Direct(bits=6)))
    planted = {name: Synapses(s.weight.double()) for name, s in random[0].projections.items()}
    newborn = Phenotype(TOPOLOGY, {**planted, FIRST: Synapses(planted[FIRST].weight + 9 * strong)})
    share = float(strong.mean())
    found = wiring(newborn, 0, draws=99, strongest=share, random=random)
    row = bicliques(found)
    assert row["times"] == row["observed"] / row["expected"] > row["founders times high"]
    assert 0.8 < row["founders times"] < 1.2, "chance has as many as they have"
    assert row["founders low"] <= row["founders"] <= row["founders high"] < row["observed"]
    assert any(s.startswith("Bicliques") and s.endswith("more than in each of them.") for s in found.sentences)
    assert set(found.tables["chance"].columns) <= set(found.terms)


def test_founders_are_networks_of_random_genomes_each_its_own_and_the_same_again(small):
    one, again = (random_founders(experiment_of(small, Direct(bits=6))) for _ in range(2))
    weights = [newborn.projections[FIRST].weight[0].numpy() for newborn in one]
    assert len({each.tobytes() for each in weights}) == FOUNDERS == len(one)
    for newborn, other in zip(one, again, strict=True):
        assert torch.equal(newborn.projections[FIRST].weight, other.projections[FIRST].weight)


@pytest.mark.parametrize(("draws", "count"), [(1000, FOUNDERS), (70, 7), (50, 5), (49, 0), (0, 0)])
def test_fewer_stand_beside_a_network_in_which_draws_cost_much(draws, count, small):
    assert len(affordable(random_founders(experiment_of(small, Direct(bits=6))), draws)) == count


@pytest.mark.slow
def test_where_they_cost_too_much_it_is_said(small, monkeypatch):
    monkeypatch.setattr("evo.analysis.connectomics.wiring._MOST_OPERATIONS", 45 * 53**3)
    random = random_founders(experiment_of(small, Direct(bits=6)))
    found = wiring(random[0], 0, draws=19, random=random)
    assert "founders" not in found.tables["chance"].columns
    assert "Founders were not compared: 53 neurons are too many." in found.sentences
