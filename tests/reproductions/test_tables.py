"""reproductions/tables.py: what the documents say of stored runs is what the runs say."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUNS = [
    {"seed": 3, "innate": 0.5, "best": {"innate": 0.5}, "held_out": {"long pole": {"innate": 10.0}}},
    {"seed": 9, "stopped": "digits: all failed"},
    {"seed": 4, "innate": 0.25, "best": {"innate": 0.25}, "held_out": {"long pole": {"innate": 30.0}}},
    {"seed": 1, "innate": 0.75, "best": {"innate": 0.75}, "held_out": {"long pole": {"innate": 80.0}}},
]


@pytest.fixture
def stored(tables, monkeypatch, tmp_path):
    (tmp_path / "toy.json").write_text(json.dumps({"runs": RUNS}))
    monkeypatch.setattr(tables, "STORED", tmp_path)
    return tables


@pytest.mark.parametrize("document", ["README.md", "docs/results.md"])
def test_a_document_says_what_is_stored(tables, document):
    text = (ROOT / document).read_text()
    assert tables.written(text) == text, "python reproductions/tables.py writes it"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("median", "0.50"),
        ("mean", "0.50"),
        ("low", "0.25"),
        ("high", "0.75"),
        ("range", "0.25 - 0.75"),
        ("count", "3"),
        ("stopped", "1"),
        ("below:0.5", "1"),
    ],
)
def test_one_figure_over_the_runs_that_ended(stored, how, said):
    assert stored.said("toy", "best.innate", how, ".2f") == said


def test_figures_and_tables_are_written_between_their_marks(stored, monkeypatch):
    monkeypatch.setitem(stored.TABLES, "toy", lambda: stored.seeds("toy", [("innate", "innate")], ".2f"))
    text = (
        "reads <!--of toy held_out.long_pole.innate median .0f-->7<!---->.\n\n<!-- table toy -->\nold\n<!-- end -->\n"
    )
    new = stored.written(text)
    assert "reads <!--of toy held_out.long_pole.innate median .0f-->30<!---->." in new
    assert "| seed | innate |\n| --- | --: |\n| 3 | 0.50 |\n| 9 | digits: all failed |\n| 4 | 0.25 |" in new
    assert "old" not in new
    assert stored.written(new) == new
