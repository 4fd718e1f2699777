"""One scale for a whole data set, from its training split; and warnings about the range of inputs."""

import numpy as np
import pytest

from genomes.errors import InputError
from genomes.streams import derive
from inner_loop.tasks.arrays import Arrays


@pytest.fixture
def raw():
    """60 training and 20 test samples of 4 whole numbers from 0 to 255, float64, the last of them constant."""
    numbers = np.random.default_rng(0).integers(0, 256, (80, 4)).astype(np.float64)
    numbers[:, 3] = 0.1
    labels = np.arange(80) % 2
    return {"x_train": numbers[:60], "y_train": labels[:60], "x_test": numbers[60:], "y_test": labels[60:]}


def npz(folder, arrays, name="data.npz"):
    np.savez(folder / name, **arrays)
    return str(folder / name)


def inputs(task, split):
    return task.draw(split, task.size(split), derive(0, "exam")).inputs[0].T.numpy()


def as_bytes(raw):
    return raw | {name: raw[name].astype(np.uint8) for name in ("x_train", "x_test")}


@pytest.mark.parametrize("half", ["x_train", "x_test"])
def test_bytes_in_one_part_alone_are_refused_by_name_and_type(tmp_path, raw, half):
    with pytest.raises(InputError) as caught:
        Arrays(npz(tmp_path, raw | {half: raw[half].astype(np.uint8)})).ready()
    sentence = str(caught.value)
    for word in ("x_train", "x_test", "uint8", "float64", "`scale`"):
        assert word in sentence


@pytest.mark.parametrize("scale", ["none", "standard", "unit"])
def test_a_scale_that_is_asked_for_is_the_same_for_every_type(tmp_path, raw, scale):
    raw = raw | {name: np.floor(raw[name]) for name in ("x_train", "x_test")}
    mixed = raw | {"x_test": raw["x_test"].astype(np.uint8)}
    one, other = (Arrays(npz(tmp_path, data, f"{i}.npz"), scale=scale) for i, data in enumerate((raw, mixed)))
    for split in ("train", "selection", "test"):
        assert np.array_equal(inputs(one, split), inputs(other, split))


def test_the_default_scales_bytes_and_keeps_other_numbers(tmp_path, raw):
    kept, scaled = Arrays(npz(tmp_path, raw)), Arrays(npz(tmp_path, as_bytes(raw), "bytes.npz"))
    assert np.array_equal(np.unique(inputs(kept, "test")[:, 0]), np.unique(raw["x_test"][:, 0]).astype(np.float32))
    pixels = raw["x_test"][:, 0].astype(np.uint8).astype(np.float32) / np.float32(255)
    assert np.array_equal(np.sort(inputs(scaled, "test")[:, 0]), np.sort(pixels))
    unit = Arrays(scaled.path, scale="unit")
    assert np.array_equal(inputs(unit, "train"), inputs(scaled, "train"))
    assert inputs(Arrays(scaled.path, scale="none"), "train").max() > 200


def test_standard_is_zero_mean_and_unit_variance_of_what_lives_learn_from(tmp_path, raw):
    path = npz(tmp_path, raw)
    plain, task = Arrays(path, scale="none"), Arrays(path, scale="standard")
    seen = inputs(task, "train")
    assert np.abs(seen.mean(0)).max() < 1e-6
    assert np.abs(seen[:, :3].std(0) - 1).max() < 1e-6
    assert np.abs(seen[:, 3]).max() < 1e-6, "a constant is moved, and no rounding is blown up"
    known = inputs(plain, "train").astype(np.float64)
    for split in ("selection", "test"):
        wanted = (inputs(plain, split)[:, :3] - known.mean(0)[:3]) / known.std(0)[:3]
        assert np.allclose(inputs(task, split)[:, :3], wanted, atol=1e-5)


def test_what_float32_cannot_hold_is_refused(tmp_path, raw):
    raw |= {name: raw[name] * 1e300 for name in ("x_train", "x_test")}
    path = npz(tmp_path, raw)
    for scale in (None, "none"):
        with pytest.raises(InputError, match="finite numbers, got inf"):
            Arrays(path, scale=scale).ready()
    assert inputs(Arrays(path, scale="unit"), "train").max() == 1


def test_unit_is_the_range_of_training_and_others_may_leave_it(tmp_path, raw):
    raw["x_test"][0, 0] = 510.0
    path = npz(tmp_path, raw)
    known, task = inputs(Arrays(path, scale="none"), "train"), Arrays(path, scale="unit")
    assert inputs(task, "train")[:, :3].min(0).tolist() == [0, 0, 0]
    assert inputs(task, "train")[:, :3].max(0).tolist() == [1, 1, 1]
    least, largest = known[:, 0].min(), known[:, 0].max()
    assert inputs(task, "test").max() == pytest.approx((510 - least) / (largest - least))


def test_a_feature_far_from_zero_is_scaled_before_it_is_rounded(tmp_path, raw):
    raw |= {name: raw[name] + 1.7e9 for name in ("x_train", "x_test")}
    seen = inputs(Arrays(npz(tmp_path, raw), scale="standard"), "train")
    assert len(np.unique(seen[:, 0])) > 30


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: x, "to 255 are far"),
        (lambda x: x * 1e4, "e+06 are far"),
        (lambda x: x * 1e-6, "are far"),
        (lambda x: x / 255 + 2000, "from 2e+03 to 2e+03 are far"),
    ],
)
def test_inputs_far_from_unit_scale_are_hinted_at_once(tmp_path, raw, change, words):
    raw |= {name: change(raw[name]) for name in ("x_train", "x_test")}
    raw["x_train"][:, 3] = raw["x_train"][:, 0]
    (doubt,) = Arrays(npz(tmp_path, raw)).doubts()
    assert words in doubt
    assert "scale: standard" in doubt
    for scale in ("standard", "unit", "none"):
        assert Arrays(npz(tmp_path, raw), scale=scale).doubts() == ()


def test_inputs_near_unit_scale_are_not_spoken_of(tmp_path, raw):
    for name, data in (("bytes", as_bytes(raw)), ("ones", raw | {k: raw[k] / 255 for k in ("x_train", "x_test")})):
        assert Arrays(npz(tmp_path, data, f"{name}.npz")).doubts() == ()


@pytest.mark.parametrize("scale", [None, "none", "standard", "unit"])
def test_a_test_split_on_another_scale_is_spoken_of(tmp_path, raw, scale):
    raw["x_train"] = raw["x_train"] / 255
    *_, doubt = Arrays(npz(tmp_path, raw), scale=scale).doubts()
    assert "test split, from 0" in doubt
    assert "another scale than those of training, from 0" in doubt


def test_the_summary_says_what_range_the_inputs_of_each_split_have(tmp_path, raw):
    assert "48 train (from 0.1 to 255)" in Arrays(npz(tmp_path, raw)).summary()
    assert "48 train (from 0 to 1)" in Arrays(npz(tmp_path, as_bytes(raw)), scale="unit").summary()
    assert "4 standardised inputs" in Arrays(npz(tmp_path, raw), scale="standard").summary()
