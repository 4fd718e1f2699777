"""Foraging: a forager that knows the colour of food eats well, one that learns it almost as well; a loop agrees."""

import pytest
import torch

from genomes.errors import InputError
from genomes.streams import derive
from inner_loop.contracts.worlds import check_world
from inner_loop.worlds.foraging import Foraging

RED, BLUE = slice(0, 3), slice(4, 7)
RED_EATEN, BLUE_EATEN, TASTE = 3, 7, 8


def forage(world, likes, episodes=400, seed=0):
    """Mean return, and the returns, of an agent that prefers colours by `likes(observation)`, (red, blue)."""
    key = derive(seed, "episodes")
    state, moment = world.reset(key, episodes, key)
    returns = torch.zeros(1, episodes, dtype=torch.float64)
    for step in range(world.steps):
        assert not moment.truncated.any()
        seen = moment.observation
        red, blue = likes(seen)
        ties = 0.1 * derive(5, "ties").stream(step).uniform(episodes, 3).mT
        state, moment = world.step(state, (red * seen[:, RED] + blue * seen[:, BLUE] + ties).argmax(1))
        returns += moment.reward
    assert moment.truncated.all()
    assert not moment.terminated.any()
    return world.scores(state, returns)["return"].item(), returns


def liking(red, blue):
    return lambda seen: (red, blue)


class Taster:
    """Tries any fruit, then prefers the colour that tasted good."""

    def __init__(self):
        self.red = torch.tensor(0.5)
        self.blue = torch.tensor(0.5)

    def __call__(self, seen):
        red, blue, taste = seen[:, RED_EATEN, None], seen[:, BLUE_EATEN, None], seen[:, TASTE, None]
        tasted = (red + blue) > 0
        self.red = torch.where(tasted, taste * (red - blue), self.red)
        self.blue = torch.where(tasted, taste * (blue - red), self.blue)
        return self.red, self.blue


VARIANTS = [
    Foraging(),
    Foraging(size=3, density=0.9, regrowth=1, duration=25, poisonous="life", food=2.0, harm=0.5),
    Foraging(size=5, density=0.6, regrowth=4, duration=40, poisonous="red"),
]


@pytest.mark.slow
@pytest.mark.parametrize("world", VARIANTS, ids=str)
def test_the_contract(world):
    check_world(world)


@pytest.mark.parametrize("world", VARIANTS, ids=str)
def test_a_loop_on_a_map_agrees(world):
    lives, episodes, size = 3, 4, world.size
    state, moment = world.reset(derive(1, "episodes", owners=range(lives)), episodes, derive(1, "life"))
    begin, moments = state, [moment]
    actions = derive(1, "actions", owners=range(lives)).integers(3, world.steps, episodes)
    for step in range(world.steps):
        state, moment = world.step(state, actions[:, step])
        moments.append(moment)
    eaten_ever = 0
    for life in range(lives):
        for b in range(episodes):
            cell, heading = divmod(int(begin.pose[life, b]), 4)
            row, column = divmod(cell, size)
            down, across = [(-1, 0), (0, 1), (1, 0), (0, -1)][heading]
            fruit = begin.colours[life, :, b].view(size, size).tolist()
            growing = {}  # the step at which a plant bears again, and its place and colour
            ate, reward = 0, 0.0
            for step, seen in enumerate(moments):
                for place, colour in growing.pop(step, []):
                    fruit[place[0]][place[1]] = colour
                if step:
                    ate, fruit[row][column] = fruit[row][column], 0
                    reward = 0.0 if not ate else world.food if ate == begin.edible[life, b] else -world.harm
                    if ate:
                        growing.setdefault(step + world.regrowth, []).append(((row, column), ate))
                around = [(down, across), (-across, down), (across, -down)]  # ahead, left, right
                colours = [fruit[(row + d) % size][(column + a) % size] for d, a in around] + [ate]
                expected = [float(c == 1) for c in colours] + [float(c == 2) for c in colours] + [reward]
                assert seen.observation[life, :, b].tolist() == expected
                assert float(seen.reward[life, b]) == reward
                eaten_ever += bool(ate)
                if step < world.steps:
                    down, across = around[actions[life, step, b]]
                    row, column = (row + down) % size, (column + across) % size
    assert eaten_ever > 20


def test_left_is_left():
    """Facing up, a turn to the left leads to the cell on the left."""
    world = Foraging(size=5)
    key = derive(0, "episodes")
    state, _ = world.reset(key, 3, key)
    state = state._replace(pose=torch.full((1, 3), 12 * 4))
    after, _ = world.step(state, torch.tensor([[0, 1, 2]]))
    assert (after.pose // 4).tolist() == [[7, 11, 13]]
    assert (after.pose % 4).tolist() == [[0, 3, 1]]


@pytest.mark.slow
def test_who_knows_the_colour_eats_better_than_who_does_not():
    world = Foraging(poisonous="blue", harm=0.5)
    greedy, anything, wandering = (forage(world, liking(*c))[0] for c in ((1, -1), (1, 1), (0, 0)))
    assert greedy > anything + 8
    assert anything > wandering + 4
    assert wandering > 4
    assert forage(world, liking(-1, 1))[0] < 0
    assert forage(Foraging(poisonous="blue"), liking(1, -1))[0] > 20
    assert forage(Foraging(poisonous="red"), liking(1, -1))[0] < -20


@pytest.mark.slow
def test_learning_pays_where_the_colours_are_hidden():
    innate, returns = forage(Foraging(), liking(1, -1))
    assert abs(innate) < 3.0
    assert returns.abs().mean() > 15
    assert forage(Foraging(), Taster())[0] > 20
    assert forage(Foraging(), Taster())[0] < forage(Foraging(poisonous="blue"), liking(1, -1))[0]


def test_chance_is_what_the_docstring_says():
    world = Foraging(density=0.4)
    key = derive(0, "episodes")
    state, moment = world.reset(key, 2000, key)
    for colour in (1, 2):
        assert (state.colours == colour).float().mean() == pytest.approx(0.2, abs=0.01)
        assert (state.edible == colour).float().mean() == pytest.approx(0.5, abs=0.05)
    assert sorted(state.pose.unique().tolist()) == list(range(256))
    assert (moment.observation[:, [RED_EATEN, BLUE_EATEN, TASTE]] == 0).all()
    assert (Foraging(density=1.0).reset(key, 9, key)[0].colours > 0).all()
    assert (Foraging(density=0.0).reset(key, 9, key)[0].colours == 0).all()


def test_what_is_food_may_last_for_a_life():
    world, lives = Foraging(poisonous="life"), derive(0, "life", owners=range(40))
    first, again = (world.reset(derive(s, "episodes", owners=range(40)), 6, lives)[0] for s in (0, 1))
    assert torch.equal(first.edible, again.edible)
    assert not torch.equal(first.colours, again.colours)
    assert (first.edible == first.edible[:, :1]).all()
    assert 5 < (first.edible[:, 0] == 1).sum() < 35


@pytest.mark.parametrize(
    "wrong",
    [{"size": 2}, {"regrowth": 0}, {"duration": 0}, {"density": 1.1}, {"food": -1.0}, {"harm": float("inf")}],
)
def test_impossible_forests(wrong):
    with pytest.raises(InputError, match=f"Foraging.{next(iter(wrong))}"):
        Foraging(**wrong)
