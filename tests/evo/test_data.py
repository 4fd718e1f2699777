"""A run and its user's data: its own by their bytes, through changes of the file, analyses, resumes and workers."""

import hashlib
import io
import json
import logging
import os
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from evo import Run, evolve
from evo.analysis.export import export
from evo.analysis.representation.neural_codes import inside
from evo.cli.run_progress import Progress
from evo.distribution.executor import Serial
from evo.evaluation.fingerprint import fingerprint_of_lives
from evo.evolution.evolve import continued, extend
from evo.evolution.manifest import check_same_world, manifest
from evo.experiment.experiment import pinned
from genomes.errors import InputError
from genomes.topology import layered
from inner_loop.objectives.cross_entropy import CrossEntropy
from inner_loop.tasks import arrays
from inner_loop.tasks.arrays import Arrays

NAMES = ("setosa", "versicolor", "virginica")


def write(folder, number, width=4):
    """Other samples in the place of the old ones."""
    samples = np.random.default_rng(number).normal(size=(90, width)).astype(np.float32)
    labels = np.array(NAMES)[np.arange(90) % 3]
    np.savez(folder / "new.npz", x_train=samples[:60], y_train=labels[:60], x_test=samples[60:], y_test=labels[60:])
    os.replace(folder / "new.npz", folder / "mine.npz")


@pytest.fixture
def on_data(small, tmp_path):
    """An experiment on the data as they are now."""

    def experiment(**changes):
        task = Arrays(str(tmp_path / "mine.npz"))
        scores = small().goals.names[0].replace("explained_variance", "log_likelihood")
        goals = replace(small().goals, names=(scores,))
        return small(topology=layered(4, 4, 3), task=task, objective=CrossEntropy(), goals=goals, **changes)

    write(tmp_path, 1)
    return experiment


def scores(generations):
    return np.stack([g.measurements["innate.log_likelihood"] for g in generations])


@pytest.mark.slow
def test_data_replaced_in_a_process_that_goes_on_are_those_of_the_next_run(on_data, tmp_path):
    known = {}
    for number in (1, 2):
        write(tmp_path, number)
        content = (tmp_path / "mine.npz").read_bytes()
        known[number] = scores(evolve(on_data(), tmp_path / f"run{number}"))
        made = json.loads((tmp_path / f"run{number}" / "manifest.json").read_text())
        assert made["data"] == hashlib.sha256(content).hexdigest()
        assert Run(tmp_path / f"run{number}").experiment.task.sha256 == made["data"]
    assert not np.array_equal(known[1], known[2])
    arrays._data.clear()
    arrays._hashes.clear()  # as a new process has it
    assert np.array_equal(scores(evolve(on_data(), tmp_path / "again")), known[2])


@pytest.mark.slow
def test_an_experiment_that_was_made_before_the_data_changed_evolves_on_those_that_are_there(on_data, tmp_path):
    experiment = on_data()
    write(tmp_path, 2)
    found = scores(evolve(experiment, tmp_path / "run"))
    assert np.array_equal(found, scores(evolve(on_data(), tmp_path / "other")))


@pytest.mark.slow
def test_a_run_goes_on_with_its_own_data_while_the_file_changes(on_data, tmp_path):
    undisturbed = scores(evolve(on_data(), tmp_path / "undisturbed"))
    running = evolve(on_data(), tmp_path / "run")
    found = [next(running)]
    write(tmp_path, 2)
    other = scores(evolve(on_data(), tmp_path / "other"))
    assert np.array_equal(scores([*found, *running]), undisturbed)
    assert not np.array_equal(other, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("width", [4, 5])
def test_a_run_whose_data_changed_blames_the_data(on_data, tmp_path, width):
    list(evolve(on_data(), tmp_path / "run"))
    extend(tmp_path / "run", 3, allow_code=False)
    write(tmp_path, 2, width)
    arrays._data.clear()
    with pytest.raises(InputError, match=r"mine\.npz: expected the data of SHA-256 .* data that have changed"):
        list(continued(Run(tmp_path / "run"), Serial()))
    if width == 4:
        with pytest.raises(InputError, match="data that have changed"):
            list(evolve(on_data(generations=3), tmp_path / "run"))
        experiment = replace(on_data(), task=replace(on_data().task, sha256=None))
        with pytest.raises(InputError, match=r"run: expected the data of the start of the run"):
            check_same_world("run", Run(tmp_path / "run").folder.manifest, experiment)


def test_a_run_whose_data_changed_can_be_read_but_not_lived_in(on_data, tmp_path):
    list(evolve(on_data(), tmp_path / "run"))
    write(tmp_path, 2)
    arrays._data.clear()
    run = Run(tmp_path / "run")
    assert len(run.history()) == 2
    assert export(run, "graphml").is_file()
    with pytest.raises(InputError, match="data that have changed"):
        run.examine(run.best())


def test_the_proof_of_an_experiment_is_of_its_data(on_data, tmp_path):
    experiment = on_data()
    first = fingerprint_of_lives(experiment)
    write(tmp_path, 2)
    assert fingerprint_of_lives(experiment) != first
    assert manifest(experiment, [])["data"] == experiment.environment.fingerprint()


@pytest.mark.slow
def test_a_run_of_a_folder_from_before_runs_named_their_data(on_data, tmp_path):
    list(evolve(on_data(), tmp_path / "run"))
    named = Run(tmp_path / "run")
    named.folder.rewrite_experiment(named.folder.experiment_yaml.replace(named.experiment.task.sha256, "null"))
    assert Run(tmp_path / "run").experiment.task.sha256 is None
    assert list(evolve(on_data(), tmp_path / "run")) == []


@pytest.mark.slow
def test_doubts_are_said_once_and_the_first_lines_tell_the_range_and_the_classes(on_data, tmp_path, caplog):
    with np.load(tmp_path / "mine.npz") as held:
        np.savez(tmp_path / "mine.npz", **{k: v * 255 if k[0] == "x" else v for k, v in held.items()})
    with caplog.at_level(logging.WARNING):
        list(evolve(on_data(), tmp_path / "run"))
    (record,) = [r for r in caplog.records if "are far from the scale of 1" in r.getMessage()]
    assert "scale: standard" in record.getMessage()
    console = Console(file=io.StringIO(), width=1000)
    Progress(console, on_data(), "torch").begin("run", 0)
    said = console.file.getvalue().splitlines()[1]
    assert "4 inputs, samples 48 train (from -" in said
    assert "3 classes: setosa, versicolor, virginica." in said


@pytest.mark.slow
def test_reports_and_graphs_name_the_classes(on_data, tmp_path):
    list(evolve(on_data(), tmp_path / "run"))
    run = Run(tmp_path / "run")
    section = inside(run.experiment, run.best().levels)
    for tips in section.pictures["tuning"].tips.values():
        assert all(any(f"most active for class {name}" in tip for name in NAMES) for tip in tips)
    assert any("layer2 stand for setosa, versicolor, virginica, in this order" in each for each in section.sentences)
    text = export(run, "graphml").read_text()
    assert [name in text for name in NAMES] == [True] * 3


def test_what_is_no_task_has_no_data_to_name(small):
    assert pinned(small(), "abc") == small()


@pytest.mark.ray
def test_workers_of_several_runs_have_the_data_of_each(on_data, ray_executor, tmp_path):
    for number in (1, 2, 1):
        write(tmp_path, number)
        found = scores(evolve(on_data(), tmp_path / f"ray{number}{len(list(tmp_path.iterdir()))}", ray_executor))
        arrays._data.clear()
        assert np.array_equal(found, scores(evolve(on_data(), tmp_path / f"serial{len(list(tmp_path.iterdir()))}")))
