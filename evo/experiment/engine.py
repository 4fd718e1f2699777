"""The engine of an experiment: compiled twins where every component has one, torch elsewhere."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Final, NamedTuple, final

from evo.experiment.experiment import Engine, Experiment
from genomes.errors import InputError
from inner_loop.objective import Objective
from inner_loop.rule import LearningRule
from inner_loop.world import World

VARIABLE: Final = "INSTINCT_ENGINE"
"""Environment variable: `torch` turns `engine: auto` into torch, for new runs of this process."""


@final
class Choice(NamedTuple):
    """The engine of an experiment.

    Attributes:
        engine: torch or compiled.
        reason: why it is torch; empty for compiled.
    """

    engine: Engine
    reason: str

    def __str__(self) -> str:
        return f"{self.engine}: {self.reason}" if self.reason else self.engine


def choice_of(experiment: Experiment) -> Choice:
    """The engine that an experiment uses here.

    Raises:
        InputError: the experiment asks for `compiled`, and cannot be compiled here.
    """
    if experiment.engine == "torch":
        return Choice("torch", "the config says so")
    if experiment.engine == "auto" and os.environ.get(VARIABLE) == "torch":
        return Choice("torch", f"{VARIABLE} says so")
    reason = why_not(experiment)
    if not reason:
        return Choice("compiled", "")
    if experiment.engine == "compiled":
        raise InputError(f"engine: expected torch, since here {reason}, got 'compiled'")
    return Choice("torch", reason)


def why_not(experiment: Experiment) -> str:
    """The reason why the lives of an experiment cannot be compiled here; empty if they can."""
    if find_spec("numba") is None:
        return "numba is not installed (pip install 'instinct[compiled]')"
    if experiment.device != "cpu":
        return f"twins are compiled for the CPU, not for {experiment.device}"
    rule, objective, topology = experiment.rule, experiment.objective, experiment.topology
    places = [experiment.environment, *(away for _, away in experiment.held_out)]
    reasons = (experiment.lifetime.without_twin(rule, objective, place, topology) for place in places)
    return next(filter(None, reasons), "")


def offers_twin(component: type) -> bool:
    """True if a class of components offers a compiled twin, at least with some of its settings."""
    seams = (LearningRule, Objective, World)
    if not getattr(component, "learns", True):
        return True
    return any({"twins", "has_twin"} & vars(part).keys() for part in component.__mro__ if part not in seams)
