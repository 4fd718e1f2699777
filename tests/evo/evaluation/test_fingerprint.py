"""A processor proves itself: the same known cohort, to the bit, or it does not take part."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from evo.cli.kernels import use_kernels_of
from evo.evaluation.fingerprint import _lived, fingerprint_of_lives, fingerprint_of_search
from evo.evaluation.numerics import VARIABLES, kernels, use_portable_kernels
from evo.evolution.evolve import evolve
from evo.evolution.manifest import check_same_world, manifest
from evo.evolution.run import Run
from evo.experiment.goals import Scores
from evo.search.algorithms import SEARCHES, EvolutionStrategy
from genomes.encodings import GeneExpression
from genomes.errors import InputError
from genomes.topology import layered
from inner_loop.rules import Backprop
from inner_loop.tasks.teacher import Teacher

SMALL = ["teacher", "--serial", "generations=2", "search.population=5", "cohort=3", "lifetime.steps=3"]


def instinct(*words, folder, **variables):
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    asked = subprocess.run(
        [sys.executable, "-m", "evo.cli.main", *words],
        cwd=folder,
        env=clean | variables,
        capture_output=True,
        text=True,
    )
    return asked.returncode, asked.stdout, asked.stderr


def test_the_proof_is_of_the_experiment_and_the_same_every_time(small):
    experiment = small()
    first = fingerprint_of_lives(experiment)
    _lived.cache_clear()
    assert fingerprint_of_lives(replace(experiment)) == first
    other = small(topology=layered(5, 6, 3))
    assert fingerprint_of_lives(other) != first
    assert fingerprint_of_lives(small(task=Teacher(5, 3, hidden=2, measured=16))) != first, "its data count"


def test_the_weights_of_the_known_cohort_matter(small, monkeypatch):
    experiment = small(rule=Backprop(0.1), seed=21)
    first, middle = fingerprint_of_lives(experiment), fingerprint_of_lives(experiment, spread=0.0)
    other = GeneExpression.develop

    def doubled(self, genes, topology, streams):
        born = other(self, genes, topology, streams)
        return replace(born, projections={n: replace(s, weight=2 * s.weight) for n, s in born.projections.items()})

    monkeypatch.setattr(GeneExpression, "develop", doubled)
    _lived.cache_clear()
    assert fingerprint_of_lives(experiment) != first
    assert first != middle


def test_a_run_of_before_is_held_to_the_cohort_that_it_knows(small):
    experiment = small()
    then = manifest(experiment, [])
    assert then["proof"].keys() == {"cohort", "search"}
    old = then | {"proof": {"lives": fingerprint_of_lives(experiment, spread=0.0), "search": then["proof"]["search"]}}
    del old["modules"]
    check_same_world("runs/x", old, experiment)
    old["proof"]["lives"] = then["proof"]["cohort"]
    with pytest.raises(InputError, match="computes other last bits"):
        check_same_world("runs/x", old, experiment)


@pytest.mark.slow
@pytest.mark.parametrize("kind", SEARCHES)
def test_every_search_has_a_proof(kind, small):
    goals = small().goals if kind.__name__ != "FitnessProportional" else Scores(("area",))
    experiment = small(search=kind(), goals=goals)
    assert len(fingerprint_of_search(experiment)) == 64
    assert fingerprint_of_search(experiment) == fingerprint_of_search(experiment)


def test_a_lazy_search_proves_nothing_since_it_would_take_seconds(small, monkeypatch):
    monkeypatch.setattr("evo.search.algorithms.evolution_strategy._HELD", 1)
    assert fingerprint_of_search(small(search=EvolutionStrategy(9))) == ""


@pytest.mark.parametrize("part", ["lives", "cohort", "search"])
def test_a_machine_that_rounds_otherwise_does_not_go_on_with_a_run(part, small):
    experiment = small()
    then = manifest(experiment, [])
    check_same_world("runs/x", then, experiment)
    then["proof"] = then["proof"] | {part: "0" * 64}
    with pytest.raises(InputError, match=r"runs/x: began with native kernels on .*--portable"):
        check_same_world("runs/x", then, experiment)
    del then["proof"]
    check_same_world("runs/x", then, experiment)


@pytest.mark.process
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
        with pytest.raises(InputError, match="began with portable kernels"):
            list(evolve(replace(run.experiment), run.path))


def test_kernels_cannot_be_chosen_once_numpy_is_there(monkeypatch, refused):
    assert kernels() == "native"
    with refused("portable"):
        use_portable_kernels()
    assert kernels() == "native"


def test_a_manifest_that_cannot_be_read_says_nothing_about_kernels(tmp_path):
    for text in ("", "[]", '{"kernels": 3}', "\udcff"):
        (tmp_path / "manifest.json").write_text(text, errors="surrogateescape")
        use_kernels_of(tmp_path)
    use_kernels_of(tmp_path / "nowhere")


@pytest.mark.parametrize("versions", [None, 3, [], "torch"])
def test_a_manifest_of_strange_types_is_a_sentence(versions, small, refused):
    experiment = small()
    then = manifest(experiment, []) | {"versions": versions}
    with refused("manifest.json"):
        check_same_world("runs/x", then, experiment)
    then = {"versions": manifest(experiment, [])["versions"]}
    with pytest.raises(InputError, match="the data of the start of the run"):
        check_same_world("runs/x", then, experiment)


@pytest.mark.process
@pytest.mark.parametrize("where", ["here", "cached", "there"])
def test_a_set_and_a_run_at_a_url_keep_portable_kernels(where, tmp_path):
    run = tmp_path / "kept" / "run"
    made = run / "seed-0" if where == "here" else run
    made.mkdir(parents=True)
    (made / "manifest.json").write_text('{"kernels": "portable"}')
    word = str(run) if where == "here" else f"file://{run}"
    if where == "cached":
        (run / "manifest.json").write_text("{}")
    program = f"""
import sys
from evo.storage.cache import working_folder
from evo.cli.kernels import use_kernels_of
from evo.evaluation.numerics import kernels
if {where == "cached"}:
    here = working_folder({word!r})
    here.mkdir(parents=True)
    (here / "manifest.json").write_text('{{"kernels": "portable"}}')
use_kernels_of({word!r})
print(kernels(), *({{"numpy", "torch"}} & sys.modules.keys()))
"""
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    clean["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    said = subprocess.run([sys.executable, "-c", program], env=clean, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["portable"]


def test_a_link_in_a_set_says_nothing_about_kernels(tmp_path, monkeypatch, refused):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "manifest.json").write_text('{"kernels": "portable"}')
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "seed-0").symlink_to(tmp_path / "other")
    use_kernels_of(tmp_path / "set")
    with refused("portable"):
        use_kernels_of(tmp_path / "other")


@pytest.mark.process
def test_a_portable_set_is_gone_on_with(tmp_path):
    few = [word for word in SMALL if word != "generations=2"]
    code, _, said = instinct(
        "evolve", *few, "generations=1", "--portable", "--seeds", "2", "--run", "set", folder=tmp_path
    )
    assert (code, said) == (0, "")
    code, _, said = instinct("resume", "set", "--serial", "--generations", "2", folder=tmp_path)
    assert (code, said) == (0, "")
