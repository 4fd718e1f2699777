"""The sinusoid task against its formula: repeated shots, new exam points, and one curve for all of them."""

import math

import pytest
import torch

from genomes.errors import InputError
from genomes.streams import Streams, derive
from inner_loop.contracts.tasks import check_task
from inner_loop.task import SPLITS
from inner_loop.tasks.sinusoid import Sinusoid

MANY = derive(0, "life", owners=range(2000))


def fitted(samples):
    """Amplitude and phase in [0, pi] of each stream's samples: least squares on a sin x - b cos x, (K, 2)."""
    x, y = samples.inputs[:, 0].double(), samples.targets[:, 0].double()
    basis = torch.stack([x.sin(), -x.cos()], 2)
    a, b = torch.linalg.lstsq(basis, y[:, :, None]).solution[:, :, 0].T
    return torch.stack([torch.hypot(a, b), torch.atan2(b, a)], 1)


def test_keeps_its_contract():
    assert check_task(Sinusoid())
    assert check_task(Sinusoid(shots=5, amplitude=(5.0, 10.0)))


@pytest.mark.parametrize("split", SPLITS)
def test_all_splits_of_a_stream_are_one_sinusoid_with_its_phase_subtracted(split):
    """y - a sin x + b cos x = 0 in every split, with A = |(a, b)| and phase = atan2(b, a) the stream's own."""
    found = fitted(Sinusoid().draw(split, 50, MANY))
    torch.testing.assert_close(found, fitted(Sinusoid().draw("train", 10, MANY)), rtol=1e-3, atol=1e-3)
    for column, (low, high) in enumerate(((0.1, 5.0), (0.0, math.pi))):
        values = found[:, column]
        assert low - 1e-3 < values.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < values.max() < high + 1e-3
        assert values.mean() == pytest.approx((low + high) / 2, abs=0.03 * (high - low))
    assert abs(torch.corrcoef(found.T)[0, 1]) < 0.1
    assert len(found.unique(dim=0)) == 2000


def test_points_are_uniform_in_five_to_either_side():
    for split in SPLITS:
        x = Sinusoid().draw(split, 10, MANY).inputs
        assert x.min() == pytest.approx(-5.0, abs=0.01)
        assert x.max() == pytest.approx(5.0, abs=0.01)
        assert x.mean() == pytest.approx(0.0, abs=0.1)
        assert x.std() == pytest.approx(10 / math.sqrt(12), abs=0.05)


@pytest.mark.parametrize("shots", [1, 5, 10])
def test_a_life_sees_its_shots_in_turn_for_ever(shots):
    task, streams = Sinusoid(shots=shots), derive(0, "life", owners=[3, 7])
    assert task.size("train") == shots
    set_of_shots = task.draw("train", shots, streams)
    assert len(set_of_shots.inputs[0, 0].unique()) == shots
    assert not torch.equal(set_of_shots.inputs[0], set_of_shots.inputs[1])
    for start in (0, 3, 40):
        drawn = task.draw("train", 25, streams, start)
        for i in range(25):
            shot = (start + i) % shots
            assert torch.equal(drawn.inputs[:, :, i], set_of_shots.inputs[:, :, shot])
            assert torch.equal(drawn.targets[:, :, i], set_of_shots.targets[:, :, shot])


@pytest.mark.parametrize("split", ["selection", "test"])
def test_exams_are_points_that_were_not_there_before(split):
    task, streams = Sinusoid(measured=30), derive(0, "life", owners=[3, 7])
    assert task.size(split) == 30
    shots = task.draw("train", 10, streams).inputs[0, 0].tolist()
    other = task.draw("selection" if split == "test" else "test", 100, streams).inputs[0, 0].tolist()
    mine = torch.cat([task.draw(split, 50, streams, start).inputs[0, 0] for start in (0, 50)]).tolist()
    assert len({*shots, *other, *mine}) == 210
    assert torch.equal(task.draw(split, 50, streams, 50).inputs, task.draw(split, 100, streams).inputs[:, :, 50:])


def test_ranges_can_be_held_out():
    unseen = fitted(Sinusoid(amplitude=(6.0, 7.0), phase=(0.5, 0.6)).draw("test", 20, MANY))
    assert ((unseen > torch.tensor([5.99, 0.49])) & (unseen < torch.tensor([7.01, 0.61]))).all()
    same = fitted(Sinusoid(amplitude=(2.0, 2.0)).draw("test", 20, MANY))
    torch.testing.assert_close(same[:, 0], torch.full((2000,), 2.0).double(), rtol=1e-4, atol=0)


def test_the_main_score_is_the_papers_error_with_its_sign_turned():
    task, streams = Sinusoid(), Streams(MANY.keys[:2])
    assert task.score_names == ("negative_squared_error", "explained_variance")
    targets = task.draw("test", 100, streams).targets
    scores = task.scores(torch.zeros_like(targets), targets)
    assert scores["negative_squared_error"].tolist() == pytest.approx((-targets.square().mean((1, 2))).tolist())
    mean = targets.mean(2, keepdim=True).expand_as(targets)
    assert task.scores(mean, targets)["explained_variance"].tolist() == pytest.approx([0.0, 0.0], abs=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"shots": 0},
        {"measured": 1},
        {"amplitude": (0.0, 5.0)},
        {"amplitude": (5.0, 0.1)},
        {"phase": (1.0, 0.0)},
        {"phase": (0.0, math.inf)},
    ],
)
def test_impossible_sinusoids(wrong):
    with pytest.raises(InputError, match=f"Sinusoid.{next(iter(wrong))}"):
        Sinusoid(**wrong)
