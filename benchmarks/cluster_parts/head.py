"""Part `driver`, second half: memory of the head, and seconds of its work between generations, by population.

Each measurement has its own process and thus its own peak of memory. The cohorts are not evaluated: their outcomes are
invented, two correlated scores in thousandths, as from a task of 1,000 samples, so that many individuals are tied.
"""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from cluster_parts.tables import Found, table
from cluster_parts.workload import digest, known, ten_thousand_genes, witnessed
from evo.distribution.ray_executor import OnRay
from evo.evaluation.numerics import settle
from evo.evaluation.outcome import Outcome
from evo.evolution.evolve import evolve
from evo.evolution.offspring import Offspring, first_state
from evo.evolution.run import Run
from evo.experiment.config import load
from evo.experiment.experiment import Experiment
from evo.storage.arrays import pack
from evo.storage.atomic import write_atomic
from genomes.streams import derive

FRONTS = (1_000, 3_000, 10_000)
STRATEGIES = (1_001, 1_677, 9_999, 99_999)  # of 10,000 genes: the second is the largest that is held in memory
MOST_SECONDS, MOST_BYTES = 10.0, 2e9


def experiment_of(search: str, population: int) -> Experiment:
    """Three goals of the digits under NSGA-II, or 10,000 genes under an evolution strategy."""
    if search == "NSGA2":
        return load("digits-front", (f"search.population={population}",))
    return ten_thousand_genes(population)


def step(search: str, population: int) -> Found:
    """The second generation of a run, from asking to writing, without its lives."""
    settle()
    experiment = experiment_of(search, population)
    known(experiment)  # imports, and the data, before memory is measured
    before, seconds, cpu = peak(), dict[str, float](), dict[str, float]()

    def took(name: str, work: Callable[[], Any]) -> Any:
        began, spent = perf_counter(), process_time()
        result = work()
        seconds[name], cpu[name] = perf_counter() - began, process_time() - spent
        return result

    state = first_state(experiment)
    for index in range(2):  # the first makes the table of noise, and has no parents
        bred = took("ask", lambda s=state, i=index: Offspring.of(experiment, i, s))
        cohorts = took("cohorts", lambda b=bred: b.cohorts)
        outcomes = made_up(experiment, index, [cohort.real for cohort in cohorts])
        generation = took("record", lambda b=bred, i=index, o=outcomes: b.recorded(i, o))
        state = took("tell", lambda b=bred, s=state, g=generation: b.told(s, g))
        size = took("write", lambda g=generation: _written(g.arrays()))
    lazy = experiment.search.lazy(experiment.genome.spec)
    return {
        "search": f"{search}{', lazy' if lazy else ''}",
        "population": population,
        "genes": experiment.genome.spec.size,
        "step_seconds": seconds["ask"] + seconds["tell"],
        "step_cpu_seconds": cpu["ask"] + cpu["tell"],
        "seconds": seconds,
        "peak_bytes": peak(),
        "before_bytes": before,
        "file_bytes": size,
        "held_bytes": population * experiment.genome.spec.size * experiment.genome.spec.level_dtype().nbytes,
    }


def made_up(experiment: Experiment, index: int, sizes: list[int]) -> list[Outcome]:
    """Outcomes of cohorts of these sizes, with measurements under the right names."""
    names, count = known(experiment).measurements, sum(sizes)
    streams = derive(index, "made up")
    common, ends = streams.stream("common").normal(count)[0].numpy(), np.cumsum(sizes)

    def column(name: str, like: np.ndarray) -> np.ndarray:
        own = streams.stream(name).normal(count)[0].numpy()
        score = ((common + own) * 100).round() / 1000
        return np.repeat(score, like[0].size).reshape(count, *like.shape[1:])

    columns = {name: column(name, like) for name, like in names.items()}
    return [
        Outcome({name: m[end - size : end] for name, m in columns.items()}, ("",) * size)
        for size, end in zip(sizes, ends, strict=True)
    ]


def _written(arrays: dict[str, np.ndarray]) -> int:
    data = pack(arrays)
    with tempfile.TemporaryDirectory() as folder:
        write_atomic(Path(folder) / "00001.npz", data)
    return len(data)


def peak() -> int:
    """The peak memory of this process; ru_maxrss would include the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * int(status.read_text().partition("VmHWM:")[2].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def alone(work: Callable[..., Found], *arguments: Any, **named: Any) -> Found:
    """Runs `work(*arguments, **named)` in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments, named)


def lived(population: int = 1_679, cohort: int = 64, workers: int = 2) -> Found:
    """Runs a lazy evolution strategy on Ray; compares the evaluated genomes with those of the folder."""
    experiment = ten_thousand_genes(population, cohort)
    spec = experiment.genome.spec
    with tempfile.TemporaryDirectory() as folder:
        seen, run = Path(folder) / "seen", Path(folder) / "run"
        seen.mkdir()
        began = perf_counter()
        for _ in evolve(experiment, run, OnRay(workers, evaluator=partial(witnessed, seen))):
            pass
        seconds, opened = perf_counter() - began, Run(run)
        there = {
            (index, slot): digest(levels)
            for index in opened.generations
            for rows in np.array_split(np.arange(population), 1 + population // 256)
            for slot, levels in zip(rows.tolist(), opened.generation(index).genomes(rows, experiment), strict=True)
        }
        lines = [line.split() for file in seen.iterdir() for line in file.read_text().splitlines()]
        one = digest(opened.individual(1, population - 1).levels)
        sizes = [file.stat().st_size for file in (run / "generations").iterdir()]
    lived_here = {(int(generation), int(slot)): genome for generation, slot, genome in lines}
    return {
        "numbers": population * spec.size,
        "lazy": experiment.search.lazy(spec),
        "lived": len(lived_here),
        "different_genomes": len(set(lived_here.values())),
        "equal": lived_here == there and one == there[1, population - 1],
        "file_bytes": max(sizes),
        "seconds": seconds,
    }


def measure(fronts: tuple[int, ...] = FRONTS, strategies: tuple[int, ...] = STRATEGIES) -> Found:
    """One row for each population."""
    asked = {"NSGA2": fronts, "EvolutionStrategy": strategies}
    return {"heads": [alone(step, search, each) for search, populations in asked.items() for each in populations]}


def told(found: Found) -> str:
    """One row for each population, the conclusions, and the run with genomes that were read back."""
    rows, run = found["heads"], found["lived"]
    columns = ("search", "population", "genes", "ask, s", "tell, s", "both, CPU s", "cohorts and record, s", "write, s")
    lines = [
        [
            row["search"],
            f"{row['population']:,}",
            f"{row['genes']:,}",
            *(f"{row['seconds'][name]:.3f}" for name in ("ask", "tell")),
            f"{row['step_cpu_seconds']:.3f}",
            f"{row['seconds']['cohorts'] + row['seconds']['record']:.3f}",
            f"{row['seconds']['write']:.3f}",
            f"{row['peak_bytes'] / 1e6:,.0f}",
            f"{row['file_bytes'] / 1e6:.2f}",
            f"{row['held_bytes'] / 1e6:,.0f}",
        ]
        for row in rows
    ]
    over = [
        f"{row['search']} at {row['population']:,}"
        for row in rows
        if row["step_seconds"] > MOST_SECONDS or row["peak_bytes"] > MOST_BYTES
    ]
    limits = f"{MOST_SECONDS:.0f} s a step and {MOST_BYTES / 1e9:.0f} GB"
    return (
        f"{table((*columns, 'peak, MB', 'file, MB', 'genomes, MB'), lines)}\n\n"
        f"{'Beyond' if over else 'All are within'} {limits}{': ' + ', '.join(over) if over else ''}. Before the first "
        f"generation the processes had {max(row['before_bytes'] for row in rows) / 1e6:,.0f} MB at most. A run of "
        f"{run['numbers']:,} numbers a generation on Ray, files of {run['file_bytes'] / 1e3:,.0f} kB: the "
        f"{run['lived']:,} genomes that its workers drew are {'' if run['equal'] else 'NOT '}those that are read back "
        f"from its folder ({run['different_genomes']:,} of them different)."
    )
