"""The work of `instinct evolve` and `instinct resume` on one run: progress, summary and figures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rich.console import Console

from evo.analysis.run_figures import evolution, front
from evo.cli.driver_link import RESTARTED, announce
from evo.cli.run_progress import Progress
from evo.distribution.executor import Executor, Serial
from evo.distribution.ray_executor import OnRay
from evo.evaluation.fault_isolation import ENVIRONMENTAL
from evo.evaluation.numerics import settle
from evo.evolution.evolve import continued
from evo.evolution.result import RunResult, result
from evo.evolution.run import Run
from evo.search.front import FrontSearch
from evo.storage.mirror import mirror_of
from inner_loop.lives.episodes import THERE


def drive(
    path: Path, workers: int | None, address: str | None, serial: bool, allow_code: bool, console: Console
) -> dict[str, Any]:
    """Evolves a run folder from its current state to its end; returns the answer for `--json`."""
    settle()
    run = Run(path, allow_code)
    executor: Executor = Serial(guarded=RESTARTED in os.environ) if serial else OnRay(workers, address)
    with Progress(console, run.experiment, run.engine) as progress:

        def ready(first: int) -> None:
            announce(begun=True)
            progress.begin(shown(path), first)

        for generation in continued(run, executor, ready):
            progress.show(generation)
    return _sum_up(run, console)


def _sum_up(run: Run, console: Console) -> dict[str, Any]:
    announce(begun=False)  # the evolution is complete: an error from here on would recur in every later driver
    outcome = result(run)
    run.folder.write_json("result.json", outcome.as_dict())
    pictures = evolution(run, outcome, run.path / "figures")
    if isinstance(run.experiment.search, FrontSearch):
        pictures += front(run, run.path / "figures")
    counted = f"{outcome.generations} generation{'s' * (outcome.generations != 1)}"
    console.print(
        f"\n{_scores(run, outcome)}\n"
        f"Its {outcome.genome_bits:,.0f} bits develop into {outcome.wiring_bits:,.0f} bits of wiring. "
        f"{counted}, {outcome.lifetimes:,} lifetimes, {outcome.failures} failures, "
        f"{outcome.seconds:.0f} s.{_recorded(run, outcome)}\nresults: {shown(run.path)}  picture: {pictures[1]}",
        markup=False,
    )
    return outcome.as_dict()


def shown(path: Path) -> str:
    """The user's name of a run: its URL, or the path of a plain folder."""
    mirror = mirror_of(path)
    return "/".join((mirror.url, *path.absolute().relative_to(mirror.root).parts)) if mirror else str(path)


def _recorded(run: Run, outcome: RunResult) -> str:
    """Sentences about recorded events that may differ in another run of the same config and seed."""
    environmental = {reason: count for reason, count in outcome.why.items() if reason in ENVIRONMENTAL}
    said = ", ".join(f"{count} {reason}" for reason, count in environmental.items())
    failed = f" Failures of the machine ({said}) are recorded, not derived: another machine may have others."
    order = " The order of arrival is recorded, not derived: another run may have another history."
    return (failed if environmental else "") + (order if run.experiment.in_flight > 1 else "")


def _scores(run: Run, outcome: RunResult) -> str:
    """Scores of the best genome and of random ones: a sentence for a task, one line per condition for a world."""
    main = run.experiment.main.replace("_", " ")
    if outcome.learned is None:
        random = f"{main} at birth: random genomes {outcome.founders_innate:.3f}"
        return f"{random}; the best genome {outcome.innate:.3f} (nothing is lived)."
    if not run.experiment.lifetime.side_by_side:
        return (
            f"held-out {main}: random genomes {outcome.founders_innate:.3f} at birth; the best genome "
            f"{outcome.innate:.3f} at birth (innate), {outcome.learned:.3f} after its life (learned)."
        )
    conditions = [*outcome.best, *([THERE] if outcome.held_out else [])]
    wide = max(len(name) for name in conditions)
    away = "".join(f"{name:>{max(len(name), 8) + 2}}" for name in outcome.held_out)
    lines = [f"{f'held-out {main}':{wide}}  random    best{away}"]
    for name in conditions:
        cells = [outcome.founders.get(name), outcome.best.get(name)]
        line = "".join("       -" if cell is None else f"{cell:8.3f}" for cell in cells)
        beyond = "".join(f"{by[name]:{max(len(world), 8) + 2}.3f}" for world, by in outcome.held_out.items())
        lines.append(f"{name:{max(wide, len(f'held-out {main}'))}}{line}{beyond}")
    return "\n".join(lines)
