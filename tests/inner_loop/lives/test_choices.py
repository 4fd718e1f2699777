"""Choices on samples: rules of reward learn a task that pays the right class, and only such a task."""

import pytest
import torch

from evo import load
from genomes.evolve import Evolve
from genomes.streams import derive
from inner_loop.contracts import specimen
from inner_loop.lives.choices import Choices
from inner_loop.network import Network, Weights
from inner_loop.objective import Lived
from inner_loop.rules import PolicyGradient, RewardModulated
from inner_loop.task import right_choice


def paid(rule, owners=range(4)):
    newborn = specimen.newborn(rule, torch.float64)
    network, weights = Network.of(newborn), Weights.born(newborn)
    streams = derive(0, "life", owners=owners)
    inputs = derive(1, "inputs", owners=owners).normal(newborn.topology.sensory.size, 400)
    classes = derive(2, "classes", owners=owners).integers(3, 400)
    targets = torch.nn.functional.one_hot(classes, 3).mT.double()
    lived = Lived(network.activity(weights, inputs), targets, network.output, None, 0, streams, newborn.traits)
    return Choices(network, newborn, rule, streams, right_choice).paid(lived, weights, inputs, None, 0)[1], newborn


def test_the_reward_is_that_of_the_choice_and_every_sample_counts():
    lived, _ = paid(PolicyGradient(choice=1.0))
    assert torch.equal(lived.reward, (lived.actions == lived.targets.max(1).indices).double())
    assert lived.alive.all()
    assert 0.2 < lived.reward.mean() < 0.5, "a newborn guesses"


def test_choices_are_drawn_from_the_softmax():
    temperature = 0.7
    lived, _ = paid(PolicyGradient(choice=temperature))
    wanted = torch.softmax(lived.activities["output"] / temperature, dim=1).mean((0, 2))
    chosen = torch.nn.functional.one_hot(lived.actions, 3).double().mean((0, 1))
    torch.testing.assert_close(chosen, wanted, atol=0.05, rtol=0.0)


def test_without_exploration_the_largest_output_is_chosen_and_noise_is_what_was_added():
    greedy, _ = paid(RewardModulated(choice=0.0, noise=0.0, factor="activity"))
    assert torch.equal(greedy.actions, greedy.activities["output"].max(1).indices)
    assert greedy.noise == {}
    noisy, _ = paid(RewardModulated(choice=0.0, noise=0.1))
    assert noisy.noise["hidden"].std().item() == pytest.approx(0.1, rel=0.05)
    assert not torch.equal(noisy.activities["hidden"], greedy.activities["hidden"])


@pytest.mark.slow
def test_an_evolved_temperature_that_is_silenced_chooses_the_largest_output():
    lived, newborn = paid(RewardModulated(choice=Evolve((0.5, 1.0)), noise=0.0, factor="activity"))
    newborn.traits["rule.choice"].zero_()
    network, weights = Network.of(newborn), Weights.born(newborn)
    rule = RewardModulated(choice=Evolve((0.5, 1.0)), noise=0.0, factor="activity")
    inputs = lived.activities[network.sensory]
    silent, _ = Choices(network, newborn, rule, derive(0, "life", owners=range(4)), right_choice).paid(
        lived, weights, inputs, None, 0
    )[::-1]
    assert torch.equal(silent.actions, silent.activities["output"].max(1).indices)
    assert not torch.equal(silent.actions, lived.actions)


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["{kind: PolicyGradient, learning_rate: 0.5, momentum: 0.0, choice: 1.0}"])
def test_a_rule_of_reward_learns_digits(rule):
    few = (
        "lifetime.steps=300",
        "lifetime.births=1",
        "search.population=5",
        "generations=1",
        "cohort=5",
        f"rule={rule}",
    )
    experiment = load("digits", (*few, "objective=null"))
    spec = experiment.genome.spec
    newborn = experiment.birth(
        spec.quantise(derive(0, "levels", owners=range(5)).uniform(spec.size).numpy()),
        derive(0, "birth", owners=range(5)),
    )
    from inner_loop.lives.samples import live

    lived = live(newborn, experiment.rule, None, experiment.task, experiment.lifetime, derive(0, "life"))
    assert (lived["learned.accuracy"] > lived["innate.accuracy"] + 0.2).all()


def test_a_task_that_pays_nothing_refuses_them(refused):
    with refused("rule", "PolicyGradient"):
        load("teacher", ("rule=PolicyGradient", "objective=null"))
