"""Figures of a run show the numbers of its generations, and those of its last parents on the held-out split."""

import numpy as np
import pytest

from evo import Run
from evo.analysis import run_figures
from evo.evaluation.cohort import Assay, Reserved, cohorts
from evo.evaluation.evaluate import evaluate
from evo.evolution.result import result
from evo.search.algorithms import NSGA2

MAIN = "explained_variance"


@pytest.fixture
def saved(monkeypatch):
    """The figures that were to be saved."""
    figures = []
    monkeypatch.setattr(run_figures, "_saved", lambda figure, stem: figures.append(figure) or [])
    return figures


@pytest.mark.slow
def test_curves_are_medians_bands_the_middle_of_the_population_and_names_stand_at_the_ends(
    small, run_of, tmp_path, saved
):
    run = Run(run_of(small(generations=3)))
    outcome = result(run)
    run_figures.evolution(run, outcome, tmp_path)
    (axes,) = saved[0].axes
    learned, innate, *random = axes.lines
    texts = {text.get_text(): text for text in axes.texts}
    for line, band, name, label in zip(
        (learned, innate), axes.collections, ("learned", "innate"), ("after learning", "at birth"), strict=True
    ):
        values = np.stack([run.generation(index).measurements[f"{name}.{MAIN}"] for index in range(3)])
        assert line.get_xydata()[:, 0].tolist() == [0, 1, 2]
        assert line.get_ydata() == pytest.approx(np.median(values, axis=1))
        assert texts[label].get_color() == line.get_color()
        ends = {tuple(np.round(place, 9)) for place in band.get_paths()[0].vertices}
        for percent in (10, 90):
            wanted = np.percentile(values, percent, axis=1)
            assert {(float(k), float(np.round(value, 9))) for k, value in enumerate(wanted)} <= ends
    assert sorted({line.get_ydata()[0] for line in random}) == sorted(set(outcome.founders.values()))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("generation", "explained variance, selection split")


@pytest.mark.slow
def test_a_front_has_the_score_at_birth_along_and_after_learning_up(small, run_of, tmp_path, saved):
    experiment = small(search=NSGA2(8))
    run = Run(run_of(experiment))
    run_figures.front(run, tmp_path)
    axes = saved[0].axes[0]
    _, state = run.folder.latest()
    levels = experiment.genome.spec.quantise(state["units"])
    lives = [
        evaluate(experiment, cohort, Assay("test")) for cohort in cohorts(Reserved.UNMET, levels, experiment.cohort)
    ]
    dots = axes.collections[0]
    for column, name, label in ((0, "innate", axes.get_xlabel()), (1, "learned", axes.get_ylabel())):
        measured = np.concatenate([life.measurements[f"{name}.{MAIN}"] for life in lives])
        assert dots.get_offsets()[:, column].tolist() == measured.tolist()
        assert label == f"{MAIN} {'at birth' if name == 'innate' else 'after learning'}, held-out split"
