"""A run at a URL: both sides hold the same files after any fault of a store; one driver; no damaged file passes."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from evo import Run, evolve
from evo.cli import main as cli
from evo.evolution.evolve import extend
from evo.storage import mirror, remote_lock
from evo.storage.cache import DRIVER, place
from evo.storage.checksum_list import SUMS, sums_of
from evo.storage.mirror import fetched, mirror_of
from genomes.errors import InputError


class Bad(MemoryFileSystem):
    """A store that fails, or writes half an object, when the test asks for it."""

    protocol = "bad"
    store: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]
    pseudo_dirs: ClassVar[list[str]] = [""]  # type: ignore[misc]
    away: ClassVar[bool] = False
    tearing: ClassVar[int] = 0  # number of puts that write half of the object, and raise
    refused: ClassVar[str] = ""  # a pattern: "put PATH" and "rm PATH" that match it fail
    puts: ClassVar[list[str]] = []

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(str(path).removeprefix("bad:/"))

    def _call(self) -> None:
        if Bad.away:
            raise ConnectionError("the network is down")

    def _ask(self, what: str) -> None:
        self._call()
        if Bad.refused and re.search(Bad.refused, what):
            raise ConnectionError("refused")

    def rm_file(self, path):
        self._ask(f"rm {path}")
        super().rm_file(path)

    def pipe_file(self, path, value, mode="overwrite", **kwargs):
        self._ask(f"put {path}")
        if Bad.tearing:
            Bad.tearing -= 1
            super().pipe_file(path, value[: len(value) // 2])
            raise ConnectionResetError("in the middle")
        Bad.puts.append(path)
        super().pipe_file(path, value, mode=mode)

    def cat_file(self, path, start=None, end=None, **kwargs):
        self._call()
        return super().cat_file(path, start, end, **kwargs)


fsspec.register_implementation("bad", Bad, clobber=True)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Each machine has its own cache; `elsewhere("b")` switches to another one. Stores are empty; waits are skipped."""
    Bad.store.clear(), MemoryFileSystem.store.clear(), Bad.puts.clear()
    Bad.away, Bad.tearing, Bad.refused = False, 0, ""
    monkeypatch.setattr(mirror, "_AGAIN", 0.0)

    def go(name: str) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))

    go("a")
    return go


def files_of(run: Path) -> dict[str, bytes]:
    parts = ("generations", "state")
    return {f"{part}/{path.name}": path.read_bytes() for part in parts for path in sorted((run / part).iterdir())}


def objects(url: str) -> dict[str, bytes]:
    store, base = fsspec.url_to_fs(url)
    store.invalidate_cache()
    return {path.removeprefix(f"{base}/"): store.cat_file(path) for path in store.find(base)}


def lived(experiment, run) -> Path:
    for _ in evolve(experiment, run):
        pass
    return fetched(run)


@pytest.fixture
def undisturbed(small, run_of):
    return files_of(run_of(small(generations=5, keep=2)))


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["memory", "file", "bad"])
def test_what_is_here_is_there_and_another_machine_goes_on(scheme, small, undisturbed, elsewhere, tmp_path):
    url = f"{scheme}://{tmp_path / 'bucket' if scheme == 'file' else 'bucket'}/run"
    first = lived(small(generations=3, keep=2), url)
    there = objects(url)
    assert sums_of(there[SUMS]).keys() == there.keys() - {SUMS} >= files_of(first).keys()
    assert {name: there[name] for name in files_of(first)} == files_of(first)
    assert "lock" not in there
    elsewhere("b")
    second = fetched(url)
    assert second != first
    assert files_of(second) == files_of(first)
    extend(second, 5, allow_code=False)
    assert files_of(lived(small(generations=5, keep=2), url)) == undisturbed
    elsewhere("a")  # where the run is older than at the URL
    assert files_of(Run(url).path) == undisturbed
    assert Run(url).experiment.generations == 5
    assert [line["generation"] for line in Run(url).folder.log.read()] == [0, 1, 2, 3, 4]
    assert objects(url).keys() >= undisturbed.keys()
    states = [name for name in objects(url) if name.startswith("state/")]
    assert len(states) == 3, "states that are not needed any more are gone there too"


def test_data_go_before_what_makes_a_run_of_them(small):
    url = "bad://bucket/run"
    lived(small(), url)
    put = [path.removeprefix("/bucket/run/") for path in Bad.puts if not path.endswith("/lock")]
    assert put.index("generations/00000.npz") < put.index("state/00000.npz") < put.index("manifest.json")
    assert put.index("manifest.json") == put.index(SUMS) - 1
    assert put.index("generations/00001.npz") < put.index("state/00001.npz")
    assert put[-1] == SUMS
    there = objects(url)
    sums = sums_of(there.pop(SUMS))
    assert {name: hashlib.sha256(data).hexdigest() for name, data in there.items()} == sums


def test_a_file_that_changes_while_others_are_put_is_listed_as_it_was_put(small, monkeypatch):
    url, put = "bad://bucket/run", Bad.pipe_file

    def and_change(store, path, value, **options):
        put(store, path, value, **options)
        if path.endswith("log.jsonl"):
            (place(url) / "notes.txt").write_text(str(len(Bad.puts)))

    monkeypatch.setattr(Bad, "pipe_file", and_change)
    for _ in evolve(small(generations=3), url):
        there = objects(url)
        for name, digest in sums_of(there[SUMS]).items():
            assert hashlib.sha256(there[name]).hexdigest() == digest
    assert "notes.txt" in there


def test_a_generation_is_there_before_anyone_hears_of_it(small):
    url, seen = "memory://bucket/run", []

    def look(generation):
        there = objects(url)
        assert {name: there[name] for name in files_of(place(url))} == files_of(place(url))
        seen.append([name for name in sums_of(there[SUMS]) if name.startswith("generations")])

    list(evolve(small(generations=3), url, callbacks=[look]))
    assert [len(generations) for generations in seen] == [1, 2, 3]


@pytest.mark.slow
def test_a_machine_that_is_lost_costs_the_generation_in_hand(small, undisturbed, elsewhere, monkeypatch):
    from evo.distribution import executor as executors

    experiment, url, real = small(generations=5, keep=2), "memory://bucket/run", executors.evaluate_safely

    class Lost(BaseException):
        pass

    def fatal(experiment, cohort, assay):
        if (cohort.generation, cohort.number) == (2, 1):
            raise Lost
        return real(experiment, cohort, assay)

    with monkeypatch.context() as patched:
        patched.setattr(executors, "evaluate_safely", fatal)
        with pytest.raises(Lost):
            lived(experiment, url)
    assert not any("journal" in name for name in objects(url))
    elsewhere("b")
    again = []
    monkeypatch.setattr(
        executors, "evaluate_safely", lambda *given: (again.append(given[1].generation), real(*given))[1]
    )
    assert files_of(lived(experiment, url)) == undisturbed
    assert sorted(set(again)) == [2, 3, 4]


@pytest.mark.slow
def test_a_store_that_goes_away_costs_nothing_and_is_told_once(small, undisturbed, caplog):
    url = "bad://bucket/run"
    with caplog.at_level(logging.WARNING):
        for generation in evolve(small(generations=5, keep=2), url):
            Bad.away = generation.index >= 1
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert said[0].startswith(f"{url}: cannot be written (the network is down); the run goes on in ")
    assert f"what was written last is not there: it is in {place(url)}, and `instinct resume {url}` puts it" in said[1]
    with caplog.at_level(logging.WARNING):
        assert files_of(fetched(url)) == undisturbed, "what is here can be used while the store is away"
    assert "cannot be reached" in caplog.records[-1].getMessage()
    Bad.away = False
    assert files_of(lived(small(generations=5, keep=2), url)) == undisturbed
    assert {name: objects(url)[name] for name in undisturbed} == undisturbed


def test_a_store_that_comes_back_has_all_of_it_with_the_next_generation(small, undisturbed, caplog):
    url = "bad://bucket/run"
    with caplog.at_level(logging.WARNING):
        for generation in evolve(small(generations=5, keep=2), url):
            Bad.away = generation.index == 1
            if generation.index == 3:
                there = objects(url)
                assert {name: there[name] for name in files_of(place(url))} == files_of(place(url))
    assert len(caplog.records) == 1
    assert {name: objects(url)[name] for name in undisturbed} == undisturbed


def test_a_store_that_is_away_from_the_start_is_one_sentence(small):
    Bad.away = True
    with pytest.raises(InputError, match=r"^bad://bucket/run: cannot be reached \(the network is down\)$"):
        lived(small(), "bad://bucket/run")


@pytest.mark.slow
@pytest.mark.parametrize("tearing", [1, 3])
def test_puts_that_are_torn_are_put_again(tearing, small, undisturbed):
    Bad.tearing = tearing
    lived(small(generations=5, keep=2), "bad://bucket/run")
    assert {name: objects("bad://bucket/run")[name] for name in undisturbed} == undisturbed


@pytest.mark.parametrize("refused", [f"put .*{SUMS}", "rm .*state"])
def test_what_a_store_refuses_once_is_asked_for_again(refused, small, caplog):
    """Also if nothing else changes before the end: the list names all objects there, and there are no others."""
    url = "bad://bucket/run"
    with caplog.at_level(logging.WARNING):
        for generation in evolve(small(generations=5), url):
            Bad.refused = refused if generation.index == 3 else ""
            if generation.index == 4:
                (place(url) / "notes.txt").write_text("x")
    assert "(refused)" in caplog.text
    there = objects(url)
    assert sums_of(there[SUMS]).keys() == there.keys() - {SUMS}
    assert "notes.txt" in there
    assert len(caplog.records) == 1


@pytest.mark.slow
@pytest.mark.parametrize("torn", ["generations/00003.npz", "state/00004.npz", "log.jsonl", SUMS])
def test_a_torn_object_is_not_taken_for_a_good_one(torn, small, undisturbed, elsewhere, caplog):
    url, experiment = "memory://bucket/run", small(generations=5, keep=2)
    lived(experiment, url)
    store, base = fsspec.url_to_fs(url)
    store.pipe_file(f"{base}/{torn}", objects(url)[torn][:-9])
    elsewhere("b")
    with caplog.at_level(logging.WARNING):
        here = fetched(url)
    if torn != SUMS:
        assert f"{torn}, with other bytes than their checksums name" in caplog.text
        assert not (here / torn).exists()
    assert files_of(lived(experiment, url)) == undisturbed
    assert {name: objects(url)[name] for name in undisturbed} == undisturbed
    assert [line["generation"] for line in Run(url).folder.log.read()] == list(range(5))


@pytest.mark.parametrize("torn", ["manifest.json", "experiment.yaml"])
def test_without_a_good_manifest_or_experiment_there_is_no_run(torn, small, elsewhere):
    url = "memory://bucket/run"
    lived(small(), url)
    store, base = fsspec.url_to_fs(url)
    store.pipe_file(f"{base}/{torn}", objects(url)[torn].replace(b"seed", b"sead"))
    elsewhere("b")
    with pytest.raises(InputError, match="manifest" if torn == "manifest.json" else "cannot be read"):
        _ = Run(url).experiment


def test_a_name_that_could_leave_the_folder_is_never_written(small, elsewhere, tmp_path):
    from evo.storage.checksums import in_a_comment

    url = "memory://bucket/run"
    lived(small(), url)
    store, base = fsspec.url_to_fs(url)
    body = objects(url)[SUMS].rpartition(b"# ")[0] + b"0" * 64 + b"  ../../../escaped\n"
    store.pipe_file(f"{base}/{SUMS}", body + in_a_comment(body))
    elsewhere("b")
    assert Run(url).generations == [0, 1], "the list is not believed; files speak for themselves"
    assert not list(tmp_path.rglob("escaped"))


def test_two_drivers_of_one_url_are_one_too_many(small, elsewhere, monkeypatch):
    url, experiment = "memory://bucket/run", small(generations=3)
    first = evolve(experiment, url)
    next(first)
    elsewhere("b")
    with pytest.raises(InputError, match=rf"bucket/run: .* got one driven by process {os.getpid()} on .*, last heard"):
        lived(experiment, url)
    first.close()
    assert "lock" not in objects(url)
    lived(experiment, url)


def test_a_lock_without_a_heartbeat_is_void_after_ten_minutes(small):
    url, store = "bad://bucket/run", fsspec.filesystem("bad")
    for age, void in ((9 * 60, False), (11 * 60, True)):
        held = {"holder": "process 1 on mars", "home": "mars:/x", "beat": time.time() - age}
        store.pipe_file("/bucket/run/lock", json.dumps(held).encode())
        if void:
            assert len(files_of(lived(small(), url))) == 4
        else:
            with pytest.raises(InputError, match=r"by process 1 on mars, last heard of 5[4-9]\d s ago; wait for it"):
                lived(small(), url)


def test_a_driver_that_died_here_is_followed_at_once(small):
    url, store = "memory://bucket/run", fsspec.filesystem("memory")
    first = evolve(small(), url)
    next(first)
    held = objects(url)["lock"]
    first.close()
    store.pipe_file("/bucket/run/lock", held)
    assert len(files_of(lived(small(), url))) == 4
    store.pipe_file("/bucket/run/lock", b"half of a lo")
    assert len(files_of(lived(small(), url))) == 4


def test_who_was_taken_over_stops_and_writes_no_more(small):
    url, store = "memory://bucket/run", fsspec.filesystem("memory")
    taken = json.dumps({"holder": "process 2 on mars", "home": "mars:/x", "beat": time.time()}).encode()
    there = []

    def take(generation):
        store.pipe_file("/bucket/run/lock", taken)
        there.append(objects(url))

    with pytest.raises(InputError, match="got one driven by process 2 on mars, last heard of"):
        list(evolve(small(generations=5), url, callbacks=[take]))
    assert there == [objects(url)]


def test_a_lock_is_kept_while_a_generation_takes_long(small, monkeypatch):
    monkeypatch.setattr(remote_lock, "_BEAT", 0.01)
    url = "memory://bucket/run"
    first = evolve(small(generations=3), url)
    next(first)
    end, beat = time.monotonic() + 100, objects(url)["lock"]
    while objects(url)["lock"] == beat:
        assert time.monotonic() < end, "no heartbeat"
    first.close()
    assert "lock" not in objects(url)


def test_another_run_at_the_same_url_is_not_mixed_in(small, elsewhere):
    url = "memory://bucket/run"
    lived(small(), url)
    elsewhere("b")
    fsspec.filesystem("memory").rm("/bucket/run", recursive=True)
    lived(small(seed=5), url)
    elsewhere("a")
    with pytest.raises(InputError, match=r"expected the run that is worked on in .*, got another one; to take "):
        fetched(url)
    shutil.rmtree(place(url).parent)
    assert Run(url).experiment.seed == 5


def test_a_folder_that_vanishes_takes_nothing_with_it(small):
    url, experiment = "memory://bucket/run", small(generations=6)

    def vanish(generation):
        if generation.index == 3:
            shutil.rmtree(place(url))

    with pytest.raises(InputError, match=r"cannot be written \(No such file or directory\)"):
        list(evolve(experiment, url, callbacks=[vanish]))
    there = objects(url)
    assert {f"generations/{i:05d}.npz" for i in range(4)} | {"manifest.json", "state/00003.npz"} <= there.keys()
    assert len(files_of(lived(experiment, url))) == 9


def test_a_missing_package_and_an_unknown_kind_of_url_are_one_sentence(small):
    with pytest.raises(InputError, match=r"^s3://b/r: no installed package supports s3://; pip install s3fs$"):
        lived(small(), "s3://b/r")
    with pytest.raises(InputError, match=r"^nope://b/r: expected a URL that fsspec knows"):
        lived(small(), "nope://b/r")


def test_what_is_damaged_here_is_healed_from_there_and_never_put(small, undisturbed):
    url, experiment = "bad://bucket/run", small(generations=5, keep=2)
    run = lived(experiment, url)
    before = objects(url)
    with mirror_of(run).driven():
        for name in ("generations/00002.npz", "state/00004.npz", "experiment.yaml"):
            path = run / name
            path.write_bytes(path.read_bytes()[:-5] + b"worse")
    assert objects(url) == before
    assert files_of(fetched(url)) == undisturbed
    assert Run(url).experiment == replace(experiment, engine="torch")


def test_a_path_is_a_path(tmp_path):
    assert place("runs/a") == Path("runs/a")
    assert mirror_of(tmp_path / "run") is None
    assert place("memory://bucket/run/") == place("memory://bucket/run")
    assert place("memory://bucket/run").name == "run"
    assert place("memory://bucket/..").parent.parent == place("memory://bucket/run").parent.parent


@pytest.mark.slow
def test_verbs_take_urls_and_what_they_write_goes_there(capsys, elsewhere, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    url, few = "memory://bucket/set", ["search.population=7", "generations=1", "lifetime.steps=3"]
    assert cli.main(["evolve", "teacher", *few, "--seeds", "2", "--run", url, "--serial"]) == 0
    there = objects(url)
    assert {"set.json", "seed-0/result.json", "seed-1/figures/evolution.svg"} <= there.keys()
    elsewhere("b")
    assert cli.main(["export", f"{url}/seed-1", "--to", "csv"]) == 0
    assert any(name.startswith("seed-1/export/") for name in objects(url))
    assert cli.main(["resume", url, "--generations", "2", "--serial"]) == 0
    assert "seed-1/generations/00001.npz" in objects(url)
    assert cli.main(["pack", url, "--out", "set.zip"]) == 0
    assert cli.main(["unpack", "set.zip"]) == 0
    assert Run(tmp_path / "set" / "seed-0").generations == [0, 1]
    assert cli.main(["resume", "memory://bucket/nothing", "--serial"]) == 2
    assert "expected a run folder, got nothing there" in capsys.readouterr().err


def test_a_stranger_s_folder_does_not_say_where_a_run_is_kept(tmp_path):
    stranger, mine = tmp_path / "downloads" / "set", tmp_path / "mine"
    (stranger / "seed-0").mkdir(parents=True)
    for folder in (stranger, stranger.parent):
        (folder / ".url").write_text(f"file://{mine}")
    assert mirror_of(stranger / "seed-0") is None
    assert mirror_of(stranger) is None
    own = place(f"file://{mine}")
    assert mirror_of(own).url == mirror_of(own / "seed-0").url == f"file://{mine}"
    for text in (b"\xff", b"x" * 20_000, b"memory://bucket/other"):
        (own.parent / ".url").write_bytes(text)
        assert mirror_of(own) is None


def test_after_a_damaged_generation_the_old_course_comes_back_from_nowhere(small, undisturbed, elsewhere):
    url, experiment = "memory://bucket/run", small(generations=5, keep=2)
    run = lived(experiment, url)
    store, base = fsspec.url_to_fs(url)
    name = "generations/00001.npz"  # damaged on both sides
    (run / name).write_bytes(b"torn")
    store.pipe_file(f"{base}/{name}", b"torn")
    states = sorted(path.name for path in (run / "state").iterdir())
    assert states[-1] == "00004.npz"
    (run / "state" / "00000.npz").write_bytes((run / "state" / "00004.npz").read_bytes())
    course = evolve(experiment, url)
    assert next(course).index == 1
    gone = ["generations/00003.npz", "generations/00004.npz", "state/00003.npz", "state/00004.npz"]
    assert not [name for name in gone if (run / name).exists()]
    assert not [name for name in gone if name in objects(url)]
    course.close()
    elsewhere("b")
    assert Run(url).folder.latest()[0] == 1, "and not the newest state of the course that is given up"


def test_a_course_is_not_given_up_while_the_store_that_has_it_is_away(small):
    url, experiment = "bad://bucket/run", small(generations=5, keep=2)
    run = lived(experiment, url)
    (run / "generations" / "00001.npz").write_bytes(b"torn")
    Bad.away = True
    held = r"bucket/run: cannot be written \(the network is down\), which holds state/"
    with pytest.raises(InputError, match=held):
        lived(experiment, url)
    Bad.away = False
    assert [g.index for g in evolve(experiment, url)] == []
    assert Run(url).folder.latest()[0] == 4, "all of it was there"


def test_two_folders_of_one_name_are_two(small):
    url = "memory://bucket/run"
    first = evolve(small(generations=3), url)
    next(first)
    (place(url).parent / DRIVER).unlink()  # the same machine's name and path, another disk
    with pytest.raises(InputError, match="expected a run without a driver"):
        mirror_of(place(url))._lock.beat()
    first.close()
