"""Knock-outs find what was planted, and nothing where nothing was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import pandas
import pytest

from evo.analysis.assay_runner import AssayRunner
from evo.analysis.genetics.dose_response import DOSES
from evo.analysis.genetics.epistasis import _sentence, apart
from evo.analysis.genetics.knockouts import Knockouts, knockouts
from evo.analysis.genetics.minimal_genome import minimal
from evo.analysis.genetics.units import Units, units_of
from evo.analysis.genetics.variants import Scored, Variants, examined
from evo.analysis.report.wording import loss, says, score, signed
from evo.analysis.statistics import Estimate, holm, nothing
from evo.analysis.subject import Subject
from evo.distribution.executor import Serial
from evo.experiment.experiment import Experiment
from evo.experiment.goals import Scores
from genomes.encoding import Encoding
from genomes.encodings.gene_expression import GeneExpression
from genomes.evolve import Evolve
from genomes.interventions.given import Given
from genomes.phenotype import Phenotype, Synapses
from genomes.spec import Field, GenomeSpec
from genomes.streams import derive
from genomes.topology import layered
from genomes.wiring_rule import WiringRule
from inner_loop.environment import KNOWN, Score
from inner_loop.lives.samples import Lifetime
from inner_loop.objectives.cross_entropy import CrossEntropy
from inner_loop.rules.backprop import Backprop
from inner_loop.rules.frozen import Frozen
from inner_loop.tasks.arrays import Arrays

REPETITIONS, LEAST = 200, 181


@final
@dataclass(frozen=True)
class Ternary(Encoding):
    """A weight of -1, 0 or 1 a synapse: what is not planted is not there at all."""

    def spec(self, topology):
        return GenomeSpec(tuple(Field(f"weight.{e.name}", topology.shape(e), choices=3) for e in topology.edges))

    def develop(self, genes, topology, streams):
        return Phenotype(topology, {e.name: Synapses(genes[f"weight.{e.name}"] - 1.0) for e in topology.edges})

    def rules(self, topology):
        return tuple(
            WiringRule(
                f"{edge.name} {k}", "rule", ((f"weight.{edge.name}", k),), edge.name, "these", "those", silent=1.0
            )
            for edge in topology.edges
            for k in range(topology.shape(edge)[0] * topology.shape(edge)[1])
        )


@pytest.fixture
def samples(tmp_path) -> Callable[..., Arrays]:
    """Classes that their inputs tell apart; `signal(labels, noise) -> (n, inputs)`."""

    def made(signal: Callable[[np.ndarray, np.ndarray], np.ndarray], classes: int, inputs: int) -> Arrays:
        arrays = {}
        for part, count in (("train", 200), ("test", 100)):
            labels = np.arange(count) % classes
            noise = derive(0, f"noise {part}").normal(count, inputs)[0].numpy() * 0.1
            arrays |= {f"x_{part}": signal(labels, noise).astype(np.float32), f"y_{part}": labels}
        path = tmp_path / "samples.npz"
        np.savez(path, **arrays)
        return Arrays(str(path))

    return made


def twice(labels: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Both inputs say the same: 1 for class 1 and -1 for class 0."""
    return np.stack([2.0 * labels - 1.0] * 2, axis=1) + noise


def one_each(labels: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """An input a class."""
    return np.eye(noise.shape[1])[labels] + noise


def chain(small, task: Arrays, *sizes: int) -> Experiment:
    """Two inputs, one hidden neuron, two outputs, unless sizes are given; nothing is learned."""
    return small(
        topology=layered(*(sizes or (2, 1, 2))),
        encoding=Ternary(),
        rule=Frozen(),
        objective=None,
        task=task,
        goals=Scores(("innate.accuracy",)),
        lifetime=Lifetime(0),
    )


def wired(first: list[int], second: list[int]) -> np.ndarray:
    """Levels of the chain: 1 is no weight, 2 is a weight of 1."""
    return np.array([*first, *second], dtype=np.uint8)


def found_in(experiment: Experiment, levels: np.ndarray, births: int = 2) -> Knockouts:
    subject = Subject("planted", experiment, levels[None], ("planted",))
    return knockouts(subject, AssayRunner(experiment, Serial()), births)


@pytest.mark.slow
def test_two_rules_in_series_are_both_needed_and_enough(small, samples):
    """First input -> hidden -> output of class 1: without either of them every answer is class 0."""
    found = found_in(chain(small, samples(twice, 2, 2)), wired([2, 1], [1, 2]))
    effects = found.frame.set_index("unit")["effect at birth"]
    needed = ["layer0 -> layer1 0", "layer1 -> layer2 1"]
    assert effects[needed].tolist() == [0.5, 0.5]
    assert effects.drop(needed).tolist() == [0.0, 0.0]
    assert set(found.frame["unit"][:2]) == set(needed), "the strongest come first"
    assert found.frame.set_index("unit")["enough"].to_dict() == {unit: unit in needed for unit in effects.index}
    assert any(said.startswith("Minimal genome: 2 of 4 rules are enough") for said in found.section.sentences)
    pairs = found.section.tables["epistasis"].set_index(["one", "other"])
    assert pairs.loc[tuple(needed), "epistasis"] == pytest.approx(-0.5), "the second loss has nothing to take away"
    together = found.section.tables["together"].set_index("out")["score at birth"]
    assert together["nothing"] == 1.0
    assert together["everything"] == 0.5, "1 / classes"
    assert "p at birth" in found.frame
    assert found.frame["p at birth"][:2].max() < 1e-3
    assert found.frame["p at birth"][2:].tolist() == [1.0, 1.0]


@pytest.mark.slow
def test_rules_that_stand_in_for_each_other_cost_nothing_alone(small, samples):
    """Both inputs drive the hidden neuron, and both say the same."""
    found = found_in(chain(small, samples(twice, 2, 2)), wired([2, 2], [1, 2]))
    effects = found.frame.set_index("unit")["effect at birth"]
    redundant = ("layer0 -> layer1 0", "layer0 -> layer1 1")
    assert effects[list(redundant)].tolist() == [0.0, 0.0]
    row = found.section.tables["epistasis"].set_index(["one", "other"]).loc[redundant]
    assert row["both"] == pytest.approx(0.5)
    assert row["epistasis"] == pytest.approx(0.5)
    assert row["low"] > 0.3
    assert row["p"] < 1e-3
    assert any("which compensate for each other" in said for said in found.section.sentences)
    assert any(said.startswith("Minimal genome: 2 of 4") for said in found.section.sentences), "one of both will do"


@pytest.mark.slow
def test_a_rule_that_keeps_less_than_95_per_cent_is_not_given_up(small, samples):
    """A synapse a class: without one of them a quarter of the answers is lost."""
    experiment = chain(small, samples(one_each, 4, 4), 4, 4)
    levels = np.eye(4, dtype=np.uint8).ravel() + np.uint8(1)
    bench = Variants(AssayRunner(experiment, Serial()), units_of(experiment, levels), 2)
    needed = {0, 5, 10, 15}
    fewest = minimal(bench, list(range(16)))
    assert fewest.kept == needed
    course = fewest.part.tables["minimal"].set_index("left")
    assert course["share"][[16, 4]].tolist() == [1.0, 1.0]
    assert course["score at birth"][3] < 0.85


@pytest.mark.slow
def test_everything_out_is_chance_and_learns_nothing(small, samples):
    """Four classes, an encoding of the house, and a rule that learns: at birth and after a life one in four."""
    experiment = small(
        topology=layered(4, 4),
        encoding=GeneExpression(genes=2, bias="none"),
        rule=Backprop(Evolve((0.1, 1.0), bits=4), 0.5),
        objective=CrossEntropy(),
        task=samples(one_each, 4, 4),
        goals=Scores(("innate.accuracy", "learned.accuracy")),
        lifetime=Lifetime(20, 16),
        cohort=32,
    )
    spec = experiment.genome.spec
    levels = spec.quantise(derive(1, "founder").uniform(spec.size).numpy())[0]
    found = found_in(experiment, levels)
    together = found.section.tables["together"].set_index("out")
    assert together.loc["everything", ["score at birth", "score after learning"]].tolist() == [0.25, 0.25]
    assert together.loc["nothing", "score after learning"] > 0.8
    still = together.loc["plasticity and objective"]
    assert still["score after learning"] == still["score at birth"] == together.loc["nothing", "score at birth"]
    rate = found.frame.set_index("unit").loc["learning rate"]
    assert rate["effect at birth"] == 0.0
    assert rate["low after learning"] > 0.2
    assert set(found.section.tables) == {"singles", "together", "epistasis", "doses", "minimal"}
    doses = found.section.tables["doses"]
    whole = doses[(doses["dose"] == 1.0) & (doses["condition"] == "at birth")]["score"]
    assert whole.to_list() == pytest.approx([together.loc["nothing", "score at birth"]] * 4)
    assert sorted(set(doses["dose"])) == list(DOSES)
    for picture in found.section.pictures.values():
        picture.figure.canvas.draw()
    again = found_in(experiment, levels)
    assert again.frame.equals(found.frame), "the same input gives the same numbers"


@pytest.mark.slow
def test_a_unit_that_does_nothing_shows_no_effect(small):
    """Births and lives of a genome with itself, no chance in common: 0 lies in at least 181 of 200 intervals."""
    experiment = small(cohort=64)
    spec, births = experiment.genome.spec, 5
    levels = spec.quantise(derive(1, "founder").uniform(spec.size).numpy())
    rows = REPETITIONS * 2 * births
    scores = (
        examined(AssayRunner(experiment, Serial()), "null", np.repeat(levels, 1, 0), "test", ("innate",), range(rows))
        .main["innate"]
        .reshape(REPETITIONS, 2, births)
    )
    covered = 0
    for pair in scores:
        effect = Scored({"innate": pair}, {}).contrast("innate", {0: 1, 1: -1})
        covered += effect.low <= 0 <= effect.high
    assert LEAST <= covered < REPETITIONS
    shifted = scores + scores.std() * np.array([4.0, 0.0])[:, None]
    seen = [Scored({"innate": pair}, {}).contrast("innate", {0: 1, 1: -1}) for pair in shifted]
    assert np.mean([effect.low > 0 for effect in seen]) > 0.9, "an effect is seen"


@pytest.mark.slow
def test_intervals_over_samples_cover_what_two_equal_variants_differ_by():
    """Answers of two variants, right with the same probability, on the samples of one examination."""
    samples, births, resamples, covered = 300, 4, 400, 0
    for repetition in range(REPETITIONS):
        streams = derive(repetition, "samples")
        right = (streams.stream("right").uniform(2, samples)[0].numpy() < 0.8).astype(np.float64)
        drawn = streams.stream("drawn").integers(samples, resamples, samples)[0].numpy()
        main = np.repeat(right.mean(1)[:, None], births, axis=1)
        again = np.repeat(right[:, drawn].mean(2)[:, None], births, axis=1)
        effect = Scored({"innate": main}, {"innate": again}).contrast("innate", {0: 1, 1: -1})
        covered += effect.low <= 0 <= effect.high
    assert LEAST <= covered < REPETITIONS


def test_rows_of_the_same_life_are_paired(small):
    """A variant that is the genome itself differs from it by nothing, in every life."""
    experiment = small()
    spec = experiment.genome.spec
    levels = spec.quantise(derive(1, "founder").uniform(spec.size).numpy())[0]
    bench = Variants(AssayRunner(experiment, Serial()), units_of(experiment, levels), 3)
    scores = bench.tested("twice", bench.units.without([(), ()]))
    for name in ("innate", "learned"):
        assert np.array_equal(*scores.main[name])
        assert np.ptp(scores.main[name][0]) > 0
        none = scores.contrast(name, {0: 1, 1: -1})
        assert (none.mean, none.low, none.high) == (0.0, 0.0, 0.0)
    assert not np.intersect1d(
        scores.main["innate"], bench.ranked("other", bench.units.without([()])).main["innate"]
    ).size


@pytest.mark.slow
def test_what_is_chosen_on_is_not_what_is_reported(small, samples, monkeypatch):
    """The ranking sees the selection split only, the effects the test split only, in other lives."""
    seen = []
    original = AssayRunner.examine

    def watched(self, what, levels, assay, lives=None, edits=None, experiment=None):
        seen.append((what, assay.split, set([] if lives is None else lives.tolist())))
        return original(self, what, levels, assay, lives, edits, experiment)

    monkeypatch.setattr(AssayRunner, "examine", watched)
    found_in(chain(small, samples(twice, 2, 2)), wired([2, 1], [1, 2]))
    ranked = [lives for what, split, lives in seen if split == "selection" and what != "random founders"]
    tested = [lives for what, split, lives in seen if split == "test" and what != "random founders"]
    assert not set.union(*ranked) & set.union(*tested)
    assert {what: split for what, split, _ in seen}["ranking"] == "selection"
    assert {split for what, split, _ in seen if what in ("knock-outs", "pairs", "everything out")} == {"test"}


def test_overlapping_units_are_never_a_pair():
    spec = GenomeSpec((Field("a", (4,)),))
    units = [WiringRule(n, "rule", tuple(("a", i) for i in p)) for n, p in (("x", (0, 1)), ("y", (1,)), ("z", (2,)))]
    assert apart(Units(spec, np.zeros(4, np.uint8), tuple(units)), [0, 1, 2]) == [0, 2]


def test_conditions_are_those_that_can_differ(small):
    both = Scores(("innate.explained_variance", "learned.explained_variance"))
    for changes, wanted in (
        ({}, ("innate", "learned")),
        ({"rule": Frozen()}, ("innate",)),
        ({"lifetime": Lifetime(0)}, ("innate",)),
    ):
        experiment = small(goals=both, **changes)
        variants = Variants(AssayRunner(experiment, Serial()), units_of(experiment, np.zeros(1, np.uint8)), 2)
        assert variants.conditions == variants.judged == wanted
    only_learned = small(goals=Scores(("learned.explained_variance",)), rule=Frozen())
    assert Variants(AssayRunner(only_learned, Serial()), variants.units, 2).judged == ("innate",)


def test_losses_that_are_gains_are_said_with_their_sign():
    row = {"one": "a", "other": "b", "condition": "at birth", "one alone": -3.0, "other alone": -1.5, "both": -2.0}
    table = pandas.DataFrame([row | {"epistasis": 2.5, "low": 2.0, "high": 3.0, "p": 0.01}])
    said = "loss of both costs -2, the sum of the single losses is -4.5, a difference of 2.5 [2, 3]"
    assert said in _sentence(Score("return"), table)


@pytest.mark.slow
def test_what_cannot_be_knocked_out_is_said(small, samples, refused):
    experiment = chain(small, samples(twice, 2, 2))
    given = Given({e.name: np.ones(experiment.topology.shape(e)) for e in experiment.topology.edges}, {}, {})
    subject = Subject("file", experiment, wired([2, 1], [1, 2])[None], ("file",), (given,))
    found = knockouts(subject, AssayRunner(experiment, Serial()), 2)
    assert found.section.sentences == ("Nothing of file can be knocked out: its weights come from a file.",)
    assert found.frame.empty
    useless = found_in(experiment, wired([0, 1], [1, 2]))
    assert any(said.startswith("There is no minimal genome") for said in useless.section.sentences)
    with refused("births", 1):
        found_in(experiment, wired([2, 1], [1, 2]), births=1)


def test_lives_without_a_score_are_left_out_and_counted(small, samples):
    scores = Scored({"innate": np.array([[1.0, np.nan, 1.0], [0.5, 0.5, 0.5], [np.nan] * 3])}, {})
    assert scores.means("innate").tolist()[:2] == [1.0, 0.5]
    assert np.isnan(scores.means("innate")[2])
    assert scores.contrast("innate", {0: 1, 1: -1}).mean == 0.5


def test_words_of_effects():
    assert loss(KNOWN["accuracy"], Estimate(0.201, 0.18, 0.223)) == "20.1 points less [18.0, 22.3]"
    assert loss(KNOWN["accuracy"], Estimate(-0.02, -0.03, -0.01)) == "2.0 points more [1.0, 3.0]"
    assert loss(Score("return"), Estimate(1.0, -2.0, 4.0)) == "no clear change [-2, 4]"
    assert loss(Score("return"), Estimate(0.0, 0.0, 0.0)) == "no change"
    assert score(Score("return"), Estimate(-12.5, -20.0, 3.0)) == "-12.5 [-20, 3]"
    nothing = Estimate(np.nan, np.nan, np.nan)
    assert (
        score(Score("return"), nothing),
        score(KNOWN["accuracy"], Estimate(0.5, np.nan, np.nan)),
    ) == ("no score", "50.0 %")
    assert loss(Score("return"), nothing) == "unknown (too few lives had a score)"
    assert (
        signed(KNOWN["accuracy"], -0.0001),
        signed(Score("return"), -0.02),
    ) == ("0.0", "-0.02")
    rule = WiringRule("r", "rule", (("a", 0),), "", "neuron 3 of eye", "neurons of hand")
    assert says(rule, "excite and inhibit") == "neuron 3 of eye excites and inhibits neurons of hand"
    assert says(replace(rule, pre="neurons of eye"), "inhibit") == "neurons of eye inhibit neurons of hand"
    assert says(replace(rule, pre=""), "excite") == "r"


@pytest.mark.slow
def test_what_a_minimal_genome_keeps_is_reported_from_the_test_split(small, tmp_path):
    """A quarter of the test split is labelled wrongly: there the whole genome has 75 %, where it was chosen 100 %."""
    arrays = {}
    for part, wrong in (("train", 0), ("test", 25)):
        labels = np.arange(100) % 2
        arrays |= {f"x_{part}": twice(labels, np.zeros((100, 2))).astype(np.float32), f"y_{part}": labels.copy()}
        arrays[f"y_{part}"][:wrong] = 1 - labels[:wrong]
    np.savez(tmp_path / "samples.npz", **arrays)
    experiment = chain(small, Arrays(str(tmp_path / "samples.npz")))
    bench = Variants(AssayRunner(experiment, Serial()), units_of(experiment, wired([2, 1], [1, 2])), 2)
    fewest = minimal(bench, [0, 3, 1, 2])
    assert fewest.kept == {0, 3}
    course = fewest.part.tables["minimal"].set_index("left")["score at birth"]
    assert course[[4, 2]].tolist() == pytest.approx([0.75, 0.75])
    assert "75.0 %" in fewest.part.sentences[0]
    assert "compared with 75.0 % [" in fewest.part.sentences[0]


@pytest.mark.slow
def test_every_p_of_a_knock_out_is_corrected_for_all_units_and_conditions(small):
    experiment = small(encoding=GeneExpression(genes=1, bits=4))
    spec = experiment.genome.spec
    levels = spec.quantise(derive(1, "founder").uniform(spec.size).numpy())[0]
    found = found_in(experiment, levels, births=4).frame
    bench = Variants(AssayRunner(experiment, Serial()), units_of(experiment, levels), 4)
    count = len(bench.units.each)
    scores = bench.tested("again", bench.units.without([(), *([k] for k in range(count))]))
    names = [unit.name for unit in bench.units.each]
    order = [names.index(name) for name in found["unit"]]
    alone = [nothing(scores.contrast(name, {0: 1, k + 1: -1})) for name in bench.conditions for k in order]
    told = [*found["p at birth"], *found["p after learning"]]
    assert len(told) == 2 * count
    assert told == pytest.approx(holm(alone), nan_ok=True)
    certain = int(np.nanargmin(alone))
    assert told[certain] > 3 * alone[certain] > 0, "or this test could not tell"
