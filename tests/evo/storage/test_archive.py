"""A run in one file: it comes back to the byte and goes on; an archive that was made to do harm does nothing."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import subprocess
import zipfile
from pathlib import Path

import pytest

from evo import evolve
from evo.evolution.evolve import extend
from evo.evolution.run_set import new_set
from evo.experiment.sweep import members
from evo.storage import archive
from evo.storage.archive import pack_run, unpack_run
from evo.storage.checksum_list import SUMS, content, safe, sums_of, sums_text
from evo.storage.checksums import CorruptFile, in_a_comment
from evo.storage.run_folder import RunFolder
from genomes.errors import InputError

SUM = hashlib.sha256(b"{}").hexdigest()


@pytest.fixture
def run(small, copy_of, tmp_path) -> Path:
    copy_of(small())
    (tmp_path / "run" / "figures").mkdir()
    (tmp_path / "run" / "figures" / "é.svg").write_text("<svg/>")
    return tmp_path / "run"


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in content(folder)}


def crafted(path: Path, listed: dict[str, str] | None = None, **given) -> Path:
    """An archive with a right list of right sums: what an enemy would send. `given`: names and bytes, or members."""
    inside = given.get("inside", {"manifest.json": b"{}"})
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in inside.items()} if listed is None else listed
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode()
    with zipfile.ZipFile(path, "w", given.get("compression", zipfile.ZIP_STORED)) as made:
        for name, data in (*inside.items(), (SUMS, text + in_a_comment(text)), *given.get("again", ())):
            member = zipfile.ZipInfo(name)
            member.compress_type = made.compression
            member.external_attr = given.get("mode", stat.S_IFREG | 0o644) << 16
            made.writestr(member, data)
    return path


@pytest.mark.slow
def test_a_run_comes_back_to_the_byte_and_goes_on(run, small, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    packed = pack_run(run, tmp_path / "run.zip")
    unpacked = unpack_run(packed, tmp_path / "elsewhere" / "again")
    assert bytes_of(unpacked) == bytes_of(run)
    for path in (run, unpacked):
        extend(path, 4, allow_code=False)
        assert [g.index for g in evolve(small(generations=4), path)] == [2, 3]
    one, other = bytes_of(run), bytes_of(unpacked)
    assert {n: d for n, d in one.items() if n != "log.jsonl"} == {n: d for n, d in other.items() if n != "log.jsonl"}
    assert sorted(os.listdir(tmp_path / "elsewhere")) == ["again"]


def test_the_same_files_are_the_same_archive_and_only_them(run, tmp_path):
    first = pack_run(run, tmp_path / "a.zip").read_bytes()
    for path in run.rglob("*"):
        os.utime(path, (1, 1))
    (run / ".state.npz.7.tmp").write_bytes(b"half")
    with RunFolder.open(run).driving() as folder:
        holder = (folder.path / "lock").read_text()
    assert holder
    assert pack_run(run, tmp_path / "b.zip").read_bytes() == first
    (run / "figures" / "é.svg").write_text("<svg />")
    assert pack_run(run, tmp_path / "c.zip").read_bytes() != first


@pytest.mark.process
def test_common_tools_open_and_check_it(run, tmp_path):
    with zipfile.ZipFile(pack_run(run, tmp_path / "run.zip")) as packed:
        packed.extractall(tmp_path / "out")
    check = ["sha256sum", "--check", "--strict", SUMS]
    assert subprocess.run(check, cwd=tmp_path / "out", capture_output=True, check=False).returncode == 0
    (tmp_path / "out" / "manifest.json").write_text("{}")
    assert subprocess.run(check, cwd=tmp_path / "out", capture_output=True, check=False).returncode == 1


def test_a_set_is_packed_with_its_runs(tmp_path):
    made = new_set(members("teacher", ["generations=1"], seeds=2), tmp_path / "set", ["evolve"])
    unpacked = unpack_run(pack_run(tmp_path / "set", tmp_path / "set.zip"), tmp_path / "again")
    assert bytes_of(unpacked) == bytes_of(tmp_path / "set")
    assert sum(name.endswith("manifest.json") for name in content(unpacked)) == len(made) == 2


def test_a_run_that_is_driven_is_not_packed(run, tmp_path, refused):
    with RunFolder.open(run).driving(), refused(str(run), "driven by process"):
        pack_run(run, tmp_path / "run.zip")
    assert not list(tmp_path.glob("*.zip")) + list(tmp_path.glob(".*"))


def test_what_cannot_be_packed_says_why_and_leaves_nothing(run, tmp_path, monkeypatch, refused):
    (tmp_path / "there.zip").write_bytes(b"years")
    with refused("there.zip"):
        pack_run(run, tmp_path / "there.zip")
    (run / "passwords").symlink_to("/etc/passwd")
    with refused("passwords", "a link"):
        pack_run(run, tmp_path / "run.zip")
    (run / "passwords").unlink()
    with monkeypatch.context() as patched:
        patched.setattr(archive.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(InputError, match=r"run\.zip: cannot be written \(No space left on device\)"):
            pack_run(run, tmp_path / "run.zip")
    state = run / "state" / "00001.npz"
    state.write_bytes(state.read_bytes()[:-1])
    with pytest.raises(CorruptFile, match=r"state/00001\.npz: expected bytes"):
        pack_run(run, tmp_path / "run.zip")
    with refused("nowhere"):
        pack_run(tmp_path / "nowhere", tmp_path / "run.zip")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run", "there.zip"]


@pytest.mark.slow
def test_every_flipped_bit_and_every_truncation_is_found(tmp_path, monkeypatch):
    path, target = crafted(tmp_path / "small.zip"), tmp_path / "out"
    whole = path.read_bytes()
    unpack_run(path, target)
    before = bytes_of(target)
    monkeypatch.setattr(archive.os, "fsync", lambda _: None)
    for place in range(len(whole)):
        for damaged in (whole[:place], whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :]):
            path.write_bytes(damaged)
            other = tmp_path / f"out-{place}"
            try:
                unpack_run(path, other)
            except CorruptFile:
                assert not other.exists()
            else:  # a date, a permission, a system: nothing of what is inside
                assert bytes_of(other) == before
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    "name",
    [
        *("../escaped", "/tmp/escaped", "a/../../escaped", "a/./b", "a//b", "C:/escaped", "C:escaped", "..\\escaped"),
        *("a\\b", "", ".", "a/", "a/..", "a\nb", "a/ /b", "a:stream", "con?", "x" * 1000),
        *(".url", "a/.sums", ".URL"),
    ],
)
def test_a_name_that_could_leave_the_folder_is_refused(name, tmp_path):
    assert not safe(name)
    if "\n" not in name and name:
        place = tmp_path / "deep" / "deeper"
        place.mkdir(parents=True)
        path = crafted(tmp_path / "evil.zip", inside={"manifest.json": b"{}", name: b"!"})
        with pytest.raises(CorruptFile, match="could leave the folder"):
            unpack_run(path, place / "run")
        assert sorted(p.name for p in tmp_path.rglob("*")) == ["deep", "deeper", "evil.zip"]


def duplicate(path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        crafted(path, again=[("manifest.json", b"[]")])


def bomb(path: Path) -> None:
    crafted(path, inside={"manifest.json": b"{}", "zeros": bytes(10**6)}, compression=zipfile.ZIP_DEFLATED)


def many(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as made:
        for number in range(70_000):  # more than 16 bits can count
            made.writestr(zipfile.ZipInfo(str(number)), b"")


HARMFUL = {
    "link": (lambda path: crafted(path, mode=stat.S_IFLNK | 0o777), "a link or another member that is no plain file"),
    "device": (lambda path: crafted(path, mode=stat.S_IFBLK | 0o666), "a link or another member that is no plain file"),
    "duplicate": (duplicate, "two files with the same name"),
    "alike": (lambda path: crafted(path, inside={"manifest.json": b"{}", "Manifest.json": b""}), "cannot tell apart"),
    "file and folder": (
        lambda path: crafted(path, inside={"manifest.json": b"{}", "a": b"", "A/b": b""}),
        "cannot tell apart",
    ),
    "unlisted": (lambda path: crafted(path, {}), "'manifest.json', which is only in the archive or only in its"),
    "absent": (
        lambda path: crafted(path, {"manifest.json": SUM, "other": SUM}),
        "'other', which is only in the archive",
    ),
    "other bytes": (lambda path: crafted(path, {"manifest.json": "0" * 64}), "'manifest.json', whose bytes do not"),
    "no sums": (lambda path: crafted(path, {"manifest.json": "x"}), "lines that are no checksums"),
    "no run": (lambda path: crafted(path, inside={"thesis.tex": b"years"}), "neither a run nor a set"),
    "bomb": (bomb, "that expand to"),
    "many": (many, "70,000 files, more than 50,000"),
    "text": (lambda path: path.write_text("hello"), "no zip, or an incomplete one"),
    "empty": (lambda path: path.write_bytes(b""), "no zip, or an incomplete one"),
}


@pytest.mark.slow
@pytest.mark.parametrize("how", HARMFUL)
def test_what_was_made_to_do_harm_is_refused_in_a_sentence(how, tmp_path, monkeypatch):
    make, sentence = HARMFUL[how]
    monkeypatch.setattr(archive, "MOST_FILES", 50_000)
    monkeypatch.setattr(archive, "MOST_BYTES", 10**5)
    make(tmp_path / "evil.zip")
    with pytest.raises(CorruptFile, match=r"evil\.zip: expected an archive of `instinct pack`, got ") as refused:
        unpack_run(tmp_path / "evil.zip", tmp_path / "run")
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
    assert os.listdir(tmp_path) == ["evil.zip"]


def test_compressed_members_are_refused_even_where_they_are_few(tmp_path):
    crafted(tmp_path / "a.zip", inside={"manifest.json": os.urandom(300)}, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(CorruptFile, match="a compressed or encrypted member"):
        unpack_run(tmp_path / "a.zip", tmp_path / "run")


def test_an_archive_that_declares_a_long_list_takes_no_memory(tmp_path):
    path = crafted(tmp_path / "a.zip")
    data = bytearray(path.read_bytes())
    data[-14:-10] = b"\xff\xff\xff\xff"  # 65,535 members, by the word of the archive alone
    data[-10:-6] = (2**31).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(CorruptFile, match="files, more than"):
        unpack_run(path, tmp_path / "run")


def test_what_is_there_is_not_written_over(run, tmp_path, refused):
    packed, taken = pack_run(run, tmp_path / "run.zip"), tmp_path / "taken"
    taken.mkdir()
    (taken / "thesis.tex").write_text("years")
    for place in (taken, taken / "thesis.tex"):
        with refused(str(place)):
            unpack_run(packed, place)
    assert (taken / "thesis.tex").read_text() == "years"
    (tmp_path / "empty").mkdir()
    assert bytes_of(unpack_run(packed, tmp_path / "empty")) == bytes_of(run)
    with pytest.raises(InputError, match=r"nothing\.zip: cannot be unpacked \(No such file or directory\)"):
        unpack_run(tmp_path / "nothing.zip", tmp_path / "new")


def test_a_disk_that_refuses_leaves_no_folder(run, tmp_path, monkeypatch):
    packed, real = pack_run(run, tmp_path / "run.zip"), os.fsync
    calls: list[int] = []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(archive.os, "fsync", full)
    with pytest.raises(InputError, match=r"new: cannot be unpacked \(No space left on device\)"):
        unpack_run(packed, tmp_path / "new")
    assert sorted(os.listdir(tmp_path)) == ["run", "run.zip"]


def test_sums_come_back_and_nothing_else_does():
    sums = {"a/b c.npz": "0" * 64, "é": "f" * 64}
    assert sums_of(sums_text(sums)) == sums
    for text in (b"", sums_text(sums)[:-2], sums_text(sums).replace(b"0" * 64, b"1" * 64)):
        with pytest.raises(ValueError, match="a SHA256SUMS that was changed"):
            sums_of(text)
    assert io.BytesIO(sums_text({})).readline().startswith(b"# sha256:")
