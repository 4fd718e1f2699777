"""The tasks of instinct against their descriptions, and the scores against loops."""

import math

import numpy as np
import pytest
import torch

from genomes.errors import InputError
from genomes.streams import Streams, derive
from inner_loop.data.labelled import Dataset, divided, epochs, stratified
from inner_loop.task import SPLITS, classification_scores, regression_scores
from inner_loop.tasks.digits import Digits
from inner_loop.tasks.teacher import Teacher


def test_digits_are_the_real_ones_scaled_and_divided():
    task = Digits()
    assert (task.inputs, task.outputs, task.score_names) == (64, 10, ("accuracy", "log_likelihood"))
    assert [task.size(split) for split in SPLITS] == [397, 1000, 400]
    seen = [task.draw(split, task.size(split), derive(0, "exam")) for split in SPLITS]
    everything = torch.cat([s.inputs[0].T for s in seen])
    assert everything.shape == (1797, 64)
    assert everything.min() == 0.0
    assert everything.max() == 1.0
    assert torch.equal(everything * 16, (everything * 16).round())
    assert len({row.tobytes() for row in everything.numpy()}) == 1797
    assert torch.cat([s.targets[0].T for s in seen]).sum(0).tolist() == [
        178,
        182,
        177,
        183,
        181,
        182,
        181,
        179,
        174,
        180,
    ]


def test_digits_are_divided_by_class_and_by_seed():
    def members(task, split):
        return {row.tobytes() for row in task.draw(split, task.size(split), derive(0, "exam")).inputs[0].T.numpy()}

    counts = Digits().draw("test", 400, derive(0, "exam")).targets[0].sum(1)
    assert counts.min() >= 38
    assert counts.max() <= 42
    assert members(Digits(), "test") == members(Digits(), "test")
    assert members(Digits(), "test") != members(Digits(split_seed=1), "test")


@pytest.mark.parametrize("sizes", [{"train": 5}, {"train": 1000, "selection": 700, "test": 200}])
def test_impossible_digits(sizes):
    with pytest.raises(InputError, match="Digits"):
        Digits(**sizes)


def test_epochs_go_on_for_ever_and_each_has_its_own_order():
    streams = derive(0, "life", owners=[4, 7])
    long = epochs(10, 35, streams, 0)
    assert long.shape == (2, 35)
    for first in (0, 10, 20):
        for owner in range(2):
            assert sorted(long[owner, first : first + 10].tolist()) == list(range(10))
    assert not torch.equal(long[:, :10], long[:, 10:20])
    for start in range(0, 30, 7):
        assert torch.equal(epochs(10, 5, streams, start), long[:, start : start + 5])
    assert torch.equal(epochs(10, 35, Streams(streams.keys[1:]), 0), long[1:])


def test_stratified_sets_are_disjoint_and_fair():
    labels = np.repeat(np.arange(4), [40, 20, 20, 8])
    parts = stratified(labels, (44, 22, 22), seed=3)
    assert sorted(np.concatenate(parts).tolist()) == list(range(88))
    for part, share in zip(parts, (0.5, 0.25, 0.25), strict=True):
        assert np.abs(np.bincount(labels[part]) - share * np.array([40, 20, 20, 8])).max() <= 1
    assert not np.array_equal(stratified(labels, (44,), seed=4)[0], parts[0])
    with pytest.raises(InputError, match="at most 88"):
        stratified(labels, (80, 9), seed=0)


def test_a_data_set_draws_its_own_rows_with_their_labels():
    inputs = np.arange(60, dtype=np.float32).reshape(20, 3)
    labels = np.arange(20, dtype=np.int64) % 4
    dataset = divided(inputs, labels, 5, (10, 6, 4), seed=0)
    assert isinstance(dataset, Dataset)
    for split, size in zip(SPLITS, (10, 6, 4), strict=True):
        drawn = dataset.draw(split, 2 * size, derive(0, "life", owners=[0, 1]))
        assert drawn.inputs.shape == (2, 3, 2 * size)
        assert drawn.targets.shape == (2, 5, 2 * size)
        row = drawn.inputs[:, 0].long() // 3
        assert torch.equal(drawn.targets.argmax(1), row % 4)
        assert torch.equal(drawn.inputs[:, 2], drawn.inputs[:, 0] + 2)


@pytest.mark.parametrize("hidden", [0, 6])
def test_a_teacher_is_its_formula(hidden):
    task = Teacher(4, 3, hidden=hidden)
    streams = derive(0, "life", owners=[2, 9])
    drawn = task.draw("train", 5, streams)
    for k in range(2):
        own = Streams(streams.keys[k : k + 1])
        sizes = [4, hidden, 3] if hidden else [4, 3]
        shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
        weights = [own.stream(f"teacher {i}").normal(*shape)[0] / shape[1] ** 0.5 for i, shape in enumerate(shapes)]
        for b in range(5):
            activity = drawn.inputs[k, :, b].double()
            for i, weight in enumerate(weights):
                activity = weight @ (activity if i == 0 else torch.tanh(activity))
            torch.testing.assert_close(drawn.targets[k, :, b].double(), activity, rtol=1e-5, atol=1e-6)


def test_teachers_are_each_lifes_own_or_one_for_all():
    streams = derive(0, "life", owners=[2, 9])
    inputs = torch.ones(2, 4, 1)
    own, shared = Teacher(4, 3), Teacher(4, 3, teacher_seed=5)
    assert not torch.allclose(*own.answers(inputs, streams))
    torch.testing.assert_close(*shared.answers(inputs, streams))
    assert not torch.allclose(shared.answers(inputs, streams), Teacher(4, 3, teacher_seed=6).answers(inputs, streams))


def test_all_splits_of_a_stream_have_the_same_teacher():
    """A model fitted to the training samples of a stream predicts its test samples, and not those of another stream."""
    streams = derive(0, "life", owners=[1, 2])
    train, exam = (Teacher(4, 3, hidden=0).draw(split, 50, streams) for split in ("train", "test"))
    assert not torch.equal(train.inputs, exam.inputs)
    found = torch.linalg.lstsq(train.inputs.mT, train.targets.mT).solution.mT
    torch.testing.assert_close(found @ exam.inputs, exam.targets, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(found[[1, 0]] @ exam.inputs, exam.targets, atol=0.1)


@pytest.mark.parametrize("wrong", [{"inputs_size": 0}, {"outputs_size": 0}, {"measured": 0}, {"hidden": -1}])
def test_impossible_teachers(wrong):
    with pytest.raises(InputError, match=f"Teacher.{next(iter(wrong))}"):
        Teacher(**wrong)


def test_classification_scores_by_hand():
    outputs = torch.tensor([[[2.0, 0.0], [0.0, 0.0]], [[0.0, 1.0], [3.0, 0.0]]])
    targets = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    scores = classification_scores(outputs, targets)
    assert scores["accuracy"].tolist() == [0.5, 0.0]
    first = (-math.log(1 + math.exp(-2.0)) - math.log(2.0)) / 2
    second = (-math.log(1 + math.exp(3.0)) - math.log(1 + math.exp(1.0))) / 2
    assert scores["log_likelihood"].tolist() == pytest.approx([first, second], rel=1e-6)


def test_regression_scores_by_hand():
    targets = torch.tensor([[[1.0, 3.0], [0.0, 0.0]]])
    outputs = torch.cat([targets, torch.full((1, 2, 2), 2.0), torch.tensor([[[2.0, 2.0], [0.0, 0.0]]])])
    scores = regression_scores(outputs, targets)
    assert scores["negative_squared_error"].tolist() == [0.0, -5.0, -1.0]
    assert scores["explained_variance"].tolist() == [1.0, -4.0, 0.0]


@pytest.mark.parametrize("scores", [classification_scores, regression_scores])
def test_outputs_that_are_not_numbers_score_nothing(scores):
    outputs = derive(0, "outputs", owners=[1, 2]).normal(3, 4)
    targets = torch.eye(3, 4)[None].double()
    clean = scores(outputs.clone(), targets)
    outputs[0, 0, 0] = torch.nan
    for name, score in scores(outputs, targets).items():
        assert not score[0].isfinite()
        assert score[1] == clean[name][1]
