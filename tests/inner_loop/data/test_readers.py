"""Files that change during a process: the hash fits the bytes read, and a task with a hash accepts no other data."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from genomes.errors import InputError
from inner_loop.data import readers as formats
from inner_loop.tasks import arrays
from inner_loop.tasks.arrays import Arrays


@pytest.fixture(params=["soon after", "long after"])
def grain(request, monkeypatch):
    """The file of a new name is hashed again at every look; an old one only if the file system reports a change."""
    monkeypatch.setattr(formats, "_GRAIN", 2 * 10**9 if request.param == "soon after" else -1)


@pytest.fixture
def fetched(monkeypatch):
    """The number of reads of files."""
    seen, fetch = [], formats.fetch
    monkeypatch.setattr(arrays, "fetch", lambda path: seen.append(path) or fetch(path))
    return seen


def write(folder, number, name="data.csv"):
    """Replaces a file by another one of the same size."""
    (folder / "new").write_text("a,label\n" + f"{number},0\n{number},1\n" * 20)
    os.replace(folder / "new", folder / name)
    return Arrays(str(folder / name))


def first(task):
    return float(task.dataset().inputs["train"][0, 0])


def of_the_file(task):
    return hashlib.sha256(Path(task.path).read_bytes()).hexdigest()


@pytest.mark.usefixtures("grain")
def test_a_changed_file_is_read_again_and_its_hash_is_of_what_was_read(tmp_path):
    for number in (1, 2, 1, 3):
        task = write(tmp_path, number)
        assert first(task) == number
        assert task.fingerprint() == of_the_file(task)
    write(tmp_path, 4)
    assert task.fingerprint() == of_the_file(task), "the hash first, then the data"
    assert first(task) == 4


@pytest.mark.usefixtures("grain")
def test_the_same_path_in_another_folder_is_another_file(tmp_path, monkeypatch):
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        write(tmp_path / str(number), number)
        monkeypatch.chdir(tmp_path / str(number))
        assert first(Arrays("data.csv")) == number


@pytest.mark.usefixtures("grain")
def test_a_changed_file_of_a_folder_is_read_again(tmp_path):
    def written(number):
        for (name, file), shape in zip(formats.IDX_FILES.items(), [(20, 1, 1), (20,), (8, 1, 1), (8,)], strict=True):
            array = np.full(shape, number, np.uint8) if name[0] == "x" else np.arange(shape[0], dtype=np.uint8) % 2
            head = (0x0800 | array.ndim).to_bytes(4, "big") + b"".join(n.to_bytes(4, "big") for n in shape)
            (tmp_path / "new").write_bytes(head + array.tobytes())
            os.replace(tmp_path / "new", tmp_path / file)
        return Arrays(str(tmp_path))

    hashes = set()
    for number in (0, 255):
        assert first(written(number)) == number / 255
        hashes.add(Arrays(str(tmp_path)).fingerprint())
    assert len(hashes) == 2


def test_an_old_file_is_read_once(tmp_path, monkeypatch, fetched):
    monkeypatch.setattr(formats, "_GRAIN", -1)
    task = write(tmp_path, 1)
    assert task.dataset() is task.dataset()
    assert (task.inputs, task.outputs, len(task.fingerprint())) == (1, 2, 64)
    assert fetched == [task.path]


def test_a_task_that_names_its_data_refuses_others(tmp_path):
    task = write(tmp_path, 1)
    named = task.pinned(task.fingerprint())
    arrays._data.clear()
    write(tmp_path, 2)
    for look in (named.dataset, named.fingerprint, named.ready, lambda: named.size("test")):
        with pytest.raises(InputError, match=r"data\.csv: expected the data of SHA-256 .*, got data that have changed"):
            look()
    write(tmp_path, 1)
    assert first(named) == 1


def test_a_task_that_names_its_data_lives_on_in_them_while_it_is_in_memory(tmp_path, fetched):
    task = write(tmp_path, 1)
    named = task.pinned(task.fingerprint())
    (tmp_path / "data.csv").unlink()
    fetched.clear()
    assert first(named) == 1
    assert named.fingerprint() == named.sha256
    assert fetched == []


def test_what_can_be_said_of_changed_data_is_said_of_what_is_there(tmp_path):
    task = write(tmp_path, 1)
    named = task.pinned(task.fingerprint())
    arrays._data.clear()
    (tmp_path / "data.csv").write_text("a,b,label\n" + "1,2,x\n1,2,y\n1,2,z\n" * 20)
    assert (named.inputs, named.outputs) == (2, 3), "a run can be opened"
    assert (named.class_names, task.class_names) == ((), ("x", "y", "z"))


def test_a_hash_that_was_given_stays(tmp_path):
    task = write(tmp_path, 1)
    assert Arrays(task.path, sha256="0" * 64).pinned(task.fingerprint()).sha256 == "0" * 64
    assert task.pinned("").sha256 is None
    with pytest.raises(InputError, match=r"Arrays\.sha256: expected 64"):
        task.pinned("abc")


def test_few_data_sets_are_kept(tmp_path):
    for number in range(arrays._KEPT + 3):
        first(write(tmp_path, number, f"{number}.csv"))
    assert len(arrays._data) == arrays._KEPT


def test_a_path_that_no_system_has_is_one_sentence():
    with pytest.raises(InputError, match="File name too long"):
        Arrays("a" * 300).dataset()
