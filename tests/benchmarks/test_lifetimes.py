"""benchmarks/lifetimes.py at toy length: every rival lives the same lives, and its table and JSON say the same."""

import importlib.util
import json
from pathlib import Path

import pytest

HAS_JAX = importlib.util.find_spec("jax") is not None


@pytest.fixture
def lifetimes(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    import lifetimes

    return lifetimes


@pytest.mark.slow
def test_quick_run_ends_with_the_figures_for_scripts(lifetimes, monkeypatch, capsys, tmp_path):
    few = {
        "W1": lifetimes.Workload((64, 8, 10), steps=3, cohort=2, masked=True),
        "W2": lifetimes.Workload((20, 8, 10), steps=3, cohort=2, masked=False),
    }
    monkeypatch.setattr(lifetimes, "WORKLOADS", few)
    lifetimes.main(["--quick", "--json", "--output", str(tmp_path)])
    *text, last = capsys.readouterr().out.splitlines()
    figures = json.loads(last)
    assert (tmp_path / "lifetimes.md").read_text() == "\n".join(text)
    assert lifetimes.one_core.said() in "\n".join(text)
    rows = {row[1]: row for row in ([cell.strip() for cell in line.split("|")] for line in text) if len(row) == 8}
    for name in few:
        *_, over_naive, over_jax, _ = rows[name]
        assert float(over_naive.split("x")[0]) == pytest.approx(figures[f"{name}_over_naive"], rel=0.02, abs=0.006)
        assert (figures[f"{name}_over_jax"] is None) == (over_jax == "-") == (not HAS_JAX)
        if HAS_JAX:
            low, middle, high = (figures[f"{name}_over_jax{part}"] for part in ("_lowest", "", "_highest"))
            assert low <= middle <= high
