"""Moving dots: the times of the stimuli, the size of the noise, and the limit of integration."""

import math

import pytest
import torch

from genomes.errors import InputError
from genomes.streams import derive
from inner_loop.contracts.worlds import check_world
from inner_loop.world import Discrete
from inner_loop.worlds.perceptual_decision import PerceptualDecision


def observed(world, episodes=4000):
    """Every observation, (T, inputs, B), and the true answer, (B,), of trials without an action."""
    keys = derive(0, "observed", owners=[2])
    state, moment = world.reset(keys, episodes, keys)
    seen = []
    for _ in range(world.steps):
        seen.append(moment)
        state, moment = world.step(state, torch.zeros(1, episodes, dtype=torch.int64))
    return torch.stack([m.observation[0] for m in seen]), seen[-1].target[0].argmax(0)


def integrated(world, episodes=20_000):
    """Accuracy of an observer that adds up all observations and then chooses."""
    keys = derive(0, "integrated", owners=[3])
    state, moment = world.reset(keys, episodes, keys)
    sum_ = torch.zeros_like(moment.observation[:, 1:])
    for _ in range(world.steps):
        sum_ = sum_ + moment.observation[:, 1:]
        state, moment = world.step(state, torch.where(moment.weight == 5.0, 1 + sum_.argmax(1), 0))
    return world.scores(state, torch.zeros(1, episodes).double())["accuracy"].item()


@pytest.mark.slow
@pytest.mark.parametrize(
    "world",
    [
        PerceptualDecision(8, (0.0, 100.0), 0.0),
        PerceptualDecision(dt=20.0, stimulus=("uniform", (100.0, 400.0)), delay=("choice", (0.0, 100.0))),
        PerceptualDecision(stimulus=0.0, fixation=0.0),
    ],
    ids=repr,
)
def test_the_contract_holds(world):
    check_world(world)


def test_sizes_are_those_of_neurogym():
    world = PerceptualDecision()
    assert (world.inputs, world.actions, world.steps) == (3, Discrete(3), 22)
    assert (PerceptualDecision(16).inputs, PerceptualDecision(16).outputs) == (17, 17)


def test_fixation_then_stimulus_then_silence():
    shown, _ = observed(PerceptualDecision(delay=300.0))
    assert len(shown) == 25
    assert torch.equal(shown[0], torch.tensor([1.0, 0.0, 0.0])[:, None].expand(-1, 4000))
    assert not shown[1:, 0].any()
    assert shown[1:21, 1:].all()
    assert not shown[21:].any()


def test_energy_is_the_coherence_with_noise_of_sigma_over_the_root_of_dt():
    for dt, sigma in ((100.0, 1.0), (25.0, 2.0)):
        world = PerceptualDecision(coherences=(25.6,), sigma=sigma, dt=dt, stimulus=10 * dt, fixation=0.0)
        shown, truth = observed(world)
        stimulus = shown[:10, 1:].double()
        chosen = torch.stack((truth == 1, truth == 2)).expand_as(stimulus)
        for flags, mean in ((chosen, 0.628), (~chosen, 0.372)):
            assert stimulus[flags].mean().item() == pytest.approx(mean, abs=0.01)
            assert stimulus[flags].std().item() == pytest.approx(sigma / math.sqrt(dt), rel=0.02)


@pytest.mark.slow
def test_directions_and_coherences_are_equally_frequent():
    shown, truth = observed(PerceptualDecision(4, sigma=0.0), 20_000)
    assert truth.bincount(minlength=5)[1:].double().div(20_000).tolist() == pytest.approx([0.25] * 4, abs=0.015)
    coherence = (shown[1, 1:].max(0).values - 0.5) * 200.0
    values, counts = coherence.round(decimals=2).unique(return_counts=True)
    assert values.tolist() == pytest.approx([0.0, 6.4, 12.8, 25.6, 51.2])
    assert counts.double().div(20_000).tolist() == pytest.approx([0.2] * 5, abs=0.015)


@pytest.mark.slow
@pytest.mark.parametrize("coherence", [0.0, 3.2, 6.4, 51.2])
def test_an_observer_that_integrates_is_as_good_as_signal_detection_allows(coherence):
    distance = coherence / 100 * 20 / (0.1 * math.sqrt(2 * 20))  # of the two sums, in standard deviations
    best = 0.5 * (1 + math.erf(distance / math.sqrt(2)))
    assert integrated(PerceptualDecision(coherences=(coherence,))) == pytest.approx(best, abs=0.01)


def test_nobody_is_right_in_more_than_nine_of_ten_trials():
    assert 0.88 < integrated(PerceptualDecision()) < 0.905


@pytest.mark.parametrize(
    "wrong",
    [
        {"directions": 1},
        {"coherences": ()},
        {"coherences": (0.0, 101.0)},
        {"sigma": -1.0},
        {"sigma": math.inf},
        {"fail": math.nan},
        {"decision": 50.0},
    ],
)
def test_impossible_worlds(wrong):
    with pytest.raises(InputError, match=f"PerceptualDecision.{next(iter(wrong))}"):
        PerceptualDecision(**wrong)
