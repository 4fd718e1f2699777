"""Every activation's slope and chain against autograd, in float64."""

from __future__ import annotations

import pytest
import torch

from genomes.activation import ACTIVATIONS
from genomes.streams import derive


def summed_input() -> torch.Tensor:
    return derive(0, "activation").normal(6, 50)[0] * 2


@pytest.fixture(params=sorted(ACTIVATIONS))
def name(request):
    return request.param


def autograd(name: str, delta: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """y = f(a) and delta * f'(a) as torch derives it."""
    a = summed_input().requires_grad_()
    y = ACTIVATIONS[name].apply_(a.clone())
    return y.detach(), torch.autograd.grad(y, a, delta)[0]


def test_slope_is_the_derivative(name):
    y, slope = autograd(name, torch.ones(6, 50, dtype=torch.float64))
    given = ACTIVATIONS[name].slope(y)
    assert given.dtype == torch.float64
    assert torch.allclose(given, slope, rtol=0, atol=1e-14)


def test_chain_is_the_chain_rule_and_writes_over_its_first_argument(name):
    delta = derive(1, "delta").normal(6, 50)[0]
    y, expected = autograd(name, delta)
    y_before, buffer = y.clone(), delta.clone()
    given = ACTIVATIONS[name].chain_(buffer, y)
    assert torch.allclose(given, expected, rtol=0, atol=1e-14)
    assert given.data_ptr() == buffer.data_ptr()
    assert torch.equal(buffer, given)
    assert torch.equal(y, y_before)


def test_apply_is_the_function_of_its_name_and_writes_over_its_argument(name):
    a = summed_input()
    buffer = a.clone()
    y = ACTIVATIONS[name].apply_(buffer)
    expected = a if name == "linear" else getattr(torch, name)(a)
    assert torch.equal(y, expected)
    assert y.data_ptr() == buffer.data_ptr()


def test_relu_has_no_slope_at_and_below_zero():
    y = ACTIVATIONS["relu"].apply_(torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64))
    assert ACTIVATIONS["relu"].slope(y).tolist() == [0.0, 0.0, 1.0]
    assert ACTIVATIONS["relu"].chain_(torch.full((3,), 5.0, dtype=torch.float64), y).tolist() == [0.0, 0.0, 5.0]
