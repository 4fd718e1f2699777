"""Trial and error: the synapses, times and values of guesses; every guess is a bit of the life's own stream."""

import numpy as np
import pytest
import torch

from genomes.encoding import develop
from genomes.encodings.alleles import Alleles
from genomes.phenotype import Phenotype, Synapses
from genomes.streams import derive
from genomes.topology import Group, Topology
from inner_loop.contracts import specimen
from inner_loop.contracts.rules import check_rule
from inner_loop.contracts.specimen import own_streams
from inner_loop.network import Network, Weights
from inner_loop.objective import Lived
from inner_loop.rules.trial_and_error import TrialAndError

RULE = TrialAndError()
WIDE = Topology((Group("in", 5), Group("out", 9)), ("in -> out",))  # 45 synapses: more than a word holds
LIVES = 3


def born(topology=WIDE, lives=LIVES, plastic=None, mask=None):
    """Newborns whose weights are not guesses."""
    projections = {}
    for edge in topology.edges:
        weight = torch.full((lives, *topology.shape(edge)), 0.5)
        marks = {} if plastic is None else {"plastic": plastic.expand_as(weight)}
        projections[edge.name] = Synapses(weight if mask is None else weight * mask, mask, marks)
    return Phenotype(topology, projections)


class Life:
    """Lives step by step, with rewards and ends from the test."""

    def __init__(self, newborn, own=None):
        self.newborn, self.network = newborn, Network.of(newborn)
        self.weights = Weights.born(newborn)
        self.state = RULE.init(self.network, newborn, self.weights, own_streams(newborn))
        self.own, self.time = own or derive(0, "life", owners=range(newborn.lives)), 0

    def step(self, reward=None, alive=None):
        inputs = torch.ones(1, self.newborn.topology.sensory.size, 1)
        lived = Lived(
            self.network.activity(self.weights, inputs),
            torch.zeros(1, 0, 1),
            self.network.output,
            None,
            self.time,
            self.own,
            reward=None if reward is None else torch.tensor(reward),
            alive=None if alive is None else torch.tensor(alive),
        )
        self.weights, self.state = RULE.step(self.network, self.weights, self.state, lived, self.newborn)
        self.time += 1
        return {name: weight.clone() for name, weight in self.weights.projections.items()}


@pytest.mark.slow
def test_the_contract_holds():
    assert "individuals in another order live the same lives (to 1e-12)" in check_rule(RULE)


@pytest.mark.parametrize("topology", [WIDE, specimen.TOPOLOGY], ids=["one projection", "three projections"])
def test_every_coin_is_a_bit_of_the_lifes_own_stream(topology):
    life = Life(born(topology))
    words = -(-topology.synapses // 32)
    drawn = life.own.stream("guesses").words(130 * words).tolist()
    for time in range(130):  # across the blocks in which words are drawn
        guess = torch.cat([weight.flatten(1) for weight in life.step().values()], dim=1)
        for one in range(LIVES):
            bits = [drawn[one][time * words + s // 32] >> (s % 32) & 1 for s in range(topology.synapses)]
            assert guess[one].tolist() == [2.0 * bit - 1.0 for bit in bits]


def test_coins_are_fair_and_independent_between_synapses_steps_and_lives():
    life = Life(born(lives=4))
    guesses = torch.stack([life.step()["in -> out"].flatten(1) for _ in range(1000)])  # (steps, lives, synapses)
    series = guesses.permute(1, 2, 0).flatten(0, 1)  # one a synapse of each life
    error = 1000**-0.5
    assert series.mean(1).abs().max() < 4.5 * error
    assert (torch.corrcoef(series) - torch.eye(len(series))).abs().max() < 5.5 * error
    assert (series[:, 1:] * series[:, :-1]).mean(1).abs().max() < 4.5 * error


def test_only_plastic_synapses_are_guessed():
    plastic = torch.arange(45.0).view(1, 9, 5) % 2
    weight = Life(born(plastic=plastic)).step()["in -> out"]
    assert (weight[:, plastic[0] == 0] == 0.5).all()
    assert (weight[:, plastic[0] == 1].abs() == 1).all()


def test_what_did_not_grow_stays_away_even_if_it_is_marked_plastic():
    mask = torch.arange(45).view(1, 9, 5).expand(LIVES, -1, -1) % 3 > 0
    for plastic in (None, torch.ones(1, 1, 1)):
        weight = Life(born(plastic=plastic, mask=mask)).step()["in -> out"]
        assert (weight[~mask] == 0).all()
        assert (weight[mask].abs() == 1).all()


def test_biases_are_not_guessed():
    newborn = specimen.newborn(RULE)
    weights = specimen.life(RULE, newborn, 3)
    for name, bias in weights.biases.items():
        assert torch.equal(bias[:, :, 0], newborn.bias(name))


def test_a_reward_keeps_the_guess_and_its_end_sets_it_free():
    life = Life(born())
    guess = life.step([[0.0], [0.0], [0.0]], [[True], [True], [True]])["in -> out"]
    kept = life.step([[0.0], [0.3], [-1.0]], [[True], [True], [True]])["in -> out"]
    assert torch.equal(kept[1], guess[1])
    assert not torch.equal(kept[0], guess[0])
    assert not torch.equal(kept[2], guess[2]), "a punishment is no reward"
    again = life.step([[0.0], [0.0], [0.0]], [[True], [True], [True]])["in -> out"]
    assert not torch.equal(again[1], kept[1])


def test_one_reward_among_episodes_side_by_side_is_enough_while_its_episode_goes_on():
    life = Life(born())
    guess = life.step()["in -> out"]
    rewards, alive = [[0.0, 1.0], [0.0, 1.0], [0.0, 0.0]], [[True, True], [True, False], [False, False]]
    after = life.step(rewards, alive)["in -> out"]
    assert [torch.equal(after[one], guess[one]) for one in range(LIVES)] == [True, False, True]


def test_common_streams_give_all_lives_the_same_guess():
    weight = Life(born(), derive(0, "life")).step()["in -> out"]
    assert (weight == weight[:1]).all()
    assert (weight.abs() == 1).all()


def test_another_episode_has_guesses_of_its_own():
    life = Life(born())
    first = [life.step()["in -> out"] for _ in range(3)]
    life.own, life.time = derive(0, "another episode", owners=range(LIVES)), 0
    second = [life.step()["in -> out"] for _ in range(3)]
    assert not any(torch.equal(one, two) for one, two in zip(first, second, strict=True))


@pytest.mark.parametrize("plastic", [True, False])
def test_alleles_say_which_synapses_are_guessed(plastic):
    encoding, topology = Alleles(plastic), Topology((Group("in", 1), Group("out", 20)), ("in -> out",))
    spec = encoding.spec(topology)
    levels = np.arange(LIVES * 20).reshape(LIVES, 20).astype(np.uint8) % (4 if plastic else 2)
    newborn = develop(encoding, spec.genes(levels), topology, derive(0, "birth", owners=range(LIVES)))
    life = Life(newborn)
    weights = torch.stack([life.step()["in -> out"][:, :, 0] for _ in range(30)])
    moved = (weights != newborn.projections["in -> out"].weight[:, :, 0]).any(0)
    assert torch.equal(moved, torch.from_numpy(levels >= 2))
