"""The pole on a cart against Gymnasium's own, step by step, and the parameters that may be hidden or held out."""

import dataclasses

import pytest
import torch
from scipy import stats
from torch.utils._python_dispatch import TorchDispatchMode

from genomes.errors import InputError
from genomes.streams import derive
from inner_loop.contracts.worlds import check_world
from inner_loop.worlds.cart_pole import CartPole

gymnasium = pytest.importorskip("gymnasium")

LIVES, EPISODES = 3, 4
VARIANTS = [
    CartPole(),
    CartPole(pole_length=1.3),
    CartPole(pole_mass=0.7),
    CartPole(cart_mass=0.4),
    CartPole(force=4.3),
    CartPole(gravity=3.7),
]


def begun(world, lives=LIVES, episodes=EPISODES, seed=0):
    return world.reset(
        derive(seed, "episodes", owners=range(lives)), episodes, derive(seed, "lives", owners=range(lives))
    )


def theirs(world):
    """Gymnasium's, with the same parameters."""
    environment = gymnasium.make("CartPole-v1")
    inner = environment.unwrapped
    inner.length, inner.masspole, inner.masscart = world.pole_length, world.pole_mass, world.cart_mass
    inner.force_mag, inner.gravity = world.force, world.gravity
    inner.total_mass, inner.polemass_length = inner.masspole + inner.masscart, inner.masspole * inner.length
    return environment


def balancing(motion):
    """Pushes towards where the pole is falling, and a little towards the middle."""
    position, velocity, angle, spin = motion.unbind(1)
    return (angle + 0.25 * spin + 0.02 * position + 0.05 * velocity > 0).long()


@pytest.mark.slow
@pytest.mark.parametrize(
    "world",
    [
        CartPole(),
        CartPole(pole_length=2.0, force=5.0, reversed="random", pole_spread=1.5),
        CartPole(longest=9, reversed="always"),
    ],
)
def test_the_contract(world):
    assert check_world(world)


@pytest.mark.slow
@pytest.mark.parametrize("world", VARIANTS, ids=str)
def test_every_episode_is_gymnasiums(world):
    state, first = begun(world)
    environments = [[theirs(world) for _ in range(EPISODES)] for _ in range(LIVES)]
    for k in range(LIVES):
        for b in range(EPISODES):
            environments[k][b].reset()
            environments[k][b].unwrapped.state = state.motion[k, :, b].numpy().copy()
            assert torch.equal(first.observation[k, :, b], state.motion[k, :, b].float())
    doing, going = derive(1, "pushes", owners=range(LIVES)), torch.ones(LIVES, EPISODES, dtype=torch.bool)
    for time in range(200):
        actions = doing.stream(time).integers(2, EPISODES)
        state, moment = world.step(state, actions)
        for k, b in going.nonzero().tolist():
            seen, reward, terminated, truncated, _ = environments[k][b].step(int(actions[k, b]))
            exact = torch.tensor(environments[k][b].unwrapped.state)
            torch.testing.assert_close(state.motion[k, :, b], exact, rtol=0.0, atol=1e-11)
            torch.testing.assert_close(moment.observation[k, :, b], torch.tensor(seen), rtol=1e-6, atol=1e-6)
            assert moment.reward[k, b] == reward
            assert (moment.terminated[k, b], moment.truncated[k, b]) == (terminated, truncated)
        going &= ~moment.terminated
    assert not going.any()


def test_a_balanced_pole_is_cut_off_after_500_steps_as_gymnasiums_is():
    """Each step begins from the same state: two runs of an unstable system diverge by any rounding."""
    world, environment = CartPole(), theirs(CartPole())
    state, moment = begun(world, 1, 1)
    environment.reset()
    for time in range(1, 501):
        environment.unwrapped.state = state.motion[0, :, 0].numpy().copy()
        action = balancing(state.motion)
        state, moment = world.step(state, action)
        _, reward, terminated, truncated, _ = environment.step(int(action))
        exact = torch.tensor(environment.unwrapped.state)
        torch.testing.assert_close(state.motion[0, :, 0], exact, rtol=1e-13, atol=1e-13)
        assert (moment.reward.item(), moment.terminated.item(), moment.truncated.item()) == (reward, False, time == 500)
        assert (terminated, truncated) == (False, time == 500)


@pytest.mark.parametrize("side", [-1.0, 1.0])
@pytest.mark.parametrize(
    ("position", "angle", "ends"), [(2.399, 0.0, False), (2.401, 0.0, True), (0.0, 0.2094, False), (0.0, 0.2095, True)]
)
def test_the_track_and_the_fall_end_where_gymnasiums_do(side, position, angle, ends):
    environment, (state, _) = theirs(CartPole()), begun(CartPole(), 1, 1)
    environment.reset()
    motion = torch.tensor([position, 0.0, angle, 0.0], dtype=torch.float64) * side
    environment.unwrapped.state = motion.numpy()
    terminated = environment.step(1)[2]
    state = dataclasses.replace(state, phase=motion[:, None, None])
    assert CartPole().step(state, torch.tensor([[1]]))[1].terminated.item() == terminated == ends


def test_it_begins_near_rest():
    state, moment = begun(CartPole(), 200, 20)
    starts = state.motion.mT.reshape(-1, 4).numpy()
    for number in starts.T:
        assert stats.kstest(number, "uniform", (-0.05, 0.1)).pvalue > 0.01
    correlations = stats.spearmanr(starts).statistic - torch.eye(4).numpy()
    assert abs(correlations).max() < 0.05
    assert torch.equal(moment.observation, state.motion.float())


def test_what_has_ended_stands_still():
    world = CartPole()
    state, moment = begun(world)
    right, last = torch.ones(LIVES, EPISODES, dtype=torch.int64), torch.full((LIVES, 4, EPISODES), torch.nan)
    ended = moment.terminated
    for _ in range(40):
        state, moment = world.step(state, right)
        assert torch.equal(moment.observation.mT[ended], last.mT[ended])
        assert moment.terminated[ended].all()
        ended, last = moment.terminated, moment.observation
    assert ended.all()
    assert (last[:, 2].abs() < 0.3).all()


def test_a_step_leaves_the_state_before_alone():
    world = CartPole()
    state, _ = begun(world)
    right = torch.ones(LIVES, EPISODES, dtype=torch.int64)
    once, twice = (world.step(state, right)[1] for _ in range(2))
    assert torch.equal(once.observation, twice.observation)
    assert not torch.equal(once.observation, world.step(state, 1 - right)[1].observation)


def after_a_push_to_the_right(world, lives=200, episodes=3, seed=0):
    state, _ = begun(world, lives, episodes, seed)
    return world.step(state, torch.ones(lives, episodes, dtype=torch.int64))[0].motion


def test_reversed_actions_are_the_other_ones():
    state, _ = begun(CartPole())
    actions = derive(1, "pushes", owners=range(LIVES)).integers(2, EPISODES)
    there, back = CartPole().step(state, 1 - actions)[1], CartPole(reversed="always")
    torch.testing.assert_close(back.step(begun(back)[0], actions)[1].observation, there.observation, rtol=0.0, atol=0.0)


def test_random_reversal_is_each_lifes_own_and_lasts():
    plain, other = after_a_push_to_the_right(CartPole()), after_a_push_to_the_right(CartPole(reversed="always"))
    drawn = after_a_push_to_the_right(CartPole(reversed="random"))
    backwards = (drawn == other).all(1)
    assert torch.equal(backwards, ~(drawn == plain).all(1))
    assert torch.equal(backwards.any(1), backwards.all(1))
    assert 70 <= backwards[:, 0].sum() <= 130
    world, lives = CartPole(reversed="random"), derive(0, "lives", owners=range(200))
    state, _ = world.reset(derive(7, "another episode", owners=range(200)), 1, lives)
    assert torch.equal(state.push[:, :1] < 0, backwards[:, :1])


def test_the_pole_of_each_life_is_drawn_within_the_spread_and_lasts():
    world, lives = CartPole(pole_length=0.6, pole_spread=1.5), derive(0, "lives", owners=range(500))
    state, _ = world.reset(derive(7, "an episode", owners=range(500)), 2, lives)
    again, _ = world.reset(derive(8, "another episode", owners=range(500)), 3, lives)
    assert torch.equal(state.length, again.length)
    factors = (state.length[:, 0] / 0.6).numpy()
    assert stats.kstest(factors, "uniform", (1 / 1.5, 1.5 - 1 / 1.5)).pvalue > 0.01


def test_a_life_with_a_drawn_pole_is_that_of_a_world_with_such_poles():
    world, doing = CartPole(pole_spread=2.0), derive(1, "pushes", owners=range(LIVES))
    state, _ = begun(world)
    others = [CartPole(pole_length=length.item()) for length in state.length]
    states = [begun(other)[0] for other in others]
    for time in range(8):
        actions = doing.stream(time).integers(2, EPISODES)
        state, _ = world.step(state, actions)
        states = [other.step(its, actions)[0] for other, its in zip(others, states, strict=True)]
    for life, its in enumerate(states):
        assert torch.equal(state.motion[life], its.motion[life])


@pytest.mark.slow
def test_a_step_costs_few_operations():
    class Counted(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            Counted.count += 1
            return function(*args, **(kwargs or {}))

    world = CartPole()
    state, _ = begun(world)
    actions = torch.ones(LIVES, EPISODES, dtype=torch.int64)
    with Counted():
        world.step(state, actions)
    assert 10 <= Counted.count <= 30


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("pole_length", 0.0),
        ("pole_spread", 0.9),
        ("pole_mass", -0.1),
        ("cart_mass", float("inf")),
        ("force", float("nan")),
        ("gravity", 0.0),
        ("longest", 0),
    ],
)
def test_impossible_numbers(name, number):
    with pytest.raises(InputError, match=f"CartPole.{name}: expected"):
        dataclasses.replace(CartPole(), **{name: number})


def test_impossible_reversal():
    unchecked = object.__new__(CartPole)
    object.__setattr__(unchecked, "reversed", "sometimes")
    with pytest.raises(InputError, match=r"CartPole\.reversed: expected one of never, always, random, got"):
        unchecked.__post_init__()
