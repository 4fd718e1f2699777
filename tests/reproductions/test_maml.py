"""reproductions/maml.py at toy length: its step is autograd's, its meta-gradient is the true one, its JSON."""

import json
from pathlib import Path

import pytest
import torch

from genomes.streams import derive
from inner_loop.task import Samples
from inner_loop.tasks.sinusoid import Sinusoid

TASK = Sinusoid(shots=4)


@pytest.fixture
def maml(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "reproductions")
    import maml

    return maml


def doubled(samples):
    return Samples(samples.inputs.double(), samples.targets.double())


def network(weights, i):
    """One of the networks as the plain module that it stands for."""
    module = torch.nn.Sequential(
        torch.nn.Linear(1, 40), torch.nn.ReLU(), torch.nn.Linear(40, 40), torch.nn.ReLU(), torch.nn.Linear(40, 1)
    )
    with torch.no_grad():
        for parameter, weight in zip(module.parameters(), weights, strict=True):
            parameter.copy_(weight[i].view_as(parameter))
    return module


def test_a_step_is_plain_gradient_descent_of_each_network_on_its_own_task(maml):
    own = maml.streams([1, 2], "test", 0, 1)
    shots, weights = TASK.draw("train", 4, own), maml.founders([1, 2])
    for weight in weights:
        weight.requires_grad_()
    learned = maml.step(weights, shots)
    for i in range(2):
        module = network(weights, i)
        x, y = shots.inputs[i].T, shots.targets[i].T
        loss = torch.nn.functional.mse_loss(module(x), y)
        torch.testing.assert_close(maml.errors(weights, shots)[i], loss)
        loss.backward()
        torch.optim.SGD(module.parameters(), lr=maml.INNER_RATE).step()
        for parameter, weight, before in zip(module.parameters(), learned, weights, strict=True):
            assert not torch.equal(weight[i], before[i])
            torch.testing.assert_close(weight[i].view_as(parameter), parameter)


def test_the_meta_gradient_is_that_of_the_error_after_the_step(maml, monkeypatch):
    """Central differences along random directions, in float64; a first-order gradient is far off."""
    monkeypatch.setattr(maml, "INNER_RATE", 0.1)
    own = maml.streams([3], "test", 0, 5)
    shots, others = (doubled(TASK.draw(split, 4, own)) for split in ("train", "selection"))
    weights = [weight.double().requires_grad_() for weight in maml.founders([3])]
    slopes = torch.autograd.grad(maml.meta_error(weights, shots, others), weights)
    moved = [weight.detach().requires_grad_() for weight in maml.step(maml.spread(weights, 5), shots)]
    after = torch.autograd.grad(maml.errors(moved, others).mean(), moved)
    first_order = [slope.sum(0, keepdim=True) for slope in after]
    for direction in range(3):
        along = [derive(direction, f"{i}").normal(*weight.shape[1:]) for i, weight in enumerate(weights)]

        def error(distance, along=along):
            there = [(w + distance * a).detach().requires_grad_() for w, a in zip(weights, along, strict=True)]
            return maml.meta_error(there, shots, others).item()

        slope = (error(1e-6) - error(-1e-6)) / 2e-6
        true, rough = (
            sum((s * a).sum().item() for s, a in zip(gradient, along, strict=True))
            for gradient in (slopes, first_order)
        )
        assert true == pytest.approx(slope, rel=1e-5)
        assert abs(rough - slope) > 0.01 * abs(slope)


def test_meta_batches_are_new_sinusoids_and_each_seed_has_its_own(maml, monkeypatch):
    monkeypatch.setattr(maml, "_BLOCK", 2)
    both, alone = (list(maml.batches(TASK, seeds, 5)) for seeds in ([1, 2], [2]))
    assert len(both) == 5
    for (shots, others), (own_shots, own_others) in zip(both, alone, strict=True):
        for mine, own in ((shots, own_shots), (others, own_others)):
            assert mine.inputs.shape == mine.targets.shape == (2 * maml.META_BATCH, 1, 4)
            torch.testing.assert_close(mine.inputs[maml.META_BATCH :], own.inputs)
            torch.testing.assert_close(mine.targets[maml.META_BATCH :], own.targets)
    seen = torch.cat([samples.inputs[:, 0] for pair in both for samples in pair])
    assert len(seen.unique()) == 2 * 2 * 5 * maml.META_BATCH * 4


def test_an_exam_is_of_sinusoids_that_were_in_no_meta_batch_the_same_for_all(maml):
    weights = maml.founders([1, 1])
    curves = maml.examine(weights, TASK, 20)
    assert curves.shape == (2, 4, 20)
    torch.testing.assert_close(curves[0], curves[1])
    own, now = maml.streams([0], "maml: unseen", 0, 20), [w[:1].expand(20, -1, -1) for w in weights]
    for count in range(11):
        if count in maml.STEPS:
            errors = maml.errors(now, TASK.draw("test", 100, own)).double().detach()
            torch.testing.assert_close(errors, curves[0, maml.STEPS.index(count)])
        now = maml.step([w.detach().requires_grad_() for w in now], TASK.draw("train", 4, own))


@pytest.mark.slow
def test_quick_run_ends_with_the_errors_for_scripts(maml, capsys, tmp_path):
    maml.main(["--quick", "--json", "--seeds", "2", "--output", str(tmp_path)])
    *table, last = capsys.readouterr().out.splitlines()
    figures = json.loads(last)
    assert list(figures) == ["0", "1", "5", "10"]
    text = (tmp_path / "maml.md").read_text()
    assert text == "\n".join(table)
    mean, random = (next(line for line in table if name in line).split("|")[2:-1] for name in ("MAML, mean", "random"))
    assert [float(cell.split()[0]) for cell in mean] == pytest.approx(list(figures.values()), abs=6e-4)
    assert sum("MAML, seed" in line for line in table) == 2
    assert figures["1"] < float(random[1].split()[0]), "sixty meta-batches are better than none"
