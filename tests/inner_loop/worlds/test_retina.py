import cmath
import math

import numpy as np
import pytest
import torch

from genomes.errors import InputError
from genomes.streams import derive
from inner_loop.contracts.worlds import check_world
from inner_loop.worlds.retina import Retina

LAGGED_NEAR_THE_SOMA = np.array([[[1, 0]] * 4 + [[0, 1]] * 4])  # type 0 at the four proximal places, type 1 distally


def begin(world, episodes=4, owners=-1):
    return world.reset(derive(0, "retina", owners=owners), episodes, derive(0, "life"))


def film(world, episodes=4, owners=-1):
    """Every observation, (direction, frame in its trial, inputs, episodes), of the first stream."""
    state, moment = begin(world, episodes, owners)
    seen = []
    for _ in range(world.steps):
        seen.append(moment.observation[0].numpy())
        state, moment = world.step(state, torch.zeros(1, world.outputs, episodes))
    return np.stack(seen).reshape(world.directions, -1, world.inputs, episodes)


def scores(world, weights, leaks, episodes=4, forgets=True):
    """The response of a linear dendrite, weights (outputs, places, types), leaks by type: computed independently."""
    state, moment = begin(world, episodes)
    weights = np.asarray(weights, dtype=float).reshape(world.outputs, -1)
    leak = np.tile(leaks, world.inputs // 2)[:, None]
    activity = np.zeros((world.inputs, episodes))
    for _ in range(world.steps):
        if forgets and moment.trial.any():
            activity = np.zeros_like(activity)
        activity = (1 - leak) * activity + leak * moment.observation[0].numpy()
        state, moment = world.step(state, torch.tensor(weights @ activity)[None])
    assert moment.truncated.all()
    return {name: s.item() for name, s in world.scores(state, torch.zeros(1, episodes).double()).items()}


def any_weights(places=8, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (1, places, 2))


@pytest.mark.slow
@pytest.mark.parametrize(
    "world",
    [Retina(), Retina("bar"), Retina(field=(5, 4), directions=6, dendrites=3), Retina(shown=5, blank=0, directions=4)],
)
def test_contract(world):
    check_world(world)


def test_a_grating_moves_over_a_sheet_in_each_direction():
    world = Retina(field=(4, 3), contrast=0.5, speed=0.75, wavelength=9.0, shown=10, blank=3)
    light = film(world)
    assert np.array_equal(light[:, :, 0::2], light[:, :, 1::2])
    assert not light[:, 10:].any()
    light = light[:, :10, 0::2].reshape(8, 10, 4, 3, 4)  # direction, frame, x, y, episode
    assert 0.45 < np.abs(light).max() <= 0.5
    for direction in range(8):
        along = (math.cos(direction * math.pi / 4), math.sin(direction * math.pi / 4))
        frame, x, y = np.meshgrid(np.arange(10), np.arange(4), np.arange(3), indexing="ij")
        cycles = (along[0] * x + along[1] * y - 0.75 * frame) / 9.0
        # a sine a quarter of a cycle later is a cosine: rotated back by place and time, the pair gives the phase alone
        pair = light[direction, ..., 0] + 1j * light[direction, ..., 1]
        turned = pair * np.exp(2j * math.pi * cycles)
        assert np.allclose(turned, turned[0, 0, 0], atol=1e-5)
        assert np.allclose(light[direction, ..., 2:], -light[direction, ..., :2], atol=1e-6)


def test_phases_are_drawn_for_four_episodes_at_a_time():
    light = film(Retina(), episodes=8)[0, 0, 0]
    for four in (light[:4], light[4:]):
        assert np.allclose(four[:2], -four[2:], atol=1e-6)
        assert np.hypot(*four[:2]) == pytest.approx(1.0, abs=1e-5)
    assert abs(light[0] - light[4]) > 0.01
    assert abs(light[0] - film(Retina(), owners=[3])[0, 0, 0, 0]) > 0.01


def test_bars_cross_the_field_bright_and_dark():
    world = Retina("bar", wavelength=6.0, speed=0.5)
    light = film(world)
    assert light.min() == -1.0
    assert light.max() == 1.0
    assert np.array_equal(light[..., 1], -light[..., 0])
    assert np.array_equal(light[..., 2], light[..., 0])
    bright = light[0, :, 0::2, 0]
    assert not bright[[0, 23]].any()
    assert bright.sum(0) == pytest.approx(3.0 / 0.5)
    centre = (bright * np.arange(36)[:, None]).sum(0) / bright.sum(0)
    assert np.diff(centre) == pytest.approx(1.0 / 0.5)
    assert centre.mean() == pytest.approx((24 - 1) / 2)


@pytest.mark.parametrize("stimulus", ["grating", "bar"])
def test_opposite_directions_are_reversals_in_time(stimulus):
    """For bars in every episode; for gratings over the four phases, by their covariance in space and time."""
    light = film(Retina(stimulus, field=(4, 2)))[:, :24]
    for direction in range(4):
        forth, back = light[direction], light[direction + 4, ::-1]
        if stimulus == "bar":
            assert np.allclose(forth, back, atol=1e-6)
        covariances = [np.einsum("txb,syb->txsy", film, film) for film in (forth, back)]
        assert np.allclose(*covariances, atol=1e-5)


def test_space_time_wiring_prefers_motion_from_soma_to_tip():
    grating, bar = (scores(Retina(stimulus), LAGGED_NEAR_THE_SOMA, [0.2, 1.0]) for stimulus in ("grating", "bar"))
    assert grating["dsi"] == pytest.approx(0.559, abs=1e-3)
    assert grating["gdsi"] > 0.2
    assert bar["dsi"] == pytest.approx(0.203, abs=1e-3)


@pytest.mark.parametrize("stimulus", ["grating", "bar"])
@pytest.mark.parametrize("wiring", ["space-time", "random"])
def test_exchanging_the_time_constants_of_the_types_exchanges_the_directions(stimulus, wiring):
    weights = any_weights()
    weights[:, 4:] = weights[:, 3::-1, ::-1]  # the weights of one type mirror those of the other
    weights = LAGGED_NEAR_THE_SOMA if wiring == "space-time" else weights
    one, other = (scores(Retina(stimulus), weights, leaks) for leaks in ([0.2, 1.0], [1.0, 0.2]))
    assert abs(one["dsi"]) > 0.05
    assert other["dsi"] == pytest.approx(-one["dsi"], abs=1e-6)
    assert other["gdsi"] == pytest.approx(one["gdsi"], abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("leak", [0.05, 0.3, 1.0])
def test_without_a_lag_no_weights_tell_directions_apart(leak):
    for seed in range(4):
        weights = any_weights(places=6, seed=seed)
        blind = scores(Retina(field=(3, 2)), weights, [leak, leak])
        assert abs(blind["dsi"]) < 1e-6
        assert blind["gdsi"] < 1e-6
        assert blind["gosi"] > 1e-3
        assert abs(scores(Retina(field=(3, 2)), weights, [leak, 0.6])["dsi"]) > 1e-3


def test_what_activity_lasts_into_the_next_trial_is_as_long_as_the_blank_allows():
    def blindness(blank, stimulus, forgets):
        world = Retina(stimulus, directions=4, blank=blank)
        return abs(scores(world, any_weights(), [0.2, 0.2], forgets=forgets)["dsi"])

    assert 1e-6 < blindness(12, "grating", forgets=False) < 1e-2
    assert blindness(80, "grating", forgets=False) < 1e-6
    assert 1e-7 < blindness(12, "bar", forgets=True) < 1e-3
    assert blindness(80, "bar", forgets=True) < 1e-7


@pytest.mark.slow
def test_a_long_grating_is_answered_as_the_transfer_functions_say():
    world, leaks, weights = Retina(shown=600, blank=0, directions=4), [0.15, 0.7], any_weights()
    turn = cmath.exp(-2j * math.pi / 12.0)
    lag = [leak / (1 - (1 - leak) * turn) for leak in leaks]

    def power(k):
        return abs(sum(weights[0, x, i] * lag[i] * cmath.exp(-1j * k * x) for x in range(8) for i in (0, 1))) ** 2

    forth, back = power(2 * math.pi / 12.0), power(-2 * math.pi / 12.0)
    expected = (forth - back) / (forth + back)
    assert abs(expected) > 0.1
    assert scores(world, weights, leaks)["dsi"] == pytest.approx(expected, abs=0.02)


def test_a_dendrite_may_lie_anywhere_in_the_sheet():
    upright = np.zeros((1, 5, 8, 2))
    upright[0, 2] = LAGGED_NEAR_THE_SOMA[0]
    found = scores(Retina(field=(5, 8)), upright, [0.2, 1.0])
    assert found["dsi"] == pytest.approx(0.0, abs=1e-6)
    assert found["gdsi"] == pytest.approx(scores(Retina(), LAGGED_NEAR_THE_SOMA, [0.2, 1.0])["gdsi"], abs=1e-6)
    row = np.zeros((1, 8, 3, 2))
    row[0, :, 1] = 1.0
    assert scores(Retina(field=(8, 3)), row, [0.5, 0.5])["gosi"] > 0.3


def test_scores_are_means_over_dendrites_with_a_tuning_of_their_own():
    star = np.concatenate([LAGGED_NEAR_THE_SOMA, 100.0 * LAGGED_NEAR_THE_SOMA[:, ::-1]])
    one = scores(Retina(), star[:1], [0.2, 1.0])
    both = scores(Retina(dendrites=2), star, [0.2, 1.0])
    assert both["dsi"] == pytest.approx(0.0, abs=1e-6)
    assert both["gdsi"] == pytest.approx(one["gdsi"], abs=1e-6)


def test_what_is_below_zero_is_not_released():
    state, _ = begin(Retina())
    for output in (-3.0, 2.0, 0.5):
        state, _ = Retina().step(state, torch.full((1, 1, 4), output))
    assert Retina().tuning(state).tolist() == [[[4 * (4.0 + 0.25)] + [0.0] * 7]]


def test_the_silent_score_zero_and_who_is_not_a_number_scores_none():
    world = Retina(directions=4, shown=3, blank=1)
    state, _ = begin(world)
    first, later = torch.tensor([0.0, math.nan, 1.0, 1.0]), torch.tensor([0.0, 1.0, 1.0, 0.0])
    for step in range(world.steps):
        outputs = first if step < 4 else later
        state, _ = world.step(state, outputs[:, None, None].expand(4, 1, 4))
    for score in world.scores(state, torch.zeros(4, 4).double()).values():
        assert score[0] == 0.0
        assert score[1].isnan()
        assert score[2].item() == pytest.approx(0.0, abs=1e-12)
        assert score[3].item() == pytest.approx(1.0)


def test_trials_begin_with_each_direction_and_all_end_together():
    world = Retina(directions=4, shown=3, blank=2)
    state, moment = begin(world, episodes=3)
    trials, ends = [moment.trial], [moment.truncated]
    for _ in range(world.steps + 2):
        state, moment = world.step(state, torch.ones(5, 1, 3))
        trials.append(moment.trial)
        ends.append(moment.truncated)
        assert not moment.reward.any()
    assert [step for step in range(world.steps) if trials[step].all()] == [0, 5, 10, 15]
    assert not any(trials[step].any() for step in range(world.steps) if step % 5)
    assert [bool(end.all()) for end in ends] == [False] * 20 + [True] * 3
    assert moment.observation.shape == (5, 16, 3)
    assert not moment.observation.any()
    assert world.tuning(state)[0, 0].tolist() == [15.0] * 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"field": (1, 4)},
        {"field": (4, 0)},
        {"directions": 7},
        {"directions": 2},
        {"wavelength": 1.0},
        {"wavelength": math.nan},
        {"speed": 0.0},
        {"speed": 7.0},
        {"contrast": 1.5},
        {"shown": 0},
        {"shown": 13, "stimulus": "bar"},
        {"blank": -1},
        {"dendrites": 0},
    ],
)
def test_impossible_retinas(wrong):
    with pytest.raises(InputError, match=f"Retina.{next(iter(wrong))}:"):
        Retina(**wrong)
