"""Only the readout learns, with the same result as autograd."""

import pytest
import torch

from genomes.evolve import Evolve
from genomes.streams import derive
from inner_loop.contracts import specimen
from inner_loop.lives.samples import learn
from inner_loop.module import PhenotypeModule
from inner_loop.network import Network, Weights
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.rules.output_only import OutputOnly

STEPS, BATCH = 7, 5
READOUT = ("hidden -> output", "input -> output")


def taught(newborn):
    source = derive(1, "lessons", owners=specimen.OWNERS)
    inputs = source.stream("inputs").normal(STEPS, 5, BATCH)
    targets = source.stream("targets").normal(STEPS, 3, BATCH)
    return [(inputs[:, i].to(newborn.like), targets[:, i].to(newborn.like)) for i in range(STEPS)]


def after(rule, newborn):
    network = Network.of(newborn)
    with torch.inference_mode():
        lessons = taught(newborn)
        *_, (_, weights) = learn(network, Weights.born(newborn), newborn, rule, SquaredError(), lessons, derive(0, ""))
    return weights


def test_the_hidden_weights_stay_to_the_bit():
    rule = OutputOnly(learning_rate=0.2)
    newborn = specimen.newborn(rule)
    learned = after(rule, newborn)
    assert torch.equal(learned.projections["input -> hidden"], newborn.projections["input -> hidden"].weight)
    assert torch.equal(learned.biases["hidden"][:, :, 0], newborn.bias("hidden"))
    for name in READOUT:
        assert not torch.equal(learned.projections[name], newborn.projections[name].weight)
    assert not torch.equal(learned.biases["output"][:, :, 0], newborn.bias("output"))


@pytest.mark.parametrize("momentum", [0.0, 0.7, Evolve((0.0, 0.9))])
def test_the_readout_is_autograds(momentum):
    rule = OutputOnly(learning_rate=0.2, momentum=momentum)
    newborn = specimen.newborn(rule, torch.float64)
    learned = after(rule, newborn)
    for i in specimen.OWNERS:
        module = PhenotypeModule(newborn, i)
        readout = {"input -> output": module.weights[2], "hidden -> output": module.weights[1]}
        bias = module.biases[module.biased.index("output")]
        trained = [*readout.values(), bias]
        optimiser = torch.optim.SGD(trained, lr=0.2, momentum=newborn.traits["rule.momentum"][i].item())
        for inputs, targets in taught(newborn):
            optimiser.zero_grad()
            (0.5 * (module(inputs[i].T) - targets[i].T).square().sum(1).mean()).backward()
            optimiser.step()
        for name, weight in readout.items():
            torch.testing.assert_close(learned.projections[name][i], weight.detach(), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(learned.biases["output"][i, :, 0], bias.detach(), rtol=1e-12, atol=1e-12)
