from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def headlines(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    monkeypatch.syspath_prepend(ROOT / "reproductions")
    import headlines

    return headlines


@pytest.fixture
def tables(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    monkeypatch.syspath_prepend(ROOT / "reproductions")
    import tables

    return tables
