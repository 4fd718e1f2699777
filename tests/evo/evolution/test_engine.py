"""A run settles its engine when it begins, and keeps it."""

from dataclasses import dataclass, replace
from typing import NamedTuple, final

import pytest

from evo.evolution.engine import engine_of_a_new_run
from evo.evolution.evolve import evolve
from evo.experiment.config import load
from genomes.errors import InputError
from inner_loop.rule import LearningRule
from inner_loop.twins import twin

SMALL = ("search.population=9", "cohort=4", "generations=2", "lifetime.exams=1", "world.longest=20")


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch):
    monkeypatch.delenv("INSTINCT_ENGINE", raising=False)


@pytest.mark.slow
def test_a_run_is_resumed_and_read_with_the_engine_it_began_with(tmp_path, monkeypatch):
    experiment = load("cartpole-hebbian", SMALL)
    whole = evolve(experiment, tmp_path / "whole").finish()
    assert (whole.engine, whole.experiment.engine, whole.written.engine) == ("compiled", "compiled", "auto")
    begun = evolve(experiment, tmp_path / "begun")
    next(begun)
    begun.close()
    monkeypatch.setenv("INSTINCT_ENGINE", "torch")  # for new runs alone
    ended = evolve(experiment, tmp_path / "begun").finish()
    assert ended.generation(1).measurements["innate_plastic.return"].tolist() == (
        whole.generation(1).measurements["innate_plastic.return"].tolist()
    )
    of_torch = evolve(experiment, tmp_path / "torch").finish()
    assert (of_torch.engine, of_torch.experiment.engine) == ("torch, since INSTINCT_ENGINE says so", "torch")
    with pytest.raises(InputError, match="engine was 'torch' and is now 'compiled'"):
        next(evolve(replace(experiment, engine="compiled"), tmp_path / "torch"))


def broken(rule, net, block, weights, lived):
    weights.there_is_no_such_method()


@twin(learn=broken)
class Broken(NamedTuple):
    nothing: int = 0


@final
@dataclass(frozen=True)
class Stranger(LearningRule[tuple[()]]):
    """A rule whose twin does not compile."""

    twins = frozenset({"lanes"})

    def init(self, network, newborn, weights, streams):
        return ()

    def step(self, network, weights, state, lived, newborn):
        return weights, state

    def lanes_twin(self, lanes, network, newborn, weights, state, episodes):
        return Broken()


@pytest.mark.slow
def test_a_twin_that_does_not_compile_leads_to_torch_and_says_where():
    experiment = replace(load("cartpole-hebbian", SMALL), rule=Stranger(), encoding=load("chemotaxis", ()).encoding)
    chosen = engine_of_a_new_run(experiment)
    assert chosen.engine == "torch"
    assert chosen.reason.startswith("a twin does not compile (")
    assert "test_engine.py, line " in chosen.reason


@pytest.mark.slow
def test_a_run_from_before_goes_on_in_torch(tmp_path, monkeypatch):
    run = evolve(load("cartpole-hebbian", (*SMALL, "generations=1")), tmp_path / "run").finish()
    made = {key: value for key, value in run.folder.manifest.items() if not key.startswith("engine")}
    monkeypatch.setattr(type(run.folder), "manifest", made)
    assert run.engine == "torch, since it began before lives were compiled"
    assert run.with_its_engine(run.written).engine == "torch"
