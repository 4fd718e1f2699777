"""Null models as data: which are made of a genome, and what each of their rows is."""

from dataclasses import replace

import numpy as np

from evo.analysis.innate.null_models import FOUNDERS, NULLS, SHUFFLED, SIGNS, STANDARD, nulls
from genomes.interventions.given import Given
from genomes.interventions.lesion import Lesion

MAIN = "innate.explained_variance"


def test_where_all_synapses_grew_those_that_would_say_the_same_are_left_out(bench_of, task):
    assert nulls(bench_of(task)) == (FOUNDERS, SHUFFLED, STANDARD, SIGNS)
    sparse = bench_of(task, interventions=(Lesion(0.5),))
    assert not sparse.dense
    assert nulls(sparse) == NULLS


def test_mask_only_and_weights_only_are_then_something_else(bench_of, task):
    bench = bench_of(task, interventions=(Lesion(0.5),))
    scores = {null.name: bench.measure(null.name, null.rows(bench))[MAIN] for null in NULLS}
    assert (scores["mask only"] != scores[STANDARD.name]).all()
    assert (scores["weights only"] != scores[SHUFFLED.name]).any()
    dense = bench_of(task)
    again = {null.name: dense.measure(null.name, null.rows(dense))[MAIN] for null in NULLS}
    assert again["mask only"].tolist() == again[STANDARD.name].tolist()
    assert again["weights only"].tolist() == again[SHUFFLED.name].tolist()


def test_every_draw_is_another_and_where_nothing_is_drawn_births_are_counted(bench_of, task):
    bench = bench_of(task, draws=40)
    for null in (FOUNDERS, SHUFFLED, STANDARD):
        assert len(set(bench.measure(null.name, null.rows(bench))[MAIN].tolist())) == 40
    signs = bench.measure("signs", SIGNS.rows(bench))[MAIN]
    assert len(signs) == bench.births
    assert len(set(signs.tolist())) == 1


def test_what_a_file_gives_comes_first_and_founders_have_none_of_it(bench_of, task):
    weights = {"layer0 -> layer1": np.zeros((3, 4))}
    bench = bench_of(task, interventions=(Given(weights),))
    silent = bench.measure("own", bench.newborns())[MAIN][0]
    assert set(bench.measure("shuffled", SHUFFLED.rows(bench))[MAIN].tolist()) == {silent}, "shuffled zeros"
    assert FOUNDERS.rows(bench).done == ()
    assert (bench.measure("founders", FOUNDERS.rows(bench))[MAIN] != silent).all()


def test_founders_differ_between_seeds_of_a_run(bench_of, task):
    one, other = (FOUNDERS.rows(bench_of(replace(task, seed=seed))).levels for seed in (0, 1))
    assert (one != other).any()
