"""Twins of worlds hold with other parameters too; a twin that is wrong is refused in one sentence."""

from typing import Any

import numpy as np
import pytest
import torch
from numba import float32, njit

from genomes.contract import Clauses
from genomes.errors import InputError
from inner_loop.contracts import worlds_in_lanes
from inner_loop.contracts.worlds_in_lanes import apart, check_twin
from inner_loop.trials.periods import Scheme
from inner_loop.trials.trial_world import TrialWorld
from inner_loop.twins.layout import WIDTH, Lanes
from inner_loop.worlds.cart_pole import CartPole
from inner_loop.worlds.chemotaxis import Chemotaxis
from inner_loop.worlds.context_integration import ContextIntegration
from inner_loop.worlds.delayed_match import DelayedMatch
from inner_loop.worlds.foraging import Foraging
from inner_loop.worlds.go_no_go import GoNoGo
from inner_loop.worlds.hinton_nowlan import HintonNowlan
from inner_loop.worlds.looming import Looming
from inner_loop.worlds.perceptual_decision import PerceptualDecision
from inner_loop.worlds.ready_set_go import ReadySetGo
from inner_loop.worlds.retina import Retina
from inner_loop.worlds.swing_up import SwingUp
from inner_loop.worlds.t_maze import TMaze

OTHERS = (
    CartPole(reversed="random", pole_spread=1.5, longest=40),
    SwingUp(pole_length=1.0, pole_mass=0.2, friction=0.0, force=4.0, track=1.5, longest=200),
    TMaze(trials=12, corridor=0, reversals=0, start="left", large=2.0),
    TMaze(trials=30, corridor=1, reversals=3, window=7, start="life", crash=-0.1),
    Chemotaxis(duration=50, noise=0.05, change=False, repellent=True, turn=90.0, wander=30.0, speed=0.2, width=1.0),
    Looming(pixels=4, change=False, looming=0.2, distractors=("dimming", "translating"), eccentricity=40.0),
    Foraging(size=5, density=0.8, regrowth=3, duration=40, poisonous="life", food=2.0, harm=0.5),
    Foraging(size=3, density=1.0, regrowth=200, duration=30, poisonous="red"),
    Retina(stimulus="bar", dendrites=2, field=(4, 3), directions=4, blank=0),
    PerceptualDecision(directions=4, scheme=Scheme(interrupt=False), decision=("choice", (100.0, 300.0))),
    DelayedMatch(scheme=Scheme(must_fixate=True, abort=-0.3), fail=-0.7, decision=("uniform", (200.0, 900.0))),
    ContextIntegration(context="second", directions=3, scheme=Scheme(interrupt=False, must_fixate=True, correct=2.0)),
    GoNoGo(go=0.2, fixation=200.0, fail=-2.0, miss=-3.0),
    ReadySetGo(gain=1.5, aligned=True, margin=0.5),
    HintonNowlan(loci=3, trials=40),
)


@pytest.fixture
def strict(monkeypatch):
    monkeypatch.setattr(worlds_in_lanes, "_PARTED", 0)


def held(world):
    clauses = Clauses(world)
    with torch.inference_mode():
        check_twin(clauses, world)
    return clauses.said


@pytest.mark.slow
@pytest.mark.parametrize("world", OTHERS, ids=lambda world: type(world).__name__)
def test_twins_live_the_episodes_of_step_with_other_parameters(world, strict):
    assert len(held(world)) == 8


def altered(monkeypatch, world, **numbers):
    """The world's twin, with numbers that are functions of the right ones and of the number of lives."""
    right = world.twin

    def wrong(self, lanes, state):
        made = right(self, lanes, state)
        return made._replace(**{name: number(getattr(made, name), lanes) for name, number in numbers.items()})

    monkeypatch.setattr(world, "twin", wrong)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("world", "number"),
    [
        (SwingUp(), "lever"),
        (GoNoGo(), "rows"),
        (Retina(), "film"),
    ],
)
def test_a_twin_that_is_wrong_by_one_sign_is_refused(world, number, monkeypatch):
    altered(monkeypatch, type(world), **{number: lambda right, lanes: -right})
    sentence = rf"^{type(world).__name__}: expected that the twin gives .* of `step` to 1e-05 .* where `step` gives .*"
    with pytest.raises(InputError, match=sentence):
        held(world)


@pytest.mark.slow
def test_a_twin_without_the_state_that_scores_read_is_refused(monkeypatch):
    monkeypatch.setattr(TrialWorld, "after_twin", lambda self, lanes, twin, state: state)
    with pytest.raises(InputError, match="got accuracy 0 where `step` gives"):
        held(GoNoGo())


def replaced(monkeypatch, world, right, **functions):
    """The world's twin with other compiled functions, or without some."""
    from inner_loop.twins import seam

    of_class = {name: each for name, each in (seam._FUNCTIONS[right] | functions).items() if each}
    wrong, given = seam.twin(**of_class)(type("Wrong", (right,), {})), world.twin
    monkeypatch.setattr(world, "twin", lambda self, lanes, state: wrong(*given(self, lanes, state)))


@pytest.mark.slow
def test_a_twin_without_the_beginnings_of_trials_is_refused(monkeypatch):
    from inner_loop.twins.worlds.t_maze import TMazeTwin

    replaced(monkeypatch, TMaze, TMazeTwin, begins=None)
    with pytest.raises(InputError, match="reset at each trial"):
        held(TMaze())


@pytest.mark.slow
def test_a_twin_that_depends_on_the_cohort_is_refused(monkeypatch):
    altered(monkeypatch, Chemotaxis, worth=lambda right, lanes: np.float32(right * (1.0 + 1e-7 * lanes.lives)))
    with pytest.raises(InputError, match="same bytes in another cohort"):
        held(Chemotaxis())


@pytest.mark.slow
def test_a_twin_that_spreads_what_is_not_a_number_is_refused(monkeypatch):
    from inner_loop.twins.vector import load, total
    from inner_loop.twins.worlds import hinton_nowlan

    right = njit(_nrt=False)(hinton_nowlan.step)

    def step(world: Any, state: Any, block: Any, time: Any, action: Any) -> Any:
        state, reward, ended = right(world, state, block, time, action)
        return state, reward + total(load(action, 0)) * float32(0.0), ended

    replaced(monkeypatch, HintonNowlan, hinton_nowlan.HintonNowlanTwin, step=step)
    with pytest.raises(InputError, match="leaves the others' bytes alone"):
        held(HintonNowlan())


def test_lives_are_compared_with_the_largest_number_of_their_kind():
    wanted = {"return": torch.tensor([0.0, 100.0, torch.nan]), "steps": torch.tensor([1.0, 1.0, 1.0])}
    near = {"return": torch.tensor([9e-4, 100.0, torch.nan]), "steps": torch.tensor([1.0, 1.0, 1.0])}
    assert apart(near, wanted) == ([], "")
    far = {"return": torch.tensor([2e-3, 100.0, 0.0]), "steps": torch.tensor([1.0, 1.0, 2.0])}
    lives, said = apart(far, wanted)
    assert lives == [0, 2]
    assert said == "return 0.002 where `step` gives 0, in 2 lives of 3"


@pytest.mark.parametrize("episodes", [1, 3, 4, 16, 21, 40])
@pytest.mark.parametrize("lives", [1, 5, 21])
def test_a_table_that_lives_share_is_stored_once(lives, episodes):
    lanes, numbers = Lanes(lives, episodes), torch.arange(2.0 * episodes).view(1, 2, episodes)
    table, every = lanes.table(numbers), lanes.of_episodes(numbers)
    repeated = table[np.arange(len(every)) % len(table)]
    count = lives * episodes  # lanes beyond are of no life
    lanes_of = [each.transpose(0, 2, 1).reshape(-1, 2)[:count] for each in (repeated, every)]
    assert np.array_equal(*lanes_of)
    assert len(table) <= max(episodes, 1)
    own = torch.rand(lives, 2, episodes)
    assert np.array_equal(lanes.table(own), lanes.of_episodes(own))
    assert lanes.zeros(3).shape == (len(every), 3, WIDTH)
