"""The engine of an experiment is compiled where every part has a twin, else torch, with the reason."""

from dataclasses import replace

import pytest

from evo.experiment import engine
from evo.experiment.config import load
from evo.experiment.engine import choice_of, offers_twin
from genomes.errors import InputError
from genomes.topology import Group, Topology
from inner_loop.lives.episodes import EpisodicLifetime
from inner_loop.neurons import LeakyIntegrateAndFire
from inner_loop.objectives import Homeostasis, SquaredError
from inner_loop.rules import BPTT, RULES, Backprop, Frozen
from inner_loop.worlds import WORLDS, Gymnasium

THREE = EpisodicLifetime(parallel=3, measured=("learned",))


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch):
    monkeypatch.delenv("INSTINCT_ENGINE", raising=False)


def test_every_part_has_a_twin():
    assert choice_of(load("digits", ())) == ("compiled", "")
    assert choice_of(load("cartpole-hebbian", ())) == ("compiled", "")
    assert choice_of(load("decision", ())) == ("compiled", "")


@pytest.mark.parametrize("name", ["digits", "cartpole-reversed"])
def test_without_numba_lives_are_torchs_and_the_reason_says_how_to_get_it(name, monkeypatch):
    monkeypatch.setattr(engine, "find_spec", lambda package: None)
    chosen = choice_of(load(name, ()))
    assert (chosen.engine, "pip install 'instinct[compiled]'" in chosen.reason) == ("torch", True)
    with pytest.raises(InputError, match=r"^engine: expected torch, since here numba is not installed"):
        choice_of(load(name, ("engine=compiled",)))


def test_the_config_and_the_environment_choose_torch(monkeypatch):
    assert choice_of(load("digits", ("engine=torch",))) == ("torch", "the config says so")
    monkeypatch.setenv("INSTINCT_ENGINE", "torch")
    assert choice_of(load("digits", ())) == ("torch", "INSTINCT_ENGINE says so")
    assert choice_of(load("digits", ("engine=compiled",))) == ("compiled", ""), "a config that asks for it has it"


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("digits", {"objective": Homeostasis()}, "Homeostasis has no compiled twin"),
        ("decision", {"rule": BPTT(window=3)}, "BPTT has no compiled twin in episodes"),
        ("decision", {"rule": BPTT(), "objective": Homeostasis()}, "Homeostasis has no compiled twin"),
        (
            "cartpole-reversed",
            {"lifetime": THREE},
            "3 parallel episodes are not 1, 2, 4, 8 or 16",
        ),
    ],
)
def test_one_part_without_a_twin_leaves_the_whole_life_to_torch(name, changes, reason):
    assert choice_of(replace(load(name, ()), **changes)) == ("torch", reason)


def test_spiking_units_and_foreign_worlds_are_torchs():
    topology = Topology(
        (Group("senses", 3), Group("hidden", 4, neuron=LeakyIntegrateAndFire()), Group("choice", 3)),
        ("senses -> hidden", "hidden -> choice"),
    )
    chosen = choice_of(replace(load("decision", ()), topology=topology))
    assert chosen == ("torch", "LeakyIntegrateAndFire, of group hidden, has no compiled twin")
    assert not offers_twin(Gymnasium)


def test_components_that_offer_a_twin():
    assert all(offers_twin(rule) for rule in RULES)
    assert all(offers_twin(world) for world in WORLDS if world is not Gymnasium)
    assert (offers_twin(SquaredError), offers_twin(Homeostasis)) == (True, False)
    assert offers_twin(Backprop)
    assert offers_twin(Frozen)
