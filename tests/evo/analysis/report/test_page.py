"""The report as HTML: everything explained, everything escaped, numbers that can be read."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pandas
import pytest

from evo.analysis.report import page
from evo.analysis.report.page import ROWS, render
from evo.analysis.report.section import Picture, Section, canvas
from genomes.errors import InputError

HOSTILE = "<script>alert(1)</script></style>\"'&amp;{{ 7 * 7 }}"


class Reader(HTMLParser):
    """Elements as (tag, attributes), and the text of each tag."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.texts.append((self.elements[-1][0] if self.elements else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def section(key: str = "knock-outs", **columns) -> Section:
    table = pandas.DataFrame(columns or {"rule": ["a", "b"], "cost": [1.0, 2.5]})
    figure, axes = canvas(3.0, 2.0)
    axes.plot([0, 1], [0, 1])
    terms = {str(name): f"What {name} means." for name in table.columns}
    return Section(
        key, "Knock-outs", ("Rule a costs 1 point.",), terms, {"single": table}, {"costs": Picture(figure, "A line.")}
    )


def cells(values) -> list[tuple[str, str]]:
    """Returns the displayed text and the full value of one column."""
    html = render("t", "l", (), [section(x=values)])
    return [(text, value) for value, text in re.findall(r'<td[^>]*data-value="([^"]*)">([^<]*)', html)]


def test_every_column_and_fact_leads_to_its_meaning():
    more = {"bits": "Size of the genome."}
    reader = Reader(
        render("t", "l", [("genome", np.int64(5298), "bits"), ("points", "2 [1, 3]", "cost")], [section()], more)
    )
    assert "5,298" in [text for tag, text in reader.texts if tag == "dd"]
    ids = [attributes["id"] for _, attributes in reader.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for attributes in reader.all("a")]
    assert all(link.startswith("#") and link[1:] in ids for link in links)
    assert {"#knock-outs", "#glossary", "#term-rule", "#term-cost", "#term-bits"} <= set(links)
    described = [
        attributes["aria-describedby"] for _, attributes in reader.elements if attributes.get("aria-describedby")
    ]
    assert set(described) == {"term-rule-means", "term-cost-means", "term-bits-means"} <= set(ids)
    entries = [text for tag, text in reader.texts if tag in ("dt", "dd") and text.strip()]
    assert entries[-6:] == [
        *("bits", "Size of the genome."),
        *("cost", "What cost means."),
        *("rule", "What rule means."),
    ]


def test_a_sentence_leads_from_the_first_mention_of_a_term_to_its_meaning():
    part = Section(
        "a", "A", ("The gain & no regain; gain.", "Gain again, genome bits."), {"gain": "More.", "genome bits": "Size."}
    )
    html = render("t", "l", (), [part])
    assert '<p>The <a class="term" href="#term-gain" title="More.">gain</a> &amp; no regain; gain.</p>' in html
    assert '<p>Gain again, <a class="term" href="#term-genome-bits" title="Size.">genome bits</a>.</p>' in html


def test_one_name_with_two_meanings_has_two_entries_that_say_where():
    parts = [Section(key, key.upper(), (), {"gain": f"in {key}", "same": "Alike."}) for key in "ab"]
    html = render("t", "l", (), parts)
    assert '<dt id="term-gain">gain</dt><dd id="term-gain-means">In a. <small>in A</small>' in html
    assert '<dt id="term-gain-2">gain</dt><dd id="term-gain-2-means">In b. <small>in B</small>' in html
    assert html.count(">same</dt>") == 1
    assert "<small>in A, B" not in html


@pytest.mark.slow
def test_what_strangers_wrote_is_shown_and_never_obeyed():
    figure, axes = canvas(3.0, 2.0)
    axes.plot([0, 1], [0, 1], gid="line")
    axes.set_title("<script>alert(1)</script>")
    part = Section(
        HOSTILE,
        HOSTILE,
        (HOSTILE, f"{HOSTILE} costs"),
        {HOSTILE: HOSTILE},
        {HOSTILE: pandas.DataFrame({HOSTILE: [HOSTILE]})},
        {HOSTILE: Picture(figure, HOSTILE, {"line": HOSTILE})},
    )
    reader = Reader(render(HOSTILE, HOSTILE, [(HOSTILE, HOSTILE, HOSTILE)], [part]))
    plain = Reader(render("t", "l", [("f", "1", "cost")], [section(cost=["x"])]))
    tags = {"script", "style", "h1", "section"}
    assert [t for t, _ in reader.elements if t in tags] == [t for t, _ in plain.elements if t in tags]
    seen = "".join(text for _, text in reader.texts)
    assert seen.count(HOSTILE) >= 10
    assert "49" not in seen
    assert not [name for _, attributes in reader.elements for name in attributes if name.startswith("on")]


def test_nothing_outside_the_page_is_asked_for():
    html = render("t", "l", (), [section()])
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|@import|url\((?!#)", html)
    policy = next(a["content"] for a in Reader(html).all("meta") if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")


@pytest.mark.slow
def test_the_same_sections_give_the_same_bytes():
    assert render("t", "l", (), [section()]) == render("t", "l", (), [section()])


@pytest.mark.parametrize(
    ("values", "read"),
    [
        ([0.91234, 0.5, np.nan], ["0.912", "0.500", "–"]),
        ([1.0, 1 / 201], ["1.000", "0.005"]),
        ([28.71, -0.4, 1e-9], ["28.7", "−0.4", "1.0×10⁻⁹"]),
        ([5298.0, 12.0], ["5,298", "12"]),
        ([800.2, 1.5], ["800.2", "1.5"]),
        ([0.5, 0.00123, 0.00021, 0.000011], ["0.50", "0.0012", "0.00021", "0.00001"]),
        ([np.inf, -np.inf, 0.0], ["∞", "−∞", "0"]),
        ([2**70, 3], ["1.2×10²¹", "3"]),
        ([True, False, None], ["yes", "no", "–"]),
        (["a", None, pandas.NA], ["a", "–", "–"]),
        ([None, None], ["–", "–"]),
    ],
)
def test_numbers_are_read_in_few_digits_and_kept_in_all(values, read):
    sparse = any(value is None or value is pandas.NA for value in values)
    shown = cells(pandas.Series(values, dtype=object if sparse else None))
    assert [text for text, _ in shown] == read
    for value, (_, kept) in zip(values, shown, strict=True):
        absent = value is None or value is pandas.NA or value != value
        assert kept == ("" if absent else str(value))


def test_a_table_without_rows_is_a_table():
    assert cells([]) == []


@pytest.mark.slow
def test_a_long_table_is_cut_and_names_its_file(monkeypatch):
    monkeypatch.setattr(page, "ROWS", 20)
    html = render("t", "l", (), [section(x=range(1234))])
    assert len(re.findall("<td ", html)) == 20
    assert re.search(
        r"The first 20 of 1,234 rows; all of them are in <span[^>]*>tables/knock-outs-single.csv</span>", html
    )
    assert "Show all 20 rows" in html
    assert ROWS == 500
    assert "first" not in Reader(render("t", "l", (), [section(x=range(12))])).texts
    assert "Show all" not in render("t", "l", (), [section(x=range(12))])


def test_what_nothing_explains_is_refused(refused):
    with pytest.raises(InputError, match="did you mean 'cost'"):
        render("t", "l", [("f", 1, "costs")], [section()])
    with refused("report", "a"):
        render("t", "l", (), [section("a"), section("a")])
