"""The ladder: each rung has the weights that it says, and the test split chooses none of them."""

from dataclasses import replace

import numpy as np
import pytest

from evo.analysis.innate.battery import EVOLVED, battery
from evo.analysis.innate.null_models import SIGNS
from evo.analysis.innate.sentence import number
from evo.analysis.innate.weight_agnostic import AFTER, OWN, RANDOM, SHARED, TUNED, climb, ladder
from evo.analysis.subject import Subject
from genomes.interventions.lesion import Lesion
from genomes.interventions.random_weights import RandomWeights
from genomes.interventions.shared_weight import SERIES, SharedWeight

MAIN = "innate.explained_variance"


@pytest.mark.slow
def test_rungs(bench_of, learning):
    bench = bench_of(learning)
    measured = battery(bench)
    found = climb(measured)
    assert list(found.rungs) == [RANDOM, SHARED, TUNED, SIGNS.name, OWN, AFTER]
    each = [bench.measure("x", bench.newborns(SharedWeight(value)))[MAIN] for value in SERIES]
    assert np.allclose(found.rungs[SHARED].values, np.mean(each, axis=0))
    assert found.rungs[TUNED].values.tolist() == each[SERIES.index(found.tuned)].tolist()
    assert found.rungs[RANDOM].values.tolist() == bench.measure("x", bench.drawn(RandomWeights()))[MAIN].tolist()
    assert found.rungs[OWN] is measured.scores[EVOLVED, "innate"]
    assert found.rungs[AFTER] is measured.scores[EVOLVED, "learned"]


@pytest.mark.slow
def test_the_shared_weight_is_tuned_on_the_selection_split(bench_of, task, recording):
    bench = bench_of(task, executor=recording)
    tuned = climb(battery(bench)).tuned
    chosen = [assay for _, assay in recording.asked if assay.split == "selection"]
    assert [assay.interventions for assay in chosen] == [(SharedWeight(value),) for value in SERIES]
    other = bench_of(task)
    means = [
        other.measure("x", other.newborns(SharedWeight(value)), split="selection", resamples=0)[MAIN].mean()
        for value in SERIES
    ]
    assert tuned == SERIES[int(np.argmax(means))]


@pytest.mark.slow
def test_section(bench_of, task, learning):
    section = ladder([battery(bench_of(learning))])
    frame = section.tables["rungs"]
    assert frame["rung"].tolist() == [RANDOM, SHARED, TUNED, SIGNS.name, OWN, AFTER]
    assert section.sentences[0].startswith("The wiring of the genome scores at birth: ")
    assert f"{number(frame.at[0, 'mean'])} with random weights" in section.sentences[0]
    assert "carries no information on connectivity" in section.sentences[-1]
    assert len(section.pictures["rungs"].figure.axes[0].patches) == len(frame)
    assert AFTER not in ladder([battery(bench_of(task))]).tables["rungs"]["rung"].tolist()
    sparse = ladder([battery(bench_of(task, interventions=(Lesion(0.5),)))])
    assert len(sparse.sentences) == 1


@pytest.mark.slow
def test_of_several_runs_every_run_tunes_its_own(bench_of, task):
    batteries = [battery(bench_of(replace(task, seed=seed))) for seed in (0, 1)]
    assert isinstance(batteries[0].bench.subject, Subject)
    frame = ladder(batteries).tables["rungs"].set_index("rung")
    tuned = [climb(each).tuned for each in batteries]
    assert frame.at[TUNED, "weights"] == f"{tuned[0]:g}, {tuned[1]:g}"
    means = [each.scores[EVOLVED, "innate"].values.mean() for each in batteries]
    assert np.isclose(frame.at[OWN, "mean"], np.mean(means))
