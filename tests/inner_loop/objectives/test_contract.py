"""Objectives against their formulas, worked out by hand and by autograd."""

import math

import pytest
import torch

from genomes.errors import InputError
from genomes.evolve import Evolve
from genomes.streams import derive
from inner_loop.objective import Lived, error_by_autograd
from inner_loop.objectives import OBJECTIVES
from inner_loop.objectives.cross_entropy import CrossEntropy
from inner_loop.objectives.squared_error import SquaredError


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


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("common", [True, False], ids=["common targets", "own targets"])
def test_error_is_the_gradient_of_loss(objective, common):
    output = derive(0, "output", owners=range(3)).normal(5, 7)
    classes = derive(0, "targets", owners=-1 if common else range(3)).integers(5, 7)
    targets = torch.nn.functional.one_hot(classes, 5).mT.double()
    moment = lived(objective(), output, targets)
    assert moment.objective.loss(moment).shape == (3,)
    torch.testing.assert_close(moment.error(), error_by_autograd(objective(), moment), rtol=1e-12, atol=1e-12)


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
