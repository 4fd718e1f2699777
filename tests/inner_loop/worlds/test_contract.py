"""Every registered world keeps its contract; a broken contract is found and reported in words."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
import torch

from genomes.errors import InputError
from inner_loop.contracts import worlds_in_lanes
from inner_loop.contracts.worlds import check_world
from inner_loop.world import Discrete, Moment, Response, World
from inner_loop.worlds import WORLDS

# whose episodes are long, or that ask another package for every step; a new world is checked by `make test`
LONG = {"SwingUp", "HintonNowlan", "CartPole", "Gymnasium", "Retina", "TMaze", "Chemotaxis", "Foraging"}


@pytest.mark.parametrize("world", [world for world in WORLDS if world.__name__ not in LONG])
def test_worlds_keep_their_contract_without_a_compiler(world, monkeypatch):
    monkeypatch.setattr(world, "has_twin", False)
    assert len(check_world(world())) >= 12


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_worlds_keep_their_contract(world, monkeypatch):
    monkeypatch.setattr(worlds_in_lanes, "_PARTED", 0)  # rounding decides no action of these lives
    said = check_world(world())
    assert len(said) >= 12
    assert len(set(said)) == len(said)
    assert sum("twin" in sentence for sentence in said) == (8 if world().has_twin else 0)


def test_all_worlds_but_those_of_others_have_a_twin():
    assert [world.__name__ for world in WORLDS if not world().has_twin] == ["Gymnasium"]


@pytest.mark.parametrize("world", WORLDS)
def test_worlds_are_documented_with_what_is_observed_and_done(world):
    assert "| observation |" in world.__doc__
    assert re.search(r"\| (action|answer|response|output)", world.__doc__) or isinstance(world().actions, Response)
    assert any(mark in world.__doc__ + (__import__(world.__module__, fromlist=["x"]).__doc__) for mark in ("19", "20"))


@dataclass(frozen=True)
class Drift(World):
    """A number drifts and follows the action; ten steps. `fault` breaks one clause."""

    fault: str = ""

    @property
    def inputs(self):
        return 1

    @property
    def actions(self):
        return Response(1)

    @property
    def steps(self):
        return 10

    def reset(self, streams, episodes, life):
        start = streams.stream("start").normal(episodes)
        if self.fault == "neighbours":
            start = start - start.mean(1, keepdim=True)
        if self.fault == "lives":
            start = start - start.mean(0, keepdim=True)
        if self.fault == "noise":
            start = start + torch.rand(())
        first = self.moment(start, 0)
        if self.fault == "reward":
            first = self.moment(start, 0, torch.ones_like(start))
        return (start, 0), first

    def step(self, state, actions):
        place, done = state
        told = actions[:, 0].nan_to_num()
        if self.fault == "nan spreads":
            told = told + actions.sum() * 0.0
        place = place + told * (1e6 if self.fault == "scale" else 1.0)
        if self.fault == "infinite":
            place = place / 0.0
        return (place, done + 1), self.moment(place, done + 1, -place.abs())

    def moment(self, place, done, reward=None):
        never = torch.zeros_like(place, dtype=torch.bool)
        over = torch.full_like(never, done >= self.steps and self.fault != "endless")
        shown = place[:, None, :].expand(-1, 2 if self.fault == "shape" else 1, -1)
        return Moment(shown, torch.zeros_like(place) if reward is None else reward, never, over)

    def scores(self, state, returns):
        return {"return" if self.fault != "score" else "worth": returns.mean(1)}


def test_the_specimen_keeps_the_contract():
    assert len(check_world(Drift())) >= 12


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("neighbours", "an episode does not depend on how many others"),
        ("lives", "a life does not depend on how many others"),
        ("noise", "same bytes"),
        ("reward", "at the reset nothing is rewarded"),
        ("nan spreads", "actions that are not numbers leave the other lives' bytes alone"),
        ("scale", "rewards are at most 10,000 in size"),
        ("infinite", "observations are finite"),
        ("endless", "every episode has ended after 10 steps"),
        ("shape", "has .*observation"),
        ("score", "scores are those in score_names"),
    ],
)
def test_a_broken_world_is_told_what_is_broken(fault, words):
    with pytest.raises(InputError, match=words):
        check_world(Drift(fault))


def test_what_actions_mean_is_checked():
    with pytest.raises(InputError, match="at least 2 actions"):
        Discrete(1)
    with pytest.raises(InputError, match="at least 1 output"):
        Response(0)
