"""Chemotaxis: a biased random walk climbs, and the geometry agrees with a loop."""

import math

import pytest
import torch

from genomes.errors import InputError
from genomes.streams import derive
from inner_loop.contracts.worlds import check_world
from inner_loop.worlds.chemotaxis import Chemotaxis

CHANGE = 1


def crawl(world, turns, episodes=400, seed=0):
    """Mean return, and the returns, of one worm an episode that turns where `turns(observation, step)`."""
    key = derive(seed, "episodes")
    state, moment = world.reset(key, episodes, key)
    returns = torch.zeros(1, episodes, dtype=torch.float64)
    for step in range(world.steps):
        assert not moment.truncated.any()
        state, moment = world.step(state, turns(moment.observation, step).long())
        returns += moment.reward
    assert moment.truncated.all()
    assert not moment.terminated.any()
    return world.scores(state, returns)["return"].item(), returns


def down(observation, step):
    """Turn where the concentration falls."""
    return observation[:, CHANGE] < 0


def up(observation, step):
    return observation[:, CHANGE] > 0


def at_random(observation, step):
    return derive(5, "turns").stream(step).integers(2, observation.shape[2])


@pytest.mark.slow
@pytest.mark.parametrize(
    "world",
    [
        Chemotaxis(),
        Chemotaxis(duration=30, noise=0.01, change=False, turn=90.0, wander=0.0),
        Chemotaxis(duration=1, repellent=True, nearest=1.0, farthest=1.0),
    ],
    ids=str,
)
def test_the_contract(world):
    check_world(world)


@pytest.mark.slow
def test_turning_more_where_it_falls_climbs():
    world = Chemotaxis()
    climbing, returns = crawl(world, down)
    assert climbing > 0.6
    assert returns.max() < 1.0
    assert abs(crawl(world, at_random)[0]) < 0.1
    falling, returns = crawl(world, up)
    assert falling < -0.6
    assert returns.min() > -1.0
    assert crawl(Chemotaxis(noise=0.003), down)[0] > 0.6
    assert crawl(Chemotaxis(turn=0.0), down)[0] < 0.0


def test_a_repellent_turns_the_sign():
    attracted, repelled = Chemotaxis(duration=50), Chemotaxis(duration=50, repellent=True)
    for turns in (up, down):
        assert torch.equal(crawl(attracted, turns)[1], -crawl(repelled, turns)[1])


@pytest.mark.slow
def test_a_worm_near_the_peak_has_the_index_one_and_one_that_stays_far_has_none():
    world = Chemotaxis(nearest=1.0, farthest=1.0, speed=1.0, turn=0.0, wander=0.0, duration=1)
    key = derive(0, "episodes")
    state, _ = world.reset(key, 5, key)
    state = state._replace(heading=torch.atan2(-state.y, -state.x))
    _, moment = world.step(state, torch.zeros(1, 5, dtype=torch.int64))
    torch.testing.assert_close(moment.reward, torch.ones(1, 5))
    torch.testing.assert_close(moment.observation[:, 0], torch.ones(1, 5))
    state = state._replace(heading=torch.atan2(state.y, state.x))
    _, moment = world.step(state, torch.zeros(1, 5, dtype=torch.int64))
    torch.testing.assert_close(moment.reward, -torch.ones(1, 5))
    assert abs(crawl(Chemotaxis(speed=1e-4), at_random)[0]) < 0.01


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_a_loop_agrees(noise):
    world = Chemotaxis(
        duration=40, speed=0.3, width=1.5, nearest=0.5, farthest=2.0, turn=120.0, wander=20.0, noise=noise, gain=3.0
    )
    lives, episodes = 3, 4
    state, moment = world.reset(derive(2, "episodes", owners=range(lives)), episodes, derive(2, "life"))
    begin = state
    actions = derive(2, "actions", owners=range(lives)).integers(2, world.steps, episodes)
    moments = [moment]
    for step in range(world.steps):
        state, moment = world.step(state, actions[:, step])
        moments.append(moment)
    for life in range(lives):
        for b in range(episodes):
            x, y, heading = (float(part[life, b]) for part in (begin.x, begin.y, begin.heading))
            first = math.hypot(x, y)
            before = None
            for step, seen in enumerate(moments):
                sensed = math.exp(-(x * x + y * y) / (2 * 1.5**2))
                sensed += 0.0 if begin.noise is None else float(begin.noise[step, life, b])
                change = 0.0 if before is None else 3.0 * (sensed - before)
                assert seen.observation[life, :, b].tolist() == pytest.approx([sensed, change, 1.0], abs=1e-4)
                reward = max(-1.0, 1.0 - math.hypot(x, y) / first) / 40 if step else 0.0
                assert float(seen.reward[life, b]) == pytest.approx(reward, abs=1e-5)
                if step < world.steps:
                    reach = 120.0 if actions[life, step, b] == 1 else 20.0
                    heading += math.radians(reach) * float(begin.bends[step, life, b])
                    x, y, before = x + 0.3 * math.cos(heading), y + 0.3 * math.sin(heading), sensed


def test_chance_is_what_the_docstring_says():
    world = Chemotaxis(duration=50, nearest=1.0, farthest=3.0, noise=0.2)
    key = derive(0, "episodes")
    state, _ = world.reset(key, 2000, key)
    distance = torch.hypot(state.x, state.y)
    torch.testing.assert_close(distance, state.start)
    assert distance.min() >= 1.0
    assert distance.max() <= 3.0
    assert distance.mean() == pytest.approx(2.0, abs=0.05)
    bearing = torch.atan2(state.y, state.x)
    for angle in (state.heading, bearing, state.heading - bearing):
        assert abs(angle.cos().mean()) < 0.06
        assert abs(angle.sin().mean()) < 0.06
    assert state.bends.shape == (50, 1, 2000)
    assert state.bends.abs().max() <= 1.0
    assert state.bends.std() == pytest.approx(3**-0.5, abs=0.01)
    assert state.noise.std() == pytest.approx(0.2, abs=0.005)
    assert Chemotaxis().reset(key, 2, key)[0].noise is None


def test_a_worm_that_must_remember_sees_the_concentration_only():
    key = derive(0, "episodes")
    full, bare = (Chemotaxis(change=change) for change in (True, False))
    assert (full.inputs, bare.inputs) == (3, 2)
    seen = [w.step(w.reset(key, 4, key)[0], torch.zeros(1, 4, dtype=torch.int64))[1].observation for w in (full, bare)]
    assert torch.equal(seen[0][:, [0, 2]], seen[1])


@pytest.mark.parametrize(
    "wrong",
    [
        {"duration": 0},
        {"speed": 0.0},
        {"width": math.inf},
        {"nearest": 0.0},
        {"farthest": 1.0},
        {"turn": 181.0},
        {"wander": -1.0},
        {"noise": -0.1},
        {"gain": math.nan},
    ],
)
def test_impossible_plates(wrong):
    with pytest.raises(InputError, match=f"Chemotaxis.{next(iter(wrong))}"):
        Chemotaxis(**wrong)
