"""Robustness: doses are what they say, mutants differ where they should, and only genomes that fit are resized."""

from dataclasses import replace

import numpy as np
import pytest

from evo.analysis.innate.battery import EVOLVED, battery
from evo.analysis.innate.null_models import FOUNDERS
from evo.analysis.innate.robustness import MUTATION, NEURONS, NOISE, SYNAPSES, harms, mutants, resized, robustness
from evo.experiment.config import load
from genomes.encodings.spatial_expression import SpatialExpression
from genomes.interventions.given import Given
from genomes.topology import Group, Topology

SHEETS = Topology(
    (Group("in", 4, grid=(2, 2)), Group("hidden", 6, "tanh", grid=(2, 3)), Group("out", 3)),
    ("in -> hidden", "hidden -> out"),
)


def test_mutants_differ_in_the_share_of_genes_that_was_asked_for(bench_of, task):
    bench = bench_of(task, births=500)
    own, counts = bench.subject.levels[0].astype(int), task.genome.spec.level_counts
    assert (mutants(bench, 0.0, False) == own).all()
    drawn = mutants(bench, 0.3, False)
    assert abs((drawn != own).mean() - 0.3 * 63 / 64) < 0.02
    assert len({row.tobytes() for row in drawn}) > 490
    stepped = mutants(bench, 1.0, True).astype(int)
    inside = (own > 0) & (own < counts - 1)
    assert (np.abs(stepped - own)[:, inside] == 1).all()
    assert (np.abs(stepped - own) <= 1).all()
    assert abs((stepped > own)[:, inside].mean() - 0.5) < 0.05


def test_a_sheet_becomes_longer_and_the_genome_stays_the_same(task):
    experiment = replace(task, topology=SHEETS, encoding=SpatialExpression(2, 4))
    large = resized(experiment, 2.0)
    assert large.topology.group("hidden") == replace(SHEETS.group("hidden"), size=12, grid=(4, 3))
    assert large.genome.spec == experiment.genome.spec
    assert resized(experiment, 0.5).topology.group("hidden").size == 3


@pytest.mark.parametrize("config", ["digits", "digits-spatial", "retina", "cartpole-hebbian"])
def test_no_other_size_where_there_is_no_group_or_the_genome_would_be_another(config):
    assert resized(load(config), 2.0) is None


@pytest.mark.slow
def test_doses(bench_of, world, task):
    kinds = {"weight noise": NOISE, "synapses lost": SYNAPSES, "neurons lost": NEURONS}
    kinds |= {"genes redrawn": MUTATION, "genes one level off": MUTATION}
    given = {name: tuple(h.dose for h in harms(bench_of(world)) if h.perturbation == name) for name in kinds}
    assert given == kinds
    assert "neurons lost" not in {harm.perturbation for harm in harms(bench_of(task))}
    file = bench_of(task, interventions=(Given({"layer0 -> layer1": np.ones((3, 4))}),))
    assert {harm.perturbation for harm in harms(file)} == {"weight noise", "synapses lost"}
    assert "The weights come from a file" in robustness([battery(file)]).sentences[-1]
    spatial = replace(task, topology=SHEETS, encoding=SpatialExpression(2, 4))
    assert [h.dose for h in harms(bench_of(spatial)) if h.perturbation == "neurons"] == [0.5, 2.0]


@pytest.mark.slow
def test_changes_are_from_the_same_births_and_grow_with_the_dose(bench_of, task, planted):
    bench = bench_of(task, planted, births=16)
    measured = battery(bench)
    section = robustness([measured])
    frame = section.tables["doses"].set_index(["perturbation", "dose"])
    own = measured.scores[EVOLVED, "innate"].estimate.mean
    assert np.allclose(frame["change"], frame["mean"] - own)
    lost = frame.loc["synapses lost"]
    assert lost.loc[0.5, "change high"] < 0
    assert lost.loc[0.5, "change"] < lost.loc[0.1, "change"]
    assert frame.loc["weight noise"].loc[0.05, "change"] > frame.loc["weight noise"].loc[1.0, "change"]
    assert section.sentences[0].startswith("The genome loses half of its advantage over random founders")
    assert "genes redrawn" in section.sentences[0]
    assert len(section.pictures["doses"].figure.axes) >= 4


@pytest.mark.slow
def test_where_nothing_is_above_random_nothing_can_be_lost(bench_of, task, levels_of):
    levels = levels_of(task, 60)
    many = bench_of(task, levels)
    rows = replace(many.founders(), levels=levels, lives=np.arange(60))
    worst = int(np.argmin(many.measure("x", rows)["innate.explained_variance"]))
    section = robustness([battery(bench_of(task, levels[[worst]]))])
    assert section.sentences[0].startswith("The evolved genome is not above random founders")


@pytest.mark.slow
def test_what_is_above_random_by_chance_alone_is_not_said_to_be(bench_of, task, levels_of):
    levels = levels_of(task, 60)
    many = bench_of(task, levels)
    scores = many.measure("x", replace(many.founders(), levels=levels, lives=np.arange(60)))[
        "innate.explained_variance"
    ]
    own = levels[[int(np.argsort(scores)[33])]]
    assert robustness([battery(bench_of(task, own))]).sentences[0].startswith("The evolved genome is not clearly above")


@pytest.mark.slow
def test_worlds_held_out_are_lived_in_at_birth(bench_of, world):
    bench = bench_of(world, births=4, draws=20)
    bench = replace(bench, subject=replace(bench.subject, experiment=world))
    measured = battery(bench)
    section = robustness([measured])
    assert section.sentences[1].startswith("In held-out worlds, at birth, plastic: long pole")
    assert "; at home " in section.sentences[1]
    away = replace(measured, bench=replace(bench, subject=replace(bench.subject, bred=False)))
    assert "; in the chosen world " in robustness([away]).sentences[1]
    frame = section.tables["worlds"].set_index(["world", "network"])
    assert set(frame.index) == {(w, n) for w in ("home", "long pole") for n in (EVOLVED, FOUNDERS.name)}
    there = replace(bench.experiment, world=dict(world.held_out)["long pole"])
    expected = bench.measure("x", bench.newborns(), experiment=there)["innate_plastic.return"].mean()
    assert frame.at[("long pole", EVOLVED), "mean"] == pytest.approx(expected)
    home = measured.scores[EVOLVED, "innate_plastic"].values.mean()
    assert frame.at[("home", EVOLVED), "mean"] == pytest.approx(home)
