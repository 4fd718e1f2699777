"""Sample, delay, test: the times of the stimuli, the matches, and the need for memory."""

import math

import pytest
import torch

from genomes.errors import InputError
from genomes.streams import derive
from inner_loop.contracts.worlds import check_world
from inner_loop.world import Discrete
from inner_loop.worlds.delayed_match import DelayedMatch


def lived(world, act, episodes=2000):
    """Every observation, (T, inputs, B), the truth, (B,), and the scores of an agent with act(observations so far)."""
    keys = derive(0, "lived", owners=[2])
    state, moment = world.reset(keys, episodes, keys)
    seen, returns = [moment.observation[0]], torch.zeros(1, episodes).double()
    truth = torch.zeros(episodes, dtype=torch.int64)
    for _ in range(world.steps):
        truth = truth.maximum(moment.target[0].argmax(0))
        state, moment = world.step(state, act(seen).expand(1, episodes))
        seen.append(moment.observation[0])
        returns += moment.reward
    return torch.stack(seen[:-1]), truth, world.scores(state, returns)


def nothing(seen):
    return torch.tensor([[0]])


@pytest.mark.slow
@pytest.mark.parametrize(
    "world",
    [
        DelayedMatch(8, 0.0),
        DelayedMatch(3, dt=20.0, sample=200.0, test=("uniform", (100.0, 200.0)), delay=("choice", (0.0, 100.0))),
    ],
    ids=repr,
)
def test_the_contract_holds(world):
    check_world(world)


def test_sizes_are_those_of_neurogym():
    world = DelayedMatch()
    assert (world.inputs, world.actions, world.steps) == (3, Discrete(3), 32)
    assert (DelayedMatch(32).inputs, DelayedMatch(32).outputs) == (33, 3)


def test_sample_and_test_are_the_same_or_opposite():
    shown, truth, _ = lived(DelayedMatch(8, sigma=0.0), nothing)
    assert torch.equal(shown[:, 0], (torch.arange(32) < 23).float()[:, None].expand(-1, 2000))
    rows = torch.tensor([row in (*range(3, 8), *range(18, 23)) for row in range(32)])
    assert torch.equal(shown[:, 1:].any(1), rows[:, None].expand(-1, 2000))
    sample, test = shown[3, 1:], shown[18, 1:]
    assert torch.allclose(test[:, truth == 1], sample[:, truth == 1])
    assert torch.allclose(test[:, truth == 2], 1.0 - sample[:, truth == 2], atol=1e-6)
    assert (truth == 1).double().mean().item() == pytest.approx(0.5, abs=0.04)
    peaks = sample.argmax(0).bincount(minlength=8).double().div(2000)
    assert peaks.tolist() == pytest.approx([1 / 8] * 8, abs=0.03)
    assert sample.T[sample.argmax(0) == 0][0].tolist() == pytest.approx(
        [0.5 + 0.5 * math.cos(math.pi * i / 4) for i in range(8)], abs=1e-6
    )


def test_noise_is_sigma_over_the_root_of_dt_and_new_in_the_test():
    shown, _, _ = lived(DelayedMatch(sigma=2.0, dt=50.0), nothing)
    noise = [shown[begin : begin + 10, 1:] - (shown[begin : begin + 10, 1:].mean(0) > 0.5).float() for begin in (6, 36)]
    for part in noise:
        assert part.std().item() == pytest.approx(2.0 / math.sqrt(50.0), rel=0.03)
    assert torch.corrcoef(torch.stack([part.flatten() for part in noise]))[0, 1].abs() < 0.03


def test_who_remembers_the_sample_is_right_and_who_sees_the_test_alone_is_not():
    def remembers(seen):
        if len(seen) <= 23:
            return torch.tensor([[0]])
        sample, test = (sum(seen[begin : begin + 5])[1:] for begin in (3, 18))
        return torch.where(sample.argmax(0) == test.argmax(0), 1, 2)

    def forgets(seen):
        return torch.where(sum(seen[18:23])[1:].argmax(0) == 0, 1, 2) if len(seen) > 23 else torch.tensor([[0]])

    assert lived(DelayedMatch(), remembers)[2]["accuracy"].item() > 0.999
    assert lived(DelayedMatch(), forgets)[2]["accuracy"].item() == pytest.approx(0.5, abs=0.04)


def test_the_answer_may_come_at_any_step_of_the_decision_period():
    for begin in (23, 31):
        truth = lived(DelayedMatch(), nothing)[1]
        scores = lived(DelayedMatch(), lambda seen, truth=truth, at=begin: truth[None] * (len(seen) == at + 1))[2]
        assert scores["accuracy"].item() == scores["return"].item() == 1.0
    before = lived(DelayedMatch(), lambda seen: truth[None] * (len(seen) == 23))[2]
    assert before["accuracy"].item() == before["return"].item() == 0.0


@pytest.mark.parametrize(
    "wrong", [{"directions": 1}, {"sigma": -1.0}, {"fail": math.inf}, {"test": -1.0}, {"decision": 0.0}]
)
def test_impossible_worlds(wrong):
    with pytest.raises(InputError, match=f"DelayedMatch.{next(iter(wrong))}"):
        DelayedMatch(**wrong)
