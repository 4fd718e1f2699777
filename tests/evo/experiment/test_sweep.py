import json
from dataclasses import replace
from pathlib import Path

import pytest

from evo.evolution.evolve import next_free
from evo.evolution.run import Run
from evo.evolution.run_set import new_set
from evo.experiment.config import load, read
from evo.experiment.sweep import Member, members, tails
from evo.storage.run_set import SET, runs_of
from genomes.errors import InputError

CONFIG = """
topology:
  groups:
    - {name: senses, size: 6}
    - {name: hidden, size: 4, activation: tanh}
    - {name: answer, size: 2}
  projections: [senses -> hidden, hidden -> answer]
encoding: {kind: GeneExpression, genes: 2, bits: 6}
rule: {kind: Backprop, learning_rate: 0.1, momentum: 0.9}
objective: SquaredError
task: {kind: Teacher, inputs_size: 6, outputs_size: 2}
goals: [innate.explained_variance]
search: {kind: RandomSearch, population: 8}
lifetime: {steps: 10, batch: 4}
generations: 20
seed: 3
"""
SWEEP = """
sweep:
  encoding.genes: [3, 5]
  topology.groups.hidden.size: [16, 32]
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def config(sweep: str = "") -> str:
    Path("x.yaml").write_text(CONFIG + sweep)
    return "x.yaml"


def names(sweep: str = "", *overrides: str, seeds: int | None = None) -> list[str]:
    return [member.name for member in members(config(sweep), overrides, seeds)]


def mistakes(sweep: str, *overrides: str, seeds: int | None = None, allow_code: bool = False) -> list[str]:
    with pytest.raises(InputError) as caught:
        members(config(sweep), overrides, seeds, allow_code)
    return str(caught.value).splitlines()


def test_every_combination_with_every_seed_in_the_order_of_the_file() -> None:
    made = members(config(SWEEP), ["generations=7"], seeds=2)
    assert [member.name for member in made] == [
        f"genes-{genes}_size-{size}_seed-{seed}" for genes in (3, 5) for size in (16, 32) for seed in (3, 4)
    ]
    for member in made:
        genes, size, seed = (int(part.partition("-")[2]) for part in member.name.split("_"))
        own = member.experiment
        assert (own.encoding.genes, own.topology.group("hidden").size, own.seed) == (genes, size, seed)
        assert own.generations == 7
        assert load("x.yaml", member.overrides) == own


def test_a_plain_config_is_a_set_of_one() -> None:
    assert members(config()) == [Member("seed-3", ("seed=3",), load("x.yaml"))]
    assert names("", "seed=8", seeds=3) == ["seed-8", "seed-9", "seed-10"]


@pytest.mark.parametrize(
    ("sweep", "got"),
    [
        ("{seed: [4, 9]}", ["seed-4", "seed-9"]),
        ("{rule: [Frozen, {kind: Backprop, learning_rate: 1}]}", ["rule-Frozen_seed-3", "rule-Backprop_seed-3"]),
        ("{rule.momentum: [{evolve: [0, 1], scale: linear, bits: 3, per: individual}, {evolve: [0, 0.5]}]}",
         ["momentum-no1_seed-3", "momentum-evolve-0-0.5_seed-3"]),
        ("{rule: [{kind: Backprop, learning_rate: 1}, {kind: Backprop, learning_rate: 2}]}",
         ["rule-no1_seed-3", "rule-no2_seed-3"]),
        ("{task.teacher_seed: [null, 1]}", ["teacher-seed-null_seed-3", "teacher-seed-1_seed-3"]),
        ("{rule.learning_rate: [1e-3]}", ["learning-rate-0.001_seed-3"]),
        ("{goals: [[innate.explained_variance, -genome_bits]]}",
         ["goals-no1_seed-3"]),
    ],
)  # fmt: skip
def test_names_are_short_and_safe_for_a_folder(sweep: str, got: list[str]) -> None:
    assert names(f"sweep: {sweep}") == got


def test_keys_whose_last_parts_collide_are_named_by_more() -> None:
    assert tails([["a", "b", "size"], ["a", "c", "size"], ["d", "bits"]]) == [["b", "size"], ["c", "size"], ["bits"]]
    assert tails([["x"], ["y", "x"]]) == [["x"], ["y", "x"]]
    own = "rule.learning_rate={evolve: [1e-3, 1]}"
    got = names("sweep: {encoding.bits: [4], rule.learning_rate.bits: [5]}", own)
    assert got == ["encoding.bits-4_learning-rate.bits-5_seed-3"]


@pytest.mark.parametrize(
    ("sweep", "sentence"),
    [
        ("{encoding.gens: [3]}", "sweep.encoding.gens: no such key in GeneExpression; did you mean 'genes'?"),
        ("{encoding.genes: [3, x]}", "sweep.encoding.genes: expected a whole number, got 'x'"),
        ("{encoding.genes: []}", "sweep.encoding.genes: expected a list of values, got []"),
        ("{encoding.genes: 3}", "sweep.encoding.genes: expected a list of values, got 3"),
        ("{encoding: {genes: [3]}}", 'sweep.encoding: expected a list of values, got {"genes": [3]}'),
        ("{encoding.genes: [3, 4, 3]}", "sweep.encoding.genes: expected each value once, got 3 again"),
        ("{rule.momentum: [0, 0.0]}", "sweep: expected experiments that differ, got ['momentum-0_seed-3', "
                                      "'momentum-0.0_seed-3']"),
        ("{topology.groups.hiden.size: [3]}", "sweep.topology.groups.hiden: no such item; did you mean 'hidden'?"),
        ("{sweep: [3]}", "sweep.sweep: no such key in Experiment; did you mean 'seed'?"),
        ("{encoding..genes: [3]}", "sweep.encoding..genes: expected the dotted key of a config"),
        ("{goals: [[gian]]}", "sweep.goals.names: no measurement 'gian'; did you mean 'gain'?"),
        ("{topology.groups.hidden.size: [5], task.inputs_size: [6, 7]}",
         "topology.groups.senses.size: expected 7 units, the inputs of Teacher, got 6"),
        ("[3]", "sweep: expected a mapping of dotted keys to lists of values, got [3]"),
        ("{}", "sweep: expected a mapping of dotted keys to lists of values, got {}"),
        (f"{{seed: {[*range(1001)]}}}", "expected at most 1,000 runs in a set, got 1001"),
    ],
)  # fmt: skip
def test_every_mistake_is_a_sentence_before_anything_runs(sweep: str, sentence: str) -> None:
    assert mistakes(f"sweep: {sweep}") == [f"x.yaml: {sentence}"]


def test_every_member_is_tried_and_every_mistake_told_once() -> None:
    told = mistakes("sweep: {encoding.genes: [x, 2, y], lifetime.steps: [-1, 3]}")
    assert sorted(told) == [
        "x.yaml: sweep.encoding.genes: expected a whole number, got 'x'",
        "x.yaml: sweep.encoding.genes: expected a whole number, got 'y'",
        "x.yaml: sweep.lifetime.steps: expected at least 0, got -1",
    ]


def test_the_command_line_sweeps_too() -> None:
    assert names("", "sweep.encoding.genes=[3, 5]") == ["genes-3_seed-3", "genes-5_seed-3"]
    assert names(SWEEP, "sweep.encoding.genes=[9]", "sweep.topology.groups.hidden.size=[7]") == [
        "genes-9_size-7_seed-3"
    ]
    assert names(SWEEP, "sweep=null", "encoding.genes=9") == ["seed-3"]
    (sentence,) = mistakes(SWEEP, "encoding.genes=9")
    assert sentence == (
        "x.yaml: sweep.encoding.genes: expected no override of what is swept, got encoding.genes=...; "
        "sweep.encoding.genes=[...] sweeps other values"
    )
    assert mistakes("", "sweep.encoding.gens=[3]")[0].startswith("command line: sweep.encoding.gens: no such key")
    assert mistakes("", "sweep={encoding.genes: [3]}")[0].startswith("command line: sweep: expected null")
    assert mistakes("", seeds=0) == ["--seeds: expected at least 1, got 0"]
    assert mistakes("sweep: {seed: [1]}", seeds=2) == ["--seeds: expected no sweep.seed beside it, got 2"]


STRANGER = """
from dataclasses import dataclass, replace
from inner_loop.rule import LearningRule

@dataclass(frozen=True)
class Good(LearningRule):
    def init(self, network, newborn, weights, streams):
        return ()

    def step(self, network, weights, state, lived, newborn):
        return weights, state
"""


@pytest.mark.parametrize("key", ["rule", "rule.kind"])
def test_code_that_a_files_sweep_names_needs_leave(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "swept_rules.py").write_text(STRANGER)
    monkeypatch.syspath_prepend(tmp_path)
    sweep = f"sweep: {{{key}: ['swept_rules:Good']}}"
    config(sweep)
    changed = CONFIG.replace(", learning_rate: 0.1, momentum: 0.9", "")
    Path("x.yaml").write_text(changed + sweep)
    overrides: list[str] = [] if key == "rule" else ["rule=Frozen"]
    with pytest.raises(InputError, match=r"^x.yaml: sweep.rule.kind: 'swept_rules:Good' is code"):
        members("x.yaml", overrides)
    (allowed,) = members("x.yaml", overrides, allow_code=True)
    Path("x.yaml").write_text(changed)
    (own,) = members("x.yaml", [f"sweep.{key}=['swept_rules:Good']", *overrides])
    assert type(own.experiment.rule) is type(allowed.experiment.rule)
    assert type(own.experiment.rule).__name__ == "Good"


def test_one_experiment_is_no_set() -> None:
    with pytest.raises(InputError, match=r"^x.yaml: sweep: expected one experiment, got a set of them; sweep=null"):
        load(config(SWEEP))
    assert load("x.yaml", ["sweep=null"]) == read(CONFIG, "x.yaml")


@pytest.mark.slow
def test_a_set_lies_in_one_folder() -> None:
    made = members(config(SWEEP), seeds=2)
    place = next_free("x")
    assert place == Path("runs/x-001")
    paths = new_set(made, place, ["evolve", "x.yaml"])
    assert next_free("x") == Path("runs/x-002")
    assert paths == runs_of(place) == [place / member.name for member in made]
    for path, member in zip(paths, made, strict=True):
        assert Run(path).experiment == replace(member.experiment, engine="torch")
        assert "sweep" not in Run(path).folder.experiment_yaml
        assert Run(path).folder.manifest["command"].startswith("instinct evolve x.yaml sweep=null encoding.genes=")
    assert runs_of(paths[3]) == [paths[3]]
    with pytest.raises(InputError, match="expected a new or empty folder for a set"):
        new_set(made, place, [])


def test_what_is_neither_run_nor_set() -> None:
    def sentence(path: str) -> str:
        with pytest.raises(InputError) as caught:
            runs_of(Path(path))
        return str(caught.value)

    Path("a").mkdir()
    assert (
        sentence("a")
        == f"a: expected a run folder or the folder of a set, got a folder without manifest.json and {SET}"
    )
    assert sentence("b").endswith("got nothing there")
    for content in ("{", "[]", "{}", '{"format": 1, "members": 3}'):
        Path("a", SET).write_text(content)
        assert sentence("a").startswith(f"a/{SET}: expected a format and the members of a set")
    for unsafe in ([], ["../b"], [".."], [3], [""]):
        Path("a", SET).write_text(json.dumps({"format": 1, "members": unsafe}))
        assert sentence("a") == f"a/{SET}: expected names of folders in the same folder, got {unsafe}"
    Path("a", SET).write_text(json.dumps({"format": 2, "members": ["b"]}))
    assert sentence("a") == "a: expected a set in format 1, got 2"
