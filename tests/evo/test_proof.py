"""A processor proves itself: the same known cohort, to the bit, or it does not take part."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from evo import numerics
from evo.goals import Scores
from evo.manifest import check_same_world, manifest
from evo.numerics import VARIABLES, kernels, use_portable_kernels
from evo.proof import proof_of_lives, proof_of_search
from evo.run import Run
from evo.search import SEARCHES, EvolutionStrategy
from evo.session import evolve
from genomes.expect import Unexpected
from genomes.topology import layered
from inner_loop.tasks.teacher import Teacher

SMALL = ["teacher", "--serial", "generations=2", "search.population=5", "cohort=3", "lifetime.steps=3"]


def instinct(*words, folder, **variables):
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    asked = subprocess.run(
        [sys.executable, "-m", "evo.cli", *words], cwd=folder, env=clean | variables, capture_output=True, text=True
    )
    return asked.returncode, asked.stdout, asked.stderr


def test_the_proof_is_of_the_experiment_and_the_same_every_time(small):
    experiment = small()
    first = proof_of_lives(experiment)
    proof_of_lives.cache_clear()
    assert proof_of_lives(replace(experiment)) == first
    other = small(topology=layered(5, 6, 3))
    assert proof_of_lives(other) != first
    assert proof_of_lives(small(task=Teacher(5, 3, hidden=2, measured=16))) != first, "its data count"


@pytest.mark.parametrize("kind", SEARCHES)
def test_every_search_has_a_proof(kind, small):
    goals = small().goals if kind.__name__ != "FitnessProportional" else Scores(("area",))
    experiment = small(search=kind(), goals=goals)
    assert len(proof_of_search(experiment)) == 64
    assert proof_of_search(experiment) == proof_of_search(experiment)


def test_a_lazy_search_proves_nothing_since_it_would_take_seconds(small, monkeypatch):
    monkeypatch.setattr("evo.search.evolution_strategy._HELD", 1)
    assert proof_of_search(small(search=EvolutionStrategy(9))) == ""


@pytest.mark.parametrize("part", ["lives", "search"])
def test_a_machine_that_rounds_otherwise_does_not_go_on_with_a_run(part, small):
    experiment = small()
    then = manifest(experiment, [])
    check_same_world("runs/x", then, experiment)
    then["proof"] = then["proof"] | {part: "0" * 64}
    with pytest.raises(Unexpected, match=r"runs/x: began with native kernels on .*--portable"):
        check_same_world("runs/x", then, experiment)
    del then["proof"]
    check_same_world("runs/x", then, experiment)


def test_portable_kernels_are_kept_by_a_run_and_its_resumes(tmp_path):
    code, _, said = instinct("evolve", *SMALL, "--portable", "--run", "run", folder=tmp_path)
    assert (code, said) == (0, "")
    made = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert (made["kernels"], made["instructions"]) == ("portable", "DEFAULT")
    code, _, said = instinct("resume", "run", "--serial", "--generations", "3", folder=tmp_path)
    assert (code, said) == (0, "")
    run = Run(tmp_path / "run")
    assert len(run.generations) == 3
    if manifest(run.experiment, [])["proof"] != made["proof"]:  # not on a processor that has these kernels alone
        with pytest.raises(Unexpected, match="began with portable kernels"):
            list(evolve(replace(run.experiment), run.path))


def test_kernels_cannot_be_chosen_once_numpy_is_there(monkeypatch):
    assert kernels() == "native"
    with pytest.raises(Unexpected, match="portable: expected to be asked before numpy and torch"):
        use_portable_kernels()
    assert kernels() == "native"


def test_a_manifest_that_cannot_be_read_says_nothing_about_kernels(tmp_path):
    for text in ("", "[]", '{"kernels": 3}', "\udcff"):
        (tmp_path / "manifest.json").write_text(text, errors="surrogateescape")
        numerics.use_kernels_of(tmp_path)
    numerics.use_kernels_of(tmp_path / "nowhere")


@pytest.mark.parametrize("versions", [None, 3, [], "torch"])
def test_a_manifest_of_strange_types_is_a_sentence(versions, small):
    experiment = small()
    then = manifest(experiment, []) | {"versions": versions}
    with pytest.raises(Unexpected, match=r"manifest\.json: expected versions by package"):
        check_same_world("runs/x", then, experiment)
    then = {"versions": manifest(experiment, [])["versions"]}
    with pytest.raises(Unexpected, match="the data that the run began with"):
        check_same_world("runs/x", then, experiment)
