import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evo.analysis.comparison.compare import compare
from evo.analysis.statistics import mean_over_runs
from evo.evolution.evolve import evolve, extend
from evo.evolution.result import RunResult, result
from evo.evolution.run import Run
from evo.experiment.experiment import Experiment
from genomes.encodings.direct import Direct
from genomes.encodings.gene_expression import GeneExpression
from genomes.errors import InputError
from genomes.evolve import Evolve
from inner_loop.rules.frozen import Frozen
from inner_loop.tasks.digits import Digits
from inner_loop.tasks.teacher import Teacher

Made = Callable[..., Run]
Refused = Callable[..., AbstractContextManager[None]]
SCORES = {2: ((0.1, 0.5), (0.2, 0.7), (0.3, 0.6), (0.2, 0.6)), 3: ((0.4, 0.55), (0.6, 0.72), (0.7, 0.67), (0.5, 0.6))}


@pytest.fixture(scope="module")
def evolved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Experiment], Path]:
    """The folder of a run of an experiment, made once."""
    folder = tmp_path_factory.mktemp("evolved")

    @cache
    def make(experiment: Experiment) -> Path:
        path = folder / str(len([*folder.iterdir()]))
        for _ in evolve(experiment, path):
            pass
        return path

    return make


@pytest.fixture
def made(tmp_path: Path, small: Callable[..., Experiment], evolved: Callable[[Experiment], Path]) -> Made:
    """A run of an experiment of milliseconds; its result says that it came to these scores."""

    def make(name: str, scores: tuple[float, float] = (0.2, 0.6), **changes: Any) -> Run:
        shutil.copytree(evolved(small(**changes)), tmp_path / name)
        run = Run(tmp_path / name)
        done, best = len(run.generations), dict(zip(("innate", "learned"), scores, strict=True))
        lifetimes = done * run.experiment.search.lives
        came = RunResult(name, done, lifetimes, 1.5, 0, {}, 24.0, 600.0, -1.0, *scores, {"innate": -1.0}, best, {})
        run.folder.write_json("result.json", came.as_dict())
        return run

    return make


@pytest.fixture
def two(made: Made) -> list[Run]:
    """Four seeds of two conditions, with planted scores."""
    return [
        made(f"genes-{genes}_seed-{seed}", scores, encoding=GeneExpression(genes, 4), seed=seed)
        for genes, planted in SCORES.items()
        for seed, scores in enumerate(planted)
    ]


def row(table: Any, **at: Any) -> Any:
    for key, value in at.items():
        table = table[table[key.replace("_", " ")] == value]
    assert len(table) == 1, at
    return table.iloc[0]


@pytest.mark.slow
def test_planted_differences_are_read_back(two: Sequence[Run]) -> None:
    section = compare(two)
    assert [*section.tables["runs"]["run"]] == [run.path.name for run in two]
    innate = row(section.tables["conditions"], condition="encoding.genes=3", measure="innate")
    assert (innate["seeds"], innate["mean"]) == (4, pytest.approx(0.55))
    half = 3.182446 * np.std([0.4, 0.6, 0.7, 0.5], ddof=1) / 2  # t of 3 degrees of freedom
    assert (innate["low"], innate["high"]) == pytest.approx((0.55 - half, 0.55 + half), rel=1e-6)
    assert (innate["generations"], innate["lifetimes"]) == (2, 12)
    found = {
        measure: row(section.tables["differences"], measure=measure, condition="encoding.genes=3")
        for measure in ("innate", "learned", "gain")
    }
    assert {name: each["difference"] for name, each in found.items()} == pytest.approx(
        {"innate": 0.35, "learned": 0.035, "gain": -0.315}
    )
    assert {each["test"] for each in found.values()} == {"paired t"}
    assert found["innate"]["against"] == "encoding.genes=2"
    assert found["innate"]["p"] < 0.01 < 0.05 < found["learned"]["p"]
    assert found["innate"]["p corrected"] == pytest.approx(3 * min(each["p"] for each in found.values()))
    birth, learned, reach, cost = section.sentences
    assert birth.startswith(
        "At birth encoding.genes=3 is best with explained variance 0.550 [0.345, 0.755] over 4 seeds"
    )
    assert birth.endswith("corrected for 3 tests).")
    assert learned.endswith("corrected for 3 tests): the difference is not significant over these seeds.")
    assert "no exact test can go below p 0.125" in reach
    assert cost == "Every run took 2 generations and 12 lifetimes."
    assert [*section.tables["keys"].itertuples(index=False, name=None)] == [
        ("encoding.genes", "encoding.genes=2", "2"),
        ("encoding.genes", "encoding.genes=3", "3"),
    ]


@pytest.mark.slow
def test_seeds_of_one_task_share_its_test_samples_and_intervals_count_both(made: Made) -> None:
    """Without samples in the test, ten seeds would make an error of the sixteen common samples significant."""
    task = Teacher(5, 3, hidden=4, measured=16, teacher_seed=1)
    planted = ((0.20, 0.50), (0.21, 0.52), (0.19, 0.51))
    runs = [
        made(f"{genes}-{seed}", scores, encoding=GeneExpression(genes, 4), seed=seed, task=task)
        for genes in (2, 3)
        for seed, scores in enumerate(planted)
    ]
    section = compare(runs)
    again = [
        run.examine(run.best(), "test", 1000).measurements["innate.explained_variance.resampled"][0] for run in runs
    ]
    columns = [row - row.mean() + innate for row, (innate, _) in zip(again, planted * 2, strict=True)]
    found = row(section.tables["conditions"], condition="encoding.genes=2", measure="innate")
    expected, alone = mean_over_runs([0.20, 0.21, 0.19], np.stack(columns[:3])), mean_over_runs([0.20, 0.21, 0.19])
    assert (found["mean"], found["low"]) == pytest.approx((expected.mean, expected.low))
    assert found["high"] == pytest.approx(min(expected.high, 1.0))
    assert found["low"] < alone.low - 0.05
    bits = row(section.tables["conditions"], condition="encoding.genes=2", measure="genome_bits".replace("_", " "))
    assert bits["seeds"] == 3, "a cost is over seeds"
    apart = row(section.tables["differences"], measure="innate", condition="encoding.genes=3")
    assert (apart["difference"], apart["test"]) == (0.0, "paired t")
    assert apart["high"] - apart["low"] > 0.05, "alike in every seed is not alike on other samples"
    assert apart["p"] == 1.0
    assert "the same in all seeds" in section.pictures["curves"].caption


@pytest.mark.slow
def test_the_other_order_turns_the_difference_and_not_the_verdict(two: Sequence[Run]) -> None:
    there, back = compare(two), compare(two[::-1])
    (one,), (other,) = (
        section.tables["differences"].query("measure == 'innate'")["difference"] for section in (there, back)
    )
    assert one == -other
    assert there.sentences == back.sentences


def test_one_seed_says_nothing_about_others(two: Sequence[Run]) -> None:
    section = compare([two[0], two[4]])
    assert section.sentences[0] == (
        "At birth encoding.genes=3 is best with explained variance 0.400 (one seed); its difference to "
        "encoding.genes=2, the second best, is 0.300: a condition with one seed allows no conclusion about other seeds."
    )
    assert np.isnan(section.tables["conditions"]["low"]).all()
    assert np.isnan(section.tables["differences"][["low", "p", "p corrected", "p exact"]].astype(float)).all(axis=None)


@pytest.mark.slow
def test_what_follows_lives_that_change_nothing_is_not_told(made: Made) -> None:
    frozen = compare([made(f"frozen-{seed}", (0.2, 0.2), rule=Frozen(), seed=seed) for seed in (0, 1)])
    assert not any("learning" in sentence for sentence in frozen.sentences)


@pytest.mark.slow
def test_seeds_that_do_not_match_are_not_paired(made: Made, two: Sequence[Run]) -> None:
    others = [
        made(f"more-{seed}", (0.3, 0.6 + seed / 100), encoding=GeneExpression(3, 4), seed=seed) for seed in (7, 8)
    ]
    section = compare([*two[:4], *others])
    assert {*section.tables["differences"]["test"]} == {"Welch's t"}
    assert "(Welch's t over 2 and 4 seeds, p " in section.sentences[1]
    alike = compare([*two[:2], made("a", SCORES[2][0], cohort=3), made("b", SCORES[2][1], cohort=3, seed=1)])
    assert "are equal in every seed, with explained variance 0.15" in alike.sentences[0]


def test_one_condition_is_summed_up(two: Sequence[Run], tmp_path: Path) -> None:
    section = compare(two[:4])
    assert section.sentences[0].startswith(f"At birth {tmp_path.name} has explained variance 0.200 [")
    assert section.tables["differences"].empty
    assert section.tables["keys"].empty


@pytest.mark.slow
def test_conditions_that_differ_in_much_are_named_by_what_tells_or_by_where_they_lie(made: Made) -> None:
    a, b = made("one/a"), made("one/b", seed=1)
    kind = compare([a, b, made("direct", encoding=Direct())]).tables["runs"]["condition"]
    assert [*kind] == ["encoding.kind=GeneExpression"] * 2 + ["encoding.kind=Direct"]
    rule = replace(a.experiment.rule, learning_rate=Evolve((0.1, 0.5), "linear", 3), momentum=0.1)
    much = {"rule": rule, "lifetime": replace(a.experiment.lifetime, steps=4)}
    sets = compare([a, b, made("two/a", **much), made("two/b", seed=1, **much)])
    assert [*sets.tables["runs"]["condition"]] == ["one", "one", "two", "two"]
    assert [*sets.tables["runs"]["run"]] == ["one/a", "one/b", "two/a", "two/b"]
    mixed = compare([a, b, made("one/c", **much)])
    assert [*mixed.tables["runs"]["condition"]] == ["a", "a", "c"]


@pytest.mark.slow
def test_a_result_that_is_old_torn_or_missing_is_had_anew(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = made("planted", (9.0, 9.0))
    whole = json.loads((planted.path / "result.json").read_text())
    anew = replace(RunResult(**whole), innate=4.0)
    monkeypatch.setattr("evo.analysis.comparison.compare.result", lambda run: anew)
    contents = {
        "missing": None,
        "torn": json.dumps(whole)[:-9],
        "list": "[]",
        "old": json.dumps(whole | {"generations": 1}),
        "odd": json.dumps(whole | {"best": 3}),
        "null": json.dumps(whole | {"innate": None}),
        "less": json.dumps({key: value for key, value in whole.items() if key != "lifetimes"}),
    }
    runs = [planted]
    for seed, (name, content) in enumerate(contents.items(), 1):
        runs.append(made(name, (9.0, 9.0), seed=seed))
        path = runs[-1].path / "result.json"
        path.unlink() if content is None else path.write_text(content)
    table = compare(runs).tables["runs"]
    assert [*table["gain"]] == [0.0] + [5.0] * len(contents), [*table["run"]]


@pytest.mark.slow
def test_a_run_in_the_middle_is_compared_by_what_it_has(made: Made) -> None:
    run, other = made("a"), made("b", seed=1)
    extend(run.path, 9, allow_code=False)
    extend(other.path, 9, allow_code=False)
    (run.path / "generations" / "00001.npz").unlink()
    run = Run(run.path)
    section = compare([run, Run(other.path)])
    came = result(run)
    assert section.sentences[-2:] == (
        "a has 1 of 9 generations; only these are compared.",
        "b has 2 of 9 generations; only these are compared.",
    )
    assert [*section.tables["runs"]["generations"]] == [1, 2]
    assert [*section.tables["runs"]["lifetimes"]] == [6, 12]
    assert section.tables["runs"]["innate"][0] == came.innate, "the written result is older"
    (curve, *_) = section.pictures["curves"].figure.axes[0].lines
    assert [*curve.get_xdata()] == [0], "as far as all came"


@pytest.mark.slow
def test_what_cannot_be_compared_is_refused_in_a_sentence(made: Made, tmp_path: Path, refused: Refused) -> None:
    run = made("a")
    with refused("compare", 1):
        compare([run])
    copy = made("copy")
    with pytest.raises(
        InputError, match=r"expected every run once, but .*/a and .*/copy are one experiment with seed 0"
    ):
        compare([run, copy])
    topology = replace(run.experiment.topology, groups=tuple(
        replace(group, size=size) for group, size in zip(run.experiment.topology.groups, (64, 4, 10), strict=True)
    ))  # fmt: skip
    from evo.experiment.goals import Scores

    digits = made("digits", topology=topology, task=Digits(), goals=Scores(("innate.accuracy", "learned.accuracy")))
    with pytest.raises(InputError, match=r"same main score, but .*/a has explained_variance, .*/digits has accuracy"):
        compare([run, digits])
    other = made("b", seed=1)
    torn = other.path / "generations" / "00001.npz"
    torn.write_bytes(torn.read_bytes()[:-9])
    with refused("00001.npz"):
        compare([run, other])


@pytest.mark.slow
def test_what_they_live_in_and_what_they_spend_is_said_where_it_differs(made: Made) -> None:
    a = made("a")
    task = made("b", task=replace(a.experiment.task, hidden=3))
    assert compare([a, task]).sentences[-1].startswith("The environments differ (task.hidden)")
    more = made("c", generations=3)
    assert "Costs differ: on average a run took 2 generations and 12 lifetimes (generations=2), 3 " in (
        "\n".join(compare([a, more]).sentences)
    )


@pytest.mark.slow
def test_curves_are_medians_and_their_mean_over_seeds(made: Made) -> None:
    runs = [made("a"), made("b", seed=1), made("c", cohort=3)]
    figure = compare(runs).pictures["curves"].figure
    for axes, condition in zip(figure.axes, ("innate", "learned"), strict=True):
        key = f"{condition}.explained_variance"
        medians = [[np.median(run.generation(i).measurements[key]) for i in run.generations] for run in runs]
        (both, alone) = axes.lines
        assert [*both.get_ydata()] == pytest.approx(np.mean(medians[:2], axis=0))
        assert [*alone.get_ydata()] == pytest.approx(medians[2])
        assert len(axes.collections) == 1, "a band for two seeds, none for one"
        assert axes.get_xlabel() == "generation"


@pytest.mark.slow
def test_where_generations_cost_differently_the_axis_is_lifetimes(made: Made) -> None:
    a = made("a")
    larger = made("b", search=replace(a.experiment.search, population=10))
    axes = compare([a, larger]).pictures["curves"].figure.axes[0]
    assert axes.get_xlabel() == "lifetimes"
    assert [[*line.get_xdata()] for line in axes.lines] == [[6, 12], [10, 20]]


@pytest.mark.slow
def test_every_seed_is_a_dot_with_a_tip(two: Sequence[Run]) -> None:
    picture = compare(two).pictures["final"]
    dots = {c.get_gid(): c for axes in picture.figure.axes for c in axes.collections if c.get_gid()}
    assert dots.keys() == picture.tips.keys() == {f"{m}-{k}" for m in ("innate", "learned") for k in (0, 1)}
    assert [*dots["learned-1"].get_offsets()[:, 0]] == [learned for _, learned in SCORES[3]]
    assert picture.tips["learned-1"][2] == (
        "genes-3_seed-2: explained variance 0.67 after learning, seed 2, 2 generations, 12 lifetimes"
    )
