"""Objectives against their formulas, computed by hand and by autograd."""

import math
from dataclasses import replace

import pytest
import torch

from genomes.errors import InputError
from genomes.evolvable import endowed
from genomes.evolve import Evolve
from genomes.streams import derive
from inner_loop.contracts import specimen
from inner_loop.contracts.objectives import check_objective
from inner_loop.lives.samples import learn
from inner_loop.network import Network, Weights
from inner_loop.objective import Lived, error_by_autograd
from inner_loop.objectives import OBJECTIVES
from inner_loop.objectives.cross_entropy import CrossEntropy
from inner_loop.objectives.homeostasis import Homeostasis
from inner_loop.objectives.mixture import Mixture, Part
from inner_loop.objectives.squared_error import SquaredError
from inner_loop.objectives.wiring_cost import WiringCost
from inner_loop.rules import Backprop, OutputOnly


def lived(objective, output, targets):
    return Lived({"output": output, "hidden": output * 2}, targets, "output", objective, 0, derive(0, "life"))


def test_cross_entropy_by_hand():
    output = torch.tensor([[[0.0, math.log(3.0)], [0.0, 0.0]]], dtype=torch.float64)
    targets = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]], dtype=torch.float64)
    moment = lived(CrossEntropy(), output, targets)
    assert moment.objective.loss(moment).tolist() == pytest.approx([(math.log(2.0) + math.log(4.0)) / 2])
    wanted = torch.tensor([[[-0.25, 0.375], [0.25, -0.375]]], dtype=torch.float64)
    torch.testing.assert_close(moment.error(), {"output": wanted}, rtol=1e-12, atol=1e-12)


def test_cross_entropy_of_large_outputs_is_finite():
    output = torch.tensor([[[1e4], [-1e4]]])
    moment = lived(CrossEntropy(), output, torch.tensor([[[0.0], [1.0]]]))
    assert moment.objective.loss(moment).tolist() == [20000.0]
    assert moment.error()["output"].flatten().tolist() == [1.0, -1.0]


def test_cross_entropy_takes_a_distribution_as_target():
    output = torch.zeros(2, 4, 3, dtype=torch.float64)
    targets = torch.full((1, 4, 3), 0.25, dtype=torch.float64)
    moment = lived(CrossEntropy(), output, targets)
    assert moment.objective.loss(moment).tolist() == pytest.approx([math.log(4.0)] * 2)
    assert moment.error()["output"].abs().max() < 1e-15


def test_squared_error_by_hand():
    output = torch.tensor([[[1.0, 3.0], [0.0, 2.0]]], dtype=torch.float64)
    targets = torch.tensor([[[0.0, 1.0], [0.0, 2.0]]], dtype=torch.float64)
    moment = lived(SquaredError(), output, targets)
    assert moment.objective.loss(moment).tolist() == [(1.0 + 4.0) / 2 / 2]
    assert moment.error()["output"].tolist() == [[[0.5, 1.0], [0.0, 0.0]]]


EVOLVED = Evolve((0.01, 0.9))
MIXTURE = Mixture(
    (
        Part("error", CrossEntropy(EVOLVED), EVOLVED),
        Part("rest", Homeostasis(EVOLVED, EVOLVED), 0.5),
        Part("wires", WiringCost(EVOLVED), EVOLVED),
        Part("again", Mixture((Part("inner", SquaredError()),))),
    )
)
EXAMPLES = [*(kind() for kind in OBJECTIVES if kind is not Mixture), CrossEntropy(EVOLVED), MIXTURE]


@pytest.mark.parametrize("objective", EXAMPLES, ids=lambda objective: type(objective).__name__)
def test_objectives_keep_their_contract(objective):
    said = check_objective(objective)
    assert "error is the gradient of loss (autograd, to 1e-12)" in said
    assert "weight_error is the gradient of loss by the weights (autograd, to 1e-12)" in said


def test_every_objective_is_among_the_examples():
    assert {type(example) for example in EXAMPLES} == set(OBJECTIVES)


@pytest.mark.parametrize("common", [True, False], ids=["common targets", "own targets"])
@pytest.mark.parametrize("objective", [CrossEntropy, SquaredError])
def test_error_is_the_gradient_of_loss(objective, common):
    output = derive(0, "output", owners=range(3)).normal(5, 7)
    classes = derive(0, "targets", owners=-1 if common else range(3)).integers(5, 7)
    targets = torch.nn.functional.one_hot(classes, 5).mT.double()
    moment = lived(objective(), output, targets)
    assert moment.objective.loss(moment).shape == (3,)
    torch.testing.assert_close(moment.error(), error_by_autograd(objective(), moment), rtol=1e-12, atol=1e-12)


def test_a_mixture_is_the_weighted_sum_of_its_parts_and_nests():
    moment = specimen.moment(MIXTURE)
    alone = {part.name: specimen.moment(part.objective) for part in MIXTURE.parts}
    weight = {name: moment.traits[f"objective.parts.{name}.weight"] for name in alone}
    own = {p.name: moment.within(f"parts.{p.name}.objective", p.objective, alone[p.name].memory) for p in MIXTURE.parts}
    assert own["error"].traits["objective.smoothing"].equal(moment.traits["objective.parts.error.objective.smoothing"])
    losses = [
        weight[p.name] * p.objective.loss(replace(own[p.name], memory=moment.memory[k]))
        for k, p in enumerate(MIXTURE.parts)
    ]
    torch.testing.assert_close(MIXTURE.loss(moment), torch.stack(losses).sum(0), rtol=1e-12, atol=1e-12)
    assert set(MIXTURE.error(moment)) == {"hidden", "output"}


def test_the_mean_of_homeostasis_is_remembered_from_step_to_step():
    objective = Homeostasis(set_point=0.5, rate=0.25)
    moment = specimen.moment(objective)
    (name,) = moment.memory
    assert torch.equal(moment.memory[name], torch.full_like(moment.memory[name], 0.5))
    after = objective.after(moment)[name]
    assert torch.allclose(after, 0.75 * 0.5 + 0.25 * moment.activities[name].mean(2))
    again = objective.after(replace(moment, memory={name: after}))[name]
    assert torch.allclose(again, 0.75 * after + 0.25 * moment.activities[name].mean(2))


@pytest.mark.parametrize("rule", [Backprop(0.1, 0.5), OutputOnly(0.1, 0.5)])
def test_a_wiring_cost_alone_shrinks_the_weights_that_learn(rule):
    newborn = specimen.newborn(rule, torch.float64)
    newborn = endowed(newborn, "objective", WiringCost(0.01), {})
    network, weights = Network.of(newborn), Weights.born(newborn)
    inputs, targets = torch.rand(1, newborn.topology.sensory.size, 3).double(), torch.zeros(1, 3, 3).double()
    with torch.inference_mode():
        for _, after in learn(
            network, weights, newborn, rule, WiringCost(0.01), [(inputs, targets)] * 3, derive(0, "")
        ):
            weights = after
    for edge in newborn.topology.edges:
        born, now = newborn.projections[edge.name].weight, weights.projections[edge.name]
        shrinks = edge.post == "output" or isinstance(rule, Backprop)
        moved = 0.1 * 0.01 * (1 + 1.5 + 1.75) if shrinks else 0.0
        far = born.abs() > 0.01  # the others may pass zero, where the slope turns
        torch.testing.assert_close(now[far], (born - moved * born.sign())[far], rtol=1e-12, atol=1e-12)


def test_autograd_works_in_inference_mode_and_leaves_the_life_alone():
    with torch.inference_mode():
        output = derive(0, "output", owners=range(2)).normal(3, 4)
        moment = lived(SquaredError(), output, torch.zeros(2, 3, 4, dtype=torch.float64))
        errors = error_by_autograd(SquaredError(), moment)
    assert list(errors) == ["output"]
    torch.testing.assert_close(errors["output"].clone(), output.clone() / 4)
    assert not output.requires_grad


def test_smoothing_spreads_the_target_and_can_be_a_gene():
    output = torch.randn(3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    targets = torch.nn.functional.one_hot(torch.tensor([0, 3, 1, 1, 2]), 4).double().T[None]
    share = torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64)
    gene = CrossEntropy(Evolve((0.0, 1.0)))
    moment = Lived({"output": output}, targets, "output", gene, 0, derive(0, "life"), {"objective.smoothing": share})
    for i, s in enumerate(share.tolist()):
        spread = targets[0] * (1 - s) + s / 4
        expected = -(spread * torch.log_softmax(output[i], 0)).sum(0).mean()
        assert gene.loss(moment)[i] == pytest.approx(expected.item(), abs=1e-12)
        constant = CrossEntropy(s)
        alone = Lived({"output": output[i : i + 1]}, targets, "output", constant, 0, derive(0, "life"))
        assert torch.allclose(constant.error(alone)["output"][0], gene.error(moment)["output"][i], atol=1e-15, rtol=0)
    derived = error_by_autograd(gene, moment)["output"]
    assert torch.allclose(gene.error(moment)["output"], derived, atol=1e-12, rtol=0)


@pytest.mark.parametrize("smoothing", [-0.1, 1.1, Evolve((0.5, 2.0))])
def test_smoothing_is_a_share(smoothing):
    with pytest.raises(InputError, match="0 to 1"):
        CrossEntropy(smoothing)
