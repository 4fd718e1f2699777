"""The T-maze against its description: agents that know, that learn, or that have an innate side; and a loop."""

import pytest
import torch

from genomes.errors import InputError
from genomes.streams import derive
from inner_loop.contracts.worlds import check_world
from inner_loop.worlds.t_maze import TMaze

LEFT, STRAIGHT, RIGHT = 0, 1, 2
HOME, JUNCTION, END, REWARD = 0, 1, 2, 3


def visit(world, turn, lives=1, episodes=200, seed=0):
    """Episodes of an agent that walks straight and turns at the junction by `turn(state, moment)`.

    Returns the last state, the returns and all moments.
    """
    state, moment = world.reset(derive(seed, "episodes", owners=range(lives)), episodes, derive(seed, "life"))
    returns, going = torch.zeros(lives, episodes, dtype=torch.float64), torch.ones(lives, episodes, dtype=torch.bool)
    moments = [moment]
    for _ in range(world.steps):
        action = torch.where(moment.observation[:, JUNCTION] == 1, turn(state, moment), STRAIGHT)
        state, moment = world.step(state, action)
        moments.append(moment)
        returns += torch.where(going, moment.reward, 0.0)
        going = going & ~moment.terminated
    assert not going.any()
    return state, returns, moments


def always(side):
    return lambda state, moment: torch.full_like(state.place, side)


class WinStayLoseShift:
    """Begins on the left and changes sides after a small reward."""

    def __init__(self):
        self.side = torch.tensor(LEFT)

    def __call__(self, state, moment):
        lost = (moment.observation[:, END] == 1) & (moment.observation[:, REWARD] < 0.5)
        self.side = torch.where(lost, 2 - self.side, self.side)
        return self.side


VARIANTS = [
    TMaze(),
    TMaze(corridor=0, trials=7, reversals=3, window=1, start="right"),
    TMaze(trials=5, reversals=0, start="life", large=2.0, small=-0.1, crash=-3.0),
]


@pytest.mark.slow
@pytest.mark.parametrize("world", VARIANTS, ids=str)
def test_the_contract(world):
    check_world(world)


@pytest.mark.parametrize("world", VARIANTS, ids=str)
def test_a_loop_agrees_on_random_actions(world):
    lives, episodes = 3, 5
    state, moment = world.reset(derive(1, "episodes", owners=range(lives)), episodes, derive(1, "life"))
    first, reversals = state.first, state.reversals
    actions = derive(1, "actions", owners=range(lives)).integers(3, world.steps, episodes)
    # mostly sensible actions, since random ones would rarely reach the end of an arm
    sensible = derive(1, "sense", owners=range(lives)).uniform(world.steps, episodes) < 0.8
    moments, returns = [moment], torch.zeros(lives, episodes, dtype=torch.float64)
    taken, over = [], torch.zeros(lives, episodes, dtype=torch.bool)
    for step in range(world.steps):
        fine = torch.where(moment.observation[:, JUNCTION] == 1, actions[:, step] // 2 * 2, STRAIGHT)
        taken.append(torch.where(sensible[:, step], fine, actions[:, step]))
        state, moment = world.step(state, taken[-1])
        moments.append(moment)
        returns += torch.where(over, 0.0, moment.reward)
        over = over | moment.terminated
    shares = world.scores(state, returns)["large_share"]
    for life in range(lives):
        found = 0
        for b in range(episodes):
            place, trials, reward, step = 0, 0, 0.0, 0
            while True:
                seen = moments[step]
                expected = [place == 0, place == world.corridor + 1, place == world.corridor + 2, reward, 1]
                assert seen.observation[life, :, b].tolist() == pytest.approx([float(x) for x in expected])
                assert float(seen.reward[life, b]) == pytest.approx(reward)
                assert bool(seen.terminated[life, b]) == (trials == world.trials)
                assert bool(seen.trial[life, b]) == (place == 0 and trials < world.trials)
                if trials == world.trials:
                    break
                action, reward = int(taken[step][life, b]), 0.0
                if place == world.corridor + 2:
                    place, trials = 0, trials + 1
                elif (place == world.corridor + 1) == (action == STRAIGHT):
                    place, trials, reward = 0, trials + 1, world.crash
                else:
                    if place == world.corridor + 1:
                        exchanged = sum(1 for r in reversals[life, b].tolist() if r <= trials)
                        good = (int(first[life, b]) + exchanged) % 2 == (action == RIGHT)
                        reward, found = (world.large, found + 1) if good else (world.small, found)
                    place += 1
                step += 1
        assert float(shares[life]) == pytest.approx(found / (episodes * world.trials))


def test_who_knows_the_side_gets_the_ceiling():
    world = TMaze(trials=40, reversals=3)
    state, returns, moments = visit(
        world, lambda s, m: (s.first + (s.reversals <= s.trial[..., None]).sum(-1)) % 2 * 2, episodes=50
    )
    assert torch.allclose(returns, torch.full_like(returns, 40.0))
    assert world.scores(state, returns)["large_share"].tolist() == [1.0]
    ended = torch.stack([moment.terminated for moment in moments])
    assert not ended[:-1].any()
    assert len(moments) == world.steps + 1 == 40 * 5 + 1


@pytest.mark.slow
def test_a_side_from_birth_is_enough_without_reversals_and_half_with_them():
    state, returns, _ = visit(TMaze(start="left", reversals=0), always(LEFT), episodes=20)
    assert torch.allclose(returns, torch.full_like(returns, 50.0))
    state, returns, _ = visit(TMaze(start="right", reversals=0), always(LEFT), episodes=20)
    assert torch.allclose(returns, torch.full_like(returns, 10.0))
    for world in (TMaze(reversals=0), TMaze(), TMaze(start="left")):
        state, returns, _ = visit(world, always(LEFT), episodes=1000)
        assert world.scores(state, returns)["large_share"].item() == pytest.approx(0.5, abs=0.05)
        assert returns.mean().item() == pytest.approx(50 * 0.6, abs=2.0)


def test_win_stay_lose_shift_loses_a_trial_for_each_change():
    world = TMaze(trials=50, reversals=3)
    _, returns, _ = visit(world, WinStayLoseShift())
    lost = (50.0 - returns) / 0.8
    assert lost.max() <= 4.001
    assert lost.min() >= 2.999
    assert lost.mean() == pytest.approx(3.5, abs=0.15)


@pytest.mark.parametrize("wrong", [LEFT, RIGHT])
def test_a_crash_ends_the_trial_at_home(wrong):
    world = TMaze(trials=4, reversals=0)
    key = derive(0, "episodes")
    state, moment = world.reset(key, 2, key)
    for trial in range(4):
        state, moment = world.step(state, torch.full((1, 2), wrong))
        assert moment.observation[0, :, 0].tolist() == pytest.approx([1, 0, 0, -0.4, 1])
        assert moment.reward.tolist() == [pytest.approx([-0.4, -0.4])]
        assert moment.terminated.all() == (trial == 3)
        assert moment.trial.all() == (trial < 3)
    state, moment = world.reset(key, 1, key)
    rewards = []
    for _ in range(4):
        state, moment = world.step(state, torch.full((1, 1), STRAIGHT))
        rewards.append(moment.reward.item())
    assert rewards == pytest.approx([0, 0, 0, -0.4])
    assert moment.observation[0, HOME] == 1


def test_a_trial_begins_at_home():
    _, _, moments = visit(TMaze(trials=6, reversals=0), always(RIGHT), episodes=3)
    begins = torch.stack([moment.trial for moment in moments])[:, 0, 0]
    assert begins.nonzero().flatten().tolist() == [0, 5, 10, 15, 20, 25]


def test_reversals_are_as_many_as_wanted_each_in_its_window():
    world = TMaze(trials=60, reversals=2, window=10)
    state, _, moments = visit(world, always(LEFT), episodes=300)
    assert sorted(set(state.reversals[0, :, 0].tolist())) == list(range(15, 25))
    assert sorted(set(state.reversals[0, :, 1].tolist())) == list(range(35, 45))
    rewards = torch.stack([moment.reward for moment in moments[1:]])[3::5, 0]
    changes = rewards[1:] != rewards[:-1]
    assert (changes.sum(0) == 2).all()
    assert torch.equal(changes.T.nonzero()[:, 1].view(-1, 2) + 1, state.reversals[0])
    assert 100 < (rewards[0] == 1.0).sum() < 200


def test_a_reversal_may_fall_anywhere_in_the_longest_window():
    world = TMaze(trials=9, reversals=2, window=3)
    state, _ = world.reset(derive(0, "episodes"), 200, derive(0, "life"))
    assert (state.reversals[..., 0] < state.reversals[..., 1]).all()
    assert state.reversals.min() >= 1
    assert state.reversals.max() < 9


def test_a_side_may_last_for_a_life():
    world, lives = TMaze(start="life"), derive(0, "life", owners=range(40))
    first, again = (world.reset(derive(s, "episodes", owners=range(40)), 6, lives)[0].first for s in (0, 1))
    assert torch.equal(first, again)
    assert (first == first[:, :1]).all()
    assert 5 < first[:, 0].sum() < 35
    drawn = TMaze().reset(derive(0, "episodes", owners=range(40)), 6, lives)[0].first
    assert (drawn != drawn[:, :1]).any()


@pytest.mark.parametrize(
    "wrong",
    [{"trials": 0}, {"corridor": -1}, {"reversals": -1}, {"window": 0}, {"window": 26}, {"small": 1.0}],
)
def test_impossible_mazes(wrong):
    with pytest.raises(InputError, match="TMaze"):
        TMaze(**wrong)
