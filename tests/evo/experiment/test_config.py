from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from evo.experiment.config import document, load, read, understood
from evo.experiment.dump import dump, plain_values
from evo.experiment.experiment import Experiment
from evo.experiment.goals import Scores
from evo.search.algorithms.genetic import Genetic
from evo.search.algorithms.random_search import RandomSearch
from evo.search.operators.variation import Variation
from genomes.encodings.gene_expression import GeneExpression
from genomes.errors import InputError
from genomes.evolve import Evolvable, Evolve
from genomes.topology import Group, Topology
from inner_loop.lives.samples import Lifetime
from inner_loop.objectives.cross_entropy import CrossEntropy
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.rules.backprop import Backprop
from inner_loop.tasks.teacher import Teacher

YAML = """
topology:
  groups:
    - {name: senses, size: 6, grid: [2, 3]}
    - {name: hidden, size: 4, activation: tanh}
    - {name: answer, size: 2}
  projections: [senses -> hidden, hidden -> answer]
encoding: {kind: GeneExpression, genes: 2, bits: 6}
rule: {kind: Backprop, learning_rate: {evolve: [1e-3, 1], scale: log, bits: 6, per: projection}, momentum: 0.9}
objective: SquaredError
task: {kind: Teacher, inputs_size: 6, outputs_size: 2}
goals: [innate.explained_variance, -genome_bits]
search: {kind: RandomSearch, population: 8}
lifetime: {steps: 10, batch: 4}
generations: 20
"""

NUMBER = "a finite number or {evolve: [lowest, highest]} or {among: [...]}"


def mistakes(*overrides: str, text: str = YAML) -> list[str]:
    with pytest.raises(InputError) as caught:
        read(text, "x.yaml", overrides)
    return str(caught.value).splitlines()


def test_reads_every_part() -> None:
    expected = Experiment(
        topology=Topology(
            (Group("senses", 6, grid=(2, 3)), Group("hidden", 4, "tanh"), Group("answer", 2)),
            ("senses -> hidden", "hidden -> answer"),
        ),
        encoding=GeneExpression(2, 6),
        rule=Backprop(Evolve((1e-3, 1.0), "log", 6, "projection"), 0.9),
        objective=SquaredError(),
        task=Teacher(6, 2),
        goals=Scores(("innate.explained_variance", "-genome_bits")),
        search=RandomSearch(8),
        lifetime=Lifetime(10, 4),
        generations=20,
    )
    got = read(YAML, "x.yaml")
    assert got == expected
    assert isinstance(got.rule.learning_rate.evolve[1], float), "a whole number where a real one is asked becomes one"


def test_every_mistake_of_a_file_at_once() -> None:
    text = YAML
    for right, wrong in (
        ("population: 8", "populaton: 8"),
        ("genes: 2", "genes: '2'"),
        ("scale: log", "scale: lgo"),
        ("momentum: 0.9", "momentum: .inf"),
        ("steps: 10", "steps: 10.0"),
        ("grid: [2, 3]", "grid: [2, 4]"),
        ("objective: SquaredError\n", ""),
        ("kind: Teacher", "kind: Teecher"),
    ):
        assert right in text
        text = text.replace(right, wrong)
    assert mistakes(text=text) == [
        "x.yaml: topology.groups.senses.grid: expected a grid of 6 places, got [2, 4]",
        "x.yaml: encoding.genes: expected a whole number, got '2'",
        "x.yaml: rule.learning_rate.scale: expected 'linear' or 'log', got 'lgo'; did you mean 'log'?",
        f"x.yaml: rule.momentum: expected {NUMBER}, got Infinity",
        "x.yaml: objective: expected one of CrossEntropy, SquaredError, Homeostasis, WiringCost, Mixture, got nothing",
        "x.yaml: task.kind: no task 'Teecher'; did you mean 'Teacher'? (Digits, Arrays, Teacher, Sinusoid, CopyMemory)",
        "x.yaml: search.populaton: no such key in RandomSearch; did you mean 'population'?",
        "x.yaml: lifetime.steps: expected a whole number, got 10.0",
    ]


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("generations=true", "generations: expected a whole number, got true"),
        ("generations=0", "generations: expected at least 1, got 0"),
        ("lifetime.criterion=false", "lifetime.criterion: expected a finite number, got false"),
        ("lifetime.common=1", "lifetime.common: expected true or false, got 1"),
        ("device=3", "device: expected text, got 3"),
        ("lifetime=", "lifetime: expected a mapping with keys among steps, batch, probes, criterion, births, common, "
                      "got null"),
        ("task.teacher_seed=x", "task.teacher_seed: expected a whole number or null, got 'x'"),
        ("topology.groups={}", "topology.groups: expected a list, got {}"),
        ("topology.groups.1={}", "topology.groups.1.name: expected text, got nothing"),
        ("topology.groups.hiden.size=3", "topology.groups.hiden: no such item; did you mean 'hidden'?"),
        ("topology.groups.answer.size=3", "topology.groups.answer.size: expected 2 units, the outputs of Teacher"),
        ("goals=[gian]", "goals.names: no measurement 'gian'; did you mean 'gain'?"),
        ("goals=3", "goals: expected one of Scores, got 3"),
        ("search={}", "search.kind: expected one of EvolutionStrategy, Genetic"),
        ("search.variation.eta=3", "search.variation: no such key in RandomSearch; choose from population"),
        ("search={kind: Genetic, variation: {eta: -1}}", "search.variation.eta: expected a number above 0, got -1.0"),
        ("encoding=SpatialExpression", None),
        ("rule=Backpro", "rule.kind: no rule 'Backpro'; did you mean 'Backprop'?"),
        ("rule=Frozen", None),
        ("rule.momentum.bits=3", "rule.momentum.bits: rule.momentum is 0.9, which has no parts"),
        ("generations", "expected KEY=VALUE, got 'generations'"),
        ("a..b=1", "expected KEY=VALUE, got 'a..b=1'"),
        ("seed=[1", "seed:1: expected valid YAML"),
        ("sede=1", "sede: no such key in Experiment; did you mean 'seed'?"),
    ],
)  # fmt: skip
def test_a_wrong_override_is_the_command_lines_mistake(override: str, sentence: str | None) -> None:
    if sentence is None:
        assert read(YAML, "x.yaml", [override]) != read(YAML, "x.yaml")
    else:
        assert mistakes(override)[0].startswith(f"command line: {sentence}")


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("search.population={evolve: [2, 8]}", "search.population: expected a constant (only real numbers of encoding"),
        ("lifetime.criterion={evolve: [0, 1]}", "lifetime.criterion: expected a constant"),
        ("encoding.bits={evolve: [2, 8]}", "encoding.bits: expected a constant (only real numbers of encoding, rule, "
                                           "objective evolve, here gain), got"),
        ("rule.momentum={evolve: [1, 0]}", "rule.momentum: expected [lowest, highest] with lowest < highest"),
        ("rule.momentum={evolve: [0, 1], per: types}", "rule.momentum.per: expected individual"),
        ("rule.momentum={evolve: [0]}", "rule.momentum.evolve: expected a list of 2, each a finite number, got [0]"),
        ("rule.momentum={evolv: [0, 1]}", "rule.momentum.evolv: no such key in Evolve; did you mean 'evolve'?"),
        ("rule.momentum=[0, 1]", f"rule.momentum: expected {NUMBER}, got [0, 1]"),
        ("rule.momentum=.nan", f"rule.momentum: expected {NUMBER}, got NaN"),
    ],
)  # fmt: skip
def test_only_real_numbers_of_the_chromosomes_evolve(override: str, sentence: str) -> None:
    assert mistakes(override)[0].startswith(f"command line: {sentence}")


def test_overrides_reach_everything() -> None:
    overrides = ["topology.groups.hidden.size=7", "topology.groups.0.grid=[3, 2]", "goals.names.1=gain", "seed=5"]
    overrides += ["rule.learning_rate.bits=4", "rule.momentum={evolve: [0, 1]}", "search=Genetic"]
    overrides += ["search.variation.eta=2e1", "search.population=6", "objective=CrossEntropy", "device=cpu"]
    got = read(YAML, "x.yaml", overrides)
    assert got.topology.group("hidden").size == 7
    assert got.topology.sensory.grid == (3, 2)
    assert got.goals == Scores(("innate.explained_variance", "gain"))
    assert got.rule == Backprop(Evolve((1e-3, 1.0), "log", 4, "projection"), Evolve((0.0, 1.0)))
    assert got.search == Genetic(6, variation=Variation(eta=20.0))
    assert (got.seed, got.objective) == (5, CrossEntropy())


def test_goals_and_search_that_do_not_fit_together() -> None:
    assert mistakes("goals=[gain]", "search=NSGA2") == [
        "command line: search: expected at least two goals, got 1",
    ]


def test_the_file_is_found_by_path_or_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(YAML)
    assert load("mine.yaml") == load(tmp_path / "mine.yaml", ["seed=0"]) == read(YAML, "x.yaml")
    assert load("teacher", ["generations=7"]).generations == 7
    (tmp_path / "latin.yaml").write_bytes(b"device: \xe9")
    (tmp_path / "list.yaml").write_text("- 1")
    for name, sentence in {
        "teachr": "teachr: no such file, and no shipped config of that name; did you mean 'teacher'?",
        "teacher.yaml": "teacher.yaml: no such file; 'teacher' is shipped",
        "there/none.yaml": "there/none.yaml: no such file",
        ".": ".: expected a config, got a folder",
        "latin.yaml": "latin.yaml: expected UTF-8 text, got byte 0xe9",
        "list.yaml": "list.yaml: expected a mapping with keys such as topology and task, got [1]",
    }.items():
        with pytest.raises(InputError) as caught:
            load(name)
        assert str(caught.value) == sentence


def test_a_sweep_is_a_set_and_no_experiment(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(YAML + "sweep: {encoding.genes: [3, 5]}")
    for overrides in ([], ["sweep.encoding.bits=[3]"], ["seed=4"]):
        with pytest.raises(InputError, match=r"^x.yaml: sweep: expected one experiment, got a set of them; sweep=null"):
            load(tmp_path / "x.yaml", overrides)
    assert load(tmp_path / "x.yaml", ["sweep=null"]) == read(YAML, "x.yaml")
    assert document(tmp_path / "x.yaml")[0] == "x.yaml"
    assert document(tmp_path / "x.yaml")[1]["sweep"] == {"encoding.genes": [3, 5]}


def test_whose_mistake_a_value_is() -> None:
    data = document("teacher")[1]
    swept = {"encoding.genes": (0, False), "lifetime.steps": (-1, True)}
    with pytest.raises(InputError) as caught:
        understood(data, "x.yaml", ["encoding.bits=x", "lifetime.batch=4"], swept=swept)
    assert sorted(str(caught.value).splitlines()) == [
        "command line: encoding.bits: expected a whole number, got 'x'",
        "command line: sweep.lifetime.steps: expected at least 0, got -1",
        "x.yaml: sweep.encoding.genes: expected at least 1, got 0",
    ]
    with pytest.raises(InputError, match=r"^x.yaml: sweep.encoding.genes: expected at least 1"):
        understood(data, "x.yaml", swept=swept | {"lifetime.steps": (3, True)})


STRANGER = """
from __future__ import annotations
from dataclasses import dataclass
from typing import TYPE_CHECKING
from inner_loop.rules.frozen import Frozen
from inner_loop.rule import LearningRule
if TYPE_CHECKING:
    from decimal import Decimal

class Methods(LearningRule):
    def init(self, network, newborn, weights, streams):
        return ()

    def step(self, network, weights, state, lived, newborn):
        return weights, state

@dataclass(frozen=True)
class Good(Methods):
    powers: tuple[int, ...] = (1, 2)
    share: float | None = None

@dataclass(frozen=True)
class Hidden(Methods):
    exact: Decimal = 1

@dataclass(frozen=True)
class Listed(Methods):
    powers: list[int] = 3

@dataclass(frozen=True)
class Odd(Methods):
    other: object.__class__ | Methods = 3

@dataclass(frozen=True)
class Picky(Methods):
    def __post_init__(self):
        raise ValueError("never: pleased")
"""


def test_a_strangers_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "their_rules.py").write_text(STRANGER)
    monkeypatch.syspath_prepend(tmp_path)
    own = ["rule={kind: 'their_rules:Good', powers: [3], share: 0.5}"]
    got = read(YAML, "x.yaml", own)
    assert got.rule.powers == (3,)
    text = dump(got)
    assert read(text, "x.yaml", allow_code=True) == got
    assert mistakes(text=text)[0].startswith("x.yaml: rule.kind: 'their_rules:Good' is code")
    assert mistakes("rule.share=1", text=text)[0].endswith("allow_code=True)"), (
        "the file's class, not the command line's"
    )
    for override, sentence in {
        "rule='their_rules:Hidden'": "rule: Hidden: expected types that are imported at run time, but name 'Decimal'",
        "rule={kind: 'their_rules:Listed', powers: [1]}": "rule: expected a tuple in place of every list in Listed",
        "rule={kind: 'their_rules:Good', powers: [1.5]}": "rule.powers: expected a list, each a whole number",
        "rule={kind: 'their_rules:Odd', other: 1}": "rule.other: expected no value, since a config cannot hold",
        "rule='their_rules:Picky'": "rule: never: pleased",
    }.items():
        assert mistakes(override)[0].startswith(f"command line: {sentence}"), override


@dataclass(frozen=True)
class Greedy(RandomSearch.__base__):  # type: ignore[misc,name-defined]
    """A search with a number that cannot be read from a genome."""

    greed: Evolvable = 1.0
    lives = 2

    def check(self, *given: Any) -> None: ...

    begin = ask = tell = check


def test_a_strangers_evolvable_outside_the_genome_stays_constant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "greedy", __import__("types").SimpleNamespace(Greedy=Greedy))
    assert read(YAML, "x.yaml", ["search={kind: 'greedy:Greedy', greed: 2}"]).search == Greedy(2.0)
    (sentence,) = mistakes("search={kind: 'greedy:Greedy', greed: {evolve: [0, 1]}}")
    assert sentence.startswith("command line: search.greed: expected a constant (only real numbers of encoding, rule,")


def test_what_is_dumped_hides_no_default() -> None:
    experiment = read(YAML, "x.yaml")
    assert understood(plain_values(experiment), "x.yaml") == experiment
    text = dump(experiment)
    for line in ("interactions: projection", "momentum: 0.9", "probes: 2", "seed: 0", "cohort: 32", "device: cpu"):
        assert line in text


def test_a_sentence_does_not_repeat_a_long_text() -> None:
    for sentence in mistakes(f"rule={'a' * 5000}", f"topology.groups.hidden.activation={'b' * 5000}"):
        assert "; choose from " in sentence
        assert len(sentence) < 1300
