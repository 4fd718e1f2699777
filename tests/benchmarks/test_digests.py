"""benchmarks/digests.py: the same lives for every processor, each compiled in a process of its own."""

from pathlib import Path

import pytest


@pytest.fixture
def digests(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    import digests

    return digests


@pytest.mark.slow
@pytest.mark.process
def test_final_weights_are_the_same_for_every_processor(digests):
    found = [text for text in digests.by_processor(("W4",)).values() if text is not None]
    assert {len(text) for text in found} <= {64}
    assert len(set(found)) <= 1


def test_a_machine_that_lacks_the_instructions_runs_nothing(digests, monkeypatch):
    monkeypatch.setattr(digests, "PROCESSORS", {"other": ("no such instructions", "haswell")})
    assert digests.by_processor(("W1",)) == {"digest_other": None}
    assert digests.said({"digest_other": None}) == "Final weights were not compared between processors."


def test_a_difference_is_said(digests):
    assert "are the same" in digests.said({"digest_a": "01", "digest_b": "01", "digest_c": None})
    assert "NOT the same" in digests.said({"digest_a": "01", "digest_b": "02"})
