"""reproductions/headlines.py: seeds come from a commit, no run is left out, and what is stored fits the config."""

import hashlib
import json
from pathlib import Path

import pytest

RESULTS = sorted((Path(__file__).parents[2] / "reproductions" / "results").glob("*.json"))
STORED = {path.stem: json.loads(path.read_text()) for path in RESULTS}


def test_seeds_come_from_the_hash_of_the_commit_and_their_number(headlines):
    first = int.from_bytes(hashlib.sha256(b"abc/0").digest()[:4], "big") // 2
    assert headlines.seeds("abc")[0] == first
    assert len(set(headlines.seeds("abc"))) == 10
    assert headlines.seeds("abc", 12)[:10] == headlines.seeds("abc")
    assert not set(headlines.seeds("abc")) & set(headlines.seeds("abd"))


@pytest.mark.parametrize("name", STORED)
def test_at_least_ten_runs_are_stored_in_the_order_of_their_seeds(headlines, name):
    kept = STORED[name]
    assert len(kept["runs"]) >= headlines.SEEDS
    assert [run["seed"] for run in kept["runs"]] == headlines.seeds(kept["commit"], len(kept["runs"]))


@pytest.mark.parametrize("name", [name for name, kept in STORED.items() if "experiment" in kept])
def test_what_is_stored_is_of_the_experiment_that_is_shipped(headlines, name):
    headline = headlines.named(name)
    assert STORED[name]["experiment"] == headlines.digest(headline), "a changed experiment needs new runs"
    assert STORED[name]["command"] == headline.command


def test_comments_of_a_config_may_change_and_nothing_else(headlines, monkeypatch, tmp_path):
    (tmp_path / "configs").mkdir()
    monkeypatch.setattr(headlines, "ROOT", tmp_path)
    headline, config = headlines.Headline("one", "one"), tmp_path / "configs" / "one.yaml"
    digests = []
    for text in ("seed: 0\n", "# more words\nseed: 0\n", "seed: 1\n"):
        config.write_text(text)
        digests.append(headlines.digest(headline))
    assert digests[0] == digests[1] != digests[2]
    assert headlines.digest(headlines.Headline("one", "one", ("cohort=2",))) != digests[2]


@pytest.fixture
def toy(headlines, monkeypatch, tmp_path):
    """Ten-second headlines: a shipped config with a few individuals, stored in a folder of the test's own."""
    monkeypatch.setattr(headlines, "STORED", tmp_path)
    few = ("generations=1", "search.population=3", "cohort=2", "lifetime.steps=1")
    return headlines.Headline("toy", "digits", few)


@pytest.mark.slow
def test_runs_are_stored_as_they_end_and_not_run_again(headlines, toy, monkeypatch, capsys):
    headlines.reproduce(toy, 1)
    (first,) = json.loads(toy.file.read_text())["runs"]
    assert 0 <= first["innate"] <= 1
    assert "run" not in first
    called, real = [], headlines.run
    monkeypatch.setattr(headlines, "run", lambda *given: (called.append(given[1]), real(*given))[1])
    headlines.reproduce(toy, 2)
    runs = json.loads(toy.file.read_text())["runs"]
    assert called == [runs[1]["seed"]]
    assert runs[0] == first


@pytest.mark.slow
def test_a_run_that_stops_is_stored_with_its_reason(headlines, toy, tmp_path):
    from dataclasses import replace

    few = ("generations=1", "search.population=3", "cohort=2", "rule.learning_rate=1e30")
    found = headlines.run(replace(toy, config="sinusoid", overrides=few), 5, tmp_path)
    assert found.keys() == {"seed", "stopped"}
    assert "failed" in found["stopped"]


@pytest.mark.slow
def test_a_command_that_does_not_run_is_no_run_that_stopped(headlines, toy, tmp_path):
    from dataclasses import replace

    with pytest.raises(RuntimeError, match="momentum"):
        headlines.run(replace(toy, overrides=(*toy.overrides, "rule.momentum=no")), 5, tmp_path)
