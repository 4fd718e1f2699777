"""Planted pedigrees are read back; of a real run the ancestors are those that a graph of all parents gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import networkx
import numpy as np
import pytest

from evo.analysis.frames import lineage_frame
from evo.analysis.history import lineage
from evo.analysis.history.lineage import descent, keeps_parents, leaders, line, line_table, pedigree
from evo.evolution.evolve import evolve, new_run
from evo.evolution.generation import Generation
from evo.evolution.individual import RunIndividual
from evo.evolution.run import Run
from evo.search.algorithms.evolution_strategy import EvolutionStrategy
from evo.search.algorithms.genetic import Genetic
from evo.search.operators.variation import Variation

NONE = (-1, -1)


@pytest.fixture
def planted(small, tmp_path) -> Callable[..., Run]:
    """A run of 4 individuals whose genomes are a row of one level each, and whose parents are given."""

    def plant(levels: Sequence[Sequence[int]], parents: Sequence[Sequence[tuple[int, int]]]) -> Run:
        experiment = small(search=Genetic(4))
        new_run(experiment, tmp_path / "run", "run", [])
        run, genes = Run(tmp_path / "run"), experiment.genome.spec.size
        for index, (row, whose) in enumerate(zip(levels, parents, strict=True)):
            genomes = np.zeros((4, genes), np.uint8)
            for slot, ones in enumerate(row):
                genomes[slot, :ones] = 1  # so that genomes differ in as many genes as their numbers do
            scores = {
                f"{c}.explained_variance": np.arange(4.0) + index + k for k, c in enumerate(("innate", "learned"))
            }
            scores["genome_bits"] = np.full(4, 9.0)
            generation = Generation(index, genomes, np.array(whose), np.zeros((4, 2)), scores, ("",) * 4)
            run.folder.write_generation(index, generation.arrays())
        return run

    return plant


def best(run: Run, generation: int, slot: int) -> RunIndividual:
    return RunIndividual(generation, slot, run.generation(generation).levels[slot], {})


def test_the_line_goes_back_to_the_nearer_parent(planted):
    run = planted(
        [[0, 5, 9, 1], [4, 6, 2, 2], [7, 0, 0, 0]],
        [[NONE] * 4, [(0, 1), (2, 1), (3, -1), NONE], [(4, 5), NONE, NONE, NONE]],
    )
    chain = line(run, best(run, 2, 0))
    assert [one.name for one in chain] == ["0/1", "1/1", "2/0"]  # 7 from 6 rather than 4; 6 from 5 rather than 9
    tree = pedigree(run, best(run, 2, 0))
    assert (tree.born, tree.founders) == ({2: 1, 1: 2, 0: 3}, 3)
    assert set(tree.graph.edges) == {
        ("1/0", "2/0"), ("1/1", "2/0"), ("0/0", "1/0"), ("0/1", "1/0"), ("0/1", "1/1"), ("0/2", "1/1"),
    }  # fmt: skip
    assert tree.graph.nodes["1/1"] == {"generation": 1, "slot": 1, "innate": 2.0, "learned": 3.0}
    table = line_table(chain, tree.born)
    assert table["parents"].tolist() == ["", "0/2, 0/1", "1/0, 1/1"]
    assert table["ancestors"].tolist() == [3, 2, 1]
    assert table["changed"].tolist()[1:] == [1, 1]
    assert table["innate"].tolist() == [1, 2, 2]


def test_parents_may_be_older_than_a_generation_and_the_same_twice(planted):
    run = planted([[0, 0, 3, 0], [0] * 4, [4, 0, 0, 0]], [[NONE] * 4, [NONE] * 4, [(2, 2), NONE, NONE, NONE]])
    chain = line(run, best(run, 2, 0))
    assert [one.name for one in chain] == ["0/2", "2/0"]
    assert chain[1].parents == ((0, 2),)
    assert pedigree(run, best(run, 2, 0)).born == {2: 1, 0: 1}


@pytest.mark.slow
def test_what_is_copied_has_not_changed(small, tmp_path):
    faithful = Genetic(6, elites=1, tournament=2, variation=Variation(crossover=0.0, mutations=0.0))
    list(evolve(small(search=faithful, generations=5), tmp_path / "run"))
    run = Run(tmp_path / "run")
    chain = line(run, best(run, 4, 3))
    assert [one.generation for one in chain] == [0, 1, 2, 3, 4]
    assert line_table(chain)["changed"].dropna().tolist() == [0, 0, 0, 0]


@pytest.mark.slow
def test_ancestors_are_those_of_the_graph_of_all_parents(small, tmp_path, monkeypatch):
    list(evolve(small(search=Genetic(6, elites=1), generations=5), tmp_path / "run"))
    run, everyone = Run(tmp_path / "run"), networkx.DiGraph()
    for index in run.generations:
        for slot, parents in enumerate(run.generation(index).parents.tolist()):
            everyone.add_edges_from((f"{p // 6}/{p % 6}", f"{index}/{slot}") for p in parents if p >= 0)
    wanted = networkx.ancestors(everyone, "4/5") | {"4/5"}
    tree = pedigree(run, best(run, 4, 5))
    assert set(tree.graph.nodes) == wanted
    assert set(tree.graph.edges) == set(everyone.subgraph(wanted).edges)
    assert tree.founders == sum(everyone.in_degree(node) == 0 for node in wanted)
    networkx.write_graphml(tree.graph, tmp_path / "lineage.graphml")

    monkeypatch.setattr(lineage, "_NODES", 3)
    fewer = pedigree(run, best(run, 4, 5))
    assert len(fewer.graph) == 3
    assert fewer.born == tree.born, "the graph is cut, the count is not"


@pytest.mark.slow
def test_a_search_without_parents_shows_its_leaders_and_says_so(small, tmp_path):
    list(evolve(small(search=EvolutionStrategy(7), generations=3), tmp_path / "run"))
    run = Run(tmp_path / "run")
    assert not keeps_parents(run)
    found = descent(run, run.best(), run.generations)
    assert "EvolutionStrategy keeps no parents" in found.sentence
    assert (list(found.tables), found.graphs) == (["leaders"], {})
    for one in leaders(run, run.generations):
        measured = run.generation(one.generation).measurements
        total = measured["innate.explained_variance"] + measured["learned.explained_variance"]
        assert one.slot == total.argmax()
        assert sum(one.scores.values()) == pytest.approx(total.max())


@pytest.mark.slow
def test_a_run_gives_parents_and_lineage_of_an_individual_and_of_its_best(small, tmp_path):
    list(evolve(small(search=Genetic(6, elites=1), generations=4), tmp_path / "run"))
    run = Run(tmp_path / "run")
    child = run.individual(3, 4)
    numbers = run.generation(3).parents[4].tolist()
    assert max(numbers) >= 6, "a number of the run and no row of the generation before"
    assert {(p.generation, p.slot) for p in run.parents(child)} == {divmod(n, 6) for n in numbers if n >= 0}
    assert all((p.levels == run.generation(p.generation).levels[p.slot]).all() for p in run.parents(child))
    assert run.parents(run.individual(0, 2)) == []
    table = lineage_frame(run, child)
    assert (table["generation"].iloc[0], table["generation"].iloc[-1], table["slot"].iloc[-1]) == (0, 3, 4)
    assert table["parents"].iloc[-1] in (", ".join(f"{n // 6}/{n % 6}" for n in dict.fromkeys(numbers) if n >= 0),)
    best_of_run = run.best()
    assert lineage_frame(run).iloc[-1][["generation", "slot"]].tolist() == [best_of_run.generation, best_of_run.slot]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "got"),
    [({"search": EvolutionStrategy(7)}, "EvolutionStrategy"), ({"search": Genetic(6), "keep": 3}, "keep: 3")],
)
def test_a_lineage_that_does_not_exist_is_refused(changes, got, small, tmp_path, refused):
    list(evolve(small(generations=3, **changes), tmp_path / "run"))
    with refused(str(tmp_path / "run"), got):
        lineage_frame(Run(tmp_path / "run"))


def test_parents_have_numbers_of_the_run_from_0(planted):
    run = planted([[0, 5, 9, 1], [4, 6, 2, 2]], [[NONE] * 4, [(0, 1), (1, 0), (3, -1), NONE]])
    assert [[p.slot for p in run.parents(run.individual(1, slot))] for slot in range(4)] == [[0, 1], [1, 0], [3], []]


def test_of_one_generation_every_search_has_a_lineage(small, tmp_path):
    list(evolve(small(search=EvolutionStrategy(7), generations=1), tmp_path / "run"))
    run = Run(tmp_path / "run")
    assert lineage_frame(run, run.individual(0, 3))[["generation", "slot"]].to_numpy().tolist() == [[0, 3]]


def test_a_founder_has_no_ancestors(planted):
    run = planted([[0, 5, 9, 1], [4, 6, 2, 2]], [[NONE] * 4, [(0, 1), (2, 1), (3, -1), NONE]])
    found = descent(run, best(run, 0, 2), run.generations)
    assert found.sentence == "The best genome (0/2, generation/slot) is a founder: it has no ancestors."


def test_a_lineage_is_told_and_drawn(planted):
    run = planted([[0, 5, 9, 1], [4, 6, 2, 2]], [[NONE] * 4, [(0, 1), (2, 1), (3, -1), NONE]])
    found = descent(run, best(run, 1, 1), run.generations)
    assert "descends in 1 step from founder 0/1" in found.sentence
    assert "2 ancestors, 2 of them founders" in found.sentence
    above, below = found.picture.figure.axes
    table, drawn = found.tables["lineage"], {line.get_label(): line for line in above.lines}
    for condition, text in (("innate", "at birth"), ("learned", "after learning")):
        assert drawn[text].get_xydata().tolist() == table[["generation", condition]].to_numpy().tolist()
    assert len(found.picture.tips["line-innate"]) == 2
    assert below.collections[0].get_segments()[1][:, 1].tolist() == [0, 1]
