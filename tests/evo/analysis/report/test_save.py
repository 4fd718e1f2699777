"""Figures, tables and graphs as files: names that are safe, numbers that are whole, bytes that repeat."""

from __future__ import annotations

import csv
import io
import subprocess
import sys

import networkx
import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from evo.analysis.report.save import distinct, save, slug
from evo.analysis.report.section import Picture, Section, canvas


def section() -> Section:
    figure, axes = canvas(3.0, 2.0)
    axes.plot([0, 1], [0, 1])
    graph = networkx.DiGraph(title="rules", nothing=None)
    graph.add_node("a\x00<b>", size=np.float32(0.5), kind="x", missing=np.nan, flag=np.bool_(True), place=(1, 2))
    graph.add_edge("a\x00<b>", 7, weight=np.float64(0.1))
    table = pandas.DataFrame({"value": [0.1 + 0.2, np.nan, -1e-17], "name": ['=1+1, "x"', "../../etc", "line\nbreak"]})
    return Section(
        key="Knock outs",
        title="Knock-outs",
        sentences=("One.",),
        terms={"value": "A number.", "name": "A name."},
        tables={"../../all": table},
        pictures={"a/b": Picture(figure, "A line."), "a b": Picture(figure, "Again.")},
        graphs={"rules": graph},
    )


@pytest.mark.slow
def test_every_part_becomes_its_files(tmp_path):
    paths = save([section()], tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in paths] == [
        *(f"figures/knock-outs-a-b.{form}" for form in ("svg", "pdf", "png")),
        *(f"figures/knock-outs-a-b-2.{form}" for form in ("svg", "pdf", "png")),
        "tables/knock-outs-all.csv",
        "graphs/knock-outs-rules.graphml",
    ]
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(paths)
    assert paths[0].read_bytes().startswith(b"<svg")
    assert paths[1].read_bytes().startswith(b"%PDF")
    with Image.open(paths[2]) as image:
        assert image.size == (600, 400)


@pytest.mark.slow
def test_the_table_comes_back_to_the_last_bit(tmp_path):
    whole = section().tables["../../all"]
    path = save([section()], tmp_path)[-2]
    head, *rows = csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline=""))
    assert head == ["value", "name"]
    assert [float(value) if value else None for value, _ in rows] == [0.1 + 0.2, None, -1e-17]
    assert [name for _, name in rows] == list(whole["name"])


@pytest.mark.slow
def test_the_graph_comes_back_with_what_graphml_can_hold(tmp_path):
    path = save([section()], tmp_path)[-1]
    graph = networkx.read_graphml(io.BytesIO(path.read_bytes()))
    assert graph.is_directed()
    assert dict(graph.nodes(data=True))["a<b>"] == {"size": 0.5, "kind": "x", "flag": True, "place": "(1, 2)"}
    assert graph.edges["a<b>", "7"] == {"weight": 0.1}
    assert graph.graph["title"] == "rules"


@pytest.mark.slow
def test_the_same_sections_give_the_same_bytes(tmp_path):
    first, again = (save([section()], tmp_path / name) for name in "ab")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]


@given(st.lists(st.text()))
def test_names_are_safe_and_distinct(texts):
    names = distinct(dict(enumerate(texts)))
    assert len(set(names.values())) == len(texts)
    assert all(name.isascii() and name.replace("-", "").isalnum() and name == name.lower() for name in names.values())


@pytest.mark.parametrize(
    ("text", "name"),
    [("Knock-outs: single", "knock-outs-single"), ("café/ß", "cafe"), ("../..", "unnamed"), ("x" * 300, "x" * 80)],
)
def test_names_stay_near_to_what_they_name(text, name):
    assert slug(text) == name


@pytest.mark.process
def test_nothing_heavy_is_imported_before_it_is_used():
    code = "import sys, evo.analysis.report.page\n"
    code += "print({'matplotlib', 'pandas', 'networkx', 'jinja2'} & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@pytest.mark.slow
def test_a_link_out_of_the_folder_is_not_followed(tmp_path, refused):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "tables").symlink_to(tmp_path / "elsewhere")
    with refused("tables", "a link"):
        save([section()], tmp_path / "run")
    assert list((tmp_path / "elsewhere").iterdir()) == []
