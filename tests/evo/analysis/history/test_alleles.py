"""Planted populations: diversity, alleles and the generation since which a gene is fixed are read back as planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from evo.analysis.history import alleles
from evo.analysis.history.alleles import (
    Trajectories,
    allele_names,
    census,
    diversity,
    fixation_table,
    shares_table,
    shown_genes,
)
from evo.evolution.evolve import evolve
from evo.evolution.run import Run
from evo.experiment.config import load
from genomes.encodings.alleles import Alleles
from genomes.encodings.direct import Direct
from genomes.encodings.gene_expression import GeneExpression
from genomes.spec import Field, GenomeSpec
from genomes.streams import derive
from genomes.topology import layered

SPEC = GenomeSpec((Field("encoding.switch", (2,), choices=2), Field("rule.rate", (2,), bits=5)))


def paths(*generations: np.ndarray, spec: GenomeSpec = SPEC) -> Trajectories:
    counted = [census(spec, Direct(), levels.astype(np.uint8)) for levels in generations]
    return Trajectories(spec, list(range(len(generations))), counted)


def people(*columns: list[int]) -> np.ndarray:
    return np.array(columns).T


def test_diversity_is_entropy_over_bits_and_distance_over_all_pairs():
    spec = GenomeSpec((Field("encoding.a", (3,), bits=2),))
    levels = people([0, 1, 2, 3], [0, 0, 3, 3], [2, 2, 2, 2]).astype(np.uint8)
    counted = census(spec, Direct(), levels)
    np.testing.assert_allclose(counted.entropy, [1, 0.5, 0], atol=1e-12)
    entropy, distance = diversity(counted)
    assert entropy == pytest.approx(0.5)
    assert distance == pytest.approx(np.sqrt((pdist(spec.units(levels)) ** 2).mean() / 3))


def test_random_genomes_have_full_diversity():
    units = derive(0, "test").uniform(4000, SPEC.size)[0].numpy()
    entropy, distance = diversity(census(SPEC, Direct(), SPEC.quantise(units)))
    assert entropy == pytest.approx(1, abs=0.01)
    binary, fine = (1 / 8) ** 0.5, alleles.UNIFORM
    assert distance == pytest.approx(((binary**2 + fine**2) / 2) ** 0.5, abs=0.005)


def test_a_gene_is_fixed_from_when_it_stays_fixed_on_the_allele_of_the_end():
    mixed, one, zero = [0] * 50 + [1] * 50, [1] * 95 + [0] * 5, [0] * 100
    wide, narrow = [*range(0, 10)] * 10, [9, 10, 11, 12] * 25
    seen = paths(
        people(one, zero, narrow, wide),
        people(mixed, zero, wide, wide),
        people(one, one, narrow, wide),  # the second was fixed all the time, yet on the other allele
        people(one, one, narrow, wide),
    )
    np.testing.assert_array_equal(seen.fixed_since, [2, 2, 2, np.nan])
    table = fixation_table(seen).set_index("field")
    assert table.loc["encoding.switch", "fixed"] == 1
    assert table.loc["rule.rate", ["fixed", "fixed since"]].tolist() == [0.5, 2]


def test_fixed_means_95_in_100_alike_and_an_eighth_of_the_range():
    nearly = [1] * 94 + [0] * 6
    tails = [0] * 5 + [10] * 45 + [13] * 45 + [31] * 5  # the middle 90 % span 3 of 31 levels
    broad = [0] * 5 + [10] * 45 + [14] * 45 + [31] * 5  # 4 of 31
    np.testing.assert_array_equal(census(SPEC, Direct(), people(nearly, nearly, tails, broad)).narrow, [0, 0, 1, 0])


def test_a_gene_comes_to_rest_when_its_mean_stays_where_it_ends():
    drifting = [people([0] * 4, [0] * 4, [place] * 4, [30 - place] * 4) for place in (0, 10, 21, 20, 20)]
    np.testing.assert_array_equal(paths(*drifting).settled_since, [0, 0, 2, 2])
    assert fixation_table(paths(*drifting)).set_index("field").loc["rule.rate", "settled since"] == 2


def test_levels_of_one_meaning_are_one_allele():
    spec = GenomeSpec((Field("encoding.allele.a -> b", (2,), choices=4),))
    levels = people([2, 3] * 10, [0] * 5 + [1] * 15).astype(np.uint8)
    counted = census(spec, Alleles(), levels)
    assert counted.shares["encoding.allele.a -> b"] == {"wrong": 0.125, "right": 0.375, "plastic": 0.5}
    assert counted.narrow.tolist() == [True, False]
    np.testing.assert_allclose(counted.mean, [1, 0.375])
    assert counted.entropy[0] == pytest.approx(0.5), "the levels differ all the same"


def test_chromosomes_are_told_apart():
    table = alleles.diversity_table(
        paths(people([0, 1], [0, 1], [3, 3], [3, 3]), people([0, 0], [1, 1], [3, 3], [0, 31]))
    )
    table = table.set_index("chromosome")
    assert table["genes"].to_dict() == {"all": 4, "encoding": 2, "rule": 2}
    assert table["bits"].to_dict() == {"all": 12, "encoding": 2, "rule": 10}
    assert table["first entropy"].to_dict() == {"all": 0.5, "encoding": 1, "rule": 0}
    assert table["last entropy"].to_dict() == pytest.approx({"all": 0.05, "encoding": 0, "rule": 0.1})


def test_genes_to_look_at_are_few_and_of_every_field():
    spec = GenomeSpec((Field("encoding.a", (30, 30)), Field("encoding.none", (0,)), Field("rule.b")))
    genes = shown_genes(spec)
    assert len(genes) <= 101
    assert len(set(genes.tolist())) == len(genes)
    assert {0, 899, 900} <= set(genes.tolist())
    assert shown_genes(SPEC).tolist() == [0, 1, 2, 3]


@pytest.fixture(scope="module")
def needle(tmp_path_factory) -> Run:
    """Hinton & Nowlan's run, with fewer and shorter lives."""
    smaller = ["search.population=60", "world.trials=40", "world.loci=6", "generations=8", "cohort=30"]
    topology = ["topology.groups.1.size=6"]
    place = tmp_path_factory.mktemp("needle") / "run"
    list(evolve(load("hinton-nowlan", [*smaller, *topology]), place))
    return Run(place)


@pytest.mark.slow
def test_shares_of_wrong_right_and_plastic_are_those_of_a_direct_count(needle):
    levels = [needle.generation(index).levels for index in needle.generations]
    spec, encoding = needle.experiment.genome.spec, needle.experiment.encoding
    seen = Trajectories(spec, needle.generations, [census(spec, encoding, each) for each in levels])
    table = shares_table(seen).pivot(index="generation", columns="allele", values="share")
    np.testing.assert_allclose(table["wrong"], [(each == 0).mean() for each in levels])
    np.testing.assert_allclose(table["right"], [(each == 1).mean() for each in levels])
    np.testing.assert_allclose(table["plastic"], [(each >= 2).mean() for each in levels])
    assert table["wrong"].iloc[-1] < table["wrong"].iloc[0] / 2, "evolution removes what cannot be right"

    (panel,) = alleles.share_curves(shares_table(seen)).figure.axes
    drawn = {line.get_label(): line.get_ydata() for line in panel.lines}
    np.testing.assert_allclose(drawn["plastic"], table["plastic"])
    (mesh,) = alleles.heat_map(seen).figure.axes[0].collections
    np.testing.assert_allclose(mesh.get_array()[:, -1], np.where(levels[-1] >= 2, 1, levels[-1] / 2).mean(0))


def test_a_switch_is_silent_or_expressed():
    encoding, topology = GeneExpression(genes=3, switches=True), layered(2, 2)
    (switch,) = (field for field in encoding.spec(topology).fields if field.choices == 2)
    assert allele_names(encoding, replace(switch, name=f"encoding.{switch.name}")) == ("silent", "expressed")
