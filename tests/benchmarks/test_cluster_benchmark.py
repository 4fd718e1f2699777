"""benchmarks/cluster.py at toy size: its stand-in keeps Ray's order, spends what it is told, and its sums are right."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def parts(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)


@pytest.fixture
def cohorts():
    from cluster_parts import stub

    def of(count):
        experiment = stub.digits(stub.population(count), steps=1)
        endless = stub.endless(experiment, float("inf"))
        return experiment, [next(endless) for _ in range(count)]

    return of


class Clock:
    """In place of the module `time`: sleeping takes wall time alone, every look at a clock 10 us of both kinds."""

    def __init__(self):
        self.wall, self.cpu = 1000.0, 0.0

    def perf_counter(self):
        self.wall, self.cpu = self.wall + 1e-5, self.cpu + 1e-5
        return self.wall

    def process_time(self):
        self.perf_counter()
        return self.cpu

    thread_time, monotonic = process_time, perf_counter

    def sleep(self, seconds):
        assert seconds < float("inf")
        self.wall += seconds


@pytest.fixture
def clock(monkeypatch):
    """Of the stand-in, with the dispatcher that it makes, and of the stub: no figure depends on this machine."""
    from cluster_parts import stand_in, stub

    clock = Clock()
    monkeypatch.setattr(stand_in, "time", clock)
    for name in ("perf_counter", "process_time"):
        monkeypatch.setattr(stub, name, getattr(clock, name))
    return clock


def test_sleepers_take_tasks_in_turn_and_sleep_through_them(cohorts, clock):
    from cluster_parts.stand_in import RayCosts, Sleepers

    experiment, (first, *_) = cohorts(1)
    sleepers = Sleepers(2, lambda cohort: 0.1, RayCosts())
    began = clock.perf_counter()
    tasks = [sleepers.remote(None, experiment, first, None, None) for _ in range(4)]
    assert sleepers.wait(tasks, num_returns=4, timeout=0) == ([], tasks)
    done, rest = sleepers.wait(tasks, num_returns=1, timeout=1.0)
    assert (done, rest) == (tasks[:1], tasks[1:])
    assert clock.perf_counter() - began == pytest.approx(0.1, abs=1e-3)
    assert [round(task.ends - began, 1) for task in tasks] == [0.1, 0.1, 0.2, 0.2]
    assert sleepers.busy(began + 0.01, began + 0.19) == pytest.approx(1.0)
    assert sleepers.busy(began + 0.01, began + 0.4) == pytest.approx(0.19 / 0.39, abs=1e-3)
    assert len(sleepers.get(tasks[0]).outcome.failures) == first.real


def test_the_dispatcher_gets_every_cohort_once_from_sleepers_and_audits(cohorts, clock, monkeypatch):
    from cluster_parts.stand_in import OnSleepers, RayCosts, Sleepers

    from evo.distribution import dispatcher

    monkeypatch.setattr(dispatcher, "_AUDITED", 0.5)
    experiment, given = cohorts(20)
    sleepers = Sleepers(40, lambda cohort: 0.001, RayCosts())
    with sleepers.in_place_of_ray(), OnSleepers(sleepers) as executor:
        arrived = dict(executor.outcomes(experiment, given))
    assert sorted(arrived) == list(range(20))
    assert all(len(outcome.failures) == experiment.cohort for outcome in arrived.values())
    audited = executor.incidents["audited"]
    assert 0 < audited < 20
    assert len(sleepers.naps) == 20 + audited


@pytest.mark.slow
def test_the_stub_counts_what_the_driver_does_and_spends_what_ray_costs(clock):
    from cluster_parts import stub

    free = stub.dispatcher_alone(10, 0.05, 1.0, stub.RayCosts())
    dear = stub.dispatcher_alone(10, 0.05, 1.0, stub.RayCosts(submit=0.004, get=0.004))
    assert free["cohorts"] > 20
    assert free["cohorts_per_second"] == pytest.approx(10 / 0.05, rel=0.1)
    assert 0.99 < free["busy"] <= 1
    assert 0 < free["driver_cpu_ms"] < 0.3, "some looks at the clock"
    assert dear["driver_cpu_ms"] - free["driver_cpu_ms"] == pytest.approx(8, rel=0.1)
    assert dear["send_ms"] == pytest.approx(4, rel=0.1)
    run = stub.whole_driver(3, 0.01, 1, stub.RayCosts())
    assert run["cohorts"] == 3 * stub.PER_WORKER
    assert 0 < run["busy"] < 1
    text = stub.told({"rows": [free, run], "checks": [run, run], "journal_ms": 1e3 * stub.journal_seconds(3)})
    assert text.count("\n| ") == 4
    assert "hands out" in text


@pytest.mark.slow
@pytest.mark.parametrize(("search", "population"), [("NSGA2", 40), ("EvolutionStrategy", 1_679)])
def test_a_step_of_the_head(search, population):
    from cluster_parts import head

    found = head.step(search, population)
    lazy = found["search"].endswith(", lazy")
    assert lazy == (population * found["genes"] > 2**24) == (search == "EvolutionStrategy")
    assert (found["file_bytes"] < found["held_bytes"]) == lazy, "the file of a lazy search has no genomes"
    assert found["step_seconds"] == found["seconds"]["ask"] + found["seconds"]["tell"] > 0
    assert found["peak_bytes"] >= found["before_bytes"] > 50e6


def test_made_up_outcomes_have_the_shapes_of_real_ones_and_ties():
    from cluster_parts import head

    experiment = head.experiment_of("NSGA2", 200)
    made = head.made_up(experiment, 1, [32] * 6 + [8])
    assert [len(outcome.failures) for outcome in made] == [32] * 6 + [8]
    for name, like in head.known(experiment).measurements.items():
        assert made[-1].measurements[name].shape == (8, *like.shape[1:])
    scores = np.concatenate([outcome.measurements["learned.log_likelihood"] for outcome in made])
    assert 50 < len(np.unique(scores)) < 200


def test_the_projection_is_right_where_it_is_known(monkeypatch):
    from cluster_parts import projection

    monkeypatch.setattr(projection, "SPREAD", 0.0)
    free = projection.Driver(0.0, 0.0, 0.0, 0.0, 0.0)
    assert projection.busy(free, 50, 2.0, 3) == pytest.approx(1.0)
    breeding = projection.Driver(0.0, 0.0, 2.0 / (50 * projection.COHORT), 0.0, 0.0)
    assert projection.busy(breeding, 50, 2.0, 1) == pytest.approx(0.5)
    slow = projection.Driver(0.02, 0.02, 0.0, 0.0, 0.0)  # 25 cohorts a second, and 100 wanted
    assert slow.most == pytest.approx(25)
    assert projection.busy(slow, 100, 1.0, 20) == pytest.approx(0.25, rel=0.05)
    monkeypatch.setattr(projection, "SPREAD", 0.25)
    one, ten = (projection.busy(free, 50, 2.0, share) for share in (1, 10))
    assert one < ten < 1, "the end of a generation is waited for"


@pytest.mark.slow
def test_the_projection_says_when_one_driver_is_not_enough():
    from cluster_parts import projection

    found = projection.measure(projection.Driver(0.0005, 0.0005, 1e-6, 1e-6, 9e4), workers=(20, 2_000))
    assert [row["without_ends"] for row in found["rows"]] == [1.0, 1.0, 0.5, 1.0]
    text = projection.told(found)
    assert text.count("one driver is not enough") == 1
    assert "2,000 workers with cohorts of 1 s want 2,000 cohorts a second, and one driver hands out 1,000" in text


@pytest.mark.process
def test_cpu_time_of_a_child_is_counted_once():
    pytest.importorskip("psutil")
    from cluster_parts import oversubscribed

    spin = "import time\nwhile time.process_time() < 0.5: pass\nprint(flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", spin], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        before, spent, after = time.process_time(), oversubscribed.cpu_seconds(), time.process_time()
        child.communicate(b"\n")
    assert spent["agents and others"] > 0.45, "the child; others may be children of this process too"
    assert before - 0.1 < spent["driver"] < after + 0.1


@pytest.mark.process
@pytest.mark.ray
def test_a_tiny_run_on_ray_ends_with_the_figures_for_scripts():
    """In a process of its own: the workers of a Ray that is there already do not know the benchmark."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    command = [sys.executable, str(BENCHMARKS / "cluster.py"), "--tiny", "--only", "driver", "--json"]
    said = subprocess.run(command, env=own, capture_output=True, text=True, timeout=600)
    assert said.returncode == 0, said.stderr
    *text, last = said.stdout.splitlines()
    found = json.loads(last)["driver"]
    assert found["lived"]["equal"]
    assert found["lived"]["lazy"]
    assert found["lived"]["lived"] == found["lived"]["different_genomes"] == 2 * 1_679
    small, held, lazy = found["cohorts"]
    assert held["bytes_out"] > 32 * 10_000 > lazy["bytes_out"] > 8 * 10_000
    assert small["driver_cpu_ms"] > small["ray_submit_ms"] > 0
    assert sum(line.startswith("| ") for line in text) == 2 + 3 + 1, "a row a kind of cohort, and a search"
