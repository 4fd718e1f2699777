"""The swing-up against the published equations in a loop over numbers, against mechanics, and at its ends."""

import dataclasses
import math

import pytest
import torch

from genomes.errors import InputError
from genomes.streams import derive
from inner_loop.contracts.worlds import check_world
from inner_loop.worlds.swing_up import SwingUp

LIVES, EPISODES = 2, 3


def begun(world, lives=LIVES, episodes=EPISODES):
    return world.reset(derive(0, "episodes", owners=range(lives)), episodes, derive(0, "lives", owners=range(lives)))


def at(world, *motion):
    """One episode in a given state."""
    state, _ = begun(world, 1, 1)
    return dataclasses.replace(state, motion=torch.tensor(motion, dtype=torch.float64)[None, :, None])


def push(newton, lives=1, episodes=1):
    return torch.full((lives, 1, episodes), newton)


@pytest.mark.slow
@pytest.mark.parametrize(
    "world", [SwingUp(), SwingUp(pole_length=1.2, time_step=0.05, longest=200), SwingUp(spread=0.0)]
)
def test_the_contract(world):
    assert check_world(world)


def published(world, motion, force):
    """Deisenroth's equations, in which the angle is 0 for a hanging pole; one Euler step."""
    x, v, angle, w = motion
    l, m, total, g = world.pole_length, world.pole_mass, world.pole_mass + world.cart_mass, world.gravity
    s, c, f = math.sin(angle - math.pi), math.cos(angle - math.pi), force - world.friction * v
    linear = (2 * m * l * w**2 * s + 3 * m * g * s * c + 4 * f) / (4 * total - 3 * m * c**2)
    angular = (-3 * m * l * w**2 * s * c - 6 * total * g * s - 6 * f * c) / (4 * l * total - 3 * m * l * c**2)
    d = world.time_step
    return x + d * v, v + d * linear, angle + d * w, w + d * angular


@pytest.mark.slow
@pytest.mark.parametrize(
    "world",
    [
        SwingUp(),
        SwingUp(pole_length=0.9),
        SwingUp(pole_mass=0.2, cart_mass=0.8),
        SwingUp(force=3.0, gravity=5.0),
        SwingUp(friction=0.5, time_step=0.02, track=1.2),
    ],
    ids=str,
)
def test_every_step_is_the_published_one(world):
    state, moment = begun(world)
    loops = {(k, b): tuple(state.motion[k, :, b].tolist()) for k in range(LIVES) for b in range(EPISODES)}
    doing = derive(1, "pushes", owners=range(LIVES))
    for time in range(150):
        actions = ((doing.stream(time).uniform(EPISODES, 1).mT * 2.0 - 1.0) * world.force).float()
        state, moment = world.step(state, actions)
        for k, b in list(loops):
            x, v, angle, w = loops[k, b] = published(world, loops[k, b], actions[k, 0, b].item())
            assert state.motion[k, :, b].tolist() == pytest.approx([x, v, angle, w], rel=1e-9, abs=1e-9)
            shown = [x, v, math.cos(angle), math.sin(angle), w]
            assert moment.observation[k, :, b].tolist() == pytest.approx(shown, rel=1e-5, abs=1e-5)
            reward = (math.cos(angle) + 1) / 2 * math.cos(x / world.track * math.pi / 2)
            assert moment.reward[k, b].item() == pytest.approx(reward, abs=1e-6)
            assert moment.terminated[k, b] == (abs(x) > world.track)
            if abs(x) > world.track:
                del loops[k, b]
    assert len(loops) < LIVES * EPISODES or world.track > 2.0


def energy(world, motion):
    """Energy of a cart and of a uniform rod that leans to the left at a positive angle, J."""
    _, v, angle, w = motion
    m, l = world.pole_mass, world.pole_length
    moving = 0.5 * (world.cart_mass + m) * v**2 - 0.5 * m * l * v * w * math.cos(angle) + m * l**2 * w**2 / 6
    return moving + 0.5 * m * world.gravity * l * math.cos(angle)


def gained(world, force=0.0, seconds=1.0):
    """Gain of energy in some time, and the work done on the cart."""
    state = at(world, 0.0, 0.3, 2.0, 1.0)
    first, work = energy(world, state.motion[0, :, 0].tolist()), 0.0
    for _ in range(round(seconds / world.time_step)):
        before = state.motion[0, :, 0].tolist()
        state, _ = world.step(state, push(force))
        after = state.motion[0, :, 0].tolist()
        work += (force - world.friction * before[1]) * (after[0] - before[0])
    return energy(world, after) - first, work


@pytest.mark.slow
def test_energy_is_kept_where_nothing_takes_or_gives_any():
    """The error of explicit Euler steps is of the first order: it halves with the step."""
    errors = [gained(SwingUp(friction=0.0, time_step=step))[0] for step in (2e-3, 1e-3)]
    assert abs(errors[1]) < 0.03
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("friction", "force"), [(0.0, 1.5), (0.7, 0.0), (0.4, -1.0)])
def test_energy_comes_from_the_force_and_goes_into_friction(friction, force):
    gain, work = gained(SwingUp(friction=friction, time_step=2e-4), force)
    assert abs(work) > 0.05
    assert gain == pytest.approx(work, abs=0.01)


def test_it_begins_with_the_pole_hanging_down():
    state, moment = begun(SwingUp(), 100, 20)
    starts = state.motion.mT.reshape(-1, 4)
    assert starts.mean(0).tolist() == pytest.approx([0.0, 0.0, math.pi, 0.0], abs=0.02)
    assert starts.std(0).tolist() == pytest.approx([0.2] * 4, rel=0.05)
    assert (moment.observation[:, 2] < -0.6).all()
    at_rest = begun(SwingUp(spread=0.0))[1].observation[0, :, 0].tolist()
    assert at_rest == pytest.approx([0.0, 0.0, -1.0, 0.0, 0.0], abs=1e-6)


def test_a_pole_that_hangs_stays_and_is_cut_off_without_reward():
    world = SwingUp(spread=0.0)
    state, moment = begun(world)
    for time in range(1, 1001):
        state, moment = world.step(state, push(0.0, LIVES, EPISODES))
        assert not moment.terminated.any()
        assert bool(moment.truncated.all()) == bool(moment.truncated.any()) == (time == 1000)
        assert moment.reward.abs().max() < 1e-6


@pytest.mark.parametrize(
    ("position", "angle", "reward"),
    [(0.0, 0.0, 1.0), (0.0, math.pi, 0.0), (2.4, 0.0, 0.0), (0.0, math.pi / 2, 0.5), (-1.2, 0.0, math.sqrt(0.5))],
)
def test_the_reward_of_a_posture(position, angle, reward):
    _, moment = SwingUp().step(at(SwingUp(), position, 0.0, angle, 0.0), push(0.0))
    assert moment.reward.item() == pytest.approx(reward, abs=1e-6)


@pytest.mark.slow
def test_rewards_lie_between_0_and_1_on_the_track():
    world = SwingUp(track=0.8)
    state, moment = begun(world, 5, 20)
    doing, on = derive(1, "pushes", owners=range(5)), ~moment.terminated
    for time in range(300):
        state, moment = world.step(state, (doing.stream(time).uniform(1, 20) * 20.0 - 10.0).float())
        on = on & ~moment.terminated
        assert (moment.reward[on] >= 0.0).all()
        assert (moment.reward[on] <= 1.0).all()
        assert (moment.reward[~on] <= 0.0).all()
        assert (moment.reward[~on] > -0.2).all()
    assert 0 < on.sum() < 100


def test_leaving_the_track_is_the_end_and_what_has_ended_stands_still():
    world = SwingUp()
    state, moment = begun(world)
    for _ in range(100):
        state, moment = world.step(state, push(10.0, LIVES, EPISODES))
    assert moment.terminated.all()
    assert not moment.truncated.any()
    assert (moment.observation[:, 0] > 2.4).all()
    assert torch.equal(world.step(state, push(-10.0, LIVES, EPISODES))[1].observation, moment.observation)


def test_forces_beyond_the_range_are_the_largest_and_no_number_is_none():
    world = SwingUp()
    for given, done in ((25.0, 10.0), (-25.0, -10.0), (torch.inf, 10.0), (torch.nan, 0.0)):
        motions = [world.step(at(world, 0.1, 0.2, 2.0, 0.3), push(force))[0].motion for force in (given, done)]
        assert torch.equal(*motions)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        *((name, 0.0) for name in ("pole_length", "pole_mass", "cart_mass", "force", "gravity", "track", "time_step")),
        ("friction", -0.1),
        ("spread", float("nan")),
        ("longest", 0),
    ],
)
def test_impossible_numbers(name, number):
    with pytest.raises(InputError, match=f"SwingUp.{name}: expected"):
        dataclasses.replace(SwingUp(), **{name: number})
