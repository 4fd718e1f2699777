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
    monkeypatch.setattr(lifetimes, "COHORTS", (2, 3))
    same = dict.fromkeys(("digest_avx512", "digest_avx2", "digest_x86_64"), "0a" * 32)
    monkeypatch.setattr(lifetimes.digests, "by_processor", lambda names: same)
    lifetimes.main(["--quick", "--json", "--output", str(tmp_path)])
    *text, last = capsys.readouterr().out.splitlines()
    figures = json.loads(last)
    assert (tmp_path / "lifetimes.md").read_text() == "\n".join(text)
    assert lifetimes.one_core.said() in "\n".join(text)
    assert same.items() <= figures.items()
    assert "several processors are the same" in "\n".join(text)
    rows = {row[1]: row for row in ([cell.strip() for cell in line.split("|")] for line in text) if len(row) == 8}
    for name in few:
        *_, over_naive, over_jax, _ = rows[name]
        assert float(over_naive.split("x")[0]) == pytest.approx(figures[f"{name}_over_naive"], rel=0.02, abs=0.006)
        assert (figures[f"{name}_over_jax"] is None) == (over_jax == "-") == (not HAS_JAX)
        if HAS_JAX:
            low, middle, high = (figures[f"{name}_over_jax{part}"] for part in ("_lowest", "", "_highest"))
            assert low <= middle <= high


@pytest.mark.slow
def test_compiled_lives_learn_what_torch_learns_in_a_cohort_of_any_size(lifetimes):
    workload = lifetimes.Workload((64, 8, 10), steps=5, cohort=3, masked=True, own_samples=True)
    newborns = lifetimes.born(workload)
    compiled, torch = lifetimes.ours.prepare(newborns)(), lifetimes.ours.prepare_torch(newborns)()
    assert lifetimes.distance(compiled, torch) < 1e-5
    assert (lifetimes.apart(newborns.weights, torch) > 0.01).all(), "something was learned"
    more = lifetimes.ours.prepare(lifetimes.born(lifetimes.replace(workload, cohort=5)))()
    assert all((few == many[:3]).all() for few, many in zip(compiled, more, strict=True))
