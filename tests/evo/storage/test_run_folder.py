"""The run folder: what it holds, who may write, what is left of it after a crash at any moment."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from evo.storage.checksums import CorruptFile
from evo.storage.run_folder import FORMAT, RunFolder
from genomes.errors import InputError

ROOT = Path(__file__).resolve().parents[3]
YAML = "seed: 3  # é\n"
MANIFEST = {"versions": {"numpy": "2"}, "seed": 3, "threads": 1}


def generation(index: int) -> dict[str, np.ndarray]:
    return {"levels": np.full((4, 5), index % 7, np.uint8), "goals": np.arange(4.0)[:, None] + index}


def state(index: int) -> dict[str, np.ndarray]:
    return {"units": np.full((4, 5), index / 3)}


def add(folder: RunFolder, index: int) -> None:
    folder.write_generation(index, generation(index))
    folder.write_state(index, state(index))
    folder.log.append({"generation": index, "best": float(index)})


def spoil(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def logged(folder: RunFolder) -> list[int]:
    return [record["generation"] for record in folder.log.read()]


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    """With generations 0 to 4."""
    folder = RunFolder.create(tmp_path / "run-001", YAML, MANIFEST)
    for index in range(5):
        add(folder, index)
    return folder


def test_a_new_folder_holds_what_it_was_given(tmp_path):
    RunFolder.create(tmp_path / "runs" / "a", YAML, MANIFEST | {"loss": np.float64("nan"), "n": np.int64(3)})
    folder = RunFolder.open(tmp_path / "runs" / "a")
    assert folder.experiment_yaml == YAML
    assert folder.manifest == MANIFEST | {"loss": None, "n": 3}
    assert (folder.generations(), folder.latest(), folder.log.read(), folder.passed_over) == ([], None, [], ())
    names = sorted(path.name for path in folder.path.iterdir())
    assert names == ["experiment.yaml", "generations", "manifest.json", "state"]


def test_an_empty_folder_can_become_a_run(tmp_path):
    assert RunFolder.create(tmp_path, YAML, MANIFEST).experiment_yaml == YAML


def test_create_refuses_what_is_there_and_says_what_to_do(folder, tmp_path):
    with pytest.raises(
        InputError, match=r"a folder with a run; continue it with `instinct resume .*run-001`, or choose"
    ):
        RunFolder.create(folder.path, YAML, MANIFEST)
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("years")
    with pytest.raises(InputError, match="a folder with other files; choose another --run"):
        RunFolder.create(other, YAML, MANIFEST)
    with pytest.raises(InputError, match="got a file; choose another --run"):
        RunFolder.create(other / "thesis.tex", YAML, MANIFEST)
    assert os.listdir(other) == ["thesis.tex"]


def test_of_two_that_create_the_same_folder_one_wins(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "iterdir", lambda path: iter(()))  # both saw it empty
    RunFolder.create(tmp_path / "a", YAML, MANIFEST)
    with pytest.raises(InputError, match="a folder with a run"):
        RunFolder.create(tmp_path / "a", "seed: 4\n", MANIFEST)
    assert RunFolder.open(tmp_path / "a").experiment_yaml == YAML


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no folder that even root cannot write to")
def test_a_place_that_cannot_be_written_to_is_one_sentence():
    with pytest.raises(InputError, match=r"^/proc/runs/a: cannot be written \(No such file or directory\)"):
        RunFolder.create(Path("/proc/runs/a"), YAML, MANIFEST)


def test_open_refuses_what_is_no_run_of_this_format(folder, tmp_path, refused):
    with pytest.raises(InputError, match="got nothing there; did you mean 'run-001'"):
        RunFolder.open(tmp_path / "run-01")
    with refused(str(tmp_path), "manifest.json"):
        RunFolder.open(tmp_path)
    later = {"format": FORMAT + 1}
    folder.write_json("manifest.json", later)
    with refused(f"format {FORMAT}", f"format {FORMAT + 1}"):
        RunFolder.open(folder.path)
    for content in (b"", b"[1]", b"{", b"\xff", b"[" * 100_000):
        (folder.path / "manifest.json").write_bytes(content)
        with pytest.raises(CorruptFile, match=r"manifest\.json: expected "):
            RunFolder.open(folder.path)


@pytest.mark.parametrize("name", ["manifest.json", "experiment.yaml"])
def test_every_flipped_bit_and_every_truncation_of_a_text_is_found_and_named(name, folder):
    path = folder.path / name
    whole = path.read_bytes()
    for place in range(len(whole)):
        for damaged in (whole[:place], whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :]):
            path.write_bytes(damaged)
            with pytest.raises(InputError, match=r"experiment\.yaml: |manifest\.json: |got format"):
                _ = RunFolder.open(folder.path).experiment_yaml
    path.write_bytes(whole)
    assert RunFolder.open(folder.path).experiment_yaml == YAML


def test_people_read_both_texts_and_who_edits_one_is_told_how_to_go_on(folder):
    import json

    path = folder.path / "experiment.yaml"
    assert path.read_text().startswith(YAML + "# sha256:")
    assert json.loads((folder.path / "manifest.json").read_text()).keys() == {"format", *MANIFEST, "seal"}
    path.write_text(path.read_text().replace("seed: 3", "seed: 4"))
    go_on = r"a run keeps its experiment: put the old text back, or begin a new run: instinct evolve .*iment\.yaml$"
    with pytest.raises(CorruptFile, match=go_on):
        _ = folder.experiment_yaml
    folder.write_manifest({"other": 1})
    assert RunFolder.open(folder.path).manifest == {"other": 1}


def test_a_run_of_the_first_format_which_had_no_checksums_opens_as_it_did(folder):
    (folder.path / "manifest.json").write_text('{"format": 1, "seed": 3}')
    (folder.path / "experiment.yaml").write_text(YAML)
    old = RunFolder.open(folder.path)
    assert (old.manifest, old.experiment_yaml, old.latest()[0]) == ({"seed": 3}, YAML, 4)
    old.rewrite_experiment("seed: 3\ngenerations: 9\n")
    assert RunFolder.open(folder.path).experiment_yaml.startswith("seed: 3\ngenerations: 9\n")


def test_a_run_at_rest_can_be_held_and_is_not_written(folder, refused):
    with folder.resting():
        pass
    assert not (folder.path / "lock").exists()
    with folder.driving(), pytest.raises(InputError, match="driven by process"), RunFolder.open(folder.path).resting():
        pytest.fail("it is driven")
    held = refused(str(folder.path))
    with folder.resting(), RunFolder.open(folder.path).resting(), held, folder.driving():
        pytest.fail("it is held")


def test_a_run_without_its_experiment_says_so(folder):
    (folder.path / "experiment.yaml").unlink()
    with pytest.raises(CorruptFile, match=r"experiment\.yaml: cannot be read \(there is no such file\)"):
        _ = folder.experiment_yaml


def test_generations_and_states_come_back(folder):
    folder = RunFolder.open(folder.path)
    assert folder.generations() == [0, 1, 2, 3, 4]
    np.testing.assert_equal(folder.read_generation(3), generation(3))
    index, units = folder.latest()
    assert index == 4
    np.testing.assert_equal(units, state(4))
    with pytest.raises(CorruptFile, match=r"00009\.npz: cannot be read"):
        folder.read_generation(9)


def test_three_states_are_kept(folder):
    assert sorted(os.listdir(folder.path / "state")) == ["00002.npz", "00003.npz", "00004.npz"]


def test_names_that_only_look_like_generations_are_none(folder):
    for name in ("000004.npz", "0" * 30 + ".npz", "9" * 30 + ".npz", "x.npz"):
        (folder.path / "generations" / name).write_bytes(b"")
    assert folder.generations() == [0, 1, 2, 3, 4]


def test_indices_of_six_digits_are_in_order(folder):
    folder.write_generation(100_000, generation(1))
    folder.write_generation(99_999, generation(1))
    assert folder.generations()[-2:] == [99_999, 100_000]


def test_a_torn_state_is_passed_over_and_named(folder, caplog):
    spoil(folder.path / "state" / "00004.npz")
    with caplog.at_level(logging.WARNING):
        assert folder.latest()[0] == 3
        assert folder.latest()[0] == 3
    assert len(folder.passed_over) == 1
    assert "00004.npz: expected bytes" in folder.passed_over[0]
    assert [record.getMessage() for record in caplog.records] == [f"passed over: {folder.passed_over[0]}"]
    folder.write_state(4, state(4))
    assert folder.latest()[0] == 4
    assert folder.passed_over == ()


@pytest.mark.parametrize(("torn", "expected"), [(4, 3), (3, 2), (2, None), (0, None)])
def test_a_state_counts_only_if_every_generation_before_it_is_good(folder, torn, expected):
    path = folder.path / "generations" / f"{torn:05d}.npz"
    for harm in (spoil, lambda path: path.write_bytes(b""), Path.unlink):
        folder.write_generation(torn, generation(torn))
        assert folder.latest()[0] == 4
        harm(path)
        found = folder.latest()
        assert (found and found[0]) == expected
        assert f"{torn:05d}.npz" in folder.passed_over[0]


def test_a_generation_without_its_state_is_lived_again(folder):
    folder.write_generation(5, generation(5))
    assert folder.latest()[0] == 4
    assert folder.passed_over == ()


def test_the_log_holds_finite_numbers_and_survives_a_torn_line(folder):
    folder.log.append({"generation": 5, "best": float("nan"), "mean": np.float32(0.5), "why": {"nan": np.int64(2)}})
    last = {"generation": 5, "best": None, "mean": 0.5, "why": {"nan": 2}}
    assert folder.log.read()[-1] == last
    path = folder.path / "log.jsonl"
    whole = path.read_bytes()
    start = whole.rindex(b"\n", 0, -1) + 1
    for length in range(start, len(whole)):
        path.write_bytes(whole[:length])
        assert logged(folder) == [0, 1, 2, 3, 4]
    path.write_bytes(whole[:-4])
    folder.log.append(last)
    assert path.read_bytes() == whole


def test_what_is_no_line_of_a_generation_is_dropped_from_the_log_of_a_driver(folder):
    with (folder.path / "log.jsonl").open("ab") as file:
        file.write(b'{"generation": "7"}\n[3]\nnot json\n{"best": 1}\n')
    with folder.driving():
        assert logged(folder) == [0, 1, 2, 3, 4]


def test_driving_again_clears_what_a_crash_left(folder):
    add(folder, 5)
    spoil(folder.path / "state" / "00005.npz")
    (folder.path / "generations" / ".00006.npz.123.tmp").write_bytes(b"half")
    (folder.path / ".manifest.json.123.tmp").write_bytes(b"half")
    with (folder.path / "log.jsonl").open("ab") as file:
        file.write(b'{"generation": 6, "be')
    with folder.driving() as driven:
        assert driven is folder
        assert logged(folder) == [0, 1, 2, 3, 4]
        assert (folder.path / "log.jsonl").read_bytes().endswith(b'"best": 4.0}\n')
        assert not list(folder.path.rglob(".*"))
        add(folder, 5)
    assert logged(folder) == [0, 1, 2, 3, 4, 5]


def test_reading_writes_nothing(folder):
    def snapshot():
        return {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}

    (folder.path / "journal").write_bytes(b"torn")
    before, opened = snapshot(), RunFolder.open(folder.path)
    opened.latest(), opened.log.read(), opened.journal.read(0), opened.generations()
    assert snapshot() == before


def test_a_second_driver_is_told_who_the_first_one_is(folder):
    with folder.driving():
        holder = rf"driven by process {os.getpid()} on {os.uname().nodename}; wait for it, stop it, or choose another"
        with pytest.raises(InputError, match=holder), RunFolder.open(folder.path).driving():
            pytest.fail("two drivers")
        with pytest.raises(InputError, match=holder):
            RunFolder.open(folder.path).rewrite_experiment("seed: 4\n")
        assert RunFolder.open(folder.path).latest()[0] == 4  # readers are welcome
    with pytest.raises(ZeroDivisionError), folder.driving():
        raise ZeroDivisionError
    with folder.driving():
        pass
    folder.rewrite_experiment("seed: 4\n")
    assert folder.experiment_yaml == "seed: 4\n"


def test_a_lock_that_cannot_be_made_is_one_sentence(folder):
    (folder.path / "lock").mkdir()
    with pytest.raises(InputError, match=r"lock: cannot be written \(Is a directory\)"), folder.driving():
        pytest.fail("no lock")


def crash(place: Path, how: str, **options) -> subprocess.Popen:
    """Starts crashes.py, which imports neither torch nor pytest and so is quick."""
    alone = {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("crashes.py")), str(place), how]
    return subprocess.Popen(
        command, env=os.environ | alone, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def outcome(process: subprocess.Popen) -> tuple[int, str, str]:
    said, complained = process.communicate(timeout=600)
    return process.returncode, said, complained


@pytest.mark.process
def test_a_driver_killed_in_any_call_loses_nothing_that_was_done(tmp_path):
    code, points, complained = outcome(crash(tmp_path, "every"))
    assert code == 0, complained
    assert int(points) > 60  # four generations of about twenty calls


@pytest.mark.process
def test_a_driver_killed_at_random_moments_loses_nothing_that_was_done(tmp_path):
    code, newest, complained = outcome(crash(tmp_path, "random"))
    assert code == 0, complained
    assert int(newest) >= 1


@pytest.mark.process
@pytest.mark.parametrize("how", ["ENOSPC", "EIO", "EROFS", "vanish"])
def test_a_disk_that_refuses_in_any_call_is_one_sentence_and_loses_nothing(how, tmp_path):
    code, points, complained = outcome(crash(tmp_path, how))
    assert code == 0, complained
    assert int(points) > 60


@pytest.mark.process
def test_the_kills_would_find_files_written_in_place(tmp_path):
    code, _, complained = outcome(crash(tmp_path, "in-place"))
    assert code == 1
    assert "AssertionError: a torn file" in complained


@pytest.mark.process
def test_the_lock_of_a_driver_goes_with_it(tmp_path):
    folder = RunFolder.create(tmp_path / "run", YAML, MANIFEST)
    with crash(tmp_path, "hold") as driver:
        try:
            assert driver.stdout.readline() == "holding\n"
            with pytest.raises(InputError, match=f"driven by process {driver.pid} on "), folder.driving():
                pytest.fail("two drivers")
        finally:
            driver.kill()
        driver.wait()
        with folder.driving():
            pass


@pytest.mark.parametrize("name", ["journal", "lock", "generations/00007.npz", "state", "figures", "log.jsonl"])
def test_a_folder_with_links_or_pipes_is_not_opened(name, tmp_path, refused):
    path, outside = tmp_path / "run", tmp_path / "outside"
    RunFolder.create(path, "seed: 1\n", {})
    outside.write_text("mine")
    place = path / name
    for make in (lambda: place.symlink_to(outside), lambda: os.mkfifo(place)):
        if place.is_dir() and not place.is_symlink():
            place.rmdir()
        make()
        with refused(f"{name}: "):
            RunFolder.open(path)
        place.unlink()
    assert outside.read_text() == "mine"


@pytest.mark.parametrize(
    "left", [["generations"], ["generations", "state"], ["generations", "state", "experiment.yaml"]]
)
def test_what_a_death_left_while_a_folder_was_made_is_made_anew(left, tmp_path):
    run = tmp_path / "run"
    for name in left:
        (run / name).write_text("half") if "." in name else (run / name).mkdir(parents=True)
    (run / ".manifest.json.7.tmp").write_text("half") if len(left) == 3 else None
    assert RunFolder.create(run, YAML, MANIFEST).experiment_yaml == YAML
    assert sorted(path.name for path in run.iterdir()) == ["experiment.yaml", "generations", "manifest.json", "state"]


@pytest.mark.parametrize("own", ["experiment.yaml", "generations/00000.npz", "generations/x", "state/notes"])
def test_a_folder_with_files_of_the_user_is_not_made_anew(own, tmp_path):
    for part in ("generations", "state") if "/" in own else ():
        (tmp_path / part).mkdir()
    (tmp_path / own).write_text("years")
    with pytest.raises(InputError, match="a folder with other files"):
        RunFolder.create(tmp_path, YAML, MANIFEST)
    assert (tmp_path / own).read_text() == "years"


def test_going_back_leaves_nothing_of_the_course_that_is_given_up(folder):
    folder.journal.append(5, 0, state(5))
    spoil(folder.path / "generations" / "00003.npz")
    assert folder.latest()[0] == 2
    folder.go_back(3)
    assert folder.generations() == [0, 1, 2]
    assert sorted(path.name for path in (folder.path / "state").iterdir()) == ["00002.npz"]
    assert folder.journal.read(5) == {}
    folder.journal.append(3, 0, state(3))
    folder.write_generation(3, generation(3))  # and a death before its state
    folder.go_back(3)
    assert folder.journal.read(3).keys() == {0}, "cohorts that are finished are not lived again"
