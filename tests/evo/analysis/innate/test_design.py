"""The design: tested conditions, rows with common random numbers, and rows that are averaged."""

from dataclasses import replace

import numpy as np
import pytest

from evo.analysis.assay_runner import AssayRunner
from evo.analysis.innate.design import Design
from evo.analysis.scores import Scores, above_over_runs, over_runs
from evo.analysis.statistics import estimate, mean_over_runs
from evo.distribution.executor import Serial
from evo.experiment.config import load
from genomes.encodings.random_wiring import RandomWiring
from genomes.evolve import Evolve
from genomes.interventions.standard import Standard
from inner_loop.lives.samples import Lifetime
from inner_loop.rules.backprop import Backprop
from inner_loop.tasks.teacher import Teacher

MAIN = "innate.explained_variance"


@pytest.mark.parametrize(
    ("config", "measured", "at_birth", "condition", "after", "learns"),
    [
        ("digits", ("innate", "learned"), ("innate",), "innate", "learned", True),
        ("digits-spatial", ("innate",), ("innate",), "innate", "learned", False),
        ("retina", ("innate", "innate_memory"), ("innate",), "innate", "learned", False),
        ("tmaze-plastic", ("innate", "innate_plastic"), ("innate", "innate_plastic"), "innate_plastic", None, False),
        (
            "cartpole-hebbian",
            ("innate", "innate_plastic", "learned", "learned_plastic"),
            ("innate", "innate_plastic"),
            "innate_plastic",
            "learned_plastic",
            True,
        ),
    ],
)
def test_conditions(subject_of, config, measured, at_birth, condition, after, learns):
    experiment = load(config)
    bench = Design(subject_of(experiment), AssayRunner(experiment, Serial()), 2, 20)
    assert bench.measured == measured
    assert bench.at_birth == at_birth
    assert bench.condition == condition
    assert after in (None, bench.after)
    assert bench.learns is learns


def test_births_are_the_same_births_whatever_is_done_to_them(bench_of, learning):
    rate = Evolve((0.01, 0.1), "log", 4)
    bench = bench_of(replace(learning, encoding=RandomWiring(1.0), rule=Backprop(rate)))
    plain, again = (bench.measure("x", bench.newborns(), True, resamples=0) for _ in range(2))
    standard = bench.measure("x", bench.newborns(Standard()), True, resamples=0)
    assert plain[MAIN].tobytes() == again[MAIN].tobytes()
    assert plain[MAIN][0] != plain[MAIN][1], "births differ"
    assert (plain[MAIN] != standard[MAIN]).all()


def test_founders_are_born_several_times_only_where_births_differ(bench_of, task):
    once = bench_of(task, draws=30)
    assert not once.stochastic
    assert len(once.founders().levels) == 30
    varied = bench_of(replace(task, task=Teacher(4, 3, hidden=0, measured=8)), draws=30)
    assert varied.stochastic
    rows = varied.founders()
    births = rows.births
    assert births == min(4, varied.births), "never surer than the genome itself"
    assert len(rows.levels) == 30 * births
    assert len(set(rows.lives.tolist())) == 30 * births
    mean = varied.measure("x", rows)[MAIN]
    each = varied.measure("x", replace(rows, births=1))[MAIN]
    assert np.allclose(mean, each.reshape(30, births).mean(1))


def test_a_long_life_is_longer_and_has_a_curve(bench_of, learning, world):
    life = bench_of(learning).life(10).lifetime
    assert isinstance(life, Lifetime)
    assert life.steps == 200
    assert len(life.probed) > 10
    assert bench_of(world).life(3).lifetime.episodes == 6


def test_a_genome_that_grows_all_synapses_is_dense(bench_of, task):
    assert bench_of(task).dense


def test_differences_are_paired_by_births_and_by_resamples():
    noise, samples = np.array([0.1, -0.1, 0.05]), np.linspace(-1, 1, 300)
    own = Scores(1.0 + noise, 1.0 + noise[:, None] + samples)
    other = Scores(0.5 + noise, 0.5 + noise[:, None] + samples[:200])
    difference = own.less(other)
    assert np.allclose(difference.values, 0.5)
    assert difference.resampled.shape == (3, 200)
    found = difference.estimate
    assert np.allclose([found.mean, found.low, found.high], 0.5), "what both share is not in the interval"
    assert Scores(np.array([1.0])).less(Scores(np.array([0.25]))).values.tolist() == [0.75]


def test_of_one_run_the_births_are_counted_of_several_the_runs():
    runs = [Scores(np.array([0.1, 0.3])), Scores(np.array([0.5, 0.7])), Scores(np.array([0.8, 0.8]))]
    assert over_runs(runs[:1]) == estimate(runs[0].values)
    assert over_runs(runs) == mean_over_runs([0.2, 0.6, 0.8])


def test_runs_on_the_same_samples_are_resampled_with_them():
    """Runs that agree to a hair, on few samples: the interval is that of the samples, and of a share within 0 and 1."""
    samples = np.linspace(-0.3, 0.3, 101)[None, :]
    runs = [Scores(np.array([m, m, np.nan]), np.repeat(m + samples, 3, axis=0), (0.0, 1.0)) for m in (0.8, 0.81, 0.79)]
    found = over_runs(runs)
    assert found == mean_over_runs([0.8, 0.81, 0.79], np.array([[0.8], [0.81], [0.79]]) + samples).within((0.0, 1.0))
    assert found.low < 0.6
    assert found.high == 1.0
    founders = [Scores(np.array([0.5]), 0.5 + samples[:, :60]) for _ in runs]
    apart = above_over_runs(runs, founders)
    assert apart.mean == pytest.approx(0.3)
    assert 0 < apart.high - apart.low < 0.1, "what both share is in neither"
    plain = above_over_runs([Scores(one.values) for one in runs], founders)
    assert plain == mean_over_runs([one.mean - 0.5 for one in runs])


@pytest.mark.slow
def test_intervals_cover(bench_of, task, levels_of):
    """Of births that meet teachers of their own: the mean over all births lies within, 95 % of the time."""
    varied = replace(task, task=Teacher(4, 3, hidden=0, measured=8), cohort=256)
    bench = bench_of(varied, levels_of(varied), births=200 * 32)
    values = bench.measure("x", bench.newborns())[MAIN]
    found = [Scores(births).estimate for births in values.reshape(200, 32)]
    assert 181 <= sum(one.low <= values.mean() <= one.high for one in found) <= 198


def test_spec_is_that_of_the_subject(bench_of, task):
    bench = bench_of(task)
    assert bench.newborns().levels.shape == (2, task.genome.spec.size)
