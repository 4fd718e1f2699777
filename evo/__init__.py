"""The outer loop of instinct: experiments, searches, runs, analyses. Its public names are listed in `__init__.pyi`.

from evo import Experiment, Run, evolve, load
"""

from __future__ import annotations

from genomes.public import attach

_get, _names, __all__ = attach(__name__, __file__)


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("instinct")
    return _get(name)


def __dir__() -> list[str]:
    return [*_names(), "__version__"]
