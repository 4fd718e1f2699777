"""The innate test as a whole: what it gives for a task, for a world, for several runs and for further genomes."""

import json
from dataclasses import replace

import pytest

from evo.analysis.innate.innate import _bench, innate_test
from evo.distribution.executor import Executor, Serial
from genomes.encodings.random_wiring import RandomWiring
from genomes.errors import InputError
from genomes.evolve import Evolve

KEYS = {
    *("score", "innate", "innate_ci", "learned", "learned_ci", "random_founders", "random_founders_ci", "shuffled"),
    *("standard_init", "direct", "direct_long", "p_random", "p_shuffled", "p_standard", "effective_bits"),
    *("conditions", "births", "draws", "runs", "tests", "sentence"),
}


def result_of(*subjects, **options):
    return innate_test(subjects, Serial(), **{"births": 2, "draws": 20, **options})


@pytest.mark.slow
def test_of_planted_knowledge(subject_of, task, planted):
    seen = []
    found = result_of(subject_of(task, planted), draws=200, watch=lambda what, done, total: seen.append(what))
    answer = found.as_dict()
    assert set(answer) >= KEYS
    assert answer == json.loads(json.dumps(answer, allow_nan=False))
    assert answer["innate"] > 0.95
    assert answer["p_random"] == answer["p_shuffled"] == answer["p_standard"] == pytest.approx(3 / 201)
    assert (answer["births"], answer["draws"], answer["runs"], answer["tests"]) == (2, 200, 1, 3)
    assert answer["learned"] is answer["direct"] is answer["effective_bits"] is None
    assert found.sentence == answer["sentence"] == found.sections[0].sentences[0]
    assert [section.key for section in found.sections] == ["innate", "ladder", "hot-start", "robustness"]
    assert "Lives do not change the weights here" in " ".join(found.sections[0].sentences)
    assert {"random founders", "shuffled wiring", "random weights"} <= set(seen)


def test_a_genome_is_born_sixteen_times_and_thirty_two_where_births_differ_unless_told(subject_of, task):
    random = replace(task, encoding=RandomWiring(Evolve((0.5, 2.0))))
    for experiment, births, wanted in ((task, None, 16), (random, None, 32), (task, 3, 3), (random, 3, 3)):
        bench = _bench(subject_of(experiment), Serial(), births, None, 20, lambda what, done, total: None)
        assert bench.births == wanted


@pytest.mark.slow
def test_the_same_twice(subject_of, learning):
    one, other = (result_of(subject_of(learning)) for _ in range(2))
    assert one.as_dict() == other.as_dict()
    for here, there in zip(one.sections, other.sections, strict=True):
        assert here.sentences == there.sentences
        assert {n: t.to_csv() for n, t in here.tables.items()} == {n: t.to_csv() for n, t in there.tables.items()}


@pytest.mark.slow
def test_of_several_runs(subject_of, learning, levels_of):
    subjects = [
        subject_of(replace(learning, seed=seed), levels_of(learning, 2, seed), name=f"run {seed}") for seed in range(2)
    ]
    found = result_of(*subjects)
    tables = found.sections[0].tables
    assert found.as_dict()["runs"] == 2
    assert set(tables) == {"scores", "runs", "genomes"}
    own = tables["runs"][tables["runs"]["network"] == "evolved genome"]
    assert own["run"].tolist() == [f"run {seed}" for seed in range(2) for _ in ("at birth", "after learning")]
    assert found.as_dict()["innate"] == pytest.approx(own[own["condition"] == "at birth"]["mean"].mean())
    assert len(tables["genomes"]) == 2 * 2 * 2


@pytest.mark.slow
def test_of_a_world_that_selects_for_plasticity(subject_of, world):
    found = result_of(subject_of(replace(world, encoding=RandomWiring(0.1))), episodes=2)
    answer = found.as_dict()
    assert set(answer["conditions"]) == {"innate_plastic"}
    assert answer["tests"] == 6
    assert answer["random_founders"] != answer["conditions"]["innate_plastic"]["random_founders"]
    said = " ".join(found.sections[0].sentences)
    assert "at birth with plasticity off" in said
    assert "From birth with plasticity on it reaches a return of" in said
    assert "no gene for the wiring" in said
    assert "worlds" in found.sections[3].tables


@pytest.mark.slow
def test_where_plasticity_is_at_work_in_the_examination_it_is_not_said_that_nothing_changes(subject_of, world):
    at_once = replace(world, held_out=(), lifetime=replace(world.lifetime, episodes=0))
    said = " ".join(result_of(subject_of(at_once)).sections[0].sentences)
    assert "Learning happens within the examination here" in said


def test_episodes_are_those_of_an_examination(subject_of, world):
    class Seen(Exception):
        pass

    class Stops(Executor):
        def outcomes(self, experiment, cohorts, assay):
            raise Seen(experiment.lifetime.exams)

    with pytest.raises(Seen, match="3"):
        innate_test([subject_of(world)], Stops(), episodes=3)


@pytest.mark.parametrize(
    ("options", "key", "got"),
    [({"draws": 5}, "--draws", 5), ({"births": 0}, "--births", 0), ({"episodes": 2}, "--episodes", "Lifetime")],
)
def test_mistakes(subject_of, task, options, key, got, refused):
    with refused(key, got):
        result_of(subject_of(task), **options)


def test_runs_that_cannot_be_compared(subject_of, task, world):
    with pytest.raises(InputError, match=r"same scores and conditions.*variance in innate, tested.*return in innate"):
        result_of(subject_of(task), subject_of(world))
