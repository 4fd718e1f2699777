"""The size of genomes whose size is known; what is said where there is none."""

import re
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import pytest

from evo.analysis.assay_runner import AssayRunner, repeated
from evo.analysis.innate import compressed_networks as controls
from evo.analysis.innate import genome_size as size_module
from evo.analysis.innate.design import Design
from evo.analysis.innate.genome_size import fewest, genome_size
from evo.analysis.scores import Scores
from evo.analysis.statistics import Estimate
from evo.analysis.subject import Subject
from evo.distribution.executor import Serial
from evo.evaluation.cohort import Assay
from evo.experiment.goals import Scores as Goals
from evo.search.base import founders
from genomes.encoding import Encoding
from genomes.encodings.direct import Direct
from genomes.encodings.random_wiring import RandomWiring
from genomes.evolve import Evolve
from genomes.interventions.given import Given
from genomes.phenotype import Phenotype, Synapses
from genomes.spec import Field, GenomeSpec
from genomes.streams import derive
from genomes.topology import layered
from inner_loop.lives.episodes import EpisodicLifetime
from inner_loop.rules.frozen import Frozen
from inner_loop.rules.hebbian import Hebbian
from inner_loop.tasks.teacher import Teacher
from inner_loop.worlds.cart_pole import CartPole

TASK = Teacher(5, 3, hidden=0, measured=64, teacher_seed=1)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(size_module, "_RESAMPLES", 20)
    monkeypatch.setattr(size_module, "_FOUNDERS", 8)
    monkeypatch.setattr(controls, "STEPS", 20)
    monkeypatch.setattr(controls, "RETRAINED", 10)
    monkeypatch.setattr(controls, "NETWORKS", 2)
    monkeypatch.setattr("evo.analysis.innate.training.RATES", (0.01, 0.03))


@final
@dataclass(frozen=True)
class Coarse(Encoding):
    """Six bits a weight, of which four do nothing: development knows four weights only."""

    def spec(self, topology):
        return GenomeSpec(tuple(Field(e.name, topology.shape(e), -1.0, 1.0, bits=6) for e in topology.edges))

    def develop(self, genes, topology, streams):
        synapses = {e.name: Synapses((genes[e.name] * 1.5 + 1.5).round() / 1.5 - 1.0) for e in topology.edges}
        return Phenotype(topology, synapses)


def planted(experiment, allowed=None):
    """The best of 200 random genomes on the selection split."""
    spec = experiment.genome.spec
    levels = spec.quantise(founders(200, spec, derive(3, "planted")))
    levels = levels if allowed is None else np.array(allowed, dtype=levels.dtype)[levels % len(allowed)]
    found = AssayRunner(experiment, Serial()).examine("planted", levels, Assay(learn=False))
    best = levels[np.argmax(found["innate.explained_variance"])]
    return Subject("planted", experiment, best[None], ("planted",))


def size_of(subject, births=2):
    return genome_size(subject, AssayRunner(subject.experiment, Serial()), births)


def genome_rows(size):
    table = size.section.tables["sizes"]
    return table[table["method"] == "genome"]


@pytest.mark.slow
def test_bits_that_do_nothing_are_not_counted(small):
    experiment = small(topology=layered(5, 3), encoding=Coarse(), rule=Frozen(), task=TASK)
    size = size_of(planted(experiment, (0, 21, 42, 63)))
    assert (size.bits, size.effective_bits) == (90.0, 30.0)
    rows = genome_rows(size)
    assert rows["setting"].tolist() == [f"{bits}-bit" for bits in range(6, 0, -1)]
    assert rows["fixed bits"].tolist() == [90.0, 75.0, 60.0, 45.0, 30.0, 15.0]
    assert len(set(rows["innate"][:5])) == 1 != len(set(rows["innate"]))
    assert size.effective_coded_bits == rows["coded bits"].iloc[4]
    assert size.section.sentences[0].startswith("Of the genome's 90 bits 30 keep the score")


@pytest.mark.slow
def test_with_all_its_bits_it_is_the_genome_itself_to_the_bit(small):
    experiment = small(topology=layered(5, 3), encoding=Direct(6), task=TASK)
    subject = planted(experiment)
    rows, lives = repeated(subject.levels, 2)
    home = replace(experiment, cohort=4)
    plain = AssayRunner(home, Serial()).examine("x", rows, Assay("test", resamples=20), lives)
    table = genome_rows(size_of(subject))
    for condition in ("innate", "learned"):
        assert table[condition].iloc[0] == plain[f"{condition}.explained_variance"].mean()
        assert table[f"{condition} low"].iloc[0] < table[condition].iloc[0] < table[f"{condition} high"].iloc[0]


@pytest.mark.slow
def test_controls_stand_beside_it_at_birth_and_are_compared_within_its_bits(small):
    size = size_of(planted(small(task=TASK)))
    table = size.section.tables["sizes"]
    assert set(table["method"]) == {"genome", *controls.METHODS}
    others = table[table["method"] != "genome"]
    assert others["learned"].isna().all()
    assert np.isfinite(others[["innate", "innate low", "innate high"]]).all(axis=None)
    assert others["innate"].nunique() > len(others) / 2
    compared = next(s for s in size.section.sentences if "in round brackets" in s)
    budget = size.effective_coded_bits
    for method in controls.METHODS:
        fits = others[(others["method"] == method) & (others["coded bits"] <= budget)]
        said = "none of that size"
        if len(fits):
            row = fits.loc[fits["coded bits"].idxmax()]
            said = size_module._interval(Estimate(row["innate"], row["innate low"], row["innate high"])) + " ("
        assert f"{method} {said}" in compared
    none = compared.count("none of that size")
    compared_with = sum(compared.count(f"{method} ") for method in controls.METHODS) - none
    assert sum(map(int, re.findall(r"(\d+) (?:of them score clearly higher|lower|neither)", compared))) == compared_with


def test_luck_of_training_is_in_the_interval():
    """Networks that differ, on samples alike for all: their interval is that of Student's t over the networks."""
    from scipy.stats import t

    each = [0.90, 0.92, 0.95, 0.91, 0.97]
    alike = [Scores(np.array([value]), np.full((1, 400), value)) for value in each]
    found = size_module._of_networks(alike).estimate
    half = t.ppf(0.975, 4) * np.std(each, ddof=1) / 5**0.5
    assert found.mean == pytest.approx(np.mean(each))
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.1)
    same = [Scores(np.array([0.9]), 0.9 + 0.01 * np.sin(np.arange(400.0))[None])] * 5
    narrow = size_module._of_networks(same).estimate
    assert narrow.high - narrow.low == pytest.approx(np.ptp(np.percentile(same[0].resampled, (2.5, 97.5))), rel=0.01)


def test_births_that_all_networks_share_are_resampled_with_them():
    births = np.array([0.2, 0.4, 0.6, 0.8] * 8)
    again = np.repeat(births[:, None], 4000, axis=1)
    found = size_module._of_networks([Scores(births + away, again + away) for away in (0.0, 0.001, 0.002)]).estimate
    assert found.mean == pytest.approx(0.501)
    assert found.high - found.low == pytest.approx(2 * 1.96 * births.std() / 32**0.5, rel=0.1)
    assert size_module._of_networks([Scores(births)]).estimate == Scores(births).estimate


@pytest.mark.slow
def test_without_controls_the_genome_is_the_same(small):
    subject = planted(small(task=TASK))
    whole = size_of(subject)
    alone = genome_size(subject, AssayRunner(subject.experiment, Serial()), 2, beside=False)
    assert set(alone.section.tables["sizes"]["method"]) == {"genome"}
    assert (alone.bits, alone.effective_coded_bits) == (whole.bits, whole.effective_coded_bits)
    assert genome_rows(alone).equals(genome_rows(whole))


@pytest.mark.parametrize(
    ("scores", "founders", "kept"),
    [
        ([0.90, 0.899, 0.892, 0.80], 0.1, 2),
        ([0.90, 0.893, 0.88, 0.893], 0.1, 1),
        ([0.90, 0.88, 0.893, 0.10], 0.1, 0),
        ([0.90, 0.91, 0.90, 0.90], 0.1, 3),
        ([0.90, 0.88, 0.80, 0.70], 0.1, 0),
        ([0.90, 0.895, np.nan, 0.895], 0.1, 1),
        ([-2.0, -2.05, -2.2, -9.0], -12.0, 1),
        ([0.10, 0.10, 0.10, 0.10], 0.1, None),
        ([np.nan, 0.5, 0.5, 0.5], 0.1, None),
        ([0.9, 0.9, 0.9, 0.9], np.nan, None),
    ],
)
def test_to_keep_is_to_lose_a_hundredth_of_the_way_from_founders_and_so_at_every_finer_step(scores, founders, kept):
    assert fewest(np.array(scores), founders) == kept


@pytest.mark.slow
def test_a_genome_no_better_than_random_ones_has_no_effective_size(small):
    experiment = small(topology=layered(5, 3), encoding=Direct(6), task=TASK)
    spec = experiment.genome.spec
    levels = spec.quantise(founders(200, spec, derive(3, "planted")))
    found = AssayRunner(experiment, Serial()).examine("planted", levels, Assay(learn=False))
    worst = levels[np.argmin(found["innate.explained_variance"])]
    size = size_of(Subject("worst", experiment, worst[None], ("worst",)))
    assert np.isnan(size.effective_bits)
    assert size.bits == 94.0
    assert "no score above random founders" in size.section.sentences[0]


@pytest.mark.slow
def test_what_was_given_up_is_said_with_its_paired_interval(small, monkeypatch):
    """Of the split where it was decided, over births and the same samples: narrower than that of either genome."""
    monkeypatch.setattr(size_module, "KEPT", 0.2)
    experiment = small(topology=layered(5, 3), encoding=Direct(6), task=TASK)
    subject = planted(experiment)
    size = size_of(subject)
    bench = Design(subject, AssayRunner(experiment, Serial()), 2, 8)
    chosen, founders = size_module._curve(bench, "selection", ("innate",))
    kept = fewest(np.array([point.mean("innate") for point in chosen]), founders["innate"])
    assert kept
    own, whole = (chosen[place].scores["innate"] for place in (kept, 0))
    assert own.resampled.shape == (2, 20)
    lost = own.less(whole).estimate
    assert (
        f"the kept genome differs from all bits by {size_module._interval(lost, '+')} on" in size.section.sentences[1]
    )
    assert 0 < lost.high - lost.low < (whole.estimate.high - whole.estimate.low) / 2


@pytest.mark.slow
def test_births_are_more_where_they_differ(small, monkeypatch):
    benches, curve = [], size_module._curve
    monkeypatch.setattr(size_module, "_curve", lambda bench, *more: benches.append(bench) or curve(bench, *more))
    monkeypatch.setattr(size_module, "_controls", lambda bench, genome: [])
    same = small(topology=layered(5, 3), encoding=Direct(2), task=TASK)
    for experiment in (same, replace(same, encoding=RandomWiring(0.5))):
        size_of(planted(experiment), births=None)
    assert [bench.births for bench in benches] == [8, 8, 32, 32]


@pytest.mark.slow
def test_in_a_world_it_is_judged_in_the_condition_that_was_selected_for(small):
    experiment = small(
        topology=layered(4, 6, 2),
        encoding=RandomWiring(1.0),
        rule=Hebbian(Evolve((0.01, 1.0), bits=3)),
        objective=None,
        task=None,
        world=CartPole(longest=20),
        goals=Goals(("innate_plastic.return",)),
        lifetime=EpisodicLifetime(1, 2, ("innate_plastic",)),
    )
    levels = np.array([[5]], dtype=np.uint8)
    size = size_of(Subject("rates", experiment, levels, ("rates",)), births=3)
    table = size.section.tables["sizes"]
    assert set(table["method"]) == {"genome"}
    assert {"innate", "innate_plastic", "learned"} < set(table.columns)
    assert len(set(table["innate"])) == 1, "the rate does nothing while plasticity is off"
    assert size.section.sentences[-1].startswith("There is no network without a genome")
    assert "e+" not in " ".join(size.section.sentences), "bits of the wiring are hundreds of those of one rate"


def test_a_network_without_a_genome_has_no_size(small):
    experiment = small(topology=layered(5, 3), encoding=Direct(6))
    given = Given({"layer0 -> layer1": np.zeros((3, 5))})
    levels = np.zeros((1, experiment.genome.spec.size), np.uint8)
    size = size_of(Subject("file", experiment, levels, ("file",), (given,)))
    assert np.isnan(size.bits)
    assert size.decoder is None
    assert len(size.section.sentences) == 1


@pytest.mark.slow
def test_the_picture_shows_every_method_and_is_the_same_again(small):
    subject = planted(small(task=TASK))
    one, other = size_of(subject), size_of(subject)
    assert one.section.tables["sizes"].equals(other.section.tables["sizes"])
    assert one.section.sentences == other.section.sentences
    picture = one.section.pictures["size"]
    assert len(picture.tips) == 6
    collections = {c.get_gid(): c for c in picture.figure.axes[0].collections if c.get_gid()}
    for gid, tips in picture.tips.items():
        assert len(collections[gid].get_offsets()) == len(tips)
