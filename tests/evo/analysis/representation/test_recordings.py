"""A user's file of responses or dissimilarities, and what is said about one that does not fit."""

import re

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
    ("arrays", "said"),
    [
        ({"response": RESPONSES}, "expected responses or dissimilarity, got ['response']; did you mean 'responses'?"),
        ({"weights": RESPONSES}, "expected responses or dissimilarity, got ['weights']"),
        ({"responses": RESPONSES[:9]}, "expected the 10 stimuli of the test split, or `stimuli`"),
        ({"responses": RESPONSES[:5]}, "expected 8 to 3,000 stimuli, got 5"),
        ({"responses": RESPONSES[0]}, "expected an array (stimuli, neurons) or (repeats, stimuli, neurons), got (6,)"),
        ({"responses": changed(RESPONSES, (2, 3), np.nan)}, "responses: expected finite numbers, got '1 that are not'"),
        ({"responses": changed(RESPONSES, 4, 0.5)}, "responses that differ between neurons, for every stimulus"),
        ({"responses": np.full((10, 6), "a")}, "responses: expected real numbers, got '<U1'"),
        ({"responses": RESPONSES.astype(object)}, "one that is refused: 'responses.npy' of dtype object"),
        ({"dissimilarity": RESPONSES}, "dissimilarity: expected a square matrix, got (10, 6)"),
        ({"dissimilarity": changed(FAR, (2, 3), 9.0)}, "dissimilarity: expected a symmetric matrix"),
        ({"dissimilarity": FAR + np.eye(10)}, "dissimilarity: expected zeros on the diagonal, got 1.0"),
        ({"responses": RESPONSES, "stimuli": np.arange(9)}, "stimuli: expected 10 integers, got (9,)"),
        ({"responses": RESPONSES, "stimuli": np.arange(10) + 1}, "stimuli: expected numbers from 0 to 9, each once"),
        ({"responses": RESPONSES, "stimuli": np.arange(10) // 2}, "stimuli: expected numbers from 0 to 9, each once"),
    ],
)
def test_what_does_not_fit_is_said_in_one_sentence(file, arrays, said):
    with pytest.raises(InputError, match=re.escape(said)) as error:
        read_measured(file(**arrays), 10)
    assert "v1.npz" in str(error.value)
    assert "\n" not in str(error.value)


def test_no_file_and_no_archive(tmp_path):
    with pytest.raises(InputError, match=r"lost\.npz: .*no such file"):
        read_measured(tmp_path / "lost.npz", 10)
    (tmp_path / "text.npz").write_text("not an archive")
    with pytest.raises(InputError, match=r"text\.npz: expected an \.npz"):
        read_measured(tmp_path / "text.npz", 10)


def test_a_small_file_cannot_ask_for_all_of_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("evo.analysis.representation.recordings._MEMORY", 10_000)
    np.savez(tmp_path / "many.npz", responses=np.ones((100, 9, 4), np.int8) * np.arange(4, dtype=np.int8))
    with pytest.raises(InputError, match="dissimilarities that take at most 10000 bytes"):
        read_measured(tmp_path / "many.npz", 9)
