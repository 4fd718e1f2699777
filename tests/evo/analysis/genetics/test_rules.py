"""A genome whose rules are known is read back as those rules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evo.analysis.genetics.rules import readings, rules, verb
from evo.analysis.genetics.units import units_of
from evo.analysis.subject import Subject
from genomes.encodings.alleles import Alleles
from genomes.encodings.direct import Direct
from genomes.encodings.gene_expression import GeneExpression
from genomes.encodings.genomic_bottleneck import GenomicBottleneck
from genomes.encodings.random_wiring import RandomWiring
from genomes.encodings.spatial_expression import SpatialExpression
from genomes.evolve import Evolve
from genomes.interventions.given import Given
from genomes.topology import Group, Topology
from inner_loop.rules.backprop import Backprop
from inner_loop.rules.volterra import Volterra

SHEETS = Topology(
    (Group("eye", 6, grid=(3, 2), types=2, leak=1.0), Group("hidden", 4, "tanh", types=2), Group("hand", 3)),
    ("eye -> hidden", "hidden -> hand"),
)


def levels_of(experiment, values: dict[str, np.ndarray], rest: float = 0.0) -> np.ndarray:
    """The genome whose numbers lie nearest to the values."""
    parts = []
    for field in experiment.genome.spec.fields:
        wanted = np.broadcast_to(values.get(field.name, rest), field.shape).ravel()
        parts.append(np.abs(field.table[None] - wanted[:, None]).argmin(1))
    return np.concatenate(parts).astype(experiment.genome.spec.level_dtype)


def subject_of(experiment, levels: np.ndarray) -> Subject:
    return Subject("planted", experiment, levels[None], ("planted",))


@pytest.mark.parametrize("value", [0.75, -0.75])
def test_a_single_planted_interaction_is_read_back(small, value):
    experiment = small(encoding=GeneExpression(genes=3, bits=16, bias="none"))
    planted = np.zeros((3, 3))
    planted[2, 1] = value
    groups = {f"encoding.expression.{g.name}": np.ones((g.size, 3)) for g in experiment.topology.groups}
    levels = levels_of(experiment, {**groups, "encoding.interaction.layer0 -> layer1": planted})
    units = units_of(experiment, levels)
    found = dict(zip([unit.name for unit in units.each], readings(experiment, units), strict=True))
    rule = found.pop("layer0 gene 1 -> layer1 gene 2")
    assert rule.acts_on == "weights"
    assert rule.share == pytest.approx(1.0, abs=1e-3)
    assert rule.touched == 1.0
    assert rule.sign == ("excites" if value > 0 else "inhibits")
    scale = experiment.encoding.constants(experiment.topology)["scale of layer0 -> layer1"]
    assert rule.rms == pytest.approx(abs(value) * scale, rel=1e-3)
    others = [reading for name, reading in found.items() if name.startswith("layer0")]
    assert len(others) == 8
    assert max(reading.share for reading in others) < 1e-6
    table = rules(subject_of(experiment, levels)).tables["rules"].set_index("unit")
    excites = "excite" if value > 0 else "inhibit"
    wanted = f"neurons of layer0 that express gene 1 {excites} neurons of layer1 that express gene 2"
    assert table.loc["layer0 gene 1 -> layer1 gene 2", "says"] == wanted
    assert table.loc["layer0 gene 1 -> layer1 gene 2", "value"] == pytest.approx(value, abs=1e-4)
    assert found["gene 1"].share > 0.3, "a gene takes its interactions with it"


def test_rules_of_types_are_read_with_their_share_sign_and_reach(small):
    experiment = small(topology=SHEETS, encoding=Direct(bits=16), task=replace(small().task, inputs_size=6))
    weight = np.zeros((4, 6))
    weight[1::2, 0::2] = -0.5  # type 0 of eye inhibits type 1 of hidden
    weight[0::2, 1::2] = [0.25, -0.25, 0.25]  # type 1 of eye: both signs, on type 0
    levels = levels_of(experiment, {"encoding.weight.eye -> hidden": weight})
    units = units_of(experiment, levels)
    found = dict(zip([unit.name for unit in units.each], readings(experiment, units), strict=True))
    strong, mixed = found["eye type 0 -> hidden type 1"], found["eye type 1 -> hidden type 0"]
    assert strong.share == pytest.approx(0.8, abs=1e-3)
    assert mixed.share == pytest.approx(0.2, abs=1e-3)
    assert (strong.sign, mixed.sign) == ("inhibits", "mixed")
    assert mixed.balance == pytest.approx(1 / 3, abs=1e-3)
    assert strong.touched == 0.25
    units_by = {unit.name: unit for unit in units.each}
    assert verb(units_by["eye type 1 -> hidden type 0"], mixed, 0.25) == "excite and inhibit"
    said = rules(subject_of(experiment, levels)).sentences[1]
    strongest = "The strongest rule: neurons of eye type 0 inhibit neurons of hidden type 1; it contributes 80 %"
    assert said.startswith(strongest)
    plain = small(encoding=Direct(bits=6))
    genes = rules(subject_of(plain, np.arange(plain.genome.spec.size) % plain.genome.spec.level_counts)).sentences
    assert genes[1].startswith("The strongest gene: neuron")


def test_plasticity_is_read_with_the_synapses_that_have_it(small):
    rate = Evolve((1e-3, 1.0), "log", bits=8, per="projection")
    experiment = small(rule=Backprop(rate, 0.5), encoding=Direct(bits=8))
    levels = levels_of(experiment, {"rule.learning_rate": np.array([0.5, 0.01])}, rest=0.3)
    section = rules(subject_of(experiment, levels))
    table = section.tables["rules"].set_index("unit")
    row = table.loc["learning rate of layer0 -> layer1"]
    assert row["acts on"] == "learning_rate"
    assert row["value"] == pytest.approx(0.5, rel=0.02)
    of_weights = table[table["acts on"] == "weights"].groupby("projection")["learning_rate"].mean()
    assert of_weights["layer0 -> layer1"] == pytest.approx(0.5, rel=0.02)
    assert of_weights["layer1 -> layer2"] == pytest.approx(0.01, rel=0.02)
    assert any(f"The genome also sets learning rate {row['value']:.3g} and 0.0" in said for said in section.sentences)


def test_units_without_a_wiring_are_labelled_by_what_they_are_for(small):
    rate = Evolve((1e-3, 1.0), "log", bits=4, per="types")
    experiment = small(
        topology=SHEETS,
        encoding=Direct(gain=Evolve((0.5, 2.0))),
        rule=Backprop(rate, Evolve((0.0, 0.9))),
        task=replace(small().task, inputs_size=6),
    )
    units = units_of(experiment, levels_of(experiment, {}, rest=0.5))
    names = {unit.name: unit for unit in units.each}
    assert names["gain"].silent == 1.0, "a gain multiplies: without its gene it is 1"
    assert names["momentum"].silent == 0.0
    assert names["learning rate of eye 1 -> hidden 0"].projection == "eye -> hidden"
    spread = Backprop(replace(rate, per="synapse"), 0.5)
    whole = units_of(replace(experiment, rule=spread), levels_of(replace(experiment, rule=spread), {}, rest=0.5))
    found = {unit.name: len(unit.positions) for unit in whole.each if "rate" in unit.name}
    assert found == {f"learning rate number {k}": 1 for k in range(36)}
    assert set(names) >= {"eye 0 -> hidden 0", "hidden 3 -> hand 2"}
    volterra = replace(experiment, rule=Volterra(("x", "xy"), Evolve((-1.0, 1.0))), objective=None)
    inherited = rules(subject_of(volterra, levels_of(volterra, {}, rest=0.5)))
    assert {"coefficient of x", "coefficient of xy"} <= set(inherited.tables["rules"]["unit"])
    assert "coefficient of x " in " ".join(inherited.sentences)


def test_doses_lead_from_silence_through_the_genome_and_on(small):
    experiment = small(encoding=Alleles())
    units = units_of(experiment, levels_of(experiment, {}, rest=1.0))
    assert not units.is_dosable(0), "an allele is no amount"
    experiment = small(encoding=Direct(bits=8))
    units = units_of(experiment, levels_of(experiment, {}, rest=0.5))
    places, value = units.places[3], units.values[units.places[3]]
    assert units.is_dosable(3)
    for dose in (0.0, 0.5, 1.0, 2.0):
        row = units.dosed(3, dose)
        assert row[places] == pytest.approx(dose * value)
        assert np.isnan(np.delete(row, places)).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "encoding",
    [
        GeneExpression(genes=2, switches=True, bias="none"),
        SpatialExpression(genes=3),
        GenomicBottleneck(hidden=3, second=2),
        Alleles(),
        Direct(bias=True),
        RandomWiring(),
    ],
    ids=lambda encoding: type(encoding).__name__,
)
def test_every_encoding_has_its_rules_section(small, encoding):
    experiment = small(topology=SHEETS, encoding=encoding, task=replace(small().task, inputs_size=6))
    section = rules(subject_of(experiment, levels_of(experiment, {}, rest=0.4)))
    assert section.sentences[0].startswith(f"The genome of {experiment.genome.spec.size} numbers")
    assert section.tables["rules"]["share"].between(0, np.inf).all()
    assert 1 <= len(section.pictures) <= 2
    for picture in section.pictures.values():
        picture.figure.canvas.draw()
        assert any(axes.has_data() for axes in picture.figure.axes)


def test_matrices_show_the_signed_root_of_the_share_from_column_to_row(small):
    experiment = small(topology=SHEETS, encoding=Direct(bits=9), task=replace(small().task, inputs_size=6))
    weight = np.linspace(-0.9, 0.9, 24).reshape(4, 6)
    section = rules(subject_of(experiment, levels_of(experiment, {"encoding.weight.eye -> hidden": weight})))
    table = section.tables["rules"].set_index("unit")
    (axes, *_) = section.pictures["strengths"].figure.axes
    assert axes.get_title() == "eye -> hidden"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("eye type ...", "hidden type ...")
    shown = axes.images[0].get_array()
    for post, row in enumerate(shown):
        for pre, strength in enumerate(row):
            rule = table.loc[f"eye type {pre} -> hidden type {post}"]
            assert abs(strength) == pytest.approx(rule["share"] ** 0.5)
            assert np.sign(strength) == np.sign(rule["balance"])
    assert len(np.unique(shown)) == 4, "no two are alike"


def test_bars_are_the_shares_of_the_table_and_named_as_there(small):
    experiment = small(encoding=GenomicBottleneck(hidden=3, second=2))
    levels = np.arange(experiment.genome.spec.size) * 7 % experiment.genome.spec.level_counts
    section = rules(subject_of(experiment, levels.astype(experiment.genome.spec.level_dtype)))
    (axes,) = section.pictures["strengths"].figure.axes
    drawn = {text.get_text(): bar.get_width() for text, bar in zip(axes.get_yticklabels(), axes.patches, strict=True)}
    table = section.tables["rules"].head(16)
    assert drawn == dict(zip(table["unit"][::-1], table["share"].clip(upper=1.0)[::-1], strict=True))
    assert [*drawn] == table["unit"][::-1].tolist(), "the strongest on top"
    assert len(set(drawn.values())) > 1


def test_only_units_that_touch_the_sheet_have_a_map(small):
    experiment = small(topology=SHEETS, encoding=Direct(bits=9), task=replace(small().task, inputs_size=6))
    strong = {"encoding.weight.hidden -> hand": np.full((3, 4), 0.9)}
    panels = rules(subject_of(experiment, levels_of(experiment, strong))).pictures["maps"].figure.axes
    assert all(axes.images[0].get_array().max() > 0 for axes in panels)
    assert all("eye" in axes.get_title().splitlines()[0] for axes in panels), "the strongest are those of hand"


@pytest.mark.slow
def test_the_section_is_the_same_each_time_and_says_when_there_is_nothing(small):
    experiment = small(encoding=Alleles())
    subject = subject_of(experiment, levels_of(experiment, {}, rest=2.0))
    first, again = (rules(subject).tables["rules"] for _ in range(2))
    assert first.equals(again), "plastic alleles are guessed by chance, the same in every row"
    assert first["says"].str.endswith("(a plastic allele: the sign is a guess of this birth)").all()
    right = rules(subject_of(experiment, levels_of(experiment, {}, rest=1.0))).tables["rules"]["says"]
    assert right.str.startswith("neuron").sum() == experiment.topology.synapses
    assert not right.str.contains("plastic").any()
    given = Given({e.name: np.ones(experiment.topology.shape(e)) for e in experiment.topology.edges}, {}, {})
    said = rules(replace(subject, interventions=(given,))).sentences
    assert said == ("planted has no rules to read: its weights come from a file.",)
