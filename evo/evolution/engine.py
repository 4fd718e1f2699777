"""The engine of a new run: compiled twins if all of them compile, else torch, with the reason."""

from __future__ import annotations

import re
from dataclasses import replace

from evo.evaluation.evaluate import evaluate
from evo.evaluation.fingerprint import known_cohort
from evo.experiment.engine import Choice, choice_of
from evo.experiment.experiment import Experiment


def engine_of_a_new_run(experiment: Experiment) -> Choice:
    """The engine that a run begins with here; with `engine: auto`, a twin that does not compile leads to torch.

    Raises:
        InputError: the experiment asks for `compiled`, and some part of it has no twin here.
    """
    choice = choice_of(experiment)
    if choice.engine == "compiled" and experiment.engine == "auto" and (reason := _fails_to_compile(experiment)):
        return Choice("torch", reason)
    return choice


def _fails_to_compile(experiment: Experiment) -> str:
    """The reason why the twins of an experiment do not compile; empty if they do."""
    try:
        evaluate(*known_cohort(replace(experiment, engine="compiled"), spread=0.0))
    except Exception as error:  # errors of a component are recorded in its lives, whatever the engine
        if type(error).__module__.startswith("numba"):
            places = re.findall(r'File "(.+?)", line (\d+)', str(error))
            return "a twin does not compile" + (f" ({places[0][0]}, line {places[0][1]})" if places else "")
    return ""
