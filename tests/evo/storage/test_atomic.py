"""Whole or not there: archives of arrays, atomic writes, durable appends."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from evo.storage import atomic
from evo.storage.arrays import pack, unpack
from evo.storage.atomic import append_at, write_atomic
from evo.storage.checksums import LIMIT, CorruptFile, verified
from genomes.errors import InputError

DTYPES = st.one_of(
    npst.boolean_dtypes(),
    npst.integer_dtypes(endianness="<"),
    npst.unsigned_integer_dtypes(endianness="<"),
    npst.floating_dtypes(endianness="<", sizes=(16, 32, 64)),
    npst.complex_number_dtypes(endianness="<", sizes=(64, 128)),
    npst.unicode_string_dtypes(endianness="<", max_len=5),
    npst.byte_string_dtypes(endianness="<", max_len=5),
)
ARRAYS = npst.arrays(DTYPES, npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
NAMES = st.one_of(
    st.sampled_from(
        ["levels", "measurement.innate.accuracy", "../../etc/x", "/root", "a/b", "a b", "é", "npy", "file"]
    ),
    st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=8),
).filter(lambda name: not name.endswith(".npy"))
SMALL = {"levels": np.arange(6, dtype=np.uint8).reshape(2, 3), "goals": np.array([0.5, np.nan])}


def test_threads_that_write_one_file_at_a_time_do_not_meet(tmp_path, monkeypatch):
    together, replaced = Barrier(2, timeout=100), os.replace

    def late(*paths):
        together.wait()  # both have written
        replaced(*paths)

    monkeypatch.setattr(atomic.os, "replace", late)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda data: write_atomic(tmp_path / "a", data), [b"one", b"two"]))
    assert (tmp_path / "a").read_bytes() in (b"one", b"two")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def sealed(archive: bytes) -> bytes:
    """An archive that ends with a comment of the right length, under the right checksum: what an enemy would send."""
    body = archive[: -len(b"sha256:") - 64]
    return body + b"sha256:" + hashlib.sha256(body).hexdigest().encode()


def crafted(members: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members:
            archive.writestr(name, data)
        archive.comment = bytes(71)
    return sealed(buffer.getvalue())


def npy(array: np.ndarray, allow_pickle: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=allow_pickle)
    return buffer.getvalue()


def header(shape: str, descr: str = "'<f8'") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (117 - len(text)) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.slow
@settings(max_examples=60)
@given(st.dictionaries(NAMES, ARRAYS, max_size=4))
def test_arrays_come_back_to_the_bit(arrays):
    back = unpack(pack(arrays))
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        assert back[name].shape == array.shape
        assert back[name].tobytes() == array.tobytes()


@settings(max_examples=30)
@given(st.dictionaries(NAMES, ARRAYS, min_size=1, max_size=4))
def test_equal_arrays_are_equal_bytes(arrays):
    turned = {
        name: np.asarray(array.astype(array.dtype.newbyteorder(">")), order="F")
        for name, array in reversed(arrays.items())
    }
    assert pack(turned) == pack(arrays)


def test_bytes_are_the_same_on_every_machine_and_day():
    digest = hashlib.sha256(pack(SMALL)).hexdigest()
    assert digest == "ec492ec78b853cbd0faac408408fe5d3dbca5355beadeb0fc32fa5f04a4088b6"


def test_numpy_opens_it(tmp_path):
    path = tmp_path / "a.npz"
    write_atomic(path, pack(SMALL))
    with np.load(path, allow_pickle=False) as loaded:
        assert sorted(loaded.files) == ["goals", "levels"]
        np.testing.assert_array_equal(loaded["goals"], SMALL["goals"])
    np.testing.assert_array_equal(unpack(path)["levels"], SMALL["levels"])


def test_every_truncation_is_seen():
    data = pack(SMALL)
    for length in range(len(data)):
        with pytest.raises(CorruptFile):
            unpack(data[:length])


def test_every_flipped_bit_is_seen():
    data = bytearray(pack(SMALL))
    for place in range(len(data)):
        for bit in range(8):
            data[place] ^= 1 << bit
            with pytest.raises(CorruptFile):
                verified(bytes(data))
            data[place] ^= 1 << bit
    assert unpack(bytes(data)).keys() == SMALL.keys()


def test_bytes_that_follow_are_seen():
    with pytest.raises(CorruptFile):
        unpack(pack(SMALL) + b"\0")


def test_a_torn_file_is_named_in_one_sentence(tmp_path):
    path = tmp_path / "00007.npz"
    path.write_bytes(pack(SMALL)[:-1])
    with pytest.raises(CorruptFile, match=r"00007\.npz: expected bytes that match the checksum, got \d+ other bytes$"):
        unpack(path)
    with pytest.raises(CorruptFile, match=r"00008\.npz: cannot be read \(there is no such file\)$"):
        unpack(tmp_path / "00008.npz")
    with pytest.raises(CorruptFile, match="no such file"):
        unpack(tmp_path)


def test_a_file_above_the_limit_is_not_read(tmp_path):
    path = tmp_path / "large.npz"
    path.touch()
    os.truncate(path, LIMIT + 1)  # takes no room
    with pytest.raises(CorruptFile, match="larger than"):
        unpack(path)


@pytest.mark.parametrize(
    ("archive", "reason"),
    [
        (crafted([("a.npy", npy(np.zeros(10**6)))], zipfile.ZIP_DEFLATED), "bytes that expand to"),
        (crafted([("a.npy", npy(np.zeros(2))), ("b.npy", header("(1099511627776,)"))]), "whose size does not fit"),
        (crafted([("a.npy", header("(-1, -2)") + bytes(16))]), "got an archive that is refused"),
        (crafted([("a.npy", header("(4611686018427387904,)", "'<U0'"))]), "of dtype <U0"),
        (crafted([("a.npy", npy(np.array([{}]), allow_pickle=True))]), "of dtype object"),
        (crafted([("a.npy", header("(1,)", "[('x', '<f8')]") + bytes(8))]), "of dtype"),
        (crafted([("a.npy", b"no array")]), "magic string"),
        (crafted([("a.npy", b"\x93NUMPY\x03\x00" + bytes(200))]), "in another format"),
        (sealed(b"no archive" * 20), "got an archive that is refused"),
    ],
)
def test_harm_under_a_right_checksum_is_refused(archive, reason):
    with pytest.raises(CorruptFile, match=reason) as refused:
        unpack(archive)
    assert "\n" not in str(refused.value)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_arrays_of_one_name_are_refused():
    with pytest.raises(CorruptFile, match="two arrays with the same name"):
        unpack(crafted([("a.npy", npy(np.zeros(2))), ("a.npy", npy(np.ones(2)))]))


def test_members_that_share_their_bytes_are_refused():
    member = npy(np.zeros(1000))
    archive = crafted([(f"{i:02d}.npy", member if i == 0 else b"") for i in range(50)])
    start = archive.index(b"PK\x01\x02")
    first = archive[start : archive.index(b"PK\x01\x02", start + 4)]
    entries = b"".join(first.replace(b"00.npy", f"{i:02d}.npy".encode()) for i in range(50))
    end = archive.index(b"PK\x05\x06")
    overlapping = sealed(archive[:start] + entries + archive[end:])
    with pytest.raises(CorruptFile, match=f"expand to {50 * len(member)}"):
        unpack(overlapping)


class Loaded:
    """Writes a file if it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_nothing_is_executed_and_nothing_extracted(tmp_path, monkeypatch):
    inner = tmp_path / "inner"
    inner.mkdir()
    monkeypatch.chdir(inner)
    harmful = npy(np.array([Loaded(str(tmp_path / "executed"))], dtype=object), allow_pickle=True)
    with pytest.raises(CorruptFile, match="of dtype object"):
        unpack(crafted([("a.npy", harmful)]))
    assert list(unpack(crafted([("../escaped.npy", npy(np.ones(1)))]))) == ["../escaped"]
    assert [p.name for p in tmp_path.iterdir()] == ["inner"]
    assert not list(inner.iterdir())


@pytest.mark.parametrize(
    "array",
    [np.array([{}]), np.zeros(2, dtype=[("x", "i4")]), np.zeros(2, np.longdouble), np.zeros(1, "M8[s]")],
    ids=lambda array: str(array.dtype),
)
def test_what_is_no_plain_array_is_not_written(array, refused):
    with refused("measured"):
        pack({"measured": array})


@pytest.mark.parametrize("name", ["", "a.npy", "a\0b", "a\nb", "\ud800"])
def test_names_that_an_archive_would_change_are_not_written(name):
    with pytest.raises(InputError, match="printable names"):
        pack({name: np.ones(1)})


def test_a_file_is_replaced_as_a_whole_and_in_the_safe_order(tmp_path, monkeypatch):
    path, calls = tmp_path / "file", []

    def watched(name):
        real = getattr(os, name)
        monkeypatch.setattr(atomic.os, name, lambda *args: (calls.append(name), real(*args))[1])

    for name in ("write", "fsync", "replace"):
        watched(name)
    write_atomic(path, b"old")
    write_atomic(path, b"new")
    assert calls == ["write", "fsync", "replace", "fsync"] * 2
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]


def test_short_writes_are_carried_on(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(atomic.os, "write", lambda descriptor, data: real(descriptor, data[:7]))
    data = bytes(range(256))
    write_atomic(tmp_path / "file", data)
    assert (tmp_path / "file").read_bytes() == data
    assert append_at(tmp_path / "log", 0, data) == 256
    assert (tmp_path / "log").read_bytes() == data


def test_a_disk_that_takes_nothing_is_no_endless_loop(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic.os, "write", lambda descriptor, data: 0)
    with pytest.raises(InputError, match="no more bytes are written"):
        write_atomic(tmp_path / "file", b"new")


def failing(monkeypatch, name: str, error: BaseException, after: int = 0):
    """Lets a call of the system fail once it has worked `after` times; what os.write then gets is half written."""
    real, calls = getattr(os, name), []

    def call(*args):
        calls.append(args)
        if len(calls) > after:
            if name == "write":
                real(args[0], args[1][: len(args[1]) // 2])
            raise error
        return real(*args)

    monkeypatch.setattr(atomic.os, name, call)


@pytest.mark.parametrize("name", ["write", "fsync", "replace"])
@pytest.mark.parametrize(
    ("error", "raised", "sentence"),
    [
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
            InputError,
            r"file: cannot be written \(No space left on de",
        ),
        (OSError(errno.EIO, os.strerror(errno.EIO)), InputError, r"file: cannot be written \(Input/output error\)"),
        (KeyboardInterrupt(), KeyboardInterrupt, "^$"),
    ],
)
def test_the_old_file_survives_a_disk_that_refuses(tmp_path, monkeypatch, name, error, raised, sentence):
    path = tmp_path / "file"
    write_atomic(path, b"the old bytes")
    failing(monkeypatch, name, error)
    with pytest.raises(raised, match=sentence) as refused:
        write_atomic(path, b"bytes that are new")
    assert "\n" not in str(refused.value)
    assert path.read_bytes() == b"the old bytes"
    assert os.listdir(tmp_path) == ["file"]


def test_an_append_takes_the_place_of_what_was_torn(tmp_path):
    path = tmp_path / "log"
    assert append_at(path, 0, b"one|") == 4
    path.write_bytes(b"one|tw")
    assert append_at(path, 4, b"two|") == 8
    assert path.read_bytes() == b"one|two|"


@pytest.mark.parametrize("name", ["write", "_SYNC_DATA"])
def test_an_append_that_fails_leaves_what_was_there(tmp_path, monkeypatch, name):
    path = tmp_path / "log"
    append_at(path, 0, b"one|")
    full = OSError(errno.ENOSPC, "No space left on device")
    if name == "write":
        failing(monkeypatch, name, full)
    else:
        monkeypatch.setattr(atomic, name, lambda descriptor: (_ for _ in ()).throw(full))
    with pytest.raises(InputError, match="No space left"):
        append_at(path, 4, b"two|")
    assert path.read_bytes() == b"one|"
