"""The outer loop of instinct: experiments, searches, runs.

from evo import Experiment, Run, evolve
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evo.evaluation.evaluate import evaluate
    from evo.evolution.evolve import evolve
    from evo.evolution.run import Run
    from evo.experiment.experiment import Experiment, assemble

    __version__: str

__all__ = ["Experiment", "Run", "assemble", "evaluate", "evolve"]

_HOMES = {
    "Experiment": "evo.experiment.experiment",
    "Run": "evo.evolution.run",
    "assemble": "evo.experiment.experiment",
    "evaluate": "evo.evaluation.evaluate",
    "evolve": "evo.evolution.evolve",
}


def __getattr__(name: str) -> Any:
    # looked up on first use: the command line answers --help without loading torch
    if name == "__version__":
        from importlib.metadata import version

        return version("instinct")
    if name not in _HOMES:
        raise AttributeError(f"module 'evo' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
