"""Subjects of analyses: runs, their fronts and halls of fame, files; and inputs that do not fit."""

import io

import numpy as np
import pytest

from evo.analysis.assay_runner import AssayRunner
from evo.analysis.export import export
from evo.analysis.subject import subject
from evo.distribution.executor import Serial
from evo.evaluation.cohort import Assay
from evo.evolution.hall_of_fame import genome_frame, hall_of_fame
from evo.evolution.run import Run
from evo.experiment.dump import dump
from evo.search.algorithms.nsga2 import NSGA2
from genomes.errors import InputError
from inner_loop.tasks.teacher import Teacher

INNATE = "innate.explained_variance"


@pytest.fixture
def run_path(small, run_of):
    task = Teacher(5, 3, hidden=4, measured=16, teacher_seed=1)
    return run_of(small(search=NSGA2(8), generations=3, task=task))


@pytest.mark.slow
def test_the_best_of_a_run_comes_first_and_the_hall_is_ranked_and_without_copies(run_path):
    run = Run(run_path)
    best = run.best()
    opened = subject(run_path, "5")
    assert opened.levels[0].tolist() == best.levels.tolist()
    assert len({tuple(genome) for genome in opened.levels.tolist()}) == len(opened.levels) == 5
    sums = [one.sum for one in hall_of_fame(run, "5", best)]
    assert sums == sorted(sums, reverse=True)
    frame = genome_frame(run)
    total = frame["innate.explained_variance"] + frame["learned.explained_variance"]
    assert sums[0] == total.max()
    assert sums[1] == total[[tuple(g) != tuple(best.levels) for g in frame["levels"]]].max()
    assert len(frame) == 24
    assert {"generation", "slot", "parent0", "goal1", INNATE, "failure", "levels"} <= set(frame.columns)
    assert [one.levels.tolist() for one in hall_of_fame(run, 5)] == opened.levels.tolist()


def test_the_front_is_what_the_search_ended_with(run_path):
    run = Run(run_path)
    state = run.folder.latest()[1]
    expected = {tuple(g) for g in run.experiment.genome.spec.quantise(state["units"]).tolist()}
    found = subject(run_path, "front")
    assert {tuple(g) for g in found.levels.tolist()} == expected | {tuple(run.best().levels.tolist())}


def test_overrides_change_the_world_and_not_the_genome(run_path, refused):
    opened = subject(run_path, overrides=["task.measured=32"])
    assert opened.experiment.task.measured == 32
    assert not opened.bred
    assert subject(run_path).bred
    with refused(str(run_path), "another"):
        subject(run_path, overrides=["encoding.genes=3"])


def config(tmp_path, run_path):
    path = tmp_path / "config.yaml"
    path.write_text(dump(Run(run_path).experiment))
    return str(path)


def innate(opened):
    assay = Assay("test", learn=False, interventions=opened.interventions)
    return AssayRunner(opened.experiment, Serial()).examine("x", opened.levels, assay)[INNATE][0]


@pytest.mark.slow
def test_a_genome_file_and_a_file_of_weights_behave_like_the_run(run_path, tmp_path):
    path = export(Run(run_path), "npz", tmp_path / "best.npz")
    of_run = innate(subject(run_path))
    genome = subject(path, config=config(tmp_path, run_path))
    assert genome.interventions == ()
    assert innate(genome) == of_run
    weights = {name: a for name, a in np.load(path).items() if name.partition(".")[0] in ("weight", "bias", "mask")}
    np.savez_compressed(tmp_path / "weights.npz", **weights)
    network = subject(tmp_path / "weights.npz", config=config(tmp_path, run_path))
    assert len(network.interventions) == 1
    assert innate(network) == of_run
    no_biases = {name: a for name, a in weights.items() if not name.startswith("bias")}
    np.savez(tmp_path / "bare.npz", **no_biases)
    assert innate(subject(tmp_path / "bare.npz", config=config(tmp_path, run_path))) != of_run


def test_mistakes_are_sentences(run_path, tmp_path, refused):
    with refused("--genomes", "bets"):
        subject(run_path, "bets")
    with refused("no.npz", "nothing"):
        subject(tmp_path / "no.npz")
    np.savez(tmp_path / "a.npz", weigths=np.ones(3))
    with refused("--config", None):
        subject(tmp_path / "a.npz")
    known = config(tmp_path, run_path)
    with refused("a.npz", ["weigths"]):
        subject(tmp_path / "a.npz", config=known)
    np.savez(tmp_path / "b.npz", **{"weight.layer0 -> layer1": np.ones((4, 5))})
    with pytest.raises(InputError, match=r"b\.npz: no weight\.layer1 -> layer2"):
        subject(tmp_path / "b.npz", config=known)
    np.savez(
        tmp_path / "c.npz", **{"weight.layer0 -> layer1": np.ones((4, 6)), "weight.layer1 -> layer2": np.ones((3, 4))}
    )
    with refused("weight.layer0 -> layer1", (4, 6)):
        subject(tmp_path / "c.npz", config=known)


@pytest.mark.parametrize("levels", [[-1, 0], [0.5, 1.5], [1j, 2], ["a", "b"]])
def test_levels_that_are_none_are_refused(run_path, tmp_path, levels, refused):
    np.savez(tmp_path / "l.npz", levels=np.array(levels))
    with refused("l.npz: levels"):
        subject(tmp_path / "l.npz", config=config(tmp_path, run_path))


def test_a_file_that_would_run_code_or_fill_the_memory_is_refused(run_path, tmp_path, monkeypatch, refused):
    np.savez(tmp_path / "d.npz", levels=np.array([{}], dtype=object))
    with refused("d.npz", "dtype object"):
        subject(tmp_path / "d.npz", config=config(tmp_path, run_path))
    (tmp_path / "e.npz").write_bytes(b"no archive")
    with refused("e.npz"):
        subject(tmp_path / "e.npz", config=config(tmp_path, run_path))
    monkeypatch.setattr("evo.storage.arrays._FOREIGN", 2**20)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, levels=np.zeros(2**20 + 1, np.uint8))
    (tmp_path / "bomb.npz").write_bytes(buffer.getvalue())
    with pytest.raises(InputError, match=r"bomb\.npz: .* expand to"):
        subject(tmp_path / "bomb.npz", config=config(tmp_path, run_path))
