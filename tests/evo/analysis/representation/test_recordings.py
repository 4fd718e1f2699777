"""A user's file of responses or dissimilarities, and what is said about one that does not fit."""

import numpy as np
import pytest

from evo.analysis.representation.recordings import read_measured
from evo.analysis.representation.similarity import dissimilarities
from genomes.errors import InputError

RESPONSES = np.random.default_rng(0).normal(size=(10, 6))
FAR = dissimilarities(RESPONSES)


@pytest.fixture
def file(tmp_path):
    def saved(**arrays):
        np.savez_compressed(tmp_path / "v1.npz", **arrays)
        return tmp_path / "v1.npz"

    return saved


def test_responses(file):
    measured = read_measured(file(responses=RESPONSES.astype(np.float32)), 10)
    assert measured.name == "v1.npz"
    assert measured.stimuli.tolist() == list(range(10))
    assert measured.responses == pytest.approx(RESPONSES[None], abs=1e-6)
    assert measured.matrices == pytest.approx(FAR[None], abs=1e-5)


def test_repeats_are_kept_apart(file):
    repeats = np.stack([RESPONSES, RESPONSES[::-1]])
    measured = read_measured(file(responses=repeats), 10)
    assert measured.matrices[0] == pytest.approx(FAR)
    assert measured.matrices[1] == pytest.approx(FAR[::-1, ::-1])


def test_stimuli_are_put_into_the_order_of_their_numbers(file):
    numbers = np.array([7, 3, 99, 0, 1, 2, 4, 5, 6, 8])
    for arrays in ({"responses": RESPONSES}, {"dissimilarity": FAR}):
        measured = read_measured(file(**arrays, stimuli=numbers), 100)
        assert measured.stimuli.tolist() == sorted(numbers.tolist())
        assert measured.matrices[0, -1, 4] == pytest.approx(FAR[2, 6])
    assert measured.responses is None


def test_two_neurons_have_distances_and_no_correlation(file):
    pair = RESPONSES[:, :2]
    measured = read_measured(file(responses=pair), 10)
    assert measured.matrices[0] == pytest.approx(dissimilarities(pair, "squared_euclidean"))


def changed(array, index, value):
    array = array.copy()
    array[index] = value
    return array


@pytest.mark.parametrize(
    ("arrays", "key", "got"),
    [
        ({"response": RESPONSES}, "v1.npz", "['response']; did you mean 'responses'?"),
        ({"weights": RESPONSES}, "v1.npz", "['weights']"),
        ({"responses": RESPONSES[:9]}, "v1.npz", "9 stimuli"),
        ({"responses": RESPONSES[:5]}, "v1.npz", 5),
        ({"responses": RESPONSES[0]}, "v1.npz: responses", (6,)),
        ({"responses": changed(RESPONSES, (2, 3), np.nan)}, "v1.npz: responses", "1 that are not"),
        ({"responses": changed(RESPONSES, 4, 0.5)}, "v1.npz: responses", "1 that do not"),
        ({"responses": np.full((10, 6), "a")}, "v1.npz: responses", "<U1"),
        ({"responses": RESPONSES.astype(object)}, "v1.npz", "'responses.npy' of dtype object"),
        ({"dissimilarity": RESPONSES}, "v1.npz: dissimilarity", (10, 6)),
        ({"dissimilarity": changed(FAR, (2, 3), 9.0)}, "v1.npz: dissimilarity", "one that is not"),
        ({"dissimilarity": FAR + np.eye(10)}, "v1.npz: dissimilarity", 1.0),
        ({"responses": RESPONSES, "stimuli": np.arange(9)}, "v1.npz: stimuli", (9,)),
        ({"responses": RESPONSES, "stimuli": np.arange(10) + 1}, "v1.npz: stimuli", "1 to 10"),
        ({"responses": RESPONSES, "stimuli": np.arange(10) // 2}, "v1.npz: stimuli", "0 to 4"),
    ],
)
def test_files_that_do_not_fit_are_refused_in_one_sentence(file, arrays, key, got, refused):
    with refused(key, got) as error:
        read_measured(file(**arrays), 10)
    assert "\n" not in str(error.value)


def test_no_file_and_no_archive(tmp_path, refused):
    with pytest.raises(InputError, match=r"lost\.npz: .*no such file"):
        read_measured(tmp_path / "lost.npz", 10)
    (tmp_path / "text.npz").write_text("not an archive")
    with refused("text.npz"):
        read_measured(tmp_path / "text.npz", 10)


def test_a_small_file_cannot_ask_for_all_of_the_memory(tmp_path, monkeypatch, refused):
    monkeypatch.setattr("evo.analysis.representation.recordings._MEMORY", 10_000)
    np.savez(tmp_path / "many.npz", responses=np.ones((100, 9, 4), np.int8) * np.arange(4, dtype=np.int8))
    with refused("many.npz"):
        read_measured(tmp_path / "many.npz", 9)
