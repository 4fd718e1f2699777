"""The user's own data: three layouts, the same splits from each, and one sentence for every possible error."""

import gzip
import hashlib
import struct

import numpy as np
import pytest
import torch

from genomes.errors import InputError
from genomes.streams import derive
from inner_loop.data.readers import IDX_FILES, fetch, read
from inner_loop.tasks.arrays import Arrays


@pytest.fixture
def images():
    """60 training and 20 test images of 4 x 3 bytes in four classes."""
    numbers = np.random.default_rng(0)
    return {
        "x_train": numbers.integers(0, 256, (60, 4, 3), dtype=np.uint8),
        "y_train": np.arange(60, dtype=np.uint8) % 4,
        "x_test": numbers.integers(0, 256, (20, 4, 3), dtype=np.uint8),
        "y_test": np.arange(20, dtype=np.uint8) % 4,
    }


def npz(folder, arrays, name="data.npz"):
    np.savez(folder / name, **arrays)
    return str(folder / name)


def idx(folder, arrays, zipped=True):
    for name, file in IDX_FILES.items():
        array = arrays[name]
        content = struct.pack(f">I{array.ndim}I", 0x0800 | array.ndim, *array.shape) + array.tobytes()
        path = folder / (file + (".gz" if zipped else ""))
        path.write_bytes(gzip.compress(content) if zipped else content)
    return str(folder)


def table(folder, text, name="data.csv"):
    (folder / name).write_text(text)
    return str(folder / name)


def rows(count=40):
    return "a,label,b\n" + "".join(f"{i / 7},{i % 2},{-i}\n" for i in range(count))


def all_of(task, split):
    samples = task.draw(split, task.size(split), derive(0, "exam"))
    return samples.inputs[0].T.numpy(), samples.targets[0].T.numpy()


def complaint(task):
    with pytest.raises(InputError) as caught:
        task.size("train")
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert len(sentence) < 400
    return sentence


def test_an_npz_is_scaled_flattened_and_divided(tmp_path, images):
    task = Arrays(npz(tmp_path, images), selection=0.25)
    assert (task.inputs, task.outputs) == (12, 4)
    assert [task.size(s) for s in ("train", "selection", "test")] == [45, 15, 20]
    pixels, labels = all_of(task, "test")
    order = np.lexsort(pixels.T)
    wanted = images["x_test"].reshape(20, 12) / np.float32(255)
    wanted_order = np.lexsort(wanted.T)
    assert np.array_equal(pixels[order], wanted[wanted_order].astype(np.float32))
    assert np.array_equal(labels[order].argmax(1), images["y_test"][wanted_order])


def test_training_and_selection_divide_the_training_data_by_class(tmp_path, images):
    task = Arrays(npz(tmp_path, images), selection=0.2)
    together = np.concatenate([all_of(task, "train")[0], all_of(task, "selection")[0]])
    wanted = images["x_train"].reshape(60, 12) / np.float32(255)
    assert {r.tobytes() for r in together} == {r.tobytes() for r in wanted.astype(np.float32)}
    assert all_of(task, "selection")[1].sum(0).tolist() == [3, 3, 3, 3]


@pytest.mark.parametrize("zipped", [True, False])
def test_idx_files_give_what_the_npz_gives(tmp_path, images, zipped):
    from_npz = Arrays(npz(tmp_path, images))
    folder = tmp_path / "idx"
    folder.mkdir()
    from_idx = Arrays(idx(folder, images, zipped))
    for split in ("train", "selection", "test"):
        for one, other in zip(all_of(from_npz, split), all_of(from_idx, split), strict=True):
            assert np.array_equal(one, other)


def test_a_csv_holds_out_its_own_test_split(tmp_path):
    task = Arrays(table(tmp_path, rows(40)), test=0.25, selection=0.2)
    assert (task.inputs, task.outputs) == (2, 2)
    assert [task.size(s) for s in ("train", "selection", "test")] == [24, 6, 10]
    seen = [row for s in ("train", "selection", "test") for row in all_of(task, s)[0][:, 1].tolist()]
    assert sorted(seen) == sorted(-float(i) for i in range(40))
    inputs, labels = all_of(task, "test")
    assert np.array_equal(labels.argmax(1), (-inputs[:, 1]) % 2)


def test_a_csv_may_have_quotes_blank_lines_spaces_and_a_byte_order_mark(tmp_path):
    text = '\ufeff"a", kind\n' + "".join(f'"{i}", {i % 2}\n\n' for i in range(20))
    assert Arrays(table(tmp_path, text), label="kind").inputs == 1


def test_a_label_of_a_csv_may_have_several_lines(tmp_path):
    text = "a,label\n" + "".join(f'{i},"{"cat" if i % 2 else "dog"}\nof ours"\n' for i in range(20))
    task = Arrays(table(tmp_path, text))
    assert task.class_names == ("cat of ours", "dog of ours")
    inputs, labels = all_of(task, "test")
    assert np.array_equal(labels.argmax(1), 1 - inputs[:, 0] % 2)


def test_a_list_of_columns_gives_labels_as_a_column(tmp_path, images):
    images["y_train"] = images["y_train"][:, None].astype(np.int64)
    images |= {name: images[name].astype(np.float64) for name in ("x_train", "x_test")}
    task = Arrays(npz(tmp_path, images))
    assert all_of(task, "train")[0].max() > 1.0
    assert task.outputs == 4


def test_classes_may_be_declared(tmp_path, images):
    path = npz(tmp_path, images)
    assert Arrays(path, classes=7).outputs == 7
    assert "labels from 0 to 2, got 3" in complaint(Arrays(path, classes=3))


def test_draws_are_shuffled_epochs(tmp_path):
    task = Arrays(table(tmp_path, rows(40)))
    drawn = task.draw("train", task.size("train") * 3, derive(0, "life", owners=[1, 2]))
    for stream in drawn.inputs[:, 1]:
        counts = torch.unique(stream, return_counts=True)[1]
        assert counts.tolist() == [3] * task.size("train")
    assert not torch.equal(drawn.inputs[0], drawn.inputs[1])


def test_the_fingerprint_is_of_the_bytes(tmp_path, images):
    path = table(tmp_path, rows())
    assert Arrays(path).fingerprint() == hashlib.sha256(rows().encode()).hexdigest()
    folder = tmp_path / "idx"
    folder.mkdir()
    before = Arrays(idx(folder, images)).fingerprint()
    images["y_test"][0] = 3
    assert Arrays(idx(folder, images)).fingerprint() != before


def test_nothing_is_unpickled(tmp_path, images):
    images["x_train"] = np.array([{}, {}], dtype=object)
    path = npz(tmp_path, images)
    assert "a whole .npz of plain arrays" in complaint(Arrays(path))


def test_a_missing_file_names_its_neighbour(tmp_path, images):
    path = npz(tmp_path, images, "mnist.npz")
    assert "did you mean 'mnist.npz'?" in complaint(Arrays(path.replace("mnist", "mnits")))
    assert "no such file" in complaint(Arrays(str(tmp_path / "no" / "where.csv")))
    with pytest.raises(InputError, match="no such file"):
        Arrays(str(tmp_path / "nowhere.csv")).fingerprint()


def test_an_unknown_kind_of_file(tmp_path):
    assert "an .npz or a .csv" in complaint(Arrays(table(tmp_path, "x", "data.parquet")))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_a_torn_npz(tmp_path, images, share):
    path = tmp_path / "data.npz"
    npz(tmp_path, images)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert "a whole .npz" in complaint(Arrays(str(path)))


def test_an_npz_with_a_flipped_byte(tmp_path, images):
    path = tmp_path / "data.npz"
    npz(tmp_path, images)
    content = bytearray(path.read_bytes())
    content[content.index(images["x_train"].tobytes()[:40]) + 5] ^= 0xFF
    path.write_bytes(content)
    assert "a whole .npz" in complaint(Arrays(str(path)))


def test_a_single_array_under_the_name_of_an_npz(tmp_path, images):
    path = tmp_path / "data.npz"
    with path.open("wb") as stream:
        np.save(stream, images["x_train"])
    assert "a single array" in complaint(Arrays(str(path)))


def test_a_missing_array(tmp_path, images):
    images["x_trian"] = images.pop("x_train")
    assert "no array 'x_train'; did you mean 'x_trian'?" in complaint(Arrays(npz(tmp_path, images)))


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("y_train", lambda y: y[:-1], "60 labels, one for each sample, got 59"),
        ("y_train", lambda y: y + 0.5, "whole numbers from 0, got 0.5 in sample 0"),
        ("y_train", lambda y: np.where(np.arange(60) == 7, np.nan, y), "whole numbers from 0, got nan in sample 7"),
        ("y_train", lambda y: y.astype(int) - 1, "at least 0, got -1 in sample 0"),
        ("y_train", lambda y: y.astype(int) * 10**12, "got 1000000000000 in sample 1"),
        ("y_train", lambda y: y.astype(int) * 9, "no sample of label 4"),
        ("y_train", lambda y: y + 1j, "whole numbers or text, got 'complex128'"),
        ("y_train", lambda y: np.eye(4)[y], "one label a sample"),
        ("y_test", lambda y: y.astype(int) + 1000, "no sample of label 4"),
        ("x_train", lambda x: x.astype(float) * np.nan, "finite numbers, got nan in sample 0"),
        ("x_train", lambda x: np.where(np.arange(60)[:, None, None] == 3, np.inf, x), "got inf in sample 3"),
        ("x_train", lambda x: x[:0], "at least one number each"),
        ("x_train", lambda x: x.astype("U"), "numbers, got '<U3'"),
        ("x_train", lambda x: x + 1j, "numbers, got 'complex128'"),
        ("x_test", lambda x: x[:, :2], "samples of 12 numbers, as in training, got 6"),
    ],
)
def test_wrong_arrays(tmp_path, images, name, change, words):
    images[name] = change(images[name])
    sentence = complaint(Arrays(npz(tmp_path, images)))
    assert words in sentence
    assert name[2:] in sentence or name in sentence


def test_a_split_without_samples(tmp_path, images):
    assert "at least one sample in the selection split" in complaint(Arrays(npz(tmp_path, images), selection=0.001))
    assert "at least one sample in the train split" in complaint(Arrays(npz(tmp_path, images), selection=0.999))


def test_one_class_is_no_task(tmp_path, images):
    images["y_train"][:], images["y_test"][:] = 0, 0
    assert "at least two classes" in complaint(Arrays(npz(tmp_path, images)))


@pytest.mark.parametrize("file", IDX_FILES.values())
def test_a_missing_idx_file(tmp_path, images, file):
    path = idx(tmp_path, images)
    (tmp_path / f"{file}.gz").rename(tmp_path / f"{file.replace('-ubyte', '_ubyte')}.gz")
    assert f"no file '{file}.gz'; did you mean" in complaint(Arrays(path))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda b: b[:7], "an IDX header of 8 bytes, got '7 bytes'"),
        (lambda b: b"\x00\x00\x08\x03" + b[4:], "the magic number 2049, got 2051"),
        (lambda b: b[:-1], "60 bytes, as its header declares 60, got 59"),
        (lambda b: b + b"\x00", "60 bytes, as its header declares 60, got 61"),
        (lambda b: b[:4] + b"\xff\xff\xff\xff" + b[8:], "4294967295 bytes"),
    ],
)
def test_a_wrong_idx_file(tmp_path, images, change, words):
    path = idx(tmp_path, images, zipped=False)
    labels = tmp_path / IDX_FILES["y_train"]
    labels.write_bytes(change(labels.read_bytes()))
    assert words in complaint(Arrays(path))


@pytest.mark.parametrize(
    "change", [lambda b: b[:-4], lambda b: b[:30], lambda b: b"no gzip", lambda b: b[:20] + b"xxxx"]
)
def test_a_torn_gzip_file(tmp_path, images, change):
    path = idx(tmp_path, images)
    file = tmp_path / (IDX_FILES["x_train"] + ".gz")
    file.write_bytes(change(file.read_bytes()))
    assert "a whole gzip file" in complaint(Arrays(path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a header, got 'an empty file'"),
        ("a,label,b\n", "at least one row below the header"),
        (rows().replace("label", "lable"), "no column 'label'; did you mean 'lable'?"),
        (rows().replace("a,", "label,", 1), "one column 'label'"),
        ("label\n0\n1\n", "one column 'label' and others beside it"),
        (rows() + "1,0\n", "line 42: expected 3 fields, got 2"),
        (rows() + "1,0,1,5\n", "line 42: expected 3 fields, got 4"),
        (rows() + "\n1,0,cat\n", "line 43, column 'b': expected a number, got 'cat'"),
        (rows() + "1,0,\n", "line 42, column 'b': expected a number, got ''"),
        ("a,label\n" + "1,2,3\n" * 4, "line 2: expected 2 fields, got 3"),
        (rows() + "1,0,nan\n", "finite numbers, got nan in sample 40"),
        (rows() + "1,0.5,1\n", "label: expected whole numbers from 0, got 0.5 in sample 40"),
        (rows() + f"1,0,{'1' * 2**18}\n" + "1,0,cat\n", "a readable CSV, got 'field larger than field limit"),
        (rows() + "1,0,1_000\n", "line 42, column 'b': expected a number, got '1_000'"),
        (rows() + "1,-1,1\n", "label: expected labels of at least 0, got -1.0"),
    ],
)
def test_a_wrong_csv(tmp_path, text, words):
    assert words in complaint(Arrays(table(tmp_path, text)))


def test_a_csv_that_is_no_text(tmp_path):
    (tmp_path / "data.csv").write_bytes(b"a,label\n\xff\xfe\x00,1\n")
    assert "text in UTF-8" in complaint(Arrays(str(tmp_path / "data.csv")))


@pytest.mark.parametrize("wrong", [{"selection": 0.0}, {"test": 1.0}, {"classes": 1}, {"split_seed": -1}])
def test_wrong_fields(wrong):
    with pytest.raises(InputError, match=f"Arrays.{next(iter(wrong))}"):
        Arrays("data.npz", **wrong)


def test_a_source_without_a_test_split_says_so(tmp_path, images):
    assert not read(fetch(table(tmp_path, rows())), "label").has_test
    assert read(fetch(npz(tmp_path, images)), "label").has_test
