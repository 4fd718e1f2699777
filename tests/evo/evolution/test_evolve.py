"""Runs from Python: the generator, the reader, the pictures."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from evo import Run, evolve
from evo.analysis.run_figures import evolution, front
from evo.evaluation.numerics import settle
from evo.evolution import offspring as bred
from evo.evolution.evolve import continued, extend, new_run
from evo.evolution.offspring import RunFailed
from evo.evolution.result import founders_scores, result
from evo.evolution.run import summary
from evo.search.algorithms import NSGA2, EvolutionStrategy, RandomSearch
from genomes.errors import InputError
from genomes.evolve import Evolve
from inner_loop.rules import Backprop


@pytest.fixture
def lived(small, copy_of):
    return Run(copy_of(small()))


def test_generations_come_one_by_one_and_callbacks_see_each(small, tmp_path):
    seen = []
    for generation in evolve(small(), tmp_path / "run", callbacks=[seen.append]):
        assert seen[-1] is generation
        assert Run(tmp_path / "run").generations == list(range(generation.index + 1)), "on disk before it is seen"
    assert [g.index for g in seen] == [0, 1]
    assert list(evolve(small(), tmp_path / "run")) == [], "a run that is done does nothing more"


def test_a_folder_of_another_experiment_is_refused(small, lived):
    with pytest.raises(InputError, match="seed was 0 and is now 9; another experiment needs a new run"):
        list(evolve(small(seed=9), lived.path))


def test_what_differs_is_named_with_both_values_and_how_generations_are_added(small, lived):
    other = small(rule=Backprop(Evolve((1e-3, 1e-1), "log", 4), 0.5), generations=3, cohort=5)
    with pytest.raises(InputError) as raised:
        list(evolve(other, lived.path))
    for part in (
        "generations was 2 and is now 3",
        "cohort was 4 and is now 5",
        "rule.learning_rate.evolve was [0.01, 0.1] and is now [0.001, 0.1]",
        f"`instinct resume {lived.path} --generations 3`",
        "another experiment needs a new run",
    ):
        assert part in str(raised.value)
    with pytest.raises(InputError) as raised:
        list(evolve(small(generations=1), lived.path))
    assert "new run" not in str(raised.value)


def test_an_evolution_that_is_never_iterated_over_says_so_and_makes_nothing(small, tmp_path):
    with pytest.warns(RuntimeWarning, match=r"never iterated over, so nothing was evolved; .*\.finish\(\)"):
        evolve(small(), tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_in_a_process_of_the_callers_generations_are_bred_on_one_thread(small, tmp_path, monkeypatch):
    seen, real = [], bred.Offspring.told
    monkeypatch.setattr(bred.Offspring, "told", lambda *given: (seen.append(torch.get_num_threads()), real(*given))[1])
    settle.cache_clear()
    torch.set_num_threads(2)
    try:
        for _ in evolve(small(), tmp_path / "run", callbacks=[lambda _: seen.append(torch.get_num_threads())]):
            seen.append(torch.get_num_threads())
    finally:
        settle()
    assert seen == [1, 2, 2, 1, 2, 2]


def test_an_evolution_can_be_finished_left_and_shown(small, tmp_path):
    course = evolve(small(), tmp_path / "run")
    assert "evolution starts when" in repr(course)
    assert next(course).index == 0
    assert "being evolved" in repr(course)
    course.close()
    assert list(course) == []
    run = evolve(small(), tmp_path / "run").finish()
    assert (run.path, run.generations) == (tmp_path / "run", [0, 1])


def test_a_callback_that_raises_leaves_the_run_free(small, tmp_path):
    def refuse(generation):
        raise KeyError(generation.index)

    course = evolve(small(), tmp_path / "run", callbacks=[refuse])
    with pytest.raises(KeyError):
        next(course)
    assert [g.index for g in evolve(small(), tmp_path / "run")] == [1]


def test_a_folder_has_one_driver(small, lived):
    extend(lived.path, 4, allow_code=False)
    first = continued(Run(lived.path), _serial())
    next(first)
    with pytest.raises(InputError, match="driven by process"):
        next(continued(Run(lived.path), _serial()))
    first.close()
    assert [g.index for g in continued(Run(lived.path), _serial())] == [3]


def _serial():
    from evo.distribution.executor import Serial

    return Serial()


def test_what_is_read_back_is_what_was_evaluated(small, tmp_path):
    generations = list(evolve(small(), tmp_path / "run"))
    run = Run(tmp_path / "run")
    assert run.experiment == replace(small(), engine="torch")
    for one, other in zip(generations, map(run.generation, run.generations), strict=True):
        assert np.array_equal(one.levels, other.levels)
        assert one.measurements.keys() == other.measurements.keys()
        assert all(np.array_equal(m, other.measurements[k]) for k, m in one.measurements.items())
        assert one.failures == other.failures


def test_history_is_a_row_a_generation(lived):
    frame = lived.history()
    assert list(frame.index) == [0, 1]
    expected = lived.generation(1).measurements["gain"].mean()
    assert frame.loc[1, "gain.mean"] == pytest.approx(expected)
    logged = lived.folder.log.read()
    assert [line["generation"] for line in logged] == [0, 1]
    assert logged[0]["innate.explained_variance.best"] == frame.loc[0, "innate.explained_variance.best"]


@pytest.mark.slow
def test_lines_of_the_log_that_a_driver_took_with_it_are_made_good(small, lived):
    path = lived.folder.path / "log.jsonl"
    first, second = path.read_text().splitlines(keepends=True)
    for left in ("", first, second, first.replace("{", "[") + second):
        path.write_text(left)
        assert list(evolve(small(), lived.path)) == []
        lines = lived.folder.log.read()
        assert [line["generation"] for line in lines] == [0, 1]
        for line, whole in zip(lines, (first, second), strict=True):
            unknown = {"seconds": 0, "incidents": 0}
            assert line | unknown == json.loads(whole) | unknown
            assert line["seconds"] == (json.loads(whole)["seconds"] if whole in left else None)
        assert result(lived).seconds == round(sum(line["seconds"] or 0.0 for line in lines), 1)


def test_the_best_is_the_smallest_where_small_is_good(lived):
    generation = lived.generation(1)
    costs = {name: np.array([3.0, 1.0, 2.0, 5.0, 4.0, 9.0]) for name in ("trials_to_criterion", "genome_bits", "steps")}
    failed = replace(
        generation, measurements=generation.measurements | costs, failures=("", "nan", *generation.failures[2:])
    )
    row = summary(failed)
    assert (row["trials_to_criterion.best"], row["genome_bits.best"]) == (2.0, 2.0), "of those that have a score"
    assert (
        row["innate.explained_variance.best"]
        == generation.measurements["innate.explained_variance"][[0, *range(2, 6)]].max()
    )
    assert (row["steps.mean"], "steps.best" in row) == (np.mean([3.0, 2.0, 5.0, 4.0, 9.0]), False)


@pytest.mark.parametrize(
    "change",
    [
        {"centre": None},
        {"time": np.array(2.0)},
        {"mean": np.array([np.nan])},
        {"square": np.zeros((1, 1))},
        {"time": np.zeros(1, np.int64)},
    ],
)
def test_a_state_that_the_search_cannot_have_left_is_one_sentence(change, small, copy_of, refused):
    run = Run(copy_of(small(search=EvolutionStrategy(5), generations=1)))
    extend(run.path, 2, allow_code=False)
    state = {name: array for name, array in (run.folder.latest()[1] | change).items() if array is not None}
    run.folder.write_state(0, state)
    (name,) = change
    with refused(f"run: state 0: expected `{name}`"):
        list(continued(run, _serial()))


def test_where_lives_vary_the_best_is_examined_again_in_something_new(lived):
    best, recorded = lived.best(), lived.generation(0).measurements
    assert best.scores.keys() == {"innate", "learned"}
    assert best.innate not in recorded["innate.explained_variance"], "not the score that luck gave it"
    fresh = lived.examine(best, "test").measurements["innate.explained_variance"]
    assert fresh.shape == (1,)
    assert np.array_equal(fresh, lived.examine(best, "test").measurements["innate.explained_variance"])


def test_the_best_lives_again_as_it_lived(small, run_of):
    lived = Run(run_of(small(task=replace(small().task, teacher_seed=1))))
    best = lived.best()
    again = lived.examine(best, "selection").measurements
    recorded = lived.generation(best.generation).measurements
    for name, value in again.items():
        # another place in a cohort: another kernel may sum in another order
        assert np.allclose(value[0], recorded[name][best.slot], rtol=1e-5), name
    assert lived.phenotype(best).lives == 1


@pytest.mark.slow
def test_founders_are_random_genomes_and_need_no_learning(small):
    experiment = small()
    assert (
        founders_scores(experiment)["innate"]
        == founders_scores(replace(experiment, rule=Backprop(Evolve((0.5, 0.9), bits=4), 0.0)))["innate"]
    )
    assert founders_scores(experiment)["innate"] != founders_scores(replace(experiment, seed=1))["innate"]


def test_summary_passes_over_the_failed(lived):
    generation = lived.generation(0)
    failed = replace(generation, failures=("nan", *generation.failures[1:]))
    row = summary(failed)
    assert row["failures"] == 1
    assert row["gain.mean"] == pytest.approx(generation.measurements["gain"][1:].mean())


@pytest.mark.slow
def test_pictures_show_something(lived, tmp_path):
    paths = evolution(lived, result(lived), tmp_path)
    assert [p.suffix for p in paths] == [".svg", ".png"]
    from matplotlib import pyplot

    pixels = pyplot.imread(paths[1])[..., :3]
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50


@pytest.mark.slow
def test_a_front_is_drawn_from_the_last_parents(small, tmp_path):
    experiment = small(search=NSGA2(8))
    list(evolve(experiment, tmp_path / "run"))
    paths = front(Run(tmp_path / "run"), tmp_path)
    assert all(p.stat().st_size > 5_000 for p in paths)


def test_a_new_run_is_made_whole(small, tmp_path, refused):
    path = new_run(small(), tmp_path / "run", "name", ["evolve", "x y"])
    manifest = Run(path).folder.manifest
    assert manifest["command"] == "instinct evolve 'x y'"
    assert {"instinct", "torch", "numpy", "deap", "ray", "python"} == set(manifest["versions"])
    assert (manifest["threads"], manifest["cohort"], manifest["seed"]) == (1, 4, 0)
    with refused(str(path), 0):
        Run(path).best()


def test_a_generation_without_a_score_is_a_failure_of_the_run(small, tmp_path):
    doomed = small(rule=Backprop(1e30, 0.0))
    with pytest.raises(RunFailed, match="all 6 individuals failed"):
        list(evolve(doomed, tmp_path / "run"))
    assert doomed.genome.spec.size > 0
    assert Run(tmp_path / "run").generations == []


def test_a_run_goes_back_as_a_whole_before_a_damaged_generation(small, copy_of, tmp_path):
    experiment = small(generations=4, keep=4)
    copy_of(experiment)
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*.npz")}
    (tmp_path / "run" / "generations" / "00002.npz").write_bytes(b"torn")
    course = evolve(experiment, tmp_path / "run")
    assert next(course).index == 2
    assert Run(tmp_path / "run").folder.generations() == [0, 1, 2], "a death now finds no state of the old course"
    assert sorted(p.stem for p in (tmp_path / "run" / "state").iterdir())[-1] == "00002"
    list(course)
    assert {path: path.read_bytes() for path in before} == before


def test_a_folder_that_was_never_finished_is_no_obstacle(small, tmp_path):
    (tmp_path / "run" / "generations").mkdir(parents=True)
    assert len(list(evolve(small(), tmp_path / "run"))) == 2


def test_a_search_is_told_the_measurements_beside_the_goals(small, tmp_path, monkeypatch):
    told, real = [], RandomSearch.tell
    monkeypatch.setattr(RandomSearch, "tell", lambda *given: told.append(given[6:]) or real(*given))
    first, *_ = evolve(small(generations=2), tmp_path / "run")
    (measured,) = next(each for each in told if each)
    assert measured.keys() == first.measurements.keys()
    assert np.array_equal(measured["synapses"], first.measurements["synapses"])
