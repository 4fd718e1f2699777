"""benchmarks/end_to_end.py: both engines run in turns, and the cold run stands beside."""

import json
from pathlib import Path

import pytest


@pytest.fixture
def end_to_end(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    import end_to_end

    return end_to_end


def test_figures_are_ratios_of_neighbouring_runs(end_to_end, monkeypatch, capsys, tmp_path):
    asked = []

    def seconds(config, engine, generations, folder):
        asked.append(engine)
        return 8.0 if len(asked) == 1 else {"torch": 6.0, "auto": 2.0}[engine]

    monkeypatch.setattr(end_to_end, "seconds", seconds)
    monkeypatch.setattr(end_to_end, "CONFIGS", {"cartpole-hebbian": 3})
    end_to_end.main(["--json", "--output", str(tmp_path)])
    *text, last = capsys.readouterr().out.splitlines()
    assert asked == ["auto", "torch", "auto", "auto", "torch", "torch", "auto"]
    assert json.loads(last) == {"cartpole_hebbian_speedup": 3.0, "cartpole_hebbian_cold_seconds": 8.0}
    assert "| cartpole-hebbian | 3 | 6.0 | 2.0 | 8.0 | 3.00x (3.00-3.00) |" in text
    assert (tmp_path / "end_to_end.md").read_text() == "\n".join(text)


@pytest.mark.slow
@pytest.mark.process
def test_a_run_is_a_process_that_compiles_into_the_folder(end_to_end, tmp_path):
    assert end_to_end.seconds("cartpole-hebbian", "auto", 1, tmp_path) > 0.1
    assert [*(tmp_path / "compiled").iterdir()], "compiled code is kept"
