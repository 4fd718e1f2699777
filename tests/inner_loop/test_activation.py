"""Every activation's chain rule against autograd, in float64; the palette by its formulas."""

from __future__ import annotations

import math

import pytest
import torch

from genomes.neuron import FUNCTIONS
from genomes.streams import derive
from inner_loop.activation import ACTIVATIONS, chain_mixed_, mixed

FORMULAS = {
    "linear": lambda a: a,
    "tanh": math.tanh,
    "relu": lambda a: max(a, 0.0),
    "sigmoid": lambda a: 1 / (1 + math.exp(-a)),
    "sine": lambda a: math.sin(math.pi * a),
    "cosine": lambda a: math.cos(math.pi * a),
    "gaussian": lambda a: math.exp(-a * a / 2),
    "absolute": abs,
    "square": lambda a: a * a,
    "step": lambda a: float(a > 0),
    "inverse": lambda a: -a,
}


def summed_input() -> torch.Tensor:
    return derive(0, "activation").normal(6, 50)[0] * 2


@pytest.fixture(params=FUNCTIONS)
def name(request):
    return request.param


def chain_by_autograd(name: str, delta: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """y = f(a) and delta * f'(a) as torch derives it."""
    a = summed_input().requires_grad_()
    y = ACTIVATIONS[name].apply_(a.clone())
    slope = torch.autograd.grad(y, a, delta)[0] if y.requires_grad else torch.zeros_like(a)
    return y.detach(), slope


def test_every_name_has_a_function():
    assert tuple(ACTIVATIONS) == FUNCTIONS
    assert FORMULAS.keys() == ACTIVATIONS.keys()


def test_chain_is_the_chain_rule_and_writes_over_its_first_argument(name):
    delta = derive(1, "delta").normal(6, 50)[0]
    y, expected = chain_by_autograd(name, delta)
    known, buffer = summed_input() if ACTIVATIONS[name].of_input else y, delta.clone()
    before = known.clone()
    given = ACTIVATIONS[name].chain_(buffer, known)
    assert given.dtype == torch.float64
    assert torch.allclose(given, expected, rtol=0, atol=1e-13)
    assert given.data_ptr() == buffer.data_ptr()
    assert torch.equal(known, before)


def test_apply_is_the_formula_and_leaves_its_argument_where_the_slope_needs_it(name):
    a = summed_input()
    buffer = a.clone()
    y = ACTIVATIONS[name].apply_(buffer)
    wanted = torch.tensor([[FORMULAS[name](x) for x in row] for row in a.tolist()], dtype=torch.float64)
    assert torch.allclose(y, wanted, rtol=0, atol=1e-13)
    if ACTIVATIONS[name].of_input:
        assert torch.equal(buffer, a)
    else:
        assert y.data_ptr() == buffer.data_ptr()


def test_relu_has_no_slope_at_and_below_zero():
    y = ACTIVATIONS["relu"].apply_(torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64))
    assert ACTIVATIONS["relu"].chain_(torch.full((3,), 5.0, dtype=torch.float64), y).tolist() == [0.0, 0.0, 5.0]


def test_every_neuron_may_have_a_function_of_its_own():
    a, delta = derive(0, "mixed").normal(2, len(FUNCTIONS), 5), derive(1, "mixed").normal(2, len(FUNCTIONS), 5)
    a, delta = a.reshape(2, len(FUNCTIONS), 5), delta.reshape(2, len(FUNCTIONS), 5)
    codes = torch.arange(len(FUNCTIONS)).double()[None, :, None].expand(2, -1, 1)
    y, errors = mixed(a, codes), chain_mixed_(delta.clone(), a, codes)
    for index, name in enumerate(FUNCTIONS):
        function, row = ACTIVATIONS[name], a[:, index].clone()
        alone = function.apply_(row.clone())
        assert torch.allclose(y[:, index], alone, rtol=1e-14, atol=0)
        known = row if function.of_input else alone
        wanted = function.chain_(delta[:, index].clone(), known)
        assert torch.allclose(errors[:, index], wanted, rtol=1e-14, atol=0)
