"""`keep: K`: less is on disk, and whatever a run is cited by stays as it was, to the bit."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from evo import Run, evolve
from evo.analysis.run_figures import evolution
from evo.evolution import thinning
from evo.evolution.evolve import extend
from evo.evolution.generation import Generation
from evo.evolution.hall_of_fame import genome_frame, hall_of_fame
from evo.evolution.result import result
from evo.evolution.thinning import judged_scores, stays_whole, thin, thinned
from evo.search.algorithms import NSGA2, EvolutionStrategy, Genetic
from evo.storage.atomic import write_atomic
from evo.storage.checksums import CorruptFile
from genomes.errors import InputError
from genomes.streams import derive
from inner_loop.tasks.teacher import Teacher

TASK = Teacher(5, 3, hidden=4, measured=16, teacher_seed=1)  # alike in every life: a score stands


@pytest.fixture
def experiment(small):
    return small(generations=8, keep=3, search=Genetic(6), task=TASK)


@pytest.fixture
def runs(experiment, copy_of):
    """The same run, thinned and whole."""
    return Run(copy_of(experiment, "thinned")), Run(copy_of(replace(experiment, keep=1), "whole"))


def bytes_of(run):
    return {p.relative_to(run): p.read_bytes() for part in ("generations", "state") for p in (run / part).iterdir()}


@pytest.mark.slow
def test_what_a_run_is_cited_by_stays_as_it_was(runs):
    one, other = runs
    assert [i for i in one.generations if one.generation(i).kept is None] == one.whole == [0, 3, 6, 7]
    assert other.whole == other.generations == one.generations
    assert one.history().equals(other.history())
    ours, theirs = result(one), result(other)
    assert replace(ours, run="", seconds=0.0) == replace(theirs, run="", seconds=0.0)
    assert one.best().levels.tobytes() == other.best().levels.tobytes()
    for index in one.generations:
        assert one.generation(index).summary.statistics.keys() >= set(judged_scores(one.experiment))
        same = zip(one.leaders(index, 1), other.leaders(index, 1), strict=True)
        assert all((a.slot, a.scores, a.levels.tobytes()) == (b.slot, b.scores, b.levels.tobytes()) for a, b in same)
    size = [(run.path / "generations" / "00001.npz").stat().st_size for run in runs]
    assert size[0] != size[1]


@pytest.mark.slow
def test_a_thinned_generation_has_the_best_the_first_and_the_best_of_each_goal(runs, refused):
    small, whole = (run.generation(4) for run in runs)
    goals = whole.goals.argmax(0)
    assert small.slots.tolist() == sorted({0, int(whole.ranked(judged_scores(runs[0].experiment))[0]), *goals.tolist()})
    for slot in small.slots.tolist():
        assert small.measurements["gain"][small.row(slot)] == whole.measurements["gain"][slot]
        assert small.parents[small.row(slot)].tolist() == whole.parents[slot].tolist()
    (gone,) = [slot for slot in range(6) if slot not in small.slots][:1]
    with refused("generation 4", gone):
        runs[0].individual(4, gone)


def test_who_is_kept(experiment):
    scores = dict.fromkeys(judged_scores(experiment), np.array([0.0, 1.0, 2.0, 9.0, 2.0, 1.0]))
    goals = np.array([[0.0, 1.0, 2.0, 1.0, 2.0, 1.0], [0.0, 7.0, 2.0, 1.0, 2.0, 1.0]]).T
    levels = experiment.genome.spec.quantise(np.full((6, experiment.genome.spec.size), 0.5))
    whole = Generation(3, levels, np.full((6, 2), -1), goals, scores, ("",) * 6)
    assert thinned(whole, experiment).slots.tolist() == [0, 1, 2, 3], "the first, the best of each goal, the best"


def test_failures_are_counted_over_all(experiment, same_bytes):
    failures = ("", "nan", "", "lost", "nan", "")
    measured = {"innate.explained_variance": np.arange(6.0), "learned.explained_variance": np.arange(6.0)}
    measured["innate.explained_variance"][[1, 3, 4]] = np.nan
    levels = experiment.genome.spec.quantise(np.full((6, experiment.genome.spec.size), 0.5))
    whole = Generation(3, levels, np.full((6, 2), -1), np.zeros((6, 1)), measured, failures)
    small = thinned(whole, experiment)
    again = Generation.of(3, small.arrays())
    assert same_bytes(again.arrays(), small.arrays())
    assert again.slots.tolist() == [0, 5]
    assert again.counted_failures == whole.counted_failures == {"nan": 2, "lost": 1}
    assert (again.summary.lives, again.summary.row()) == (6, whole.summary.row())
    assert again.summary.row()["innate.explained_variance.mean"] == pytest.approx(7 / 3)


@pytest.mark.slow
@pytest.mark.parametrize("search", [Genetic(6), EvolutionStrategy(7), NSGA2(8)], ids=lambda s: type(s).__name__)
def test_the_bytes_do_not_depend_on_stops_or_on_a_later_longer_run(search, experiment, run_of, tmp_path):
    experiment = replace(experiment, search=search)
    undisturbed = bytes_of(run_of(experiment))
    for _ in range(8):
        next(iter(evolve(experiment, tmp_path / "stopped")))
    list(evolve(replace(experiment, generations=5), tmp_path / "extended"))
    extend(tmp_path / "extended", 8, allow_code=False)
    list(evolve(experiment, tmp_path / "extended"))
    assert bytes_of(tmp_path / "stopped") == undisturbed == bytes_of(tmp_path / "extended")


@pytest.mark.slow
@pytest.mark.parametrize("die", range(4))
def test_a_crash_while_thinning_is_made_good(die, experiment, run_of, tmp_path, monkeypatch):
    undisturbed = bytes_of(run_of(experiment))

    class Died(BaseException):
        pass

    calls, real = count(), thinning.thinned

    def fatal(generation, experiment):
        if next(calls) == die:
            raise Died
        return real(generation, experiment)

    with monkeypatch.context() as patched:
        patched.setattr(thinning, "thinned", fatal)
        for _ in range(2):  # once between a generation and what is made of the one before, once in making it good
            with pytest.raises(Died):
                list(evolve(experiment, tmp_path / "run"))
            calls = count(die)
    list(evolve(experiment, tmp_path / "run"))
    assert bytes_of(tmp_path / "run") == undisturbed


@pytest.mark.parametrize("die", range(5))
def test_a_crash_between_two_that_are_thinned_is_made_good(die, runs, monkeypatch):
    experiment, run, written = replace(runs[1].experiment, keep=3), runs[1], count()
    real = run.folder.write_generation

    class Died(BaseException):
        pass

    def fatal(*given):
        if next(written) == die:
            raise Died
        real(*given)

    with monkeypatch.context() as patched:
        patched.setattr(run.folder, "write_generation", fatal)
        try:
            thin(run.folder, experiment, 7)
        except Died:
            assert die < 4
    thin(run.folder, experiment, 7)
    assert bytes_of(run.path) == bytes_of(runs[0].path)


def test_a_disk_that_refuses_leaves_the_whole_generation(runs, monkeypatch):
    run = runs[1]
    experiment, before = replace(run.experiment, keep=3), bytes_of(run.path)
    with monkeypatch.context() as patched:
        patched.setattr(
            "evo.storage.atomic.os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
        )
        with pytest.raises(InputError, match="No space left"):
            thin(run.folder, experiment, 7)
    assert bytes_of(run.path) == before
    thin(run.folder, experiment, 7)
    assert bytes_of(run.path) == bytes_of(runs[0].path)


def test_the_last_and_every_kth_stay_whole():
    assert [i for i in range(8) if stays_whole(i, 7, 3)] == [0, 3, 6, 7]
    assert all(stays_whole(i, 7, 1) for i in range(8))


@pytest.mark.slow
def test_who_analyses_a_thinned_run_says_what_it_lacks(runs):
    from evo.analysis.history.course import evolution as section
    from evo.evolution.result import founders_scores

    run = runs[0]
    found = section(run, run.best(), founders_scores(run.experiment))
    said = "\n".join(found.sentences)
    assert "Of 4 generations only the best were kept (keep: 3), so the line of the best genome cannot be trac" in said
    assert (
        "All individuals were kept of 4 of 8 generations (keep: 3); statements about spreads and genes refer to 4 of"
        in said
    )
    assert found.tables["generations"]["generation"].tolist() == [0, 3, 6, 7]
    assert found.tables["leaders"]["generation"].tolist() == [0, 3, 6, 7]
    whole = section(runs[1], runs[1].best(), founders_scores(run.experiment))
    assert "were kept" not in "\n".join(whole.sentences)
    assert "All individuals" not in "\n".join(whole.sentences)


@pytest.mark.slow
def test_pictures_of_a_thinned_run_are_those_of_a_whole_one(runs, tmp_path):
    drawn = [evolution(run, result(run), tmp_path / run.path.name)[1].read_bytes() for run in runs]
    assert drawn[0] == drawn[1]


def test_genomes_of_a_thinned_run_are_those_that_were_kept(runs):
    frame, best = genome_frame(runs[0]), hall_of_fame(runs[0], 3)
    assert len(frame) < 6 * 8
    assert frame[frame["generation"] == 3]["slot"].tolist() == list(range(6))
    assert len({one.levels.tobytes() for one in best}) == 3


@pytest.mark.slow
def test_a_front_is_read_from_the_state_where_its_members_were_not_kept(experiment, tmp_path):

    experiment = replace(experiment, search=NSGA2(8))
    fronts = []
    for name, keep in (("thinned", 9), ("whole", 1)):
        list(evolve(replace(experiment, keep=keep), tmp_path / name))
        run = Run(tmp_path / name)
        fronts.append(hall_of_fame(run, "front", run.best()))
    assert [(f.generation, f.slot, f.levels.tobytes()) for f in fronts[0]] == [
        (f.generation, f.slot, f.levels.tobytes()) for f in fronts[1]
    ]
    assert any(np.isnan(f.innate) for f in fronts[0])
    assert all(f.innate == g.innate for f, g in zip(*fronts, strict=True) if not np.isnan(f.innate))


@pytest.mark.slow
def test_a_lazy_generation_gives_the_rows_that_are_asked_for(small, tmp_path, monkeypatch, same_bytes):
    monkeypatch.setattr("evo.search.algorithms.evolution_strategy._HELD", 10)
    experiment = small(search=EvolutionStrategy(7), task=TASK)
    spec, search = experiment.genome.spec, experiment.search
    state, streams = search.begin(spec, derive(0, "search", -1)), derive(experiment.seed, "search", 2)
    assert search.lazy(spec)
    levels = spec.quantise(search.rows(state, np.arange(7), spec, streams))
    measured = {name: np.arange(7.0) for name in judged_scores(experiment)} | {"genome_bits": np.ones(7)}
    lazy = Generation(2, None, np.full((7, 2), -1), np.zeros((7, 2)), measured, ("",) * 7, search.source(state))
    stored = lazy.arrays()
    assert "levels" not in stored
    again = Generation.of(2, stored)
    assert same_bytes(again.arrays(), stored)
    assert again.genomes(np.array([6, 0, 3]), experiment).tolist() == levels[[6, 0, 3]].tolist()
    few = thinned(again, experiment)
    assert few.source is None
    assert few.levels.tolist() == levels[few.slots].tolist()
    elsewhere = replace(lazy, index=5, bred=2)
    assert Generation.of(5, elsewhere.arrays()).genomes(np.arange(7), experiment).tolist() == levels.tolist()


KINDS, NUMBERS, SHAPES = (
    "arrays of wrong types",
    "arrays with different numbers of individuals",
    "arrays of wrong shapes",
)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"goals": None}, "'goals'"),
        ({"goals": np.zeros((2, 2))}, NUMBERS),
        ({"goals": np.zeros(6)}, SHAPES),
        ({"failures": np.array(3, dtype=np.uint8)}, NUMBERS),
        ({"failures": np.full(6, 99, dtype=np.uint8)}, "out of range"),
        ({"failures": np.zeros(0, dtype=np.uint8)}, NUMBERS),
        ({"parents": np.full((6, 2), 4 * 6)}, "parents that are not older than their children"),
        ({"parents": np.full((6, 2), -1.0)}, KINDS),
        ({"parents": np.full((6, 3), -1)}, SHAPES),
        ({"measurement.gain": np.zeros(6, dtype=np.int64)}, KINDS),
        ({"measurement.gain": np.array("x")}, NUMBERS),
        ({"levels": np.zeros((6, 2))}, "levels that are no whole numbers from 0"),
        ({"levels": np.zeros(6, dtype=np.uint8)}, SHAPES),
        ({"levels": None}, "neither levels nor their source"),
        ({"kept": np.arange(6)}, "'summary.failures'"),
        ({"bred": np.array(["x"])}, KINDS),
    ],
)
def test_what_is_no_generation_is_refused_in_a_sentence(change, reason):
    right = Generation(
        4, np.zeros((6, 2), np.uint8), np.full((6, 2), 23), np.zeros((6, 1)), {"gain": np.zeros(6)}, ("",) * 6
    ).arrays()
    assert Generation.of(4, right).counted_failures == {}
    arrays = {name: array for name, array in (right | change).items() if array is not None}
    with pytest.raises(
        CorruptFile, match=r"^generation 4: expected the arrays of a generation, got other arrays \("
    ) as refused:
        Generation.of(4, arrays)
    assert reason in str(refused.value)


def test_levels_that_are_no_genomes_are_refused_in_a_sentence(runs):
    arrays = runs[1].generation(4).arrays()
    run, folder = runs[1], runs[1].folder
    for levels in (np.full((6, 9999), 1, np.uint8), arrays["levels"] * 0 + 255, arrays["levels"].astype(np.uint16)):
        folder.write_generation(4, arrays | {"levels": levels})
        with pytest.raises(CorruptFile, match=r"generation 4: expected genomes of"):
            run.individual(4, 0)
    write_atomic(run.path / "generations" / "00004.npz", b"")
    with pytest.raises(CorruptFile, match=r"00004\.npz"):
        run.generation(4)
