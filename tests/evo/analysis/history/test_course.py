"""The section on evolution agrees with planted runs, and it reports measured values only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from evo.analysis.history.assimilation import assimilation_index, assimilation_interval
from evo.analysis.history.course import evolution, non_dominated, thinned
from evo.analysis.report.section import Section
from evo.evolution.evolve import evolve, new_run
from evo.evolution.generation import Generation
from evo.evolution.individual import RunIndividual
from evo.evolution.run import Run
from evo.experiment.goals import Scores
from evo.search.algorithms.evolution_strategy import EvolutionStrategy
from evo.search.algorithms.genetic import Genetic
from evo.storage.checksums import CorruptFile
from genomes.encodings.alleles import Alleles
from genomes.streams import derive
from genomes.topology import layered
from inner_loop.lives.episodes import EpisodicLifetime
from inner_loop.rules.frozen import Frozen
from inner_loop.worlds.hinton_nowlan import HintonNowlan

MAIN, COUNT = "explained_variance", 40


@pytest.fixture
def planted(small, tmp_path) -> Callable[..., Run]:
    """A run whose means at birth and after learning are given; the individuals lie around them, the last failed."""

    def plant(innate: list[float], learned: list[float], spread: float = 0.02) -> Run:
        experiment = small(search=Genetic(COUNT))
        new_run(experiment, tmp_path / "run", "run", [])
        run, around = Run(tmp_path / "run"), np.append(np.linspace(-1, 1, COUNT - 1) * spread, np.nan)
        for index, (born, grown) in enumerate(zip(innate, learned, strict=True)):
            scores = {f"innate.{MAIN}": born + around, f"learned.{MAIN}": grown - around, "gain": grown - born - around}
            levels = np.full((COUNT, experiment.genome.spec.size), index, np.uint8)
            parents = np.full((COUNT, 2), -1) if index == 0 else np.full((COUNT, 2), (index - 1) * COUNT)
            scores["genome_bits"] = np.append(np.full(COUNT - 1, 100.0 + index), 1e9)
            failures = ("",) * (COUNT - 1) + ("nan",)
            generation = Generation(index, levels, parents, np.zeros((COUNT, 2)), scores, failures)
            run.folder.write_generation(index, generation.arrays())
        return run

    return plant


def told(run: Run, **founders: float) -> Section:
    last = run.generations[-1]
    return evolution(run, RunIndividual(last, 0, run.generation(last).levels[0], {}), {"innate": 0.1} | founders)


def test_curves_are_those_that_were_planted(planted):
    section = told(planted([0.1, 0.4, 0.7], [0.5, 0.6, 0.8]))
    table = section.tables["generations"]
    np.testing.assert_allclose(table["innate mean"], [0.1, 0.4, 0.7])
    np.testing.assert_allclose(table["gain mean"], [0.4, 0.2, 0.1])
    np.testing.assert_allclose(table["learned 10 %"], np.array([0.5, 0.6, 0.8]) - 0.016)
    np.testing.assert_allclose(table["learned 90 %"], np.array([0.5, 0.6, 0.8]) + 0.016)
    np.testing.assert_allclose(table["innate sd"], np.linspace(-1, 1, COUNT - 1).std() * 0.02)
    np.testing.assert_allclose(table["assimilation"], [0, 0.6, 6 / 7], atol=1e-12)
    assert table["failures"].tolist() == [1, 1, 1]
    assert table["genome bits mean"].tolist() == [100, 101, 102]
    assert table["entropy"].tolist() == [0, 0, 0]
    assert "from 0.100 to 0.700 at birth" in section.sentences[0]
    assert "from 0.500 to 0.800 after learning" in section.sentences[0]
    assert "random genomes have 0.100 at birth" in section.sentences[0]


def test_the_curves_are_drawn_with_random_genomes_beside_them(planted):
    section = told(planted([0.1, 0.4], [0.5, 0.6]), learned=0.2)
    pictures, table = section.pictures, section.tables["generations"]
    (axes,) = pictures["scores"].figure.axes
    drawn = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    assert drawn["random genomes, at birth"] == [0.1, 0.1]
    assert drawn["random genomes, after learning"] == [0.2, 0.2]
    bands = dict(zip(("innate", "learned"), axes.collections, strict=True))
    for condition, text in (("innate", "at birth"), ("learned", "after learning")):
        assert drawn[text] == table[f"{condition} mean"].tolist()
        ends = {tuple(place) for place in bands[condition].get_paths()[0].vertices}
        assert {*zip(table["generation"], table[f"{condition} 10 %"], strict=True)} <= ends
        assert {*zip(table["generation"], table[f"{condition} 90 %"], strict=True)} <= ends
    assert [panel.get_title() for panel in pictures["course"].figure.axes] == [
        "gain", "genome bits", "diversity", "assimilation index",
    ]  # fmt: skip
    columns = ("gain mean", "genome bits mean", "entropy", "assimilation")
    for panel, column in zip(pictures["course"].figure.axes, columns, strict=True):
        assert panel.lines[0].get_xydata().tolist() == table[["generation", column]].to_numpy().tolist()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("innate", "verdict"),
    [([0.15, 0.3, 0.4], "it rose, which is genetic assimilation"), ([0.4, 0.3, 0.15], "it fell"),
     ([0.3, 0.1, 0.301], "it did not clearly change")],
)  # fmt: skip
def test_assimilation_is_called_by_its_name_only_where_it_is_clear(planted, innate, verdict):
    assert verdict in told(planted(innate, [0.5, 0.5, 0.5])).sentences[1]


@pytest.mark.slow
def test_an_index_that_rises_since_less_is_learned_is_no_assimilation(planted):
    said = told(planted([0.3, 0.3, 0.3], [0.9, 0.6, 0.4])).sentences[1]
    assert said.endswith("it rose, but the score at birth did not rise.")


def test_assimilation_is_not_defined_where_nothing_is_learned(planted):
    section = told(planted([0.1, 0.1], [0.1, 0.099]))
    assert section.tables["generations"]["assimilation"].isna().all()
    assert "not defined" in section.sentences[1]
    panels = section.pictures["course"].figure.axes
    assert [panel.get_title() for panel in panels if panel.axison] == ["gain", "genome bits", "diversity"]


def test_the_index_needs_a_gain_beyond_its_error():
    innate, learned = np.full(50, 0.2), 0.3 + 0.1 * np.resize([-1.0, 1.0], 50)
    error = (learned.var(ddof=1) / 50 + 0.05**2) ** 0.5
    assert assimilation_index(innate, learned, (0.0, 0.0)) == pytest.approx(2 / 3)
    assert np.isfinite(assimilation_index(innate, learned, (0.3 - 2.01 * error, 0.05)))
    assert np.isnan(assimilation_index(innate, learned, (0.3 - 1.99 * error, 0.05)))
    assert np.isnan(assimilation_index(innate[:1], learned[:1], (0.0, 0.0)))


@pytest.mark.slow
def test_its_interval_covers_the_truth_as_often_as_it_says():
    covered, runs, count = 0, 100, 80
    for run in range(runs):
        noise = derive(run, "test of coverage").normal(2 * count + 1)[0].numpy()
        innate, learned = 0.3 + 0.1 * noise[:count], 0.7 + 0.1 * noise[count:-1]
        low, high = assimilation_interval(innate, learned, (0.1 + 0.02 * noise[-1], 0.02), derive(run, "draws"))
        covered += low <= 1 / 3 <= high
    assert 89 <= covered <= 99


@pytest.mark.slow
def test_fronts_are_of_the_first_a_middle_and_the_last_generation(planted):
    section = told(planted([0.1, 0.2, 0.3, 0.4, 0.5], [0.5] * 5))
    table, picture = section.tables["fronts"], section.pictures["fronts"]
    assert table["generation"].unique().tolist() == [0, 2, 4]
    assert len(table) == 3 * (COUNT - 1), "high at birth is low after: no individual is dominated"
    dots = picture.figure.axes[0].collections
    assert [dot.get_gid() for dot in dots] == list(picture.tips) == ["front-0", "front-2", "front-4"]
    assert all(len(dot.get_offsets()) == len(picture.tips[dot.get_gid()]) == COUNT - 1 for dot in dots)
    for dot, line, (_, front) in zip(dots, picture.figure.axes[0].lines, table.groupby("generation"), strict=True):
        assert line.get_xydata().tolist() == front[["innate", "learned"]].to_numpy().tolist()
        assert sorted(dot.get_offsets().tolist()) == line.get_xydata().tolist(), "here each one is on the front"
    assert picture.figure.axes[0].get_xlabel().endswith("at birth")
    assert picture.figure.axes[0].get_ylabel().endswith("after learning")
    assert picture.tips["front-4"][0] == "generation 4, slot 0: 0.48 at birth, 0.52 after learning, 104 bits"


def test_non_dominated_agrees_with_the_definition():
    scores = derive(0, "test").integers(6, 60, 2)[0].numpy().astype(float)  # with equals
    wanted = [not any((o >= s).all() and (o > s).any() for o in scores) for s in scores]
    assert non_dominated(scores).tolist() == wanted
    assert 1 <= sum(wanted) < 60


def test_many_generations_are_thinned_and_the_ends_kept():
    assert thinned(range(150)) == list(range(150))
    few = thinned(range(1000))
    assert (len(few), few[0], few[-1]) == (200, 0, 999)
    assert few == sorted(set(few))
    assert thinned([7]) == [7]


@pytest.mark.slow
def test_a_run_is_told_whole_and_always_the_same(small, tmp_path):
    list(evolve(small(search=Genetic(6), generations=4), tmp_path / "run"))
    one, other = told(Run(tmp_path / "run")), told(Run(tmp_path / "run"))
    assert one.sentences == other.sentences
    assert 3 <= len(one.sentences) <= 6
    assert list(one.tables) == ["generations", "fronts", "lineage", "diversity", "fixation"]
    assert list(one.pictures) == ["scores", "course", "fronts", "lineage", "genes"]
    assert all(one.tables[key].equals(other.tables[key]) for key in one.tables)
    assert len(one.graphs["lineage"]) == one.tables["lineage"]["ancestors"].sum()
    history = Run(tmp_path / "run").history()
    np.testing.assert_allclose(one.tables["generations"]["learned mean"], history[f"learned.{MAIN}.mean"])


def test_one_condition_alone_has_no_front_and_no_assimilation(small, tmp_path):
    experiment = small(
        topology=layered(1, 5), encoding=Alleles(), rule=Frozen(), objective=None, task=None,
        world=HintonNowlan(loci=5, trials=4), goals=Scores(("innate_plastic.fitness",)),
        lifetime=EpisodicLifetime(episodes=0, exams=1, measured=("innate_plastic",)), search=EvolutionStrategy(5),
    )  # fmt: skip
    list(evolve(experiment, tmp_path / "run"))
    section = told(Run(tmp_path / "run"), innate_plastic=0.5)
    assert list(section.tables) == ["generations", "leaders", "diversity", "fixation", "alleles"]
    assert list(section.pictures) == ["scores", "course", "lineage", "genes", "alleles"]
    assert "needs scores at birth and after learning" in section.sentences[1]
    assert "random genomes have 0.500 at birth, plastic and 0.100 at birth" in section.sentences[0]
    assert "sets the spread of a generation itself" in section.sentences[-1]


@pytest.mark.slow
def test_lives_that_change_nothing_are_not_said_to_end_anywhere(small, tmp_path):
    list(evolve(small(rule=Frozen(), search=Genetic(6), generations=2), tmp_path / "run"))
    section = told(Run(tmp_path / "run"))
    assert "after learning" not in section.sentences[0]
    assert "gain" not in section.sentences[0]
    assert "fronts" not in section.tables
    assert "learned" not in section.tables["lineage"]


def test_one_generation_went_nowhere(planted):
    section = told(planted([0.2], [0.6]))
    said = " ".join(section.sentences)
    assert section.sentences[0].startswith(f"In one generation of {COUNT} individuals the mean explained variance was")
    assert "was 0.200 at birth (middle 80 %:" in said
    assert "was 0.20 [0.19, 0.21] in generation 0." in said
    assert "There is one generation and so no lineage of the best" in said
    assert not any(word in said for word in ("went from 0.2", "it did not clearly change", "keeps no parents"))
    assert "sets the spread of a generation itself" not in said, "a search that keeps parents is not said to keep none"
    panels = [axes for name in ("course", "lineage") for axes in section.pictures[name].figure.axes]
    assert all(panel.lines[0].get_marker() == "o" for panel in section.pictures["course"].figure.axes)
    assert all({tick % 1 for tick in panel.get_xticks()} == {0.0} for panel in panels)


def test_who_is_dominated_decides_the_scale_of_the_fronts_too(planted):
    run = planted([0.1, 0.4], [0.5, 0.6])
    first = run.generation(0)
    first.measurements[f"learned.{MAIN}"][0] = -1e30  # who has least at birth too
    run.folder.write_generation(0, first.arrays())
    assert told(run).pictures["fronts"].figure.axes[0].get_yscale() == "symlog"


@pytest.mark.parametrize(("learned", "scale"), [([-1e30, 0.6], "symlog"), ([0.5, 0.6], "linear")])
def test_scores_that_fell_without_bound_leave_the_others_to_be_seen(planted, learned, scale):
    pictures = told(planted([0.1, 0.4], learned)).pictures
    assert [pictures[name].figure.axes[0].get_yscale() for name in ("scores", "fronts")] == [scale] * 2


def test_a_torn_generation_says_so_itself(planted):
    run = planted([0.1, 0.2], [0.5, 0.5])
    (path,) = (run.path / "generations").glob("*1.npz")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    with pytest.raises(CorruptFile):
        told(run)


def test_scores_that_are_no_numbers_are_left_out(planted):
    run = planted([0.1, 0.2], [0.5, 0.5])
    whole = run.generation(1)
    whole.measurements[f"innate.{MAIN}"][:10] = np.nan
    run.folder.write_generation(1, whole.arrays())
    table = told(run).tables["generations"]
    assert table["innate mean"][1] == pytest.approx(0.2 + 0.02 * np.linspace(-1, 1, COUNT - 1)[10:].mean())
    assert table["learned mean"][1] == pytest.approx(0.5)
