"""The tables of README's section on speed say what the results of the benchmarks say."""

from pathlib import Path

import pytest


@pytest.fixture
def speed_table(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    import speed_table

    return speed_table


@pytest.fixture
def results(speed_table, tmp_path):
    import timing

    rivals = [0.1], [0.005], [0.0025]
    parts = {"lifetimes.md": ("W1", "W1, tanh", "W2"), "worlds.md": ("W3", "W4, cohort 32", "W4, cohort 512")}
    for name, workloads in parts.items():
        lines = ["# Head", "", *timing.against_jax(dict.fromkeys(workloads, rivals)), "## CartPole alone", "", "Poles."]
        lines += [
            "",
            "| | steps/s | over Gymnasium | distance |",
            "|---|--:|--:|--:|",
            "| **ours** | 5 | **0.7x** | 0 |",
        ]
        lines += ["| Gymnasium, sync | 1 | 0.1x | 0 |", "", "## CartPole alone, random actions", "", "| other |"]
        (tmp_path / name).write_text("\n".join(lines))
    return tmp_path


def test_every_workload_has_its_row(speed_table, results):
    head, _, *rows = speed_table.lives(results).splitlines()
    assert head.count("|") == 7
    assert [row.split(" | ")[0].strip("| ") for row in rows] == list(speed_table.LIVES.values())
    assert all(row.endswith("| 10.0 | 200.0 | 400.0 | 20.0x (20.0-20.0) | 0.50x (0.50-0.50) |") for row in rows)


def test_carts_are_those_that_do_not_fall(speed_table, results):
    _, _, *rows = speed_table.carts(results).splitlines()
    assert rows == ["| **instinct** | 5 | 0.7x |", "| Gymnasium, sync | 1 | 0.1x |"]


def test_what_the_outer_loop_takes_is_that_of_the_results(speed_table):
    _, _, *rows = speed_table.generation().splitlines()
    text = (speed_table.RESULTS / "generation.md").read_text()
    assert len(rows) == 3
    assert all(row.removesuffix(" |") in text for row in rows)


def test_results_without_the_section_are_one_sentence(speed_table, results):
    (results / "worlds.md").write_text("# Head\n")
    with pytest.raises(ValueError, match="expected a section `## Ours over"):
        speed_table.lives(results)
