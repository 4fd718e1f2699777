"""Going and holding still: the times of the stimuli, and the reward of each answer."""

import math

import pytest
import torch

from genomes.errors import InputError
from genomes.streams import derive
from inner_loop.contracts.worlds import check_world
from inner_loop.world import Discrete
from inner_loop.worlds.go_no_go import GoNoGo


def lived(world, act, episodes=1000):
    """Moments, whether each trial is go, (B,), and scores, of an agent with act(step, go)."""
    keys = derive(0, "lived", owners=[2])
    state, moment = world.reset(keys, episodes, keys)
    seen, returns, going = [moment], torch.zeros(1, episodes).double(), torch.ones(1, episodes, dtype=torch.bool)
    go = state.trial.target[:, 0, 1].amax(0) == 1.0
    for step in range(world.steps):
        state, moment = world.step(state, torch.as_tensor(act(step, go)).long().expand(1, episodes))
        seen.append(moment)
        returns += moment.reward * going
        going &= ~moment.terminated
    return seen, go, world.scores(state, returns)


@pytest.mark.parametrize(
    "world",
    [
        GoNoGo(0.8, fixation=200.0),
        GoNoGo(1.0, dt=20.0, stimulus=100.0, delay=("uniform", (0.0, 200.0)), decision=100.0),
    ],
    ids=repr,
)
def test_the_contract_holds(world):
    check_world(world)


def test_sizes_are_those_of_neurogym():
    world = GoNoGo()
    assert (world.inputs, world.actions, world.steps) == (3, Discrete(2), 15)


def test_the_stimulus_says_whether_to_go():
    seen, go, _ = lived(GoNoGo(), lambda step, go: 0)
    shown = torch.stack([moment.observation[0] for moment in seen[:-1]])
    assert torch.equal(shown[:, 0], (torch.arange(15) < 10).float()[:, None].expand(-1, 1000))
    assert torch.equal(shown[:5, 1], (~go).float().expand(5, -1))
    assert torch.equal(shown[:5, 2], go.float().expand(5, -1))
    assert not shown[5:, 1:].any()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.8, 1.0])
def test_share_of_go_trials(share):
    _, go, scores = lived(GoNoGo(share), lambda step, go: 0)
    assert go.double().mean().item() == pytest.approx(share, abs=0.04)
    assert scores["accuracy"].item() == pytest.approx(1.0 - share, abs=0.04)  # holding still is right in no-go trials


def test_each_of_the_four_outcomes():
    for step in (10, 14):  # the first and the last of the decision period
        seen, go, scores = lived(GoNoGo(), lambda now, go, at=step: now == at)
        reward = seen[step + 1].reward[0]
        assert (reward[go] == 1.0).all()
        assert (reward[~go] == -0.5).all()
        assert seen[step + 1].terminated.all()
        assert scores["accuracy"].item() == pytest.approx(go.double().mean().item())
    seen, go, scores = lived(GoNoGo(), lambda step, go: 0)
    assert not any(moment.reward.any() for moment in seen[:-1])
    assert (seen[-1].reward[0][go] == -0.5).all()
    assert (seen[-1].reward[0][~go] == 0.0).all()
    assert scores["accuracy"].item() == pytest.approx(1.0 - go.double().mean().item())
    _, _, scores = lived(GoNoGo(), lambda step, go: go & (step == 12))
    assert scores["accuracy"].item() == 1.0


def test_going_too_early_neither_counts_nor_harms():
    early = lived(GoNoGo(), lambda step, go: step < 10)[2]
    never = lived(GoNoGo(), lambda step, go: 0)[2]
    assert early == never


def test_payment_can_be_changed():
    seen, go, _ = lived(GoNoGo(fail=-3.0, miss=-2.0), lambda step, go: step == 10)
    assert seen[11].reward[0][~go].unique().tolist() == [-3.0]
    seen, go, _ = lived(GoNoGo(fail=-3.0, miss=-2.0), lambda step, go: 0)
    assert seen[-1].reward[0][go].unique().tolist() == [-2.0]


@pytest.mark.parametrize(
    "wrong", [{"go": 1.1}, {"fail": math.nan}, {"miss": math.inf}, {"stimulus": -1.0}, {"dt": -1.0}]
)
def test_impossible_worlds(wrong):
    with pytest.raises(InputError, match=f"GoNoGo.{next(iter(wrong))}"):
        GoNoGo(**wrong)
