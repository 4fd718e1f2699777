"""Exceptions of individuals are logged once, independent of the place of evaluation."""

import logging
from dataclasses import dataclass, replace

import pytest

from evo import evolve
from evo.distribution.executor import Serial
from evo.evolution.offspring import RunFailed
from inner_loop.rule import LearningRule


@dataclass(frozen=True)
class Wrong(LearningRule):
    """A rule with a mistake in it."""

    def init(self, network, newborn, weights, streams):
        return {}["no such number"]

    def step(self, network, weights, state, lived, newborn):
        return weights, state


@pytest.fixture(params=["this process", pytest.param("Ray", marks=pytest.mark.ray)])
def executor(request):
    return Serial() if request.param == "this process" else request.getfixturevalue("ray_executor")


@pytest.mark.slow
def test_why_individuals_raise_is_said_once_a_run(executor, small, tmp_path, caplog):
    wrong = replace(small(generations=1), rule=Wrong())
    for run in ("first", "second"):
        caplog.clear()
        with caplog.at_level(logging.WARNING), pytest.raises(RunFailed, match="raised"):
            list(evolve(wrong, tmp_path / run, executor))
        line = Wrong.init.__code__.co_firstlineno + 1
        what = f"KeyError: 'no such number' (test_error_log.py, line {line})"
        assert [record.getMessage() for record in caplog.records] == [
            f"an individual raised {what}; it is recorded as `raised`"
        ]
