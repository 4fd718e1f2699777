"""The report in a real browser: no network access, working tabs, tables and tips, and a fit on phones and paper."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pandas
import pytest

from evo.analysis.report.page import render
from evo.analysis.report.section import Picture, Section, canvas
from evo.analysis.report.style import INNATE, LEARNED

DRIVER = runpy.run_path(str(Path(__file__).with_name("browser.py")))
pytestmark = [pytest.mark.browser, pytest.mark.skipif(bool(DRIVER["missing"]()), reason=DRIVER["missing"]())]

LONG = "a_very_long_name_from_a_config_" * 6
SHOWN = "[...document.querySelectorAll('main > section')].filter(e => e.checkVisibility()).map(e => e.id)"
ORDER = "[...document.querySelectorAll('#table-1 tbody tr')].map(row => row.cells[{}].textContent)"
TIP = "document.querySelector('.tip').checkVisibility() ? document.querySelector('.tip').textContent : ''"
OVERFLOWING = """[...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && !e.closest('svg')
    && e.getBoundingClientRect().right > {} + 0.5 && !e.parentElement.closest('.scroll, .card, .contents'))
    .map(e => e.outerHTML)"""


def section(key: str, title: str) -> Section:
    figure, (left, right) = canvas(7.2, 3.4, 1, 2)
    left.plot(np.arange(9), np.arange(9) ** 2, color=INNATE)
    left.set(xlabel="generation", ylabel="accuracy")
    right.scatter([0.5, 1.5, 2.5], [2.5, 0.5, 1.5], color=LEARNED, gid="dots", s=90)
    right.pcolormesh(np.eye(3), zorder=0)
    right.axhline(2.5, color="black", zorder=9)  # over the first dot
    rules = [f"rule {index}" for index in range(30)]
    cost = [1e-9, 100.0, -20.0, -3.0, np.nan, *np.linspace(4, 9, 25)]
    table = pandas.DataFrame({"rule": rules, "cost": cost, LONG: [LONG] * 30, "<script>alert(1)</script>": "</style>"})
    terms = {str(name): f"What {name} means." for name in table.columns}
    dots = ["first dot", "second dot", "<b>third</b> dot"]
    picture = Picture(figure, f"Caption of {key}.", {"dots": dots})
    return Section(key, title, (f"A rule {LONG}.",), terms, {"single": table}, {"costs": picture})


def write(path: Path, *sections: Section) -> Path:
    path.write_text(render(LONG, "One sentence.", [("cost", 0.91, "cost"), (LONG, LONG, "rule")], sections), "utf-8")
    return path


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    sections = [
        section(key, title) for key, title in (("rules", "Rules"), ("knock-outs", "Knock-outs"), ("life", LONG))
    ]
    return write(tmp_path_factory.mktemp("page") / "report.html", *sections)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with DRIVER["browser"](tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def opened(browser, page):
    browser.size(1200)
    browser.open(page)
    return browser


def test_it_asks_nobody_and_complains_of_nothing(opened, page):
    for anchor in ("#knock-outs", "#glossary", "#rules"):
        opened.click(f"a[href='{anchor}']")
    opened.hover("#rules svg use[data-tip]")
    opened.click("#rules th button")
    assert opened.requests() == [page.as_uri()]
    assert opened.log("browser") == []


def test_a_page_that_asks_or_complains_is_found_out(browser, page, tmp_path):
    loud = tmp_path / "loud.html"
    loud.write_text("<img src='http://127.0.0.1:9/x.png'><script>null.x</script>", "utf-8")
    browser.open(loud)
    assert "http://127.0.0.1:9/x.png" in browser.requests()
    assert any("TypeError" in entry["message"] for entry in browser.log("browser"))
    strict = tmp_path / "strict.html"
    strict.write_text(page.read_text("utf-8").replace("<main>", "<main><img src='http://127.0.0.1:9/x.png'>"), "utf-8")
    browser.open(strict)
    assert any("Content Security Policy" in entry["message"] for entry in browser.log("browser"))


def test_a_header_sorts_up_then_down_by_number_with_the_unmeasured_last(opened):
    opened.click("#rules th.number button")
    rising = opened.js(ORDER.format(1))
    assert rising[:3] == ["−20.0", "−3.0", "1.0×10⁻⁹"]
    assert rising[-2:] == ["100.0", "–"]
    heads = "[...document.querySelectorAll('#table-1 th')].map(head => head.getAttribute('aria-sort'))"
    assert opened.js(heads) == ["none", "ascending", "none", "none"]
    opened.click("#rules th.number button")
    falling = opened.js(ORDER.format(1))
    assert falling[:2] == ["100.0", "9.0"]
    assert falling[-2:] == ["−20.0", "–"]
    opened.focus("#rules th button")
    opened.press("Enter")
    assert opened.js(ORDER.format(0)) == [f"rule {index}" for index in range(30)], "2 comes before 10"


def test_a_long_table_begins_short(opened):
    seen = "[...document.querySelectorAll('#table-1 tbody tr')].filter(row => row.checkVisibility()).length"
    assert opened.js(seen) == 12
    opened.click("#rules button.all")
    assert opened.js(seen) == 30
    opened.click("#rules button.all")
    assert opened.js(seen) == 12


def test_tabs_switch_by_mouse_and_keyboard(opened):
    assert opened.js(SHOWN) == ["rules"]
    opened.click("a[href='#knock-outs']")
    assert opened.js(SHOWN) == ["knock-outs"]
    seen = []
    for key in ("ArrowRight", "End", "ArrowRight", "ArrowLeft", "Home"):
        opened.press(key)
        seen += opened.js(SHOWN)
    assert seen == ["life", "glossary", "rules", "glossary", "rules"]
    chosen = "[...document.querySelectorAll('[role=tab]')].map(tab => [tab.ariaSelected, tab.tabIndex])"
    assert opened.js(chosen) == [["true", 0], ["false", -1], ["false", -1], ["false", -1]]
    assert opened.js("document.activeElement.hash") == "#rules"
    assert opened.js("document.querySelector('#rules').getAttribute('aria-labelledby')") == "tab-of-rules"


def test_an_address_opens_its_tab(browser, page):
    browser.size(1200, 300)
    browser.open(page, "#knock-outs")
    assert browser.js(SHOWN) == ["knock-outs"]
    browser.open(page, "#term-cost")
    assert browser.js(SHOWN) == ["glossary"]
    browser.open(page, "#nowhere%")
    assert browser.js(SHOWN) == ["rules"]
    browser.click("#rules th.number .ask")
    assert browser.js(SHOWN) == ["glossary"]
    inside = (
        "(box => box.top > 0 && box.bottom < innerHeight)(document.querySelector(':target').getBoundingClientRect())"
    )
    assert browser.js("document.querySelector(':target').textContent") == "cost"
    assert browser.js(inside)


def test_a_tip_appears_over_a_mark_and_a_header_and_under_the_keyboard(opened):
    assert opened.js(TIP) == ""
    opened.hover("#rules svg [data-tip]")
    assert opened.js(TIP) == "first dot"
    opened.hover("#rules th.number button")
    assert opened.js(TIP) == "What cost means."
    opened.hover("h1")
    assert opened.js(TIP) == ""
    opened.focus("#rules svg")
    for _ in range(3):
        opened.press("ArrowRight")
    assert opened.js(TIP) == "<b>third</b> dot"
    opened.size(1200, 300)
    opened.focus("#rules th.number .ask")  # which scrolls to it
    assert opened.js(TIP) == "What cost means."


def inks(browser, query: str) -> int:
    """Counts the colours that a part of the page shows on more than three pixels each."""
    _, counts = np.unique(browser.pixels(query).reshape(-1, 3), axis=0, return_counts=True)
    return int((counts > 3).sum())


def test_no_figure_is_blank(browser, page, tmp_path):
    browser.size(1200)
    for key in ("rules", "knock-outs", "life"):
        browser.open(page, f"#{key}")
        assert inks(browser, f"#{key} svg") > 20
    figure, axes = canvas()
    axes.set_axis_off()
    browser.open(
        write(
            tmp_path / "blank.html",
            Section("a", "A", (), {"cost": "C.", "rule": "R."}, {}, {"a": Picture(figure, "Blank.")}),
        )
    )
    assert inks(browser, "#a svg") == 1, "a blank one is found out"


@pytest.mark.parametrize("width", [320, 390, 1200])
def test_nothing_overflows(browser, page, width):
    browser.size(width)
    for anchor in ("#rules", "#life", "#glossary"):
        browser.open(page, anchor)
        assert browser.js("document.scrollingElement.scrollWidth") <= width
        assert browser.js(OVERFLOWING.format(width)) == []
    browser.js("document.querySelector('main').insertAdjacentHTML('beforeend', '<p style=\"min-width: 1300px\">x')")
    assert len(browser.js(OVERFLOWING.format(width))) == 1, "what overflows is found out"


def test_in_print_and_without_scripts_every_section_is_there(browser, page):
    everything = ["rules", "knock-outs", "life", "glossary"]
    browser.size(800)
    browser.open(page, "#life")
    assert browser.js(SHOWN) == ["life"]
    browser("Emulation.setEmulatedMedia", media="print")
    assert browser.js(SHOWN) == everything
    assert browser.js("document.querySelector('nav').checkVisibility()") is False
    browser("Emulation.setEmulatedMedia", media="")
    browser("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(page)
        assert browser.js(SHOWN) == everything
        assert browser.js("document.querySelectorAll('[role=tab], [data-tip]').length") == 0
    finally:
        browser("Emulation.setScriptExecutionDisabled", value=False)


def test_figures_stand_on_white_in_the_dark(browser, page):
    browser.size(1200)
    browser("Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    browser.open(page)
    assert browser.pixels("h1").mean() < 100
    assert (browser.pixels("#rules .card")[3:6, 3:6] == 255).all()
    browser("Emulation.setEmulatedMedia", media="", features=[])
