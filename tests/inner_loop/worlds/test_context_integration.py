"""Two modalities: the times of the stimuli, the one that counts, and the cost of ignoring the context."""

import math

import pytest
import torch

from genomes.errors import InputError
from genomes.streams import derive
from inner_loop.contracts.worlds import check_world
from inner_loop.world import Discrete
from inner_loop.worlds.context_integration import ContextIntegration

FIXED = {"delay": 300.0}


def lived(world, choose, episodes=20_000):
    """Every observation, (T, inputs, B), the truth, (B,), and the accuracy of an agent that chooses by the sums."""
    keys = derive(0, "lived", owners=[2])
    state, moment = world.reset(keys, episodes, keys)
    seen, sum_ = [], torch.zeros_like(moment.observation[0])
    truth = torch.zeros(episodes, dtype=torch.int64)
    for _ in range(world.steps):
        seen.append(moment.observation[0])
        sum_ = sum_ + seen[-1]
        truth = truth.maximum(moment.target[0].argmax(0))
        state, moment = world.step(state, torch.where(moment.weight == 5.0, choose(sum_), 0))
    scores = world.scores(state, torch.zeros(1, episodes).double())
    return torch.stack(seen), truth, scores["accuracy"].item()


def nothing(sums):
    return torch.zeros(sums.shape[1], dtype=torch.int64)


def attends(sums):
    """The modality that the cue names."""
    return 1 + torch.where(sums[6] > 0, sums[3:5].argmax(0), sums[1:3].argmax(0))


def adds(sums):
    """Both modalities."""
    return 1 + (sums[1:3] + sums[3:5]).argmax(0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "world",
    [
        ContextIntegration(context="first"),
        ContextIntegration(5, (0.0, 100.0), "second", sigma=0.0),
        ContextIntegration(dt=50.0, stimulus=("choice", (100.0, 300.0)), delay=("uniform", (0.0, 200.0))),
    ],
    ids=repr,
)
def test_the_contract_holds(world):
    check_world(world)


def test_sizes_are_those_of_neurogym():
    world = ContextIntegration()
    assert (world.inputs, world.actions, world.steps) == (7, Discrete(3), 3 + 7 + 29 + 1)
    assert ContextIntegration(context="first").inputs == 5
    assert (ContextIntegration(4).inputs, ContextIntegration(4).outputs) == (11, 5)


def test_fixation_stimuli_and_a_cue_throughout():
    shown, _, _ = lived(ContextIntegration(**FIXED, sigma=0.0), nothing, 1000)
    rows = torch.arange(14)[:, None].expand(-1, 1000)
    assert torch.equal(shown[:, 0], (rows < 3).float())
    for channel in range(1, 5):
        assert torch.equal(shown[:, channel] != 0, (rows >= 3) & (rows < 10))
    assert torch.equal(shown[:, 5:].sum(1), torch.ones(14, 1000))
    assert torch.equal(shown[0, 5:], shown[13, 5:])
    assert shown[0, 5].mean().item() == pytest.approx(0.5, abs=0.06)


def test_the_cue_says_which_modality_counts():
    shown, truth, _ = lived(ContextIntegration(**FIXED, sigma=0.0), nothing, 3000)
    first, second = (1 + shown[5, begin : begin + 2].argmax(0) for begin in (1, 3))
    assert torch.equal(truth, torch.where(shown[0, 5] == 1, first, second))
    assert (first == second).double().mean().item() == pytest.approx(0.5, abs=0.04)  # they are independent
    for begin in (1, 3):
        coherence = ((shown[5, begin : begin + 2].max(0).values - 0.5) * 200).round()
        assert coherence.unique().tolist() == [5.0, 15.0, 50.0]
        assert (coherence == 50.0).double().mean().item() == pytest.approx(1 / 3, abs=0.04)


@pytest.mark.parametrize(("context", "begin"), [("first", 1), ("second", 3)])
def test_without_a_cue_it_is_always_the_same_one(context, begin):
    shown, truth, _ = lived(ContextIntegration(**FIXED, sigma=0.0, context=context), nothing, 500)
    assert torch.equal(truth, 1 + shown[5, begin : begin + 2].argmax(0))


def test_noise_is_sigma_over_the_root_of_dt_and_differs_between_channels():
    shown, _, _ = lived(ContextIntegration(coherences=(0.0,), sigma=3.0, delay=0.0), nothing, 4000)
    noise = shown[3:10, 1:5].double() - 0.5
    assert noise.std().item() == pytest.approx(0.3, rel=0.02)
    assert (torch.corrcoef(noise.transpose(0, 1).flatten(1)) - torch.eye(4)).abs().max() < 0.03


@pytest.mark.slow
def test_who_attends_is_as_good_as_signal_detection_allows_and_who_adds_is_not():
    best = 0.0
    for coherence in (5.0, 15.0, 50.0):
        distance = coherence / 100 * 7 / (0.1 * math.sqrt(2 * 7))
        best += 0.5 * (1 + math.erf(distance / math.sqrt(2))) / 3
    assert lived(ContextIntegration(**FIXED), attends)[2] == pytest.approx(best, abs=0.01)
    assert best == pytest.approx(0.94, abs=0.005)
    assert lived(ContextIntegration(**FIXED, coherences=(50.0,)), attends)[2] > 0.999
    assert lived(ContextIntegration(**FIXED), adds)[2] < 0.76
    assert lived(ContextIntegration(**FIXED, coherences=(50.0,)), adds)[2] == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize(
    "wrong",
    [
        {"directions": 1},
        {"coherences": (-1.0,)},
        {"sigma": math.nan},
        {"fail": math.nan},
        {"dt": 0.0},
    ],
)
def test_impossible_worlds(wrong):
    with pytest.raises(InputError, match=f"ContextIntegration.{next(iter(wrong))}"):
        ContextIntegration(**wrong)
