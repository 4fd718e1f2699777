"""The naive rival of benchmarks/lifetimes.py is no straw man: it is as quick as the plainest loop one would write."""

from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

STEPS = 25


def plain_loop(network, inputs, labels, masks):
    """The textbook's loop, as short as it goes."""
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    loss_of = torch.nn.CrossEntropyLoss()
    for x, y in zip(inputs, labels, strict=True):
        optimiser.zero_grad()
        loss = loss_of(network(x), y)
        loss.backward()
        network[0].weight.grad *= masks[0]
        network[2].weight.grad *= masks[1]
        optimiser.step()
    return network


def plain_network():
    return torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))


@pytest.fixture
def naive(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    from rivals import naive

    return naive


@pytest.fixture
def lessons():
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.rand(32, 64, generator=generator) for _ in range(STEPS)]
    labels = [torch.randint(0, 10, (32,), generator=generator) for _ in range(STEPS)]
    masks = [(torch.rand(shape, generator=generator) < 0.5).float() for shape in ((64, 64), (10, 64))]
    return inputs, labels, masks


def test_naive_learns_what_the_plain_loop_learns(naive, lessons):
    rival, plain = naive.module((64, 64, 10), "relu"), plain_network()
    plain.load_state_dict(rival.state_dict())
    before = rival[0].weight.detach().clone()
    naive.learn(rival, *lessons)
    plain_loop(plain, *lessons)
    assert not torch.equal(rival[0].weight, before)
    for ours, theirs in zip(rival.parameters(), plain.parameters(), strict=True):
        assert torch.equal(ours, theirs)


class Counted(TorchDispatchMode):
    """Counts the operations that torch dispatches: on networks this small they are what a step costs."""

    def __init__(self):
        super().__init__()
        self.operations = 0

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        self.operations += 1
        return function(*arguments, **(keywords or {}))


def test_naive_is_within_a_tenth_of_the_plain_loop(naive, lessons):
    """In dispatched operations, building the network included: seconds would depend on what else the machine does."""
    with Counted() as rival:
        naive.learn(naive.module((64, 64, 10), "relu"), *lessons)
    with Counted() as plain:
        plain_loop(plain_network(), *lessons)
    assert plain.operations > 20 * STEPS, "forward, backward and update of every step are counted"
    assert rival.operations == pytest.approx(plain.operations, rel=0.1)
