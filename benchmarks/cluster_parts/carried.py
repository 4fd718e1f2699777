"""Part `driver`, first half: the driver's cost of a cohort on a real Ray, and its bytes in each direction.

The workers answer at once, so only the cost of transport remains. CPU time of the driver's process includes all of its
threads; the time of its main thread limits the number of cohorts that it can send out.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

import numpy as np

from cluster_parts.stand_in import RayCosts
from cluster_parts.tables import Found, table
from cluster_parts.workload import COHORT, at_once, digits, known, ten_thousand_genes
from evo.distribution.cluster import Cluster
from evo.distribution.dispatcher import Dispatcher
from evo.distribution.jobs import DispatchHistory
from evo.distribution.worker import WorkerResult, run_cohort
from evo.evaluation.cohort import SELECTION, Cohort
from evo.evaluation.fingerprint import Fingerprint, fingerprint_of_lives
from evo.experiment.experiment import Experiment
from genomes.streams import derive

INLINE = 100_000  # bytes of an argument; Ray puts larger ones into its object store


@final
@dataclass(frozen=True)
class Spent:
    """Seconds: of the driver's main thread, of all its threads, and of wall time."""

    thread: float
    process: float
    wall: float

    @classmethod
    def on(cls, work: Callable[[], Any]) -> Spent:
        """Measures the time of some work."""
        thread, process, wall = time.thread_time(), time.process_time(), time.perf_counter()
        work()
        return cls(time.thread_time() - thread, time.process_time() - process, time.perf_counter() - wall)


def kinds(size: int) -> dict[str, tuple[Experiment, list[Cohort]]]:
    """Cohorts with different transport, `size` of each."""
    small, large, lazy = digits(COHORT + 1), ten_thousand_genes(COHORT + 1), ten_thousand_genes(99_999)
    spec = lazy.genome.spec
    source = lazy.search.source(lazy.search.begin(spec, derive(0, "search", -1)))
    return {
        f"{small.genome.spec.size:,} genes, held": (small, _held(small, size)),
        f"{spec.size:,} genes, held": (large, _held(large, size)),
        f"{spec.size:,} genes, lazy": (lazy, [replaced(source, number) for number in range(size)]),
    }


def _held(experiment: Experiment, size: int) -> list[Cohort]:
    spec = experiment.genome.spec
    levels = spec.quantise(derive(0, "carried").uniform(COHORT, spec.size)[0].numpy())
    return [Cohort(0, number, np.arange(COHORT), levels, COHORT) for number in range(size)]


def replaced(source: dict[str, np.ndarray], number: int) -> Cohort:
    """A cohort of a lazy search."""
    return Cohort(0, number, np.arange(COHORT), None, COHORT, source=source)


def measure(size: int = 1000, workers: int = 2) -> Found:
    """Costs and bytes of a cohort of each kind, and the costs of Ray alone, which the stand-in for it spends."""
    with Cluster(workers) as cluster:
        from ray import cloudpickle

        rows = []
        for name, (experiment, cohorts) in kinds(size).items():
            proof = Fingerprint(experiment, fingerprint_of_lives(experiment))
            out = [len(cloudpickle.dumps(a)) for a in (at_once, experiment, cohorts[0], SELECTION, proof)]
            back = len(cloudpickle.dumps(WorkerResult(known(experiment), "0" * 56, 2**20, "AVX512", 1.0)))
            ours = _dispatched(cluster, experiment, cohorts, proof)
            alone = _ray_alone(cluster, experiment, cohorts, proof)
            rows.append(
                {
                    "cohort": name,
                    "bytes_out": sum(out),
                    "bytes_out_without_genomes": sum(out) - out[2],
                    "bytes_back": back,
                    "driver_thread_ms": 1e3 * ours.thread / size,
                    "driver_cpu_ms": 1e3 * ours.process / size,
                    "wall_ms": 1e3 * ours.wall / size,
                    "ray_submit_ms": 1e3 * alone.submit,
                    "ray_get_ms": 1e3 * alone.get,
                }
            )
            if len(rows) == 1:
                costs = alone
        looks = _looks(cluster, 2 * size)
    return {"cohorts": rows, "ray": asdict(RayCosts(costs.submit, *looks, costs.get))}


def _dispatched(cluster: Cluster, experiment: Experiment, cohorts: Sequence[Cohort], proof: Fingerprint) -> Spent:
    """The cost through the dispatcher, once the workers are warm."""

    def all_of(these: Sequence[Cohort]) -> None:
        task, history = cluster.task(run_cohort, "cpu", experiment), DispatchHistory(Counter())
        for _ in Dispatcher(cluster, task, at_once, experiment, these, SELECTION, proof, history).arriving():
            pass

    all_of(cohorts[:20])
    return Spent.on(lambda: all_of(cohorts))


def _ray_alone(cluster: Cluster, experiment: Experiment, cohorts: Sequence[Cohort], proof: Fingerprint) -> RayCosts:
    """The cost of sending the same tasks and fetching their answers, without a dispatcher."""
    import ray

    task, references = cluster.task(run_cohort, "cpu", experiment), list[Any]()

    def send() -> None:
        references.extend(task.remote(at_once, experiment, cohort, SELECTION, proof, False) for cohort in cohorts)

    sent = Spent.on(send)
    ray.wait(references, num_returns=len(references))
    fetched = Spent.on(lambda: [ray.get(reference) for reference in references])
    return RayCosts(submit=sent.thread / len(cohorts), get=fetched.thread / len(cohorts))


def _looks(cluster: Cluster, many: int, repeats: int = 20) -> tuple[float, float]:
    """Seconds of a look, and per cohort in it: a line fitted to looks at few and at many."""
    import ray

    task, seconds, counts = ray.remote(max_retries=0, num_cpus=1)(_nap), [], (many // 10, many)
    for count in counts:
        references = [task.remote() for _ in range(count)]
        looks = [Spent.on(lambda r=references: ray.wait(r, num_returns=len(r), timeout=0)) for _ in range(repeats)]
        seconds.append(float(np.median([look.thread for look in looks])))
        ray.wait(references, num_returns=count)
    watch = max(0.0, (seconds[1] - seconds[0]) / (counts[1] - counts[0]))
    return max(0.0, seconds[0] - watch * counts[0]), watch


def _nap() -> None:
    time.sleep(0.003)


def told(found: Found) -> str:
    """One row for each kind of cohort, and the conclusions."""
    rows, ray = found["cohorts"], found["ray"]
    columns = (
        "cohort of 32",
        "bytes out",
        "of them alike in all",
        "bytes back",
        "driver, its thread, ms",
        "driver, all threads, ms",
        "wall, ms",
        "Ray's submit, ms",
        "Ray's get, ms",
    )
    keys = ("driver_thread_ms", "driver_cpu_ms", "wall_ms", "ray_submit_ms", "ray_get_ms")
    lines = [
        [
            row["cohort"],
            *(f"{row[key]:,}" for key in ("bytes_out", "bytes_out_without_genomes", "bytes_back")),
            *(f"{row[key]:.2f}" for key in keys),
        ]
        for row in rows
    ]
    stored = [row["cohort"] for row in rows if row["bytes_out"] > INLINE]
    through = f" Beyond {INLINE:,} bytes Ray carries a cohort through its object store: {', '.join(stored)}."
    return (
        f"{table(columns, lines)}\n\nWorkers answer at once; wall time is shared with them on this machine. A look at "
        f"the cohorts in hand takes Ray {1e3 * ray['look']:.2f} ms and {1e6 * ray['watch']:.2f} us a cohort."
        f"{through if stored else ''}"
    )
