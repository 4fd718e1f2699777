"""Labels: text in alphabetical order, numbers from 0 or from 1, and columns of a CSV that are not inputs."""

import numpy as np
import pytest

from genomes.errors import InputError
from genomes.streams import derive
from inner_loop.tasks.arrays import Arrays

SPECIES = ["virginica", "setosa", "versicolor"]


def table(folder, labels, name="data.csv", header="a,b,species", row="{i},{x},{label}"):
    lines = [row.format(i=i / 9, n=i, x=i % 7, label=label) for i, label in enumerate(labels)]
    (folder / name).write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return Arrays(str(folder / name), label="species")


def arrays(folder, y_train, y_test, **options):
    numbers = np.random.default_rng(0).uniform(size=(len(y_train) + len(y_test), 2))
    x_train, x_test = numbers[: len(y_train)], numbers[len(y_train) :]
    np.savez(folder / "data.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return Arrays(str(folder / "data.npz"), **options)


def classes_of(task):
    """The class of every sample, by its inputs."""
    found = {}
    for split in ("train", "selection", "test"):
        samples = task.draw(split, task.size(split), derive(0, "exam"))
        pairs = zip(samples.inputs[0].T.tolist(), samples.targets[0].argmax(0).tolist(), strict=True)
        found |= {tuple(x): label for x, label in pairs}
    return found


def refused(task):
    with pytest.raises(InputError) as caught:
        task.ready()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_text_labels_of_a_csv_are_sorted_and_their_names_kept(tmp_path):
    words = table(tmp_path, [SPECIES[i % 3] for i in range(30)])
    numbers = table(tmp_path, [[2, 0, 1][i % 3] for i in range(30)], "numbers.csv")
    assert words.class_names == ("setosa", "versicolor", "virginica")
    assert numbers.class_names == ()
    assert classes_of(words) == classes_of(numbers)
    assert "3 classes: setosa, versicolor, virginica." in words.summary()


@pytest.mark.parametrize("kind", ["U", "S"])
def test_text_labels_of_an_npz_are_those_of_the_csv(tmp_path, kind):
    words = np.array([SPECIES[i % 3] for i in range(40)]).astype(kind)
    task = arrays(tmp_path, words[:30], words[30:])
    assert task.class_names == ("setosa", "versicolor", "virginica")
    known = classes_of(task)
    numbers = np.array([[2, 0, 1][i % 3] for i in range(40)])
    assert known == classes_of(arrays(tmp_path, numbers[:30], numbers[30:]))


def test_labels_as_objects_are_not_unpickled(tmp_path):
    words = np.array([SPECIES[i % 3] for i in range(40)], dtype=object)
    assert "plain arrays" in refused(arrays(tmp_path, words[:30], words[30:]))


def test_text_that_is_all_numbers_is_numbers(tmp_path):
    words = np.array([str(i % 11) for i in range(44)])
    task = arrays(tmp_path, words[:33], words[33:])
    assert (task.outputs, task.class_names) == (11, ())
    known = np.array([i % 11 for i in range(44)])
    assert classes_of(task) == classes_of(arrays(tmp_path, known[:33], known[33:]))


def test_quotes_spaces_and_other_alphabets_in_labels(tmp_path):
    names = ['" été, bleu"', "幅", "  x\ty"]
    task = table(tmp_path, [names[i % 3] for i in range(30)])
    assert task.class_names == ("x y", "été, bleu", "幅")
    assert all(name.isprintable() for name in task.class_names)


def test_labels_that_count_from_one_are_taken_and_named(tmp_path):
    ones, zeros = (table(tmp_path, [i % 3 + first for i in range(30)], f"{first}.csv") for first in (1, 0))
    assert (ones.outputs, ones.class_names) == (3, ("1", "2", "3"))
    assert classes_of(ones) == classes_of(zeros)
    declared = Arrays(ones.path, label="species", classes=3)
    assert (declared.outputs, declared.doubts()) == (3, ())


def test_an_output_that_is_never_right_is_spoken_of(tmp_path):
    task = Arrays(table(tmp_path, [i % 3 + 1 for i in range(30)]).path, label="species", classes=4)
    (doubt,) = task.doubts()
    assert "label 0: that output is never right" in doubt
    y = np.arange(40) % 3
    task = arrays(tmp_path, np.where(y[:30] == 2, 0, y[:30]), y[30:])
    assert "label 2: that output is never right" in task.doubts()[0]


def test_a_gap_is_refused_and_what_fills_it_is_said(tmp_path):
    sentence = refused(table(tmp_path, [[0, 1, 3][i % 3] for i in range(30)]))
    assert "no sample of label 2" in sentence
    assert "`classes: 4` would keep an output for it that is never right" in sentence


@pytest.mark.parametrize(
    ("y_train", "y_test", "words"),
    [
        (list("abab"), [0, 1, 0, 1], "labels of text, as in training, got 'numbers'"),
        ([0, 1, 0, 1], list("abab"), "labels of numbers, as in training, got 'text'"),
        (["a", "b", "", "b"], list("abab"), "text as the first label is, got '' in sample 2"),
        (["a", "b", "3", "b"], list("abab"), "text as the first label is, got '3' in sample 2"),
        (["a", "b", "nan", "b"], list("abab"), "text as the first label is, got 'nan' in sample 2"),
        (["0", "1", "x", "1"], list("0101"), "a number as the first label is, got 'x' in sample 2"),
        ([b"a", b"\xff", b"a", b"b"], list("abab"), "text in UTF-8"),
        (list("aaaa"), list("aaaa"), "at least two classes, got 1"),
    ],
)
def test_wrong_labels_of_an_npz(tmp_path, y_train, y_test, words):
    assert words in refused(arrays(tmp_path, np.array(y_train * 5), np.array(y_test)))


@pytest.mark.parametrize(
    ("at", "wrong", "words"),
    [
        (4, "3", "line 6, column 'species': expected text, as the first label is, got '3'"),
        (4, "", "line 6, column 'species': expected text, as the first label is, got ''"),
        (0, "", "line 2, column 'species': expected text, as the first label is, got ''"),
        (0, "7", "line 3, column 'species': expected a number, as the first label is, got 'setosa'"),
    ],
)
def test_wrong_labels_of_a_csv(tmp_path, at, wrong, words):
    labels = [SPECIES[i % 3] for i in range(30)]
    labels[at] = wrong
    assert words in refused(table(tmp_path, labels))


@pytest.mark.parametrize("declared", [2, 4])
def test_text_labels_and_another_number_of_classes(tmp_path, declared):
    path = table(tmp_path, [SPECIES[i % 3] for i in range(30)]).path
    sentence = refused(Arrays(path, label="species", classes=declared))
    assert f"{declared} different labels" in sentence
    assert "3: setosa, versicolor, virginica" in sentence


@pytest.mark.parametrize("nameless", ["", '""', "Unnamed: 0"])
@pytest.mark.parametrize("row", ["{n},{i},{x},{label}", "row {n},{i},{x},{label}"])
@pytest.mark.parametrize("labels", [SPECIES, [2, 0, 1]])
def test_a_column_without_a_name_is_no_input_and_is_spoken_of(tmp_path, nameless, row, labels):
    labels = [labels[i % 3] for i in range(30)]
    task = table(tmp_path, labels, "index.csv", f"{nameless},a,b,species", row)
    assert task.inputs == 2
    (doubt,) = task.doubts()
    assert "column 1 has no name" in doubt
    assert classes_of(task) == classes_of(table(tmp_path, labels))


def test_a_column_that_counts_the_rows_is_an_input_and_is_spoken_of(tmp_path):
    task = table(tmp_path, [i % 3 for i in range(30)], "id.csv", "id,a,b,species", "{n},{i},{x},{label}")
    assert task.inputs == 3
    assert "column 'id' counts the rows" in task.doubts()[0]
    assert table(tmp_path, [i % 3 for i in range(30)]).doubts() == ()


def test_a_file_name_in_capitals_is_read(tmp_path):
    labels = [i % 3 for i in range(30)]
    one, other = table(tmp_path, labels, "DATA.CSV"), table(tmp_path, labels)
    assert classes_of(one) == classes_of(other)
    data = arrays(tmp_path, np.arange(30) % 2, np.arange(10) % 2)
    (tmp_path / "data.npz").rename(tmp_path / "DATA.NPZ")
    assert Arrays(data.path.replace("data.npz", "DATA.NPZ")).inputs == 2
