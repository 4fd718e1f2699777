"""The needle in a haystack: right switches, their reward, and the success of lives that guess."""

import pytest
import torch

from genomes.errors import InputError
from genomes.phenotype import Phenotype, Synapses
from genomes.streams import derive
from genomes.topology import Group, Topology
from inner_loop.contracts.specimen import own_streams
from inner_loop.contracts.worlds import check_world
from inner_loop.lives.agent import AgentState
from inner_loop.lives.behaviour import behave
from inner_loop.network import Network, Weights
from inner_loop.rules.trial_and_error import TrialAndError
from inner_loop.world import Response
from inner_loop.worlds.hinton_nowlan import HintonNowlan


def response(*lives):
    """One episode a life, (P, loci, 1)."""
    return torch.tensor(lives)[:, :, None]


def begun(world, lives=1, episodes=1):
    own = derive(0, "", owners=range(lives))
    return world.reset(own, episodes, own)


@pytest.mark.slow
@pytest.mark.parametrize("world", [HintonNowlan(), HintonNowlan(3, 30), HintonNowlan(1, 1)], ids=repr)
def test_the_contract_holds(world):
    assert f"every episode has ended after {world.steps} steps" in check_world(world)


def test_one_input_that_is_always_on_and_a_response_a_switch():
    world = HintonNowlan(loci=7)
    assert (world.inputs, world.outputs, world.steps, world.actions) == (1, 7, 1000, Response(7))
    assert world.score_names == ("fitness",)
    state, moment = begun(world, 2, 3)
    assert torch.equal(moment.observation, torch.ones(2, 1, 3))
    _, moment = world.step(state, torch.zeros(2, 7, 3))
    assert torch.equal(moment.observation, torch.ones(2, 1, 3))


def test_only_all_switches_right_are_rewarded_and_end_the_episode():
    world = HintonNowlan(loci=3)
    state, _ = begun(world)
    nan = float("nan")
    lives = response([1.0, 0.1, 9.0], [1.0, -0.1, 9.0], [1.0, 0.0, 9.0], [1.0, nan, 9.0], [-1.0, -1.0, -1.0])
    _, moment = world.step(state, lives)
    assert moment.reward.tolist() == [[20.0], [0.0], [0.0], [0.0], [0.0]]
    assert moment.terminated.tolist() == [[True], [False], [False], [False], [False]]
    assert not moment.truncated.any()


def test_a_success_is_worth_the_trials_that_remain():
    world, right = HintonNowlan(loci=2, trials=1000), response([1.0, 1.0])
    state, _ = begun(world)
    for trial in range(1000):
        state, moment = world.step(state, right)
        assert moment.reward.item() == pytest.approx(1 + 19 * (1000 - trial) / 1000)
        assert moment.truncated.item() == (trial == 999)


def test_fitness_is_the_mean_over_episodes_and_one_for_a_failure():
    returns = torch.tensor([[20.0, 0.0], [0.0, 0.0], [10.5, 1.019]], dtype=torch.float64)
    fitness = HintonNowlan().scores(1000, returns)["fitness"]
    torch.testing.assert_close(fitness, torch.tensor([10.5, 1.0, 5.7595], dtype=torch.float64))


def guessing(plastic, lives, trials):
    """Fitness of lives with some switches plastic and all others right, (P,)."""
    topology = Topology((Group("input", 1), Group("switches", 20)), ("input -> switches",))
    own = derive(3, "life", owners=range(lives))
    marks = (torch.arange(20) < plastic).float()[None, :, None].expand(lives, -1, -1)
    weight = torch.where(marks > 0, own.stream("birth").integers(2, 20, 1) * 2.0 - 1.0, 1.0)
    newborn = Phenotype(topology, {"input -> switches": Synapses(weight, parameters={"plastic": marks})})
    being, weights = AgentState(Network(topology), newborn, HintonNowlan(trials=trials), None), Weights.born(newborn)
    rule = TrialAndError()
    state = rule.init(being.network, newborn, weights, own_streams(newborn))
    return behave(being, weights, own, own, 1, rule, state).scores["fitness"]


@pytest.mark.slow
@pytest.mark.parametrize("plastic", [0, 1, 4, 6])
def test_lives_that_guess_find_it_as_coins_would(plastic):
    trials, lives = 200, 4000
    fitness = guessing(plastic, lives, trials)
    found = 2.0**-plastic
    remain = torch.arange(trials, 0, -1, dtype=torch.float64)
    first = found * (1 - found) ** (trials - remain)  # probability of success when this number of trials remain
    wanted = 1 + 19 * (first * remain).sum() / trials
    error = fitness.std() / lives**0.5
    assert abs(fitness.mean() - wanted) <= 4 * error
    assert wanted == 20.0 or 0 < error < 0.1


@pytest.mark.parametrize("name", ["loci", "trials"])
def test_numbers_that_make_no_world_are_refused(name):
    with pytest.raises(InputError, match=rf"^HintonNowlan\.{name}: expected at least 1, got 0$"):
        HintonNowlan(**{name: 0})
