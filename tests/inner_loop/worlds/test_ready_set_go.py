"""Intervals: the times of the stimuli, the reward of each error, and the place of the target."""

import math

import pytest
import torch

from genomes.errors import InputError
from genomes.streams import derive
from inner_loop.contracts.worlds import check_world
from inner_loop.trials.periods import Scheme
from inner_loop.world import Discrete
from inner_loop.worlds.ready_set_go import ReadySetGo


def lived(world, goes, episodes=500):
    """Moments and scores of an agent that goes where goes(steps since Set began, measured steps), after Set."""
    keys = derive(0, "lived", owners=[2])
    state, moment = world.reset(keys, episodes, keys)
    seen, returns, going = [moment], torch.zeros(1, episodes).double(), torch.ones(1, episodes, dtype=torch.bool)
    ready = done = torch.full((1, episodes), -1)
    for step in range(world.steps):
        ready = torch.where((ready < 0) & (moment.observation[:, 1] == 1), step, ready)
        done = torch.where((done < 0) & (moment.observation[:, 2] == 1), step, done)
        acts = (done >= 0) & goes(step - done, done - ready)
        state, moment = world.step(state, acts.long())
        seen.append(moment)
        returns += moment.reward * going
        going &= ~moment.terminated
    return seen, world.scores(state, returns)


def never(since, measured):
    return torch.zeros_like(since, dtype=torch.bool)


@pytest.mark.slow
@pytest.mark.parametrize(
    "world",
    [
        ReadySetGo(1.5),
        ReadySetGo(0.7, aligned=True),
        ReadySetGo(dt=20.0, measure=("choice", (100.0, 200.0)), fixation=("uniform", (0.0, 100.0)), ready_cue=300.0),
    ],
    ids=repr,
)
def test_the_contract_holds(world):
    check_world(world)


def test_sizes_are_those_of_neurogym():
    world = ReadySetGo()
    assert (world.inputs, world.actions, world.steps) == (3, Discrete(2), 1 + 18 + 1 + 36)
    assert ReadySetGo(1.5, measure=1000.0).steps == 1 + 12 + 1 + 36


def test_fixation_ready_measure_set_and_silence():
    seen, _ = lived(ReadySetGo(measure=1000.0), never, 2)
    shown = torch.stack([moment.observation[0, :, 0] for moment in seen])
    rows = torch.arange(len(shown))
    assert shown.shape == (1 + 12 + 1 + 24 + 1, 3)
    assert torch.equal(shown[:, 0], (rows < 14).float())
    assert torch.equal(shown[:, 1], (rows == 1).float())
    assert torch.equal(shown[:, 2], (rows == 13).float())


def test_the_target_is_one_step_of_the_decision_period():
    for gain in (1.0, 1.5):
        seen, _ = lived(ReadySetGo(gain, measure=800.0), never, 2)
        target = torch.stack([moment.target[0, 1, 0] for moment in seen])
        assert target.nonzero().flatten().tolist() == [1 + 10 + 1 + int(10 * gain)]
        seen, _ = lived(ReadySetGo(gain, measure=800.0, aligned=True), never, 2)
        target = torch.stack([moment.target[0, 1, 0] for moment in seen])
        assert target.nonzero().flatten().tolist() == [1 + 10 + int(10 * gain)]


@pytest.mark.slow
def test_payment_falls_with_the_error_until_the_margin():
    paid, right = {}, {}
    for step in range(1, 21):
        _, scores = lived(ReadySetGo(measure=800.0), lambda since, measured, at=step: since == at, 2)
        paid[step], right[step] = scores["return"].item(), scores["accuracy"].item()
    for step in paid:
        error = abs(step - 10) * 80 / (0.2 * 800 + 25)
        wanted = max(0.1, (1 - error) ** 1.5) if error <= 1 else 0.0
        assert paid[step] == pytest.approx(wanted, abs=1e-6)
        assert right[step] == float(error <= 1)
    assert sum(right.values()) == 5


def test_who_measures_is_paid_in_full_and_who_waits_the_mean_interval_is_not():
    _, scores = lived(ReadySetGo(), lambda since, measured: since == measured)
    assert scores["return"].item() == pytest.approx(1.0)
    assert scores["accuracy"].item() == 1.0
    _, scores = lived(ReadySetGo(2.0), lambda since, measured: since == 2 * measured)
    assert scores["return"].item() == pytest.approx(1.0)
    _, scores = lived(ReadySetGo(margin=0.05), lambda since, measured: since == 14)
    assert scores["accuracy"].item() < 0.5


def test_the_aligned_target_is_what_is_paid_best():
    def obedient(world):
        keys = derive(0, "obedient", owners=[2])
        state, moment = world.reset(keys, 100, keys)
        returns = torch.zeros(1, 100).double()
        for _ in range(world.steps):
            state, moment = world.step(state, moment.target.argmax(1))
            returns += moment.reward
        return world.scores(state, returns)

    aligned, late = (obedient(ReadySetGo(aligned=aligned, scheme=Scheme(interrupt=False))) for aligned in (True, False))
    assert aligned["return"].item() == pytest.approx(1.0)
    assert late["return"].item() < 0.7
    assert aligned["accuracy"].item() == late["accuracy"].item() == 1.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"gain": 0.0},
        {"dt": 0.0},
        {"margin": -0.1},
        {"slack": math.inf},
        {"margin": 0.0, "slack": 0.0},
        {"measure": 79.0},
        {"ready_cue": -1.0},
        {"fail": math.nan},
    ],
)
def test_impossible_worlds(wrong):
    with pytest.raises(InputError, match=f"ReadySetGo.{next(iter(wrong))}"):
        ReadySetGo(**wrong)
