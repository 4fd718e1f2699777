"""Experiments in worlds: read and written, refused in sentences, evaluated, evolved to the bit, summed up and drawn."""

import json
import signal
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from rich.console import Console

from evo.cli.main import main
from evo.cli.run_progress import Progress
from evo.distribution import dispatcher
from evo.distribution.executor import Serial
from evo.distribution.ray_executor import OnRay
from evo.evaluation.cohort import SELECTION, Assay, Cohort
from evo.evaluation.evaluate import evaluate
from evo.evolution.evolve import evolve
from evo.evolution.result import result
from evo.evolution.run import Run
from evo.experiment.config import read
from evo.experiment.dump import dump
from evo.experiment.experiment import Experiment, measurement_names
from evo.experiment.goals import Scores
from evo.search.algorithms import EvolutionStrategy, RandomSearch
from genomes.encodings import Direct, RandomWiring
from genomes.errors import InputError
from genomes.evolve import Evolve
from genomes.streams import SHARED, derive
from genomes.topology import Group, Topology, layered
from inner_loop.life import CONDITIONS
from inner_loop.lives.episodes import EpisodicLifetime, live_in
from inner_loop.lives.samples import Lifetime
from inner_loop.module import PhenotypeModule
from inner_loop.objectives import SquaredError
from inner_loop.rule import LearningRule
from inner_loop.rules import Backprop, Frozen, Hebbian
from inner_loop.world import Discrete, Moment, World
from inner_loop.worlds.cart_pole import CartPole

YAML = """
topology:
  groups:
    - {name: senses, size: 4}
    - {name: hidden, size: 3, activation: tanh, types: 2, leak: {evolve: [0.1, 1], scale: log, bits: 3, per: types}}
    - {name: action, size: 2, leak: {evolve: [0.5, 1], bits: 2}}
  projections: [senses -> hidden, hidden -> hidden, hidden -> action]
encoding: {kind: RandomWiring, gain: {evolve: [0.1, 3], bits: 4}}
rule: {kind: Hebbian, learning_rate: {evolve: [0.01, 1], scale: log, per: synapse, shared: 3}}
world: {kind: CartPole, longest: 12, force: 30, reversed: random}
held_out:
  long pole: {pole_length: 1.0}
  swapped: {reversed: always, force: 5}
goals: [innate_plastic.return, -learned.return]
search: {kind: RandomSearch, population: 6}
lifetime: {episodes: 2, exams: 2, births: 2, measured: [innate, innate_plastic, learned], common: false}
generations: 2
cohort: 4
"""
TASK = """
topology: {groups: [{name: senses, size: 5}, {name: answer, size: 3}], projections: [senses -> answer]}
encoding: Direct
rule: Backprop
objective: SquaredError
task: {kind: Teacher, inputs_size: 5, outputs_size: 3}
goals: [gain]
search: {kind: RandomSearch, population: 6}
"""
EXPERIMENT = read(YAML, "pole.yaml")


def with_(**changes):
    return replace(EXPERIMENT, **changes)


def mistakes(*overrides, text=YAML):
    with pytest.raises(InputError) as caught:
        read(text, "x.yaml", overrides)
    return str(caught.value).splitlines()


def test_reads_every_part():
    groups = (
        Group("senses", 4),
        Group("hidden", 3, "tanh", types=2, leak=Evolve((0.1, 1.0), "log", 3, "types")),
        Group("action", 2, leak=Evolve((0.5, 1.0), bits=2)),
    )
    world = CartPole(longest=12, force=30.0, reversed="random")
    assert (
        Experiment(
            topology=Topology(groups, ("senses -> hidden", "hidden -> hidden", "hidden -> action")),
            encoding=RandomWiring(Evolve((0.1, 3.0), bits=4)),
            rule=Hebbian(Evolve((0.01, 1.0), "log", per="synapse", shared=3)),
            world=world,
            held_out=(
                ("long pole", replace(world, pole_length=1.0)),
                ("swapped", replace(world, reversed="always", force=5.0)),
            ),
            goals=Scores(("innate_plastic.return", "-learned.return")),
            search=RandomSearch(6),
            lifetime=EpisodicLifetime(2, 2, ("innate", "innate_plastic", "learned"), births=2, common=False),
            generations=2,
            cohort=4,
        )
        == EXPERIMENT
    )
    assert (
        read(
            YAML.replace("world: {kind: CartPole, longest: 12, force: 30, reversed: random}", "world: CartPole"), "x"
        ).world
        == CartPole()
    )


def test_what_is_dumped_is_read_back():
    text = dump(EXPERIMENT)
    assert read(text, "x.yaml") == EXPERIMENT
    for part in ("leak:", "shared: 3", "learned", "long pole: {kind: CartPole, pole_length: 1.0", "persist: true"):
        assert part in text
    assert "task" not in text
    assert "objective" not in text
    assert read(dump(with_(held_out=())), "x.yaml") == with_(held_out=())
    longer = read(text, "x.yaml", ["held_out.long pole.pole_length=2"])
    assert dict(longer.held_out)["long pole"].pole_length == 2.0
    assert dict(longer.held_out)["swapped"] == dict(EXPERIMENT.held_out)["swapped"]


def test_the_genome_has_leaks_and_shared_numbers():
    fields = {field.name: field.size for field in EXPERIMENT.genome.spec.fields}
    assert fields == {
        "encoding.gain": 1, "encoding.leak.hidden": 2, "encoding.leak.action": 1, "rule.learning_rate": 3,
    }  # fmt: skip
    assert EXPERIMENT.genome.spec.bits == 4 + 2 * 3 + 2 + 3 * 6


NO_TARGETS = "rule: expected a rule that needs no targets: CartPole has none, got"
HOME = YAML[: YAML.index("held_out")] + YAML[YAML.index("goals") :]


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("task=Teacher", "task: expected a task, a world or a target, one of them, got 'task and world'"),
        ("world.kind=CartPol", "world.kind: no world 'CartPol'; did you mean 'CartPole'? (CartPole, "),
        ("world.pole_lenght=1", "world.pole_lenght: no such key in CartPole; did you mean 'pole_length'?"),
        ("world.force=0", "world.force: expected a finite number above 0, got 0.0"),
        ("topology.groups.senses.size=5", "topology.groups.senses.size: expected 4 units, the inputs of CartPole"),
        ("topology.groups.action.size=3", "topology.groups.action.size: expected 2 units, the outputs of CartPole"),
        ("rule={kind: Hebbian, taught: true}", f"{NO_TARGETS} 'Hebbian'"),
        ("rule=Backprop", f"{NO_TARGETS} 'Backprop'"),
        ("goals=[innate_memory.return]", "goals.names: no measurement 'innate_memory.return'; did you mean "),
        ("goals=[innate.accuracy]", "goals.names: no measurement 'innate.accuracy'; "),
        ("lifetime.steps=3", "lifetime.steps: no such key in EpisodicLifetime; "),
        ("lifetime.probes=3", "lifetime.probes: no such key in EpisodicLifetime; "),
        ("lifetime.measured=[inate]", "lifetime.measured: expected a list, each 'innate' or 'innate_memory' or "),
        ("lifetime.measured=[learned]", "goals.names: no measurement 'innate_plastic.return'; "),
        ("lifetime.episodes=-1", "lifetime.episodes: expected at least 0, got -1"),
        ("lifetime.feedback=true", "topology.groups.senses.size: expected 7 units, the inputs and the feedback of "),
        ("topology.groups.hidden.leak=2", "topology.groups.hidden.leak: expected above 0, at most 1, got [2.0]"),
        ("topology.groups.hidden.leak={evolve: [0, 1]}", "topology.groups.hidden.leak: expected above 0, at most 1"),
        ("topology.groups.action.leak.per=synapse", "topology.groups.action.leak.per: expected individual or "),
        ("rule.learning_rate.shared=0", "rule.learning_rate.shared: expected at least 1 number, with per: "),
    ],
)  # fmt: skip
def test_every_mistake_is_a_sentence(override, sentence):
    (said,) = mistakes(override, text=HOME)
    assert said.partition(": ")[2].startswith(sentence)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("held_out.long pole.pole_lenght=2", "held_out.long pole.pole_lenght: no such key in CartPole; did"),
        ("held_out.swapped.force=0", "held_out.swapped.force: expected a finite number above 0, got 0.0"),
        ("held_out.swapped.reversed=allways", "held_out.swapped.reversed: expected 'never' or 'always' or "),
        ("held_out={a.b: {force: 1}}", "held_out: expected names without '.', got 'a.b'"),
        ("held_out.x=3", "held_out.x: expected a mapping of what differs from the world, got 3"),
        ("held_out=3", "held_out: expected a mapping of names to what differs from the world, got 3"),
    ],
)  # fmt: skip
def test_a_held_out_world_that_cannot_be_is_told_by_its_name(override, sentence):
    (said,) = mistakes(override)
    assert said.startswith(f"command line: {sentence}")


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("lifetime.episodes=3", "lifetime.episodes: no such key in Lifetime; "),
        ("topology.projections=[senses -> answer, answer -> answer]", "topology: expected no memory: samples of "),
        ("topology.groups.answer.leak=0.5", "topology: expected no memory: samples of "),
        ("held_out={far: {}}", "held_out: expected "),
        ("goals=[learned_plastic.explained_variance]", "goals.names: no measurement "),
    ],
)  # fmt: skip
def test_what_only_worlds_have_is_refused_in_tasks(override, sentence):
    (said,) = mistakes(override, text=TASK)
    assert said.partition(": ")[2].startswith(sentence)


def test_neither_task_nor_world_is_told():
    said = mistakes(text=TASK.replace("task: {kind: Teacher, inputs_size: 5, outputs_size: 3}\n", ""))
    assert any(line.startswith("x.yaml: task: expected ") and line.endswith("got nothing") for line in said)


@dataclass(frozen=True)
class Echo(World):
    """Two inputs, one of them on; a teacher says which, a reward too."""

    inputs, actions, steps, teaches = 2, Discrete(2), 3, True

    def reset(self, streams, episodes, life):
        on = torch.nn.functional.one_hot(streams.stream("on").integers(2, episodes), 2).mT.float()
        return (on, 0), self._moment(on, torch.zeros_like(on[:, 0]), 0)

    def step(self, state, actions):
        on, time = state
        return (on, time + 1), self._moment(
            on.expand(len(actions), -1, -1), (on.argmax(1) == actions).float(), time + 1
        )

    def _moment(self, on, reward, time):
        over = torch.full_like(reward, time >= 3, dtype=torch.bool)
        return Moment(on, reward, torch.zeros_like(over), over, target=on)


@dataclass(frozen=True)
class Greedy(LearningRule[tuple[()]]):
    """Asks for a reward."""

    teacher = "reward"

    def init(self, network, newborn, weights, streams):
        return ()

    def step(self, network, weights, state, lived, newborn):
        return weights, state


def echo(**changes):
    parts = {
        "topology": layered(2, 3, 2),
        "world": Echo(),
        "rule": Frozen(),
        "encoding": Direct(bits=4),
        "held_out": (),
    }
    return with_(**{**parts, **changes})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"world": None}, "task: expected a task, a world or a target, one of them, got 'neither'"),
        ({"lifetime": Lifetime()}, "lifetime: expected lives in a world, got 'Lifetime'"),
        ({"rule": Backprop()}, "objective: expected what Backprop is to make small, got None"),
        ({"held_out": (("pole", CartPole()),)}, "held_out.pole: expected the world's own sizes, got (4, 2)"),
        ({"held_out": (("", Echo()),)}, "held_out: expected names without '.', got ''"),
    ],
)
def test_parts_that_do_not_fit_are_told_apart(changes, sentence):
    with pytest.raises(InputError) as caught:
        echo(**changes)
    assert str(caught.value) == sentence


def test_a_rule_that_goes_back_through_one_moment_is_refused_in_a_network_with_memory():
    groups = (Group("in", 2), Group("out", 2, leak=0.5))
    with pytest.raises(InputError, match="memory"):
        echo(rule=Backprop(), objective=SquaredError(), topology=Topology(groups, ("in -> out",)))
    assert echo(rule=Backprop(), objective=SquaredError()).main == "return"


def test_a_rule_that_needs_a_reward_lives_in_a_world(small, refused):
    assert echo(rule=Greedy())
    with pytest.raises(InputError) as caught:
        small(rule=Greedy())
    assert str(caught.value) == "rule: expected a rule that needs no reward: Teacher has none, got 'Greedy'"
    with refused("lifetime"):
        small(lifetime=EpisodicLifetime())


def rows(measurements, chosen):
    return {name: measured[chosen] for name, measured in measurements.items()}


@pytest.mark.slow
@pytest.mark.parametrize("common", [True, False])
@pytest.mark.parametrize("split", ["selection", "test"])
def test_births_side_by_side_are_births_one_after_the_other(founded, common, split):
    lifetime = replace(EXPERIMENT.lifetime, births=3, common=common)
    experiment = with_(lifetime=lifetime)
    cohort, by_hand = founded(experiment, 3), []
    if split == "test":
        lifetime = replace(lifetime, measured=CONDITIONS)
    for replicate in range(3):
        newborn = experiment.birth(cohort.levels, derive(0, "birth", 0, cohort.slots.tolist(), replicate))
        streams = derive(0, "life", 0, SHARED if common else cohort.slots.tolist(), replicate)
        away = experiment.held_out if split == "test" else ()
        by_hand.append(live_in(newborn, experiment.rule, None, experiment.world, lifetime, streams, split, away))
    measured = evaluate(experiment, cohort, Assay(split)).measurements
    assert measured.keys() - by_hand[0].keys() == {"genome_bits", "wiring_bits"}
    for name in by_hand[0]:
        assert np.allclose(measured[name], np.mean([life[name] for life in by_hand], axis=0)[:3], rtol=1e-6), name
    assert not np.allclose(by_hand[0]["innate.return"], by_hand[1]["innate.return"]), "births differ"
    assert (measured["curve"].shape, measured["genome_bits"].tolist()) == ((3, 2), [30.0] * 3)


@pytest.mark.slow
def test_a_generation_is_measured_as_configured_and_a_result_in_everything(founded):
    cohort = founded(EXPERIMENT)
    selection, test = (evaluate(EXPERIMENT, cohort, Assay(split)).measurements for split in ("selection", "test"))
    assert set(selection) - {"curve"} == set(measurement_names(EXPERIMENT))
    everywhere = {f"{c}.return" for c in CONDITIONS}
    away = {f"held_out.{n}.{c}.return" for n in ("long pole", "swapped") for c in (*CONDITIONS, "learned_there")}
    assert set(test) - set(selection) == (everywhere | away) - set(selection)
    assert np.array_equal(test["curve"], selection["curve"]), "the same life"
    assert not np.array_equal(test["innate.return"], selection["innate.return"]), "another examination"


@pytest.mark.slow
def test_without_learning_birth_is_measured_the_same(founded):
    cohort = founded(EXPERIMENT)
    lived, innate = (evaluate(EXPERIMENT, cohort, Assay("test", learn)).measurements for learn in (True, False))
    for condition in ("innate", "innate_memory", "innate_plastic"):
        assert np.array_equal(innate[f"{condition}.return"], lived[f"{condition}.return"])
    assert np.array_equal(innate["learned.return"], innate["innate_memory.return"])
    assert np.array_equal(innate["learned_plastic.return"], innate["innate_plastic.return"])
    assert not np.array_equal(innate["learned.return"], lived["learned.return"])
    assert "curve" not in innate


@pytest.mark.slow
@pytest.mark.parametrize("common", [True, False])
@pytest.mark.parametrize("split", ["selection", "test"])
def test_one_that_is_no_number_fails_and_leaves_its_neighbours_bytes_alone(founded, same_bytes, common, split):
    experiment = with_(
        topology=layered(4, 3, 2, activation="linear"),
        encoding=RandomWiring(Evolve((0.1, 1e38), "log", 4)),  # the last level leaves no product finite
        lifetime=replace(EXPERIMENT.lifetime, common=common),
    )
    cohort, calm_and_wild = founded(experiment), []
    for gains in ([0, 0, 0, 0], [0, 15, 0, 0]):
        levels = cohort.levels.copy()
        levels[:, experiment.genome.spec.slices["encoding.gain"]] = np.array(gains)[:, None]
        calm_and_wild.append(evaluate(experiment, replace(cohort, levels=levels), Assay(split)))
    calm, wild = calm_and_wild
    assert calm.failures == ("", "", "", "")
    assert wild.failures == ("", "nan", "", "")
    others = [0, 2, 3]
    assert same_bytes(rows(wild.measurements, others), rows(calm.measurements, others))
    assert np.isnan(wild.measurements["innate.return"][1])


def test_a_short_cohort_gives_the_same_bytes_as_a_full_one_for_those_who_are_real(founded, same_bytes):
    full = evaluate(EXPERIMENT, founded(EXPERIMENT)).measurements
    for real in (1, 3):
        assert same_bytes(evaluate(EXPERIMENT, founded(EXPERIMENT, real)).measurements, rows(full, slice(real)))


LIVED = with_(
    search=EvolutionStrategy(9),
    goals=Scores(("innate_plastic.return",)),
    lifetime=replace(EXPERIMENT.lifetime, common=True),
    generations=3,
    seed=3,
    cohort=2,
)
"""Five cohorts a generation, the last one filled up."""


def files_of(run):
    found = {p.relative_to(run): p.read_bytes() for part in ("generations", "state") for p in (run / part).iterdir()}
    assert len(found) == 6
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    list(evolve(LIVED, run, Serial()))
    return run


@pytest.mark.ray
@pytest.mark.parametrize("workers", [1, 2])
def test_ray_gives_the_bytes_of_this_process(workers, undisturbed, ray_executor, monkeypatch, tmp_path):
    monkeypatch.setattr(dispatcher, "_WINDOW", 1)  # so many cohorts at once as there are workers
    list(evolve(LIVED, tmp_path / "run", OnRay(workers)))
    assert files_of(tmp_path / "run") == files_of(undisturbed)


@pytest.mark.slow
def test_stopped_after_every_generation_and_resumed(undisturbed, tmp_path):
    for index in range(3):
        assert next(iter(evolve(LIVED, tmp_path / "run"))).index == index
    assert files_of(tmp_path / "run") == files_of(undisturbed)
    list(evolve(replace(LIVED, seed=4), tmp_path / "other"))
    assert files_of(tmp_path / "other") != files_of(undisturbed)


@pytest.mark.slow
def test_the_best_is_chosen_by_examining_finalists_again(undisturbed, monkeypatch):
    """Finalists are each generation's leader and its first; what decides is measured anew, in what no run has met."""
    run, asked = Run(undisturbed), []
    finalists = {}
    for index in range(3):
        scores = run.generation(index).measurements["innate_plastic.return"]
        for slot in (0, int(scores.argmax())):
            finalists[index, slot] = run.generation(index).levels[slot].tolist()

    def examined(experiment, cohort, assay=SELECTION):
        asked.append((experiment, cohort, assay.split))
        return evaluate(experiment, cohort, assay)

    monkeypatch.setattr("evo.evolution.run.evaluate", examined)
    best = run.best()
    levels = np.concatenate([cohort.levels[: cohort.real] for _, cohort, _ in asked])
    anew = [evaluate(experiment, cohort).measurements["innate_plastic.return"] for experiment, cohort, _ in asked]
    assert {tuple(genome) for genome in levels.tolist()} == {tuple(genome) for genome in finalists.values()}
    assert {(c.generation, e.lifetime.births, split) for e, c, split in asked} == {(-1, 8, "selection")}
    assert best.scores == {"innate_plastic": max(np.concatenate(anew))}
    assert best.levels.tolist() == levels[np.concatenate(anew).argmax()].tolist()
    assert finalists[best.generation, best.slot] == best.levels.tolist()
    assert np.isnan(best.innate), "not what is selected for"
    assert best.sum == best.scores["innate_plastic"] == run.best().sum


@pytest.mark.slow
def test_the_best_is_whoever_does_well_again(undisturbed, monkeypatch):
    """A favourable score in the run does not help: if the new scores say so, the smallest genome wins."""

    def by_genome(experiment, cohort, assay=SELECTION):
        outcome = evaluate(experiment, cohort, assay)
        scores = -cohort.levels[: cohort.real].sum(1, dtype=np.float64)
        return replace(outcome, measurements={**outcome.measurements, "innate_plastic.return": scores})

    monkeypatch.setattr("evo.evolution.run.evaluate", by_genome)
    run = Run(undisturbed)
    scores = [run.generation(i).measurements["innate_plastic.return"] for i in range(3)]
    finalists = [run.generation(i).levels[slot] for i in range(3) for slot in (0, scores[i].argmax())]
    assert run.best().sum == -min(int(levels.sum(dtype=np.int64)) for levels in finalists)


@pytest.mark.slow
def test_the_best_is_examined_in_lives_of_its_own(undisturbed):
    run = Run(undisturbed)
    best, experiment = run.best(), replace(LIVED, lifetime=replace(LIVED.lifetime, common=False))
    cohort = Cohort(-2, 0, np.arange(2), np.repeat(best.levels[None], 2, axis=0), 2)
    lives = evaluate(experiment, cohort, Assay("test")).measurements
    measured = run.examine(best)
    assert measured.failures == ("",)
    assert {name: m.shape[0] for name, m in measured.measurements.items()} == dict.fromkeys(lives, 1)
    for name, m in lives.items():
        assert np.array_equal(measured.measurements[name][0], m.mean(0)), name
    assert lives["innate.return"][0] != lives["innate.return"][1]


@pytest.mark.slow
def test_the_result_of_a_run_in_a_world(undisturbed, monkeypatch):
    monkeypatch.setattr("evo.evolution.result._FOUNDERS", 6)
    run = Run(undisturbed)
    outcome, measured = result(run), run.examine(run.best()).measurements
    assert outcome.best == {c: measured[f"{c}.return"][0] for c in CONDITIONS}
    assert (outcome.innate, outcome.learned) == (outcome.best["innate"], outcome.best["learned"])
    assert outcome.held_out == {
        name: {c: measured[f"held_out.{name}.{c}.return"][0] for c in (*CONDITIONS, "learned_there")}
        for name in ("long pole", "swapped")
    }
    assert set(outcome.founders) == set(CONDITIONS)
    assert all(1 <= score <= 12 for score in outcome.founders.values())
    assert outcome.founders_innate == outcome.founders["innate"]
    assert outcome.founders["learned"] != outcome.founders["innate_memory"], "random genomes live too"
    assert (outcome.generations, outcome.lifetimes, outcome.failures) == (3, 3 * 9 * 2, 0)
    assert (outcome.genome_bits, outcome.wiring_bits) == (30.0, 27 * 32.0)
    assert json.loads(json.dumps(outcome.as_dict()))["held_out"] == outcome.held_out


@pytest.fixture
def handlers():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.slow
@pytest.mark.usefixtures("handlers")
def test_evolve_shows_sums_up_and_draws_every_condition(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("evo.evolution.result._FOUNDERS", 6)
    (tmp_path / "pole.yaml").write_text(YAML)
    run = tmp_path / "run"
    assert (
        main(
            [
                "evolve",
                str(tmp_path / "pole.yaml"),
                "--serial",
                "--run",
                str(run),
                "search=NSGA2",
                "search.population=8",
            ]
        )
        == 0
    )
    words = capsys.readouterr().out
    lines = [line for line in words.splitlines() if line.startswith("generation ")]
    assert len(lines) == 2
    assert all(f"  {condition} " in line for line in lines for condition in ("innate", "innate plastic", "learned"))
    table = {
        line.split()[0]: line.split()[1:] for line in words.splitlines() if line.startswith((*CONDITIONS, "held-out"))
    }
    assert table["held-out"] == ["return", "random", "best", "long", "pole", "swapped"]
    outcome = json.loads((run / "result.json").read_text())
    for condition in CONDITIONS:
        numbers = [outcome["founders"][condition], outcome["best"][condition]]
        numbers += [outcome["held_out"][name][condition] for name in ("long pole", "swapped")]
        assert table[condition] == [f"{number:.3f}" for number in numbers]
    assert table["learned_there"][:2] == ["-", "-"]
    drawn = (run / "figures" / "evolution.svg").read_text()
    for text in (
        "at birth",
        "at birth, plastic",
        "after learning",
        "random, at birth",
        "random, after learning",
        "return, selection split",
    ):
        assert f"<!-- {text} -->" in drawn
    assert "<!-- at birth, with memory -->" not in drawn, "what was not measured in the run"
    assert (run / "figures" / "front.png").read_bytes()[:4] == b"\x89PNG"
    assert main(["resume", str(run), "--serial", "--generations", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["best"].keys() == set(CONDITIONS)


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_shows_what_is_measured(terminal, undisturbed, tmp_path):
    with (tmp_path / "shown").open("w") as file:
        console = Console(file=file, force_terminal=terminal, width=200)
        with Progress(console, LIVED, "torch") as progress:
            progress.begin("pole", 0)
            for index in range(3):
                progress.show(Run(undisturbed).generation(index))
    shown = (tmp_path / "shown").read_text()
    row = Run(undisturbed).history().loc[2]
    for condition in ("innate", "innate_plastic", "learned"):
        assert condition.replace("_", " ") in shown
        assert f"{row[f'{condition}.return.best']:.3f}" in shown
    assert f"{row['gain.mean']:+.3f}" in shown
    assert "Scores: return, selection split." in shown


@pytest.mark.slow
def test_failures_are_counted_and_the_run_goes_on(tmp_path):
    experiment = with_(
        topology=layered(4, 3, 2, activation="linear"), encoding=RandomWiring(Evolve((0.1, 1e38), "log", 4)),
        generations=1, search=RandomSearch(12), goals=Scores(("innate_plastic.return",)),
    )  # fmt: skip
    (generation,) = evolve(experiment, tmp_path / "run")
    failed = np.array([failure == "nan" for failure in generation.failures])
    assert 0 < failed.sum() < 12
    assert generation.goals[failed].max() < generation.goals[~failed].min()
    assert np.isfinite(Run(tmp_path / "run").history()["innate_plastic.return.mean"]).all()


@pytest.mark.slow
def test_leaks_are_exported_and_belong_to_the_module(tmp_path):
    import networkx
    import torch

    from evo.analysis.export import export
    from evo.evolution.evolve import evolve
    from evo.experiment.config import load

    experiment = load("retina", ("search.population=3", "generations=1", "cohort=3"))
    list(evolve(experiment, tmp_path / "run"))
    run = Run(tmp_path / "run")
    newborn = run.phenotype(run.best())
    leak = newborn.groups["bipolar"]["leak"][0]
    assert len(set(leak.tolist())) == 2
    with np.load(export(run, "npz")) as arrays:
        assert arrays["leak.bipolar"].tolist() == leak.tolist()
    graph = networkx.read_graphml(export(run, "graphml"))
    assert [graph.nodes[f"bipolar/{i}"]["leak"] for i in range(16)] == pytest.approx(leak.tolist())
    state = torch.load(export(run, "torch"), weights_only=True)
    module = PhenotypeModule(newborn, 0)
    module.leaks[0].data.zero_()
    module.load_state_dict(state)
    assert torch.equal(module.leaks[0], leak)
    assert [name for name, p in module.named_parameters() if p.requires_grad] == ["weights.0"]
