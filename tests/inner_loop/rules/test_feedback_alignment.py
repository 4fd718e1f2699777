"""Feedback alignment: one step by hand, and the alignment of Lillicrap et al. 2016, figure 2."""

import math

import pytest
import torch

from genomes.phenotype import Phenotype, Synapses
from genomes.streams import derive
from genomes.topology import layered
from inner_loop.lives.samples import learn
from inner_loop.network import Network, Weights
from inner_loop.objectives import SquaredError
from inner_loop.plasticity.feedback import FixedRandom
from inner_loop.rules import Backprop, FeedbackAlignment

LIVES = 5
LINEAR = layered(30, 20, 10, activation="linear")


def small_networks(rule, scale=0.01):
    """Linear networks with weights near 0, as the theory asks for."""
    source, projections = derive(0, "weights", owners=range(LIVES)), {}
    for edge in LINEAR.edges:
        weight = source.stream(edge.name).normal(*LINEAR.shape(edge)) * scale
        rate = torch.full((LIVES, 1, 1), rule.learning_rate, dtype=torch.float64)
        projections[edge.name] = Synapses(weight, parameters={"rule.learning_rate": rate})
    return Phenotype(LINEAR, projections)


def lessons(steps, batch=10):
    """A linear function to be learned."""
    drawn, function = derive(1, "lessons"), derive(2, "function").normal(10, 30) / 30**0.5
    for step in range(steps):
        inputs = drawn.stream(step).normal(30, batch)
        yield inputs, function @ inputs


def lived(rule, steps):
    newborn = small_networks(rule)
    own = derive(3, "own", owners=range(LIVES))
    network, weights = Network(LINEAR), Weights.born(newborn)
    with torch.inference_mode():
        for _, after in learn(network, weights, newborn, rule, SquaredError(), lessons(steps), derive(0, "life"), own):
            weights = after
    return newborn, weights, FixedRandom().init(newborn, own)["layer1 -> layer2"]


def test_a_step_sends_the_error_back_through_what_was_drawn_at_birth():
    rule = FeedbackAlignment(0.1, 0.0)
    newborn, weights, ways = lived(rule, 1)
    ((inputs, targets),) = lessons(1)
    first, second = (newborn.projections[edge.name].weight for edge in LINEAR.edges)
    error = (second @ (first @ inputs) - targets) / inputs.shape[2]
    expected = first - 0.1 * (ways.mT @ error) @ inputs.mT
    torch.testing.assert_close(weights.projections["layer0 -> layer1"], expected, rtol=1e-12, atol=1e-14)
    assert not torch.equal(ways[0], ways[1]), "every individual has its own"
    assert ways.std().item() == pytest.approx(10**-0.5, rel=0.1)


def angles(weights, ways):
    """Degrees between the errors that come back and those that backpropagation would send, by life."""
    error = derive(4, "errors").normal(10, 200)
    sent, true = (ways.mT @ error).flatten(1), (weights.projections["layer1 -> layer2"].mT @ error).flatten(1)
    return torch.rad2deg(torch.arccos(torch.nn.functional.cosine_similarity(sent, true)))


def loss(weights):
    inputs, targets = next(lessons(1, 500))
    out = weights.projections["layer1 -> layer2"] @ (weights.projections["layer0 -> layer1"] @ inputs)
    return (out - targets).square().sum(1).mean(1)


@pytest.mark.slow
def test_the_forward_weights_align_with_the_feedback_and_the_task_is_learned():
    newborn, weights, ways = lived(FeedbackAlignment(0.02, 0.0), 2000)
    born = angles(Weights.born(newborn), ways)
    assert (born > 75).all(), "nothing is aligned at birth"
    assert (angles(weights, ways) < 45).all()
    assert (loss(weights) < 0.05 * loss(Weights.born(newborn))).all()
    assert math.isclose(loss(Weights.born(newborn)).mean().item(), 10.0, rel_tol=0.3)


@pytest.mark.slow
def test_backpropagation_does_not_align_with_them():
    """The control: the same networks and lessons, the weights as the way back."""
    _, weights, ways = lived(Backprop(0.02, 0.0), 2000)
    assert (angles(weights, ways) > 60).all()
